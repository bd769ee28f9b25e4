// Generated from bindings/interface.json by `make bindings`; do not edit.
package org.lesionlens;

/** Which stored values of gray images become 0 to 1. */
public enum Display {
    /**
     * As a viewer shows it: the file's window or lookup table, or, of more than 8 bits without one, from the smallest
     * to the largest value of the frame.
     */
    VIEWER(0),

    /**
     * All values that the stored bits can have, windows and VOI lookup tables left out; of floats, those of the frame.
     * So all frames of integers are shown alike.
     */
    FULL_RANGE(1);

    final int value;

    Display(int value) {
        this.value = value;
    }

    /** The constant of a number; null for one that only a newer library has. */
    static Display of(int value) {
        for (Display one : values()) {
            if (one.value == value) {
                return one;
            }
        }
        return null;
    }
}
