"""The functions of lesionlens.h. Generated from bindings/interface.json by `make bindings`; do not edit."""

from __future__ import annotations

from ctypes import POINTER, c_char_p, c_double, c_float, c_int32, c_size_t, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p
from typing import Any

from . import _structs as structs

#: Name: (what it returns, what it takes).
FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "lens_version": (c_char_p, []),
    "lens_abi_version": (c_uint32, []),
    "lens_status_name": (c_char_p, [c_int32]),
    "lens_last_error": (c_char_p, []),
    "lens_string_free": (None, [c_void_p]),
    "lens_read_options_init": (None, [POINTER(structs.lens_read_options)]),
    "lens_image_file_load": (c_int32, [c_char_p, c_uint32, POINTER(structs.lens_read_options), POINTER(c_void_p)]),
    "lens_image_file_get_view": (c_int32, [c_void_p, POINTER(structs.lens_image)]),
    "lens_image_file_get_frames": (c_int32, [c_void_p, POINTER(c_uint32)]),
    "lens_image_file_free": (None, [c_void_p]),
    "lens_png_write": (c_int32, [c_char_p, POINTER(structs.lens_image)]),
    "lens_series_open": (c_int32, [c_char_p, c_char_p, POINTER(c_void_p)]),
    "lens_series_get_slices": (c_int32, [c_void_p, POINTER(c_uint32)]),
    "lens_series_load": (c_int32, [c_void_p, c_uint32, POINTER(structs.lens_read_options), POINTER(c_void_p)]),
    "lens_series_describe": (c_int32, [c_void_p, POINTER(c_void_p)]),
    "lens_series_free": (None, [c_void_p]),
    "lens_cancel_token_new": (c_int32, [POINTER(c_void_p)]),
    "lens_cancel_token_trigger": (c_int32, [c_void_p]),
    "lens_cancel_token_reset": (c_int32, [c_void_p]),
    "lens_cancel_token_free": (None, [c_void_p]),
    "lens_init_options_init": (None, [POINTER(structs.lens_init_options)]),
    "lens_init": (c_int32, [POINTER(structs.lens_init_options), POINTER(c_void_p)]),
    "lens_context_describe": (c_int32, [c_void_p, POINTER(c_void_p)]),
    "lens_context_free": (None, [c_void_p]),
    "lens_dataset_new": (c_int32, [POINTER(c_void_p)]),
    "lens_dataset_options_init": (None, [POINTER(structs.lens_dataset_options)]),
    "lens_dataset_open": (c_int32, [c_char_p, POINTER(structs.lens_dataset_options), POINTER(c_void_p)]),
    "lens_dataset_extend": (c_int32, [c_void_p, c_char_p, POINTER(structs.lens_dataset_options)]),
    "lens_dataset_add": (c_int32, [c_void_p, POINTER(structs.lens_image), c_int32, c_char_p]),
    "lens_dataset_split": (c_int32, [c_void_p, c_double, c_uint64, POINTER(c_void_p), POINTER(c_void_p)]),
    "lens_dataset_describe": (c_int32, [c_void_p, POINTER(c_void_p)]),
    "lens_dataset_free": (None, [c_void_p]),
    "lens_train_options_init": (None, [POINTER(structs.lens_train_options)]),
    "lens_train": (c_int32, [c_void_p, c_void_p, c_void_p, POINTER(structs.lens_train_options), POINTER(c_void_p)]),
    "lens_model_load": (c_int32, [c_void_p, c_char_p, POINTER(c_void_p)]),
    "lens_import_options_init": (None, [POINTER(structs.lens_import_options)]),
    "lens_model_import": (c_int32, [c_void_p, c_char_p, POINTER(structs.lens_import_options), POINTER(c_void_p)]),
    "lens_model_save": (c_int32, [c_void_p, c_char_p, structs.lens_model_format]),
    "lens_model_describe": (c_int32, [c_void_p, POINTER(c_void_p)]),
    "lens_model_get_read_options": (c_int32, [c_void_p, POINTER(structs.lens_read_options)]),
    "lens_model_free": (None, [c_void_p]),
    "lens_optimize_options_init": (None, [POINTER(structs.lens_optimize_options)]),
    "lens_model_optimize": (c_int32, [c_void_p, c_char_p, POINTER(structs.lens_optimize_options)]),
    "lens_calibrate_options_init": (None, [POINTER(structs.lens_calibrate_options)]),
    "lens_model_calibrate": (
        c_int32,
        [c_void_p, c_void_p, POINTER(structs.lens_calibrate_options), POINTER(c_void_p), POINTER(c_void_p)],
    ),
    "lens_classify_options_init": (None, [POINTER(structs.lens_classify_options)]),
    "lens_classify": (
        c_int32,
        [
            c_void_p,
            POINTER(structs.lens_image),
            c_size_t,
            POINTER(structs.lens_classify_options),
            POINTER(structs.lens_prediction),
        ],
    ),
    "lens_heatmap_options_init": (None, [POINTER(structs.lens_heatmap_options)]),
    "lens_heatmap_compute": (
        c_int32,
        [c_void_p, POINTER(structs.lens_image), c_size_t, POINTER(structs.lens_heatmap_options), POINTER(c_void_p)],
    ),
    "lens_heatmap_get_summary": (c_int32, [c_void_p, POINTER(structs.lens_heatmap_summary)]),
    "lens_heatmap_get_values": (c_int32, [c_void_p, POINTER(POINTER(c_float)), POINTER(c_size_t)]),
    "lens_heatmap_get_tiles": (c_int32, [c_void_p, POINTER(POINTER(structs.lens_tile)), POINTER(c_size_t)]),
    "lens_heatmap_aggregate": (
        c_int32,
        [POINTER(c_void_p), c_size_t, structs.lens_aggregate, POINTER(c_void_p), POINTER(c_size_t)],
    ),
    "lens_heatmap_free": (None, [c_void_p]),
    "lens_overlay_options_init": (None, [POINTER(structs.lens_overlay_options)]),
    "lens_heatmap_overlay": (
        c_int32,
        [c_void_p, POINTER(structs.lens_image), POINTER(structs.lens_overlay_options), POINTER(c_uint8), c_size_t],
    ),
    "lens_evaluate_options_init": (None, [POINTER(structs.lens_evaluate_options)]),
    "lens_evaluate": (c_int32, [c_void_p, c_void_p, POINTER(structs.lens_evaluate_options), POINTER(c_void_p)]),
    "lens_metrics_read": (c_int32, [c_char_p, POINTER(structs.lens_metrics)]),
    "lens_localize_options_init": (None, [POINTER(structs.lens_localize_options)]),
    "lens_localize": (c_int32, [c_void_p, c_char_p, POINTER(structs.lens_localize_options), POINTER(c_void_p)]),
}
