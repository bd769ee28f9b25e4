// Generated from bindings/interface.json by `make bindings`; do not edit.
package org.lesionlens;

/** Layout of one pixel. Samples of more than 8 bits are in the machine's byte order and need no alignment. */
public enum PixelFormat {
    /** One unsigned 8-bit sample. */
    GRAY8(0),

    /** One unsigned 16-bit sample. */
    GRAY16(1),

    /** One signed 16-bit sample. */
    GRAY_S16(2),

    /** One 32-bit float; finite. */
    GRAY_F32(3),

    /** Red, green, blue, 8 bits each. */
    RGB8(4),

    /** Blue, green, red, 8 bits each. */
    BGR8(5),

    /** Red, green, blue, alpha, 8 bits each; alpha is ignored. */
    RGBA8(6),

    /** Blue, green, red, alpha, 8 bits each; alpha is ignored. */
    BGRA8(7);

    final int value;

    PixelFormat(int value) {
        this.value = value;
    }

    /** The constant of a number; null for one that only a newer library has. */
    static PixelFormat of(int value) {
        for (PixelFormat one : values()) {
            if (one.value == value) {
                return one;
            }
        }
        return null;
    }
}
