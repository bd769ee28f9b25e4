"""NumPy arrays as images, without copying where their layout allows."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Union

import numpy

from ._arguments import integer, real
from ._structs import lens_image, lens_pixel_format, lens_window_function

if TYPE_CHECKING:
    from .image_file import ImageFile

# (dtype in the machine's byte order, samples of a pixel): format.
_FORMATS = {
    ("uint8", 1): "gray8",
    ("uint16", 1): "gray16",
    ("int16", 1): "gray_s16",
    ("float32", 1): "gray_f32",
    ("uint8", 3): "rgb8",
    ("uint8", 4): "rgba8",
}
_REVERSED = {"rgb8": "bgr8", "rgba8": "bgra8"}


class PixelSource:
    """What can be handed over where an image is due."""

    def _view(self) -> tuple[lens_image, Any]:
        """The C view, and what must stay alive as long as it is used."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class LookupTable:
    """What is seen for each whole rescaled value, in the place of a window (DICOM's VOI LUT).

    values: uint16 of shape (N,), N from 1 to 65536. first: the rescaled value of the first entry. bits: 2**bits - 1 is the
    brightest.
    """

    values: numpy.ndarray[Any, Any]
    first: int = 0
    bits: int = 16

    def __post_init__(self) -> None:
        values = self.values
        if not isinstance(values, numpy.ndarray) or values.dtype != numpy.uint16 or values.ndim != 1:
            found = f"{values.dtype} of shape {values.shape}" if isinstance(values, numpy.ndarray) else type(values).__name__
            raise TypeError(f"values is {found}; it must be a numpy.ndarray of dtype uint16 with one dimension")


@dataclass(frozen=True, eq=False)
class Image(PixelSource):
    """An array and how its values are meant; a bare array stands for an Image with these defaults.

    array: uint8 of shape (H, W), (H, W, 3) RGB or (H, W, 4) RGBA; uint16, int16 or float32 (0..1) of shape (H, W). It
    is read where it lies when pixels follow each other without gaps within a row, else copied for the call.
    bits_stored: how many low bits carry the value; 0: all. rescale_slope, rescale_intercept, window_center,
    window_width: as in DICOM, for gray values; no window: the full stored range. window_function: what the window does.
    lut: in the place of a window. invert: bright means low (MONOCHROME1). bgr: colours come as blue, green, red.
    """

    array: numpy.ndarray[Any, Any]
    bits_stored: int = 0
    rescale_slope: float = 1.0
    rescale_intercept: float = 0.0
    window_center: float | None = None
    window_width: float | None = None
    invert: bool = False
    bgr: bool = False
    window_function: Literal["linear", "linear_exact", "sigmoid"] = "linear"
    lut: LookupTable | None = None

    def __post_init__(self) -> None:
        _format(self.array, self.bgr)
        if (self.window_center is None) != (self.window_width is None):
            raise ValueError(
                f"window_center is {self.window_center} and window_width is {self.window_width}; give both or neither"
            )
        if self.rescale_slope == 0:
            raise ValueError("rescale_slope is 0, which would make all pixels the same; 1 leaves them as they are")

    def _view(self) -> tuple[lens_image, Any]:
        array = self.array
        if not array.dtype.isnative:
            array = array.astype(array.dtype.newbyteorder("="))
        if not _rows_are_contiguous(array):
            array = numpy.ascontiguousarray(array)
        height, width = array.shape[:2]
        view = lens_image(
            pixels=array.ctypes.data,
            width=integer("the image's width", width, ctypes.c_uint32),
            height=integer("the image's height", height, ctypes.c_uint32),
            # NumPy may report any stride for an axis of length 1.
            row_stride=array.strides[0] if height > 1 else array.nbytes,
            format=lens_pixel_format.of("format", _format(array, self.bgr)),
            bits_stored=integer("bits_stored", self.bits_stored, ctypes.c_uint32),
            rescale_slope=real("rescale_slope", self.rescale_slope),
            rescale_intercept=real("rescale_intercept", self.rescale_intercept),
            invert=int(bool(self.invert)),
            window_function=lens_window_function.of("window_function", self.window_function),
        )
        if self.window_center is not None and self.window_width is not None:
            view.window_center = real("window_center", self.window_center)
            view.window_width = real("window_width", self.window_width)
            if view.window_width == 0:
                raise ValueError("window_width is 0; it must be above 0, or None for the full stored range")
        if self.lut is None:
            return view, array
        table = numpy.ascontiguousarray(self.lut.values, dtype=numpy.uint16)
        view.lut_values = table.ctypes.data_as(type(view.lut_values))
        view.lut_entries = integer("the number of the lookup table's values", table.size, ctypes.c_uint32)
        view.lut_first = integer("the lookup table's first", self.lut.first, ctypes.c_int32)
        view.lut_bits = integer("the lookup table's bits", self.lut.bits, ctypes.c_uint32)
        return view, (array, table)


ImageLike = Union["numpy.ndarray[Any, Any]", Image, "ImageFile"]


class Views:
    """C views of one or more images, and what keeps them valid."""

    def __init__(self, images: ImageLike | Iterable[ImageLike]) -> None:
        if is_image(images):
            images = [images]  # type: ignore[list-item]
        elif isinstance(images, (str, bytes)) or not isinstance(images, Iterable):
            raise TypeError(_not_an_image(images))
        pairs = [view_of(image) for image in images]
        self.count = len(pairs)
        self.array = (lens_image * self.count)(*(view for view, _ in pairs))
        self._keep = [keep for _, keep in pairs]


def view_of(image: ImageLike) -> tuple[lens_image, Any]:
    """The C view of one image, and what must stay alive as long as it is used."""
    if not is_image(image):
        raise TypeError(_not_an_image(image))
    if isinstance(image, numpy.ndarray):
        image = Image(image)
    return image._view()


def is_image(value: object) -> bool:
    """Whether it is one image, and not several."""
    return isinstance(value, (numpy.ndarray, PixelSource))


def _not_an_image(value: object) -> str:
    return (
        f"an image is a {type(value).__name__}; it must be a numpy.ndarray, a lesionlens.Image or a lesionlens.ImageFile"
    )


def _format(array: object, bgr: bool) -> str:
    if not isinstance(array, numpy.ndarray):
        raise TypeError(f"array is a {type(array).__name__}; it must be a numpy.ndarray")
    samples = 1 if array.ndim == 2 else array.shape[2] if array.ndim == 3 else 0
    name = _FORMATS.get((array.dtype.newbyteorder("=").name, samples))
    # (H, W, 1) would pass for gray, but its samples axis says that it was meant as something else.
    if name is None or (array.ndim == 3 and samples == 1):
        found = f"the image has dtype {array.dtype} and shape {array.shape}"
        if array.dtype.newbyteorder("=").name not in {dtype for dtype, _ in _FORMATS}:
            raise TypeError(
                f"{found}; the dtype must be uint8, uint16, int16 or float32 (such as array.astype(numpy.float32), "
                "with values in 0..1 or a window)"
            )
        raise ValueError(
            f"{found}; it must be (height, width), or for uint8 also (height, width, 3) or (height, width, 4); "
            "give several images as a list"
        )
    if bgr and name not in _REVERSED:
        raise ValueError(f"bgr is set, but an image of shape {array.shape} has no colours")
    return _REVERSED[name] if bgr else name


def _rows_are_contiguous(array: numpy.ndarray[Any, Any]) -> bool:
    row = array.itemsize
    for axis in range(array.ndim - 1, 0, -1):
        if array.shape[axis] != 1 and array.strides[axis] != row:
            return False
        row *= array.shape[axis]
    return array.shape[0] <= 1 or array.strides[0] >= row
