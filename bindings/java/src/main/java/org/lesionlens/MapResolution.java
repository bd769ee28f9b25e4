// Generated from include/lesionlens.h by `make bindings`; do not edit.
package org.lesionlens;

/** What a map has a value for. */
public enum MapResolution {
    /** Every pixel of the image. */
    IMAGE(0),

    /**
     * Every tile: columns x rows values, for images whose map would be too large. Such a map cannot be laid over an
     * image with Heatmap.overlay; Heatmap.tiles says where its tiles lie.
     */
    TILES(1);

    final int value;

    MapResolution(int value) {
        this.value = value;
    }
}
