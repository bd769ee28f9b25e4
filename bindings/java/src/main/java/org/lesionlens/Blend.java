// Generated from bindings/interface.json by `make bindings`; do not edit.
package org.lesionlens;

/** How overlapping tiles are weighted where they meet. */
public enum Blend {
    /** Each tile counts the same in all its pixels, as in the reference pipeline. */
    MEAN(0),

    /**
     * A tile counts most in its middle: a Gaussian with a standard deviation of 1/8 of the tile, at least 1/1000 of
     * its peak, as in sliding-window inference of segmentation networks. Smoother heatmaps.
     */
    GAUSSIAN(1);

    final int value;

    Blend(int value) {
        this.value = value;
    }
}
