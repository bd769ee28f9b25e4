"""Image files."""

from __future__ import annotations

import ctypes
from ctypes import c_uint32, c_void_p
from typing import TYPE_CHECKING, Any

import numpy

from . import _memory
from ._arguments import integer, make_options, text
from ._handle import Handle
from ._library import library
from ._structs import lens_image, lens_pixel_format, lens_read_options
from .errors import check
from .image import ImageLike, PixelSource, view_of
from .options import Path, ReadOptions

if TYPE_CHECKING:
    from typing_extensions import Unpack

# Format: (dtype, samples of a pixel).
_LAYOUTS = {
    "gray8": ("uint8", 1),
    "gray16": ("uint16", 1),
    "gray_s16": ("int16", 1),
    "gray_f32": ("float32", 1),
    "rgb8": ("uint8", 3),
    "bgr8": ("uint8", 3),
    "rgba8": ("uint8", 4),
    "bgra8": ("uint8", 4),
}


class ImageFile(Handle, PixelSource):
    """A decoded image file (DICOM, NIfTI, PNG, JPEG, BMP, WebP, TIFF), accepted wherever an image is. Immutable, so
    thread-safe.

    Options: ReadOptions; for images that a model is to see ImageFile(path, **model.read_options).
    """

    _kind = "image_file"

    def __init__(self, path: Path, frame: int = 0, **options: Unpack[ReadOptions]) -> None:
        pointer = c_void_p()
        number = integer("frame", frame, c_uint32)
        choices = make_options(lens_read_options, ReadOptions, options)
        check(
            library.lens_image_file_load(text("path", path), number, ctypes.byref(choices), ctypes.byref(pointer))
        )
        self._own(pointer)

    @property
    def array(self) -> numpy.ndarray[Any, Any]:
        """The pixels: (H, W) gray, (H, W, 3) or (H, W, 4) colour; a read-only view that keeps the pixels alive."""
        owned = self._open()
        view, _ = self._view()
        dtype_name, samples = _LAYOUTS[self.format]
        dtype = numpy.dtype(dtype_name)
        pixel = samples * dtype.itemsize
        shape: tuple[int, ...] = (view.height, view.width)
        strides: tuple[int, ...] = (view.row_stride, pixel)
        if samples > 1:
            shape += (samples,)
            strides += (dtype.itemsize,)
        return _memory.view(owned, view.pixels, dtype, shape, strides)

    @property
    def format(self) -> str:
        """Layout of a pixel, such as "gray8" or "rgb8"."""
        return lens_pixel_format.name_of(self._view()[0].format.value)

    @property
    def frames(self) -> int:
        """How many frames the file has, or slices the series that it is of."""
        frames = c_uint32()
        check(library.lens_image_file_get_frames(self._open(), ctypes.byref(frames)))
        return frames.value

    def _view(self) -> tuple[lens_image, Any]:
        owned = self._open()
        view = lens_image()
        check(library.lens_image_file_get_view(owned, ctypes.byref(view)))
        return view, owned


def write_png(path: Path, image: ImageLike) -> None:
    """Writes an image as a PNG file, atomically; gray of 16 bits or floats as it is seen."""
    view, keep = view_of(image)
    check(library.lens_png_write(text("path", path), ctypes.byref(view)))
    del keep
