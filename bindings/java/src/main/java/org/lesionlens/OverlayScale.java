// Generated from bindings/interface.json by `make bindings`; do not edit.
package org.lesionlens;

/** Which values get the lowest and the highest colour. */
public enum OverlayScale {
    /**
     * The heatmap's own lowest and highest value (a constant heatmap gets the lowest colour): shows where, not how
     * much.
     */
    MINMAX(0),

    /** 0 and 1: shows how much, comparable between images. */
    ABSOLUTE(1);

    final int value;

    OverlayScale(int value) {
        this.value = value;
    }
}
