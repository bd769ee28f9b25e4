// Generated from bindings/interface.json by `make bindings`; do not edit.
package org.lesionlens;

/** What a map has a value for. */
public enum MapResolution {
    /** Every pixel of the image. */
    IMAGE(0),

    /**
     * Every tile: columns x rows values, for images whose map would be too large. Such a map cannot be laid over an
     * image; its tiles say where they lie.
     */
    TILES(1);

    final int value;

    MapResolution(int value) {
        this.value = value;
    }
}
