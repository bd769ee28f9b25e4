// Generated from bindings/interface.json by `make bindings`; do not edit.
package org.lesionlens;

import com.sun.jna.Callback;
import com.sun.jna.Library;
import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;

/** The library's functions and structs under their C names. */
interface Native extends Library {
    int ABI_VERSION = 0;

    Pointer lens_version();

    int lens_abi_version();

    Pointer lens_status_name(int status);

    Pointer lens_last_error();

    void lens_string_free(Pointer text);

    void lens_read_options_init(lens_read_options options);

    int lens_image_file_load(byte[] path, int frame, lens_read_options options, PointerByReference file);

    int lens_image_file_get_view(Pointer file, lens_image image);

    int lens_image_file_get_frames(Pointer file, IntByReference frames);

    void lens_image_file_free(Pointer file);

    int lens_png_write(byte[] path, lens_image image);

    int lens_cancel_token_new(PointerByReference token);

    int lens_cancel_token_trigger(Pointer token);

    int lens_cancel_token_reset(Pointer token);

    void lens_cancel_token_free(Pointer token);

    void lens_init_options_init(lens_init_options options);

    int lens_init(lens_init_options options, PointerByReference context);

    int lens_context_describe(Pointer context, PointerByReference json);

    void lens_context_free(Pointer context);

    int lens_model_load(Pointer context, byte[] path, PointerByReference model);

    int lens_model_describe(Pointer model, PointerByReference json);

    int lens_model_get_read_options(Pointer model, lens_read_options options);

    void lens_model_free(Pointer model);

    void lens_classify_options_init(lens_classify_options options);

    int lens_classify(Pointer model, lens_image[] images, long count, lens_classify_options options,
        lens_prediction[] predictions);

    void lens_heatmap_options_init(lens_heatmap_options options);

    int lens_heatmap_compute(Pointer model, lens_image[] images, long count, lens_heatmap_options options,
        Pointer[] heatmaps);

    int lens_heatmap_get_summary(Pointer heatmap, lens_heatmap_summary summary);

    int lens_heatmap_get_values(Pointer heatmap, PointerByReference values, LongByReference count);

    int lens_heatmap_get_tiles(Pointer heatmap, PointerByReference tiles, LongByReference count);

    int lens_heatmap_aggregate(Pointer[] heatmaps, long count, int how, PointerByReference heatmap,
        LongByReference bestFrame);

    void lens_heatmap_free(Pointer heatmap);

    void lens_overlay_options_init(lens_overlay_options options);

    int lens_heatmap_overlay(Pointer heatmap, lens_image image, lens_overlay_options options, Pointer rgba,
        long stride);

    interface lens_progress_fn extends Callback {
        int invoke(Pointer progress, Pointer userData);
    }

    interface lens_log_fn extends Callback {
        void invoke(int level, Pointer message, Pointer userData);
    }

    @Structure.FieldOrder({"struct_size", "display", "window", "apply_orientation"})
    class lens_read_options extends Structure {
        public long struct_size;
        public int display;
        public int window;
        public int apply_orientation;
    }

    @Structure.FieldOrder({
        "pixels", "width", "height", "row_stride", "format", "bits_stored", "rescale_slope", "rescale_intercept",
        "window_center", "window_width", "invert", "window_function", "lut_values", "lut_entries", "lut_first",
        "lut_bits", "reserved"
    })
    class lens_image extends Structure {
        public Pointer pixels;
        public int width;
        public int height;
        public long row_stride;
        public int format;
        public int bits_stored;
        public double rescale_slope;
        public double rescale_intercept;
        public double window_center;
        public double window_width;
        public int invert;
        public int window_function;
        public Pointer lut_values;
        public int lut_entries;
        public int lut_first;
        public int lut_bits;
        public int reserved;
    }

    @Structure.FieldOrder({
        "struct_size", "abi_version", "log", "log_user_data", "device", "device_index", "precision", "libtorch_dir",
        "threads", "rocm_tuning", "memory_cap", "deterministic", "seed", "log_level", "engine", "memory_fraction",
        "empty_cache_every", "channels_last", "tf32", "benchmark", "compiled_graph", "take_turns"
    })
    class lens_init_options extends Structure {
        public long struct_size;
        public int abi_version;
        public lens_log_fn log;
        public Pointer log_user_data;
        public int device;
        public int device_index;
        public int precision;
        public Pointer libtorch_dir;
        public int threads;
        public int rocm_tuning;
        public long memory_cap;
        public int deterministic;
        public long seed;
        public int log_level;
        public int engine;
        public double memory_fraction;
        public int empty_cache_every;
        public int channels_last;
        public int tf32;
        public int benchmark;
        public int compiled_graph;
        public int take_turns;
    }

    @Structure.FieldOrder({
        "struct_size", "phase", "epoch", "epochs", "done", "total", "loss", "metric", "seconds_left"
    })
    class lens_progress extends Structure {
        public long struct_size;
        public int phase;
        public int epoch;
        public int epochs;
        public long done;
        public long total;
        public double loss;
        public double metric;
        public double seconds_left;

        public lens_progress() {}

        lens_progress(Pointer address) {
            super(address);
            read();
        }
    }

    @Structure.FieldOrder({"struct_size", "progress", "progress_user_data", "cancel", "threshold", "batch_limit"})
    class lens_classify_options extends Structure {
        public long struct_size;
        public lens_progress_fn progress;
        public Pointer progress_user_data;
        public Pointer cancel;
        public float threshold;
        public int batch_limit;
    }

    @Structure.FieldOrder({"probability", "logit", "label", "threshold"})
    class lens_prediction extends Structure {
        public float probability;
        public float logit;
        public int label;
        public float threshold;
    }

    @Structure.FieldOrder({
        "struct_size", "progress", "progress_user_data", "cancel", "method", "tile_size", "stride", "edge", "blend",
        "scale", "resize_width", "resize_height", "batch_limit", "threshold", "resolution"
    })
    class lens_heatmap_options extends Structure {
        public long struct_size;
        public lens_progress_fn progress;
        public Pointer progress_user_data;
        public Pointer cancel;
        public int method;
        public int tile_size;
        public int stride;
        public int edge;
        public int blend;
        public double scale;
        public int resize_width;
        public int resize_height;
        public int batch_limit;
        public float threshold;
        public int resolution;
    }

    @Structure.FieldOrder({"width", "height", "mean", "maximum", "columns", "rows", "hottest_tile", "prediction"})
    class lens_heatmap_summary extends Structure {
        public int width;
        public int height;
        public float mean;
        public float maximum;
        public int columns;
        public int rows;
        public int hottest_tile;
        public lens_prediction prediction;
    }

    @Structure.FieldOrder({"x", "y", "width", "height", "probability", "logit"})
    class lens_tile extends Structure {
        public float x;
        public float y;
        public float width;
        public float height;
        public float probability;
        public float logit;

        public lens_tile() {}

        lens_tile(Pointer address) {
            super(address);
            read();
        }
    }

    @Structure.FieldOrder({"struct_size", "colormap", "scale", "alpha", "color_bar", "outline_tiles", "hide_below"})
    class lens_overlay_options extends Structure {
        public long struct_size;
        public int colormap;
        public int scale;
        public float alpha;
        public int color_bar;
        public int outline_tiles;
        public float hide_below;
    }
}
