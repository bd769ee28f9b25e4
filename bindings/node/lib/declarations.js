// Generated from bindings/interface.json by `make bindings`; do not edit.
'use strict';

exports.ABI_VERSION = 0;

exports.functions = [
    'const char * lens_version()',
    'uint32_t lens_abi_version()',
    'const char * lens_status_name(int32_t status)',
    'const char * lens_last_error()',
    'void lens_string_free(void * text)',
    'void lens_read_options_init(_Out_ lens_read_options * options)',
    'int32_t lens_image_file_load(const char * path, uint32_t frame, const lens_read_options * options, ' +
        '_Out_ void ** file)',
    'int32_t lens_image_file_get_view(void * file, _Out_ lens_image * image)',
    'int32_t lens_image_file_get_frames(void * file, _Out_ uint32_t * frames)',
    'void lens_image_file_free(void * file)',
    'int32_t lens_png_write(const char * path, const lens_image * image)',
    'int32_t lens_cancel_token_new(_Out_ void ** token)',
    'int32_t lens_cancel_token_trigger(void * token)',
    'void lens_cancel_token_free(void * token)',
    'void lens_init_options_init(_Out_ lens_init_options * options)',
    'int32_t lens_init(const lens_init_options * options, _Out_ void ** context)',
    'int32_t lens_context_describe(void * context, _Out_ void ** json)',
    'void lens_context_free(void * context)',
    'int32_t lens_model_load(void * context, const char * path, _Out_ void ** model)',
    'int32_t lens_model_describe(void * model, _Out_ void ** json)',
    'int32_t lens_model_get_read_options(void * model, _Out_ lens_read_options * options)',
    'void lens_model_free(void * model)',
    'void lens_classify_options_init(_Out_ lens_classify_options * options)',
    'int32_t lens_classify(void * model, const lens_image * images, size_t count, ' +
        'const lens_classify_options * options, _Out_ lens_prediction * predictions)',
    'void lens_heatmap_options_init(_Out_ lens_heatmap_options * options)',
    'int32_t lens_heatmap_compute(void * model, const lens_image * images, size_t count, ' +
        'const lens_heatmap_options * options, _Out_ void ** heatmaps)',
    'int32_t lens_heatmap_get_summary(void * heatmap, _Out_ lens_heatmap_summary * summary)',
    'int32_t lens_heatmap_get_values(void * heatmap, _Out_ void ** values, _Out_ size_t * count)',
    'int32_t lens_heatmap_get_tiles(void * heatmap, _Out_ void ** tiles, _Out_ size_t * count)',
    'int32_t lens_heatmap_aggregate(void ** heatmaps, size_t count, int32_t how, _Out_ void ** heatmap, ' +
        '_Out_ size_t * best_frame)',
    'void lens_heatmap_free(void * heatmap)',
    'void lens_overlay_options_init(_Out_ lens_overlay_options * options)',
    'int32_t lens_heatmap_overlay(void * heatmap, const lens_image * image, const lens_overlay_options * options, ' +
        'uint8_t * rgba, size_t stride)',
];

exports.structs = {
    lens_read_options: {
        struct_size: 'size_t',
        display: 'int32_t',
        window: 'uint32_t',
        apply_orientation: 'int32_t',
    },
    lens_image: {
        pixels: 'void *',
        width: 'uint32_t',
        height: 'uint32_t',
        row_stride: 'size_t',
        format: 'int32_t',
        bits_stored: 'uint32_t',
        rescale_slope: 'double',
        rescale_intercept: 'double',
        window_center: 'double',
        window_width: 'double',
        invert: 'int32_t',
        window_function: 'int32_t',
        lut_values: 'void *',
        lut_entries: 'uint32_t',
        lut_first: 'int32_t',
        lut_bits: 'uint32_t',
        reserved: 'uint32_t',
    },
    lens_init_options: {
        struct_size: 'size_t',
        abi_version: 'uint32_t',
        log: 'void *',
        log_user_data: 'void *',
        device: 'int32_t',
        device_index: 'int32_t',
        precision: 'int32_t',
        libtorch_dir: 'const char *',
        threads: 'uint32_t',
        rocm_tuning: 'int32_t',
        memory_cap: 'uint64_t',
        deterministic: 'int32_t',
        seed: 'uint64_t',
        log_level: 'int32_t',
        engine: 'int32_t',
        memory_fraction: 'double',
        empty_cache_every: 'int32_t',
        channels_last: 'int32_t',
        tf32: 'int32_t',
        benchmark: 'int32_t',
        compiled_graph: 'int32_t',
        take_turns: 'int32_t',
    },
    lens_progress: {
        struct_size: 'size_t',
        phase: 'int32_t',
        epoch: 'uint32_t',
        epochs: 'uint32_t',
        done: 'uint64_t',
        total: 'uint64_t',
        loss: 'double',
        metric: 'double',
        seconds_left: 'double',
    },
    lens_classify_options: {
        struct_size: 'size_t',
        progress: 'lens_progress_fn *',
        progress_user_data: 'void *',
        cancel: 'void *',
        threshold: 'float',
        batch_limit: 'uint32_t',
    },
    lens_prediction: {
        probability: 'float',
        logit: 'float',
        label: 'int32_t',
        threshold: 'float',
    },
    lens_heatmap_options: {
        struct_size: 'size_t',
        progress: 'lens_progress_fn *',
        progress_user_data: 'void *',
        cancel: 'void *',
        method: 'int32_t',
        tile_size: 'uint32_t',
        stride: 'uint32_t',
        edge: 'int32_t',
        blend: 'int32_t',
        scale: 'double',
        resize_width: 'uint32_t',
        resize_height: 'uint32_t',
        batch_limit: 'uint32_t',
        threshold: 'float',
        resolution: 'int32_t',
    },
    lens_heatmap_summary: {
        width: 'uint32_t',
        height: 'uint32_t',
        mean: 'float',
        maximum: 'float',
        columns: 'uint32_t',
        rows: 'uint32_t',
        hottest_tile: 'uint32_t',
        prediction: 'lens_prediction',
    },
    lens_tile: {
        x: 'float',
        y: 'float',
        width: 'float',
        height: 'float',
        probability: 'float',
        logit: 'float',
    },
    lens_overlay_options: {
        struct_size: 'size_t',
        colormap: 'int32_t',
        scale: 'int32_t',
        alpha: 'float',
        color_bar: 'int32_t',
        outline_tiles: 'uint32_t',
        hide_below: 'float',
    },
};

exports.enumerations = {
    lens_status: {
        ok: 0, error_argument: 1, error_io: 2, error_format: 3, error_device: 4, error_out_of_memory: 5, error_data: 6,
        error_version: 7, error_unsupported: 8, error_internal: 9, cancelled: 10
    },
    lens_display: {
        viewer: 0, full_range: 1
    },
    lens_pixel_format: {
        gray8: 0, gray16: 1, gray_s16: 2, gray_f32: 3, rgb8: 4, bgr8: 5, rgba8: 6, bgra8: 7
    },
    lens_window_function: {
        linear: 0, linear_exact: 1, sigmoid: 2
    },
    lens_device: {
        auto: 0, cpu: 1, cuda: 2, rocm: 3
    },
    lens_precision: {
        auto: 0, f32: 1, bf16: 2, f16: 3, int8: 4
    },
    lens_rocm_tuning: {
        auto: 0, reference: 1, off: 2
    },
    lens_engine: {
        auto: 0, torch: 1, plan: 2, plan_avx2: 3, plan_portable: 4
    },
    lens_phase: {
        load: 0, train: 1, validate: 2, classify: 3, heatmap: 4, evaluate: 5
    },
    lens_heatmap_method: {
        tiles: 0, cam: 1, grad_cam_plus_plus: 2, occlusion: 3
    },
    lens_edge: {
        cover: 0, reference: 1
    },
    lens_blend: {
        mean: 0, gaussian: 1
    },
    lens_heatmap_resolution: {
        image: 0, tiles: 1
    },
    lens_aggregate: {
        max: 0, mean: 1
    },
    lens_colormap: {
        inferno: 0, reds: 1, jet: 2, gray: 3
    },
    lens_overlay_scale: {
        minmax: 0, absolute: 1
    },
};

// Of each option its field and what it takes.
exports.options = {
    lens_read_options: {
        display: ['display', 'lens_display'],
        window: ['window', 'uint32_t'],
        applyOrientation: ['apply_orientation', 'flag'],
    },
    lens_init_options: {
        device: ['device', 'lens_device'],
        deviceIndex: ['device_index', 'int32_t'],
        precision: ['precision', 'lens_precision'],
        libtorchDir: ['libtorch_dir', 'text'],
        threads: ['threads', 'uint32_t'],
        rocmTuning: ['rocm_tuning', 'lens_rocm_tuning'],
        memoryCap: ['memory_cap', 'uint64_t'],
        deterministic: ['deterministic', 'flag'],
        seed: ['seed', 'uint64_t'],
        engine: ['engine', 'lens_engine'],
        memoryFraction: ['memory_fraction', 'double'],
        emptyCacheEvery: ['empty_cache_every', 'int32_t'],
        channelsLast: ['channels_last', 'flag'],
        tf32: ['tf32', 'flag'],
        benchmark: ['benchmark', 'flag'],
        compiledGraph: ['compiled_graph', 'flag'],
        takeTurns: ['take_turns', 'flag'],
    },
    lens_classify_options: {
        threshold: ['threshold', 'float'],
        batchLimit: ['batch_limit', 'uint32_t'],
    },
    lens_heatmap_options: {
        method: ['method', 'lens_heatmap_method'],
        tileSize: ['tile_size', 'uint32_t'],
        stride: ['stride', 'uint32_t'],
        edge: ['edge', 'lens_edge'],
        blend: ['blend', 'lens_blend'],
        scale: ['scale', 'double'],
        resizeWidth: ['resize_width', 'uint32_t'],
        resizeHeight: ['resize_height', 'uint32_t'],
        batchLimit: ['batch_limit', 'uint32_t'],
        threshold: ['threshold', 'float'],
        resolution: ['resolution', 'lens_heatmap_resolution'],
    },
    lens_overlay_options: {
        colormap: ['colormap', 'lens_colormap'],
        scale: ['scale', 'lens_overlay_scale'],
        alpha: ['alpha', 'float'],
        colorBar: ['color_bar', 'flag'],
        outlineTiles: ['outline_tiles', 'uint32_t'],
        hideBelow: ['hide_below', 'float'],
    },
};
