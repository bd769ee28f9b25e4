// Generated from bindings/interface.json by `make bindings`; do not edit.
package org.lesionlens;

/** Where the last tiles go when the stride does not end at the border. */
public enum Edge {
    /** A last row and column of tiles flush with the border, so that every pixel is covered. */
    COVER(0),

    /** No such tiles; pixels that no tile covers are 0, as in the reference pipeline. */
    REFERENCE(1);

    final int value;

    Edge(int value) {
        this.value = value;
    }
}
