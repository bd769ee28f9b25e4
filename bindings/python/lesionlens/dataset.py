"""Labelled images."""

from __future__ import annotations

import ctypes
from ctypes import c_int32, c_uint64, c_void_p
from typing import TYPE_CHECKING, Any

from ._arguments import integer, make_options, real, text
from ._handle import Handle, describe
from ._library import library
from ._structs import lens_dataset_options
from .errors import check
from .image import ImageLike, view_of
from .options import DatasetOptions, Path

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack


class Dataset(Handle):
    """Labelled images: files, read when needed, and arrays, copied. Dataset() is empty. Thread-safe."""

    _kind = "dataset"

    def __init__(self) -> None:
        pointer = c_void_p()
        check(library.lens_dataset_new(ctypes.byref(pointer)))
        self._own(pointer)

    @classmethod
    def open(cls, path: Path, **options: Unpack[DatasetOptions]) -> Self:
        """Opens a directory: labels.csv and images/, or a folder per class. Options: DatasetOptions."""
        choices = make_options(lens_dataset_options, DatasetOptions, options)
        pointer = c_void_p()
        check(library.lens_dataset_open(text("path", path), ctypes.byref(choices), ctypes.byref(pointer)))
        return cls._adopt(pointer)

    def extend(self, path: Path, **options: Unpack[DatasetOptions]) -> None:
        """Adds another directory; on failure the data set is as before. Options: DatasetOptions."""
        choices = make_options(lens_dataset_options, DatasetOptions, options)
        check(library.lens_dataset_extend(self._open(), text("path", path), ctypes.byref(choices)))

    def add(self, image: ImageLike, label: int, id: str | None = None) -> None:
        """Adds one image, which is copied. label: 0 or 1; id: a name for reports."""
        view, keep = view_of(image)
        name = None if id is None else text("id", id)
        check(library.lens_dataset_add(self._open(), ctypes.byref(view), integer("label", label, c_int32), name))
        del keep

    def split(self, fraction: float, seed: int = 0) -> tuple[Dataset, Dataset]:
        """Two new data sets with about the same share of positives; the first has that fraction of the samples."""
        first, second = c_void_p(), c_void_p()
        status = library.lens_dataset_split(
            self._open(),
            real("fraction", fraction),
            integer("seed", seed, c_uint64),
            ctypes.byref(first),
            ctypes.byref(second),
        )
        check(status)
        return Dataset._adopt(first), Dataset._adopt(second)

    def describe(self) -> dict[str, Any]:
        """Counts of samples and labels, roots, and what was skipped, passed over and repeated."""
        return describe(self._open(), library.lens_dataset_describe)

    def __len__(self) -> int:
        return int(self.describe()["samples"])
