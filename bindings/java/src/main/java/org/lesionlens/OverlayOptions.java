// Generated from bindings/interface.json by `make bindings`; do not edit.
package org.lesionlens;

/**
 * Options of Heatmap.overlay. What is not set has its default.
 *
 * <p>How to draw an overlay. The defaults are the reference pipeline's.
 */
public final class OverlayOptions {
    private Colormap colormap;
    private OverlayScale scale;
    private Float alpha;
    private Boolean colorBar;
    private Integer outlineTiles;
    private Float hideBelow;

    /** Colours of the overlay. Colormap; default Colormap.INFERNO. */
    public OverlayOptions colormap(Colormap colormap) {
        this.colormap = colormap;
        return this;
    }

    /** Which values get the lowest and the highest colour. OverlayScale; default OverlayScale.MINMAX. */
    public OverlayOptions scale(OverlayScale scale) {
        this.scale = scale;
        return this;
    }

    /** Opacity of the colours: 0 shows the image only, 1 the colours only. 0 to 1; default 0.5. */
    public OverlayOptions alpha(float alpha) {
        this.alpha = alpha;
        return this;
    }

    /**
     * Whether a bar of the colours is drawn inside the image at the right edge, half as high as it, with the values of
     * the lowest and the highest colour; without them where the image's shorter side is under 96 pixels. true: yes,
     * false: no; default false.
     */
    public OverlayOptions colorBar(boolean colorBar) {
        this.colorBar = colorBar;
        return this;
    }

    /** How many of the hottest tiles are outlined; all when there are no more. Default 0. */
    public OverlayOptions outlineTiles(int outlineTiles) {
        this.outlineTiles = Arguments.notNegative("outlineTiles", outlineTiles);
        return this;
    }

    /**
     * Values of the heatmap (0 to 1, whatever the scale) below this are not coloured: the image alone is seen there. 0
     * colours everything. 0 to 1; default 0.
     */
    public OverlayOptions hideBelow(float hideBelow) {
        this.hideBelow = hideBelow;
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
        if (hideBelow != null) {
            options.hide_below = hideBelow;
        }
        return options;
    }
}
