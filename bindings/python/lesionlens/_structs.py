"""Mirrors of the structs and constants in lesionlens.h, under their C names.

Generated from bindings/interface.json by `make bindings`; do not edit."""

from __future__ import annotations

import ctypes
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_double, c_float, c_int32, c_size_t, c_uint16, c_uint32, c_uint64, c_void_p

from ._enumeration import Enumeration

ABI_VERSION = 0


class lens_status(Enumeration):
    prefix = "LENS_"
    names = {
        "ok": 0,
        "error_argument": 1,
        "error_io": 2,
        "error_format": 3,
        "error_device": 4,
        "error_out_of_memory": 5,
        "error_data": 6,
        "error_version": 7,
        "error_unsupported": 8,
        "error_internal": 9,
        "cancelled": 10,
    }


class lens_pixel_format(Enumeration):
    prefix = "LENS_PIXEL_FORMAT_"
    names = {"gray8": 0, "gray16": 1, "gray_s16": 2, "gray_f32": 3, "rgb8": 4, "bgr8": 5, "rgba8": 6, "bgra8": 7}


class lens_window_function(Enumeration):
    prefix = "LENS_WINDOW_FUNCTION_"
    names = {"linear": 0, "linear_exact": 1, "sigmoid": 2}


class lens_display(Enumeration):
    prefix = "LENS_DISPLAY_"
    names = {"viewer": 0, "full_range": 1}


class lens_phase(Enumeration):
    prefix = "LENS_PHASE_"
    names = {"load": 0, "train": 1, "validate": 2, "classify": 3, "heatmap": 4, "evaluate": 5}


class lens_log_level(Enumeration):
    prefix = "LENS_LOG_LEVEL_"
    names = {"error": 0, "warning": 1, "info": 2, "debug": 3}


class lens_device(Enumeration):
    prefix = "LENS_DEVICE_"
    names = {"auto": 0, "cpu": 1, "cuda": 2, "rocm": 3}


class lens_precision(Enumeration):
    prefix = "LENS_PRECISION_"
    names = {"auto": 0, "f32": 1, "bf16": 2, "f16": 3, "int8": 4}


class lens_rocm_tuning(Enumeration):
    prefix = "LENS_ROCM_TUNING_"
    names = {"auto": 0, "reference": 1, "off": 2}


class lens_engine(Enumeration):
    prefix = "LENS_ENGINE_"
    names = {"auto": 0, "torch": 1, "plan": 2, "plan_avx2": 3, "plan_portable": 4}


class lens_on_unreadable(Enumeration):
    prefix = "LENS_ON_UNREADABLE_"
    names = {"fail": 0, "skip": 1}


class lens_select_by(Enumeration):
    prefix = "LENS_SELECT_BY_"
    names = {"accuracy": 0, "auc": 1, "loss": 2}


class lens_optimizer(Enumeration):
    prefix = "LENS_OPTIMIZER_"
    names = {"adam": 0, "adamw": 1, "sgd": 2}


class lens_schedule(Enumeration):
    prefix = "LENS_SCHEDULE_"
    names = {"constant": 0, "cosine": 1, "plateau": 2}


class lens_grad_scaler(Enumeration):
    prefix = "LENS_GRAD_SCALER_"
    names = {"auto": 0, "standard": 1, "amd": 2}


class lens_head_kind(Enumeration):
    prefix = "LENS_HEAD_KIND_"
    names = {"auto": 0, "softmax": 1, "sigmoid": 2}


class lens_normalisation(Enumeration):
    prefix = "LENS_NORMALISATION_"
    names = {"auto": 0, "none": 1, "imagenet": 2, "torchxrayvision": 3}


class lens_model_format(Enumeration):
    prefix = "LENS_MODEL_FORMAT_"
    names = {"safetensors": 0, "torchscript": 1, "onnx": 2}


class lens_optimized_variant(Enumeration):
    prefix = "LENS_OPTIMIZED_VARIANT_"
    names = {"auto": 0, "int8_head": 1, "state_dict": 2, "int8": 3}


class lens_operating_point(Enumeration):
    prefix = "LENS_OPERATING_POINT_"
    names = {"keep": 0, "youden": 1, "sensitivity": 2}


class lens_heatmap_method(Enumeration):
    prefix = "LENS_HEATMAP_METHOD_"
    names = {"tiles": 0, "cam": 1, "grad_cam_plus_plus": 2, "occlusion": 3}


class lens_edge(Enumeration):
    prefix = "LENS_EDGE_"
    names = {"cover": 0, "reference": 1}


class lens_blend(Enumeration):
    prefix = "LENS_BLEND_"
    names = {"mean": 0, "gaussian": 1}


class lens_heatmap_resolution(Enumeration):
    prefix = "LENS_HEATMAP_RESOLUTION_"
    names = {"image": 0, "tiles": 1}


class lens_aggregate(Enumeration):
    prefix = "LENS_AGGREGATE_"
    names = {"max": 0, "mean": 1}


class lens_colormap(Enumeration):
    prefix = "LENS_COLORMAP_"
    names = {"inferno": 0, "reds": 1, "jet": 2, "gray": 3}


class lens_overlay_scale(Enumeration):
    prefix = "LENS_OVERLAY_SCALE_"
    names = {"minmax": 0, "absolute": 1}


class lens_flag_criterion(Enumeration):
    prefix = "LENS_FLAG_CRITERION_"
    names = {"either": 0, "prediction": 1, "confidence": 2}


class lens_progress(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("phase", lens_phase),
        ("epoch", c_uint32),
        ("epochs", c_uint32),
        ("done", c_uint64),
        ("total", c_uint64),
        ("loss", c_double),
        ("metric", c_double),
        ("seconds_left", c_double),
    ]


lens_progress_fn = CFUNCTYPE(c_int32, POINTER(lens_progress), c_void_p)


lens_log_fn = CFUNCTYPE(None, c_int32, c_char_p, c_void_p)


class lens_image(ctypes.Structure):
    _fields_ = [
        ("pixels", c_void_p),
        ("width", c_uint32),
        ("height", c_uint32),
        ("row_stride", c_size_t),
        ("format", lens_pixel_format),
        ("bits_stored", c_uint32),
        ("rescale_slope", c_double),
        ("rescale_intercept", c_double),
        ("window_center", c_double),
        ("window_width", c_double),
        ("invert", c_int32),
        ("window_function", lens_window_function),
        ("lut_values", POINTER(c_uint16)),
        ("lut_entries", c_uint32),
        ("lut_first", c_int32),
        ("lut_bits", c_uint32),
        ("reserved", c_uint32),
    ]


class lens_read_options(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("display", lens_display),
        ("window", c_uint32),
        ("apply_orientation", c_int32),
    ]


class lens_init_options(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("abi_version", c_uint32),
        ("log", lens_log_fn),
        ("log_user_data", c_void_p),
        ("device", lens_device),
        ("device_index", c_int32),
        ("precision", lens_precision),
        ("libtorch_dir", c_char_p),
        ("threads", c_uint32),
        ("rocm_tuning", lens_rocm_tuning),
        ("memory_cap", c_uint64),
        ("deterministic", c_int32),
        ("seed", c_uint64),
        ("log_level", lens_log_level),
        ("engine", lens_engine),
        ("memory_fraction", c_double),
        ("empty_cache_every", c_int32),
        ("channels_last", c_int32),
        ("tf32", c_int32),
        ("benchmark", c_int32),
        ("compiled_graph", c_int32),
        ("take_turns", c_int32),
    ]


class lens_dataset_options(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("filename_column", c_char_p),
        ("label_column", c_char_p),
        ("image_directory", c_char_p),
        ("positive_class", c_char_p),
        ("on_unreadable", lens_on_unreadable),
        ("frame_column", c_char_p),
    ]


class lens_train_options(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("start_model", c_void_p),
        ("progress", lens_progress_fn),
        ("progress_user_data", c_void_p),
        ("cancel", c_void_p),
        ("epochs", c_uint32),
        ("batch_size", c_uint32),
        ("image_size", c_uint32),
        ("mean", c_float * 3),
        ("standard_deviation", c_float * 3),
        ("select_by", lens_select_by),
        ("learning_rate", c_double),
        ("pos_weight", c_double),
        ("flip_horizontal", c_double),
        ("flip_vertical", c_double),
        ("rotation_degrees", c_double),
        ("weighted_sampler", c_int32),
        ("threshold", c_float),
        ("seed", c_uint64),
        ("optimizer", lens_optimizer),
        ("weight_decay", c_double),
        ("momentum", c_double),
        ("schedule", lens_schedule),
        ("warmup_epochs", c_double),
        ("final_learning_rate", c_double),
        ("plateau_factor", c_double),
        ("plateau_patience", c_uint32),
        ("early_stopping_patience", c_uint32),
        ("clip_norm", c_double),
        ("label_smoothing", c_double),
        ("average_decay", c_double),
        ("freeze_epochs", c_uint32),
        ("micro_batch_size", c_uint32),
        ("grad_scaler", lens_grad_scaler),
        ("run_directory", c_char_p),
        ("resume", c_int32),
        ("checkpoint_minutes", c_double),
        ("start_weights", c_char_p),
        ("head_positive", c_char_p),
        ("head_negative", c_char_p),
        ("head_kind", lens_head_kind),
        ("normalisation", lens_normalisation),
        ("display", lens_display),
        ("window", c_uint32),
        ("apply_orientation", c_int32),
    ]


class lens_import_options(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("head_positive", c_char_p),
        ("head_negative", c_char_p),
        ("head_kind", lens_head_kind),
        ("normalisation", lens_normalisation),
        ("image_size", c_uint32),
    ]


class lens_optimize_options(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("calibration", c_void_p),
        ("progress", lens_progress_fn),
        ("progress_user_data", c_void_p),
        ("cancel", c_void_p),
        ("variant", lens_optimized_variant),
        ("batch_limit", c_uint32),
    ]


class lens_calibrate_options(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("progress", lens_progress_fn),
        ("progress_user_data", c_void_p),
        ("cancel", c_void_p),
        ("fit_temperature", c_int32),
        ("operating_point", lens_operating_point),
        ("target_sensitivity", c_double),
        ("batch_limit", c_uint32),
    ]


class lens_prediction(ctypes.Structure):
    _fields_ = [
        ("probability", c_float),
        ("logit", c_float),
        ("label", c_int32),
        ("threshold", c_float),
    ]


class lens_classify_options(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("progress", lens_progress_fn),
        ("progress_user_data", c_void_p),
        ("cancel", c_void_p),
        ("threshold", c_float),
        ("batch_limit", c_uint32),
    ]


class lens_heatmap_options(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("progress", lens_progress_fn),
        ("progress_user_data", c_void_p),
        ("cancel", c_void_p),
        ("method", lens_heatmap_method),
        ("tile_size", c_uint32),
        ("stride", c_uint32),
        ("edge", lens_edge),
        ("blend", lens_blend),
        ("scale", c_double),
        ("resize_width", c_uint32),
        ("resize_height", c_uint32),
        ("batch_limit", c_uint32),
        ("threshold", c_float),
        ("resolution", lens_heatmap_resolution),
    ]


class lens_tile(ctypes.Structure):
    _fields_ = [
        ("x", c_float),
        ("y", c_float),
        ("width", c_float),
        ("height", c_float),
        ("probability", c_float),
        ("logit", c_float),
    ]


class lens_heatmap_summary(ctypes.Structure):
    _fields_ = [
        ("width", c_uint32),
        ("height", c_uint32),
        ("mean", c_float),
        ("maximum", c_float),
        ("columns", c_uint32),
        ("rows", c_uint32),
        ("hottest_tile", c_uint32),
        ("prediction", lens_prediction),
    ]


class lens_overlay_options(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("colormap", lens_colormap),
        ("scale", lens_overlay_scale),
        ("alpha", c_float),
        ("color_bar", c_int32),
        ("outline_tiles", c_uint32),
        ("hide_below", c_float),
    ]


class lens_evaluate_options(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("heatmap", POINTER(lens_heatmap_options)),
        ("progress", lens_progress_fn),
        ("progress_user_data", c_void_p),
        ("cancel", c_void_p),
        ("threshold", c_float),
        ("batch_limit", c_uint32),
        ("output_dir", c_char_p),
        ("by_heatmap", c_int32),
        ("save_heatmap_raw", c_int32),
        ("save_heatmap_overlay", c_int32),
        ("flag_criterion", lens_flag_criterion),
        ("flag_confidence", c_float),
        ("sample_flagged_ratio", c_double),
        ("target_sensitivity", c_double),
        ("bootstrap_samples", c_uint32),
        ("seed", c_uint64),
    ]


class lens_estimate(ctypes.Structure):
    _fields_ = [
        ("value", c_double),
        ("low", c_double),
        ("high", c_double),
    ]


class lens_metrics(ctypes.Structure):
    _fields_ = [
        ("samples", c_uint64),
        ("true_negative", c_uint64),
        ("false_positive", c_uint64),
        ("false_negative", c_uint64),
        ("true_positive", c_uint64),
        ("threshold", c_double),
        ("accuracy", lens_estimate),
        ("balanced_accuracy", lens_estimate),
        ("sensitivity", lens_estimate),
        ("specificity", lens_estimate),
        ("ppv", lens_estimate),
        ("npv", lens_estimate),
        ("f1", lens_estimate),
        ("mcc", lens_estimate),
        ("roc_auc", lens_estimate),
        ("pr_auc", lens_estimate),
        ("brier", lens_estimate),
        ("log_loss", lens_estimate),
        ("ece", lens_estimate),
    ]


class lens_localize_options(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("heatmap", POINTER(lens_heatmap_options)),
        ("progress", lens_progress_fn),
        ("progress_user_data", c_void_p),
        ("cancel", c_void_p),
        ("tolerance", c_double),
    ]
