// Generated from bindings/interface.json by `make bindings`; do not edit.
package org.lesionlens;

/** What a heatmap has a value for. */
public enum HeatmapResolution {
    /** Every pixel of the image. */
    IMAGE(0),

    /**
     * Every tile: columns x rows values, for images whose heatmap would be too large. Such a heatmap cannot be laid
     * over an image; its tiles say where they lie.
     */
    TILES(1);

    final int value;

    HeatmapResolution(int value) {
        this.value = value;
    }
}
