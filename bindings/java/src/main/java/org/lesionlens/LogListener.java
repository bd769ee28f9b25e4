package org.lesionlens;

/** Receives log messages, from any thread that calls the library, possibly several at once. */
@FunctionalInterface
public interface LogListener {
    /**
     * What it throws goes to the thread's handler of uncaught exceptions; the call goes on.
     *
     * @param level null for one that only a newer library has
     */
    void log(LogLevel level, String message);
}
