// Generated from bindings/interface.json by `make bindings`; do not edit.
package org.lesionlens;

/** Colours of an overlay, from low to high. */
public enum Colormap {
    /** Black, purple, orange, yellow; the reference pipeline's overlays. */
    INFERNO(0),

    /** White to dark red; the reference pipeline's sample sheet. */
    REDS(1),

    /** Blue, green, yellow, red. */
    JET(2),

    /** Black to white. */
    GRAY(3);

    final int value;

    Colormap(int value) {
        this.value = value;
    }
}
