// Generated from bindings/interface.json by `make bindings`; do not edit.
package org.lesionlens;

/** How a window turns rescaled values into 0..1, by VOI LUT Function (0028,1056) of PS3.3 C.11.2.1.2 and C.11.2.1.3. */
public enum WindowFunction {
    /** A line over width - 1 from half a unit below the center; for floats the same as LINEAR_EXACT. */
    LINEAR(0),

    /** A line over the width around the center. */
    LINEAR_EXACT(1),

    /** 1 / (1 + exp(-4 x (value - center) / width)). */
    SIGMOID(2);

    final int value;

    WindowFunction(int value) {
        this.value = value;
    }

    /** The constant of a number; null for one that only a newer library has. */
    static WindowFunction of(int value) {
        for (WindowFunction one : values()) {
            if (one.value == value) {
                return one;
            }
        }
        return null;
    }
}
