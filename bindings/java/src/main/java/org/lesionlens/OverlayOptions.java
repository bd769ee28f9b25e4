// Generated from include/lesionlens.h by `make bindings`; do not edit.
package org.lesionlens;

/** Options of Heatmap.overlay. What is not set has its default. The defaults are the reference pipeline's. */
public final class OverlayOptions {
    private Colormap colormap;
    private OverlayScale scale;
    private Float alpha;
    private Boolean colorBar;
    private Integer outlineTiles;

    /** Colormap; default Colormap.INFERNO. */
    public OverlayOptions colormap(Colormap colormap) {
        this.colormap = colormap;
        return this;
    }

    /** OverlayScale; default OverlayScale.MINMAX. */
    public OverlayOptions scale(OverlayScale scale) {
        this.scale = scale;
        return this;
    }

    /** Share of the colours, 0 (image only) to 1 (colours only); default 0.5. */
    public OverlayOptions alpha(float alpha) {
        this.alpha = alpha;
        return this;
    }

    /**
     * true: a bar of the colours is drawn inside the picture at the right edge, half as high as it, with the values of
     * the lowest and the highest colour; without them where the image's shorter side is under 96 pixels. false
     * (default): not.
     */
    public OverlayOptions colorBar(boolean colorBar) {
        this.colorBar = colorBar;
        return this;
    }

    /** How many of the tiles that matter most get a frame, all when there are no more; default 0. */
    public OverlayOptions outlineTiles(int outlineTiles) {
        this.outlineTiles = Arguments.notNegative("outlineTiles", outlineTiles);
        return this;
    }

    Native.lens_overlay_options fill() {
        Native.lens_overlay_options options = new Native.lens_overlay_options();
        LesionlensLibrary.library().lens_overlay_options_init(options);
        if (colormap != null) {
            options.colormap = colormap.value;
        }
        if (scale != null) {
            options.scale = scale.value;
        }
        if (alpha != null) {
            options.alpha = alpha;
        }
        if (colorBar != null) {
            options.color_bar = colorBar ? 1 : 0;
        }
        if (outlineTiles != null) {
            options.outline_tiles = outlineTiles;
        }
        return options;
    }
}
