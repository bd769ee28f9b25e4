// Generated from bindings/interface.json by `make bindings`; do not edit.
package org.lesionlens;

/**
 * Options of Model.heatmap. What is not set has its default.
 *
 * <p>How to draw heatmaps. The defaults are the reference pipeline's tiles, on the image as it is, with every pixel
 * covered; the reference pipeline itself is resizeWidth = resizeHeight = 128, edge = reference, all else default.
 */
public final class HeatmapOptions {
    private HeatmapMethod method;
    private Integer tileSize;
    private Integer stride;
    private Edge edge;
    private Blend blend;
    private Double scale;
    private Integer resizeWidth;
    private Integer resizeHeight;
    private Integer batchLimit;
    private Float threshold;
    private HeatmapResolution resolution;
    ProgressListener progress;
    CancelToken cancel;

    /** How a heatmap is made. HeatmapMethod; default HeatmapMethod.TILES. */
    public HeatmapOptions method(HeatmapMethod method) {
        this.method = method;
        return this;
    }

    /**
     * Width and height of a tile in pixels of the resampled image. Tiles go into the network at this size, whatever
     * size it was trained at. 32 to 4096; default 64.
     */
    public HeatmapOptions tileSize(int tileSize) {
        this.tileSize = Arguments.notNegative("tileSize", tileSize);
        return this;
    }

    /**
     * Distance of tiles in pixels of the resampled image, at most tileSize. At most 4096; 0 (default): three quarters
     * of tileSize.
     */
    public HeatmapOptions stride(int stride) {
        this.stride = Arguments.notNegative("stride", stride);
        return this;
    }

    /** Where the last tiles go when the stride does not end at the border. Edge; default Edge.COVER. */
    public HeatmapOptions edge(Edge edge) {
        this.edge = edge;
        return this;
    }

    /** How overlapping tiles are weighted where they meet. Blend; default Blend.MEAN. */
    public HeatmapOptions blend(Blend blend) {
        this.blend = blend;
        return this;
    }

    /**
     * The image is resampled by this factor before tiling. The heatmap has the image's own size all the same. Above 0
     * and at most 16; default 1.
     */
    public HeatmapOptions scale(double scale) {
        this.scale = scale;
        return this;
    }

    /**
     * Instead of scale: the image is resized to this width before tiling. Give both width and height, and leave scale
     * at 1. At most 65536; 0 (default): by scale.
     */
    public HeatmapOptions resizeWidth(int resizeWidth) {
        this.resizeWidth = Arguments.notNegative("resizeWidth", resizeWidth);
        return this;
    }

    /** The height that belongs to resizeWidth. At most 65536; 0 (default): by scale. */
    public HeatmapOptions resizeHeight(int resizeHeight) {
        this.resizeHeight = Arguments.notNegative("resizeHeight", resizeHeight);
        return this;
    }

    /**
     * Tiles that go through the network at once; those of different images share a batch. It bounds the memory that
     * the call needs beside the heatmaps. For occlusion a batch holds as many whole images as fit into the pixels of
     * so many tiles, at least one; CAM and Grad-CAM++ take one image at a time. At most 65536; 0 (default): automatic,
     * 64 on the CPU, and on GPUs as many as have 4 million pixels (1024 of 64 x 64).
     */
    public HeatmapOptions batchLimit(int batchLimit) {
        this.batchLimit = Arguments.notNegative("batchLimit", batchLimit);
        return this;
    }

    /** Probability above which an image is called positive. 0 to 1, or -1 (default): the model's own. */
    public HeatmapOptions threshold(float threshold) {
        this.threshold = threshold;
        return this;
    }

    /** What the heatmap has a value for. HeatmapResolution; default HeatmapResolution.IMAGE. */
    public HeatmapOptions resolution(HeatmapResolution resolution) {
        this.resolution = resolution;
        return this;
    }

    /** Told about once a batch how far the call is; default null: nobody. */
    public HeatmapOptions progress(ProgressListener progress) {
        this.progress = progress;
        return this;
    }

    /** Stops the call from any thread; default null: nothing does. */
    public HeatmapOptions cancel(CancelToken cancel) {
        this.cancel = cancel;
        return this;
    }

    Native.lens_heatmap_options fill() {
        Native.lens_heatmap_options options = new Native.lens_heatmap_options();
        LesionlensLibrary.library().lens_heatmap_options_init(options);
        if (method != null) {
            options.method = method.value;
        }
        if (tileSize != null) {
            options.tile_size = tileSize;
        }
        if (stride != null) {
            options.stride = stride;
        }
        if (edge != null) {
            options.edge = edge.value;
        }
        if (blend != null) {
            options.blend = blend.value;
        }
        if (scale != null) {
            options.scale = scale;
        }
        if (resizeWidth != null) {
            options.resize_width = resizeWidth;
        }
        if (resizeHeight != null) {
            options.resize_height = resizeHeight;
        }
        if (batchLimit != null) {
            options.batch_limit = batchLimit;
        }
        if (threshold != null) {
            options.threshold = threshold;
        }
        if (resolution != null) {
            options.resolution = resolution.value;
        }
        return options;
    }
}
