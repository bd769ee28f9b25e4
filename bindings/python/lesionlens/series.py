"""DICOM series."""

from __future__ import annotations

import ctypes
from ctypes import c_uint32, c_void_p
from typing import TYPE_CHECKING, Any

from ._arguments import integer, make_options, text
from ._handle import Handle, describe
from ._library import library
from ._structs import lens_read_options
from .errors import check
from .image_file import ImageFile
from .options import Path, ReadOptions

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Series(Handle):
    """A DICOM series as a volume: its slices in spatial order. Immutable, so thread-safe.

    uid: Series Instance UID; None: the directory must hold one series. len() is the number of slices.
    """

    _kind = "series"

    def __init__(self, directory: Path, uid: str | None = None) -> None:
        pointer = c_void_p()
        name = None if uid is None else text("uid", uid)
        check(library.lens_series_open(text("directory", directory), name, ctypes.byref(pointer)))
        self._own(pointer)

    def load(self, slice: int, **options: Unpack[ReadOptions]) -> ImageFile:
        """Decodes one slice, from 0. Options: ReadOptions; for a model: load(slice, **model.read_options)."""
        pointer = c_void_p()
        number = integer("slice", slice, c_uint32)
        choices = make_options(lens_read_options, ReadOptions, options)
        check(library.lens_series_load(self._open(), number, ctypes.byref(choices), ctypes.byref(pointer)))
        return ImageFile._adopt(pointer)

    def describe(self) -> dict[str, Any]:
        """UID, slices (path, frame, position_mm), and notes: gaps, repeated positions, files that were left out."""
        return describe(self._open(), library.lens_series_describe)

    def __len__(self) -> int:
        slices = c_uint32()
        check(library.lens_series_get_slices(self._open(), ctypes.byref(slices)))
        return slices.value
