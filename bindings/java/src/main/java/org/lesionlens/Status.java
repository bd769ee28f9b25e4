// Generated from bindings/interface.json by `make bindings`; do not edit.
package org.lesionlens;

/** Result of a call. Numbers are never reused. */
public enum Status {
    /** The call did what it says; its results are in the out parameters. */
    OK(0),

    /** An argument is wrong (null, out of range, malformed); nothing was changed. */
    ERROR_ARGUMENT(1),

    /** A file or directory cannot be read or written. */
    ERROR_IO(2),

    /** A file was read, but it is not what it should be (no image, no model, a broken table). */
    ERROR_FORMAT(3),

    /** The asked-for device cannot be used. */
    ERROR_DEVICE(4),

    /** Memory ran out: the machine's, or the device's. */
    ERROR_OUT_OF_MEMORY(5),

    /** The data set cannot serve the purpose (empty, one class only, ...). */
    ERROR_DATA(6),

    /** Header, library or libtorch do not belong together. */
    ERROR_VERSION(7),

    /** This version of the library cannot do that. */
    ERROR_UNSUPPORTED(8),

    /** A defect in the library, or in libtorch where that computes; the message carries what was caught. */
    ERROR_INTERNAL(9),

    /** The progress callback or the cancel token stopped the call; nothing half-written is left. */
    CANCELLED(10);

    final int value;

    Status(int value) {
        this.value = value;
    }

    /** The constant of a number; null for one that only a newer library has. */
    static Status of(int value) {
        for (Status one : values()) {
            if (one.value == value) {
                return one;
            }
        }
        return null;
    }
}
