"""Finds and loads liblesionlens, and declares its functions."""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, c_char_p, c_double, c_float, c_int32, c_size_t, c_uint8, c_uint32, c_uint64, c_void_p
from pathlib import Path
from typing import Any

from . import _structs as structs

ENVIRONMENT = "LESIONLENS_LIBRARY"

_handle = c_void_p
_out_handle = POINTER(c_void_p)
# As c_void_p, so that the address stays at hand for lens_string_free().
_out_text = POINTER(c_void_p)
_images = POINTER(structs.lens_image)

_OPTIONS = [
    structs.lens_init_options,
    structs.lens_dataset_options,
    structs.lens_train_options,
    structs.lens_classify_options,
    structs.lens_heatmap_options,
    structs.lens_overlay_options,
    structs.lens_evaluate_options,
    structs.lens_localize_options,
    structs.lens_calibrate_options,
    structs.lens_optimize_options,
]
_CALLS: dict[str, list[Any]] = {
    "lens_init": [POINTER(structs.lens_init_options), _out_handle],
    "lens_context_describe": [_handle, _out_text],
    "lens_cancel_token_new": [_out_handle],
    "lens_cancel_token_trigger": [_handle],
    "lens_cancel_token_reset": [_handle],
    "lens_image_file_load": [c_char_p, c_uint32, _out_handle],
    "lens_image_file_view": [_handle, _images],
    "lens_image_file_frames": [_handle, POINTER(c_uint32)],
    "lens_png_write": [c_char_p, _images],
    "lens_dataset_new": [_out_handle],
    "lens_dataset_open": [c_char_p, POINTER(structs.lens_dataset_options), _out_handle],
    "lens_dataset_extend": [_handle, c_char_p, POINTER(structs.lens_dataset_options)],
    "lens_dataset_add": [_handle, _images, c_int32, c_char_p],
    "lens_dataset_split": [_handle, c_double, c_uint64, _out_handle, _out_handle],
    "lens_dataset_describe": [_handle, _out_text],
    "lens_train": [_handle, _handle, _handle, POINTER(structs.lens_train_options), _out_handle],
    "lens_model_load": [_handle, c_char_p, _out_handle],
    "lens_model_save": [_handle, c_char_p, structs.lens_model_format],
    "lens_model_describe": [_handle, _out_text],
    "lens_classify": [
        _handle,
        _images,
        c_size_t,
        POINTER(structs.lens_classify_options),
        POINTER(structs.lens_prediction),
    ],
    "lens_heatmap": [_handle, _images, c_size_t, POINTER(structs.lens_heatmap_options), _out_handle],
    "lens_evaluate": [_handle, _handle, POINTER(structs.lens_evaluate_options), _out_text],
    "lens_localize": [_handle, c_char_p, POINTER(structs.lens_localize_options), _out_text],
    "lens_model_calibrate": [
        _handle,
        _handle,
        POINTER(structs.lens_calibrate_options),
        _out_handle,
        _out_text,
    ],
    "lens_model_optimize": [_handle, c_char_p, POINTER(structs.lens_optimize_options)],
    "lens_map_get_summary": [_handle, POINTER(structs.lens_map_summary)],
    "lens_map_values": [_handle, POINTER(POINTER(c_float)), POINTER(c_size_t)],
    "lens_map_tiles": [_handle, POINTER(POINTER(structs.lens_tile)), POINTER(c_size_t)],
    "lens_map_aggregate": [POINTER(c_void_p), c_size_t, structs.lens_aggregate, _out_handle, POINTER(c_size_t)],
    "lens_map_overlay": [_handle, _images, POINTER(structs.lens_overlay_options), POINTER(c_uint8), c_size_t],
}

# Name: (what it returns, what it takes).
FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "lens_version": (c_char_p, []),
    "lens_abi_version": (c_uint32, []),
    "lens_last_error": (c_char_p, []),
    "lens_status_name": (c_char_p, [c_int32]),
    "lens_string_free": (None, [c_void_p]),
    **{f"{struct.__name__}_init": (None, [POINTER(struct)]) for struct in _OPTIONS},
    **{
        f"lens_{kind}_free": (None, [_handle])
        for kind in ("context", "cancel_token", "image_file", "dataset", "model", "map")
    },
    **{name: (c_int32, arguments) for name, arguments in _CALLS.items()},
}


def find() -> str:
    """The library to load: the environment's, the one beside the package, or that of the tree the package is in."""
    named = os.environ.get(ENVIRONMENT)
    if named:
        return named
    package = Path(__file__).resolve().parent
    candidates = [package / "liblesionlens.so", package / "liblesionlens.so.0"]
    places = ["target/release/liblesionlens.so", "lib/liblesionlens.so.0"]
    candidates += [folder / place for folder in package.parents[2:3] for place in places]
    for candidate in candidates:
        if candidate.exists():
            return str(candidate)
    raise ImportError(
        f"{ENVIRONMENT} is not set, and liblesionlens.so is at none of {', '.join(map(str, candidates))}; build it "
        f"with make, or set {ENVIRONMENT} to the library's path"
    )


def load(path: str, abi_version: int = structs.ABI_VERSION) -> ctypes.CDLL:
    """Loads a library and declares its functions; ImportError when it is another one than this package is for."""
    try:
        loaded = ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(
            f"{path} cannot be loaded: {error}; set {ENVIRONMENT} to the path of liblesionlens.so"
        ) from error
    try:
        loaded.lens_abi_version.restype = c_uint32
        found = loaded.lens_abi_version()
        if found != abi_version:
            raise ImportError(
                f"{path} has ABI version {found}, this package is for {abi_version}: "
                "install the package and the library of the same release"
            )
        for name, (result, arguments) in FUNCTIONS.items():
            function = getattr(loaded, name)
            function.restype = result
            function.argtypes = arguments
    except AttributeError as error:
        raise ImportError(f"{path} is not the lesionlens library of this package: {error}") from error
    return loaded


library = load(find())
