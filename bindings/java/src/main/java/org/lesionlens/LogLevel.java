// Generated from bindings/interface.json by `make bindings`; do not edit.
package org.lesionlens;

/** How important a message is; the log is told messages of a level and of those before it. */
public enum LogLevel {
    /** A call failed, or cannot go on as it should. */
    ERROR(0),

    /** Something is not as asked for. */
    WARNING(1),

    /** What was chosen and done. */
    INFO(2),

    /** Details. */
    DEBUG(3);

    final int value;

    LogLevel(int value) {
        this.value = value;
    }

    /** The constant of a number; null for one that only a newer library has. */
    static LogLevel of(int value) {
        for (LogLevel one : values()) {
            if (one.value == value) {
                return one;
            }
        }
        return null;
    }
}
