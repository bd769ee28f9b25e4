"""Heatmaps."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from ctypes import POINTER, c_float, c_size_t, c_uint8, c_void_p
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy

from . import _memory
from ._arguments import make_options
from ._handle import Handle
from ._library import library
from ._structs import lens_aggregate, lens_heatmap_summary, lens_overlay_options, lens_prediction, lens_tile
from .errors import check
from .image import ImageLike, view_of
from .options import OverlayOptions

if TYPE_CHECKING:
    from typing_extensions import Unpack

#: Fields of an element of Heatmap.tiles; x, y, width and height in pixels of the image.
TILE = numpy.dtype([(field[0], numpy.float32) for field in lens_tile._fields_])


class Prediction(NamedTuple):
    """What the model says of an image; label is 1 when probability is greater than threshold."""

    probability: float
    logit: float
    label: int
    threshold: float


class HeatmapSummary(NamedTuple):
    """The figures of a heatmap. hottest_tile: index into Heatmap.tiles.flat of the tile that matters most."""

    width: int
    height: int
    mean: float
    maximum: float
    columns: int
    rows: int
    hottest_tile: int
    prediction: Prediction


def prediction_of(raw: lens_prediction) -> Prediction:
    return Prediction(raw.probability, raw.logit, raw.label, raw.threshold)


class Heatmap(Handle):
    """A heatmap, from Model.heatmap(). Immutable, so thread-safe; independent of the model and the image."""

    _kind = "heatmap"

    def __init__(self) -> None:
        raise TypeError("a Heatmap comes from Model.heatmap()")

    @property
    def summary(self) -> HeatmapSummary:
        raw = lens_heatmap_summary()
        check(library.lens_heatmap_get_summary(self._open(), ctypes.byref(raw)))
        figures = {name: getattr(raw, name) for name in HeatmapSummary._fields}
        return HeatmapSummary(**{**figures, "prediction": prediction_of(raw.prediction)})

    @property
    def values(self) -> numpy.ndarray[Any, numpy.dtype[numpy.float32]]:
        """0 to 1, float32 of shape (height, width), or (rows, columns) with resolution="tiles"; a read-only view that
        keeps the heatmap alive."""
        summary = self.summary
        address = self._address(library.lens_heatmap_get_values, c_float)
        return _memory.view(self._open(), address, numpy.dtype(numpy.float32), (summary.height, summary.width))

    @property
    def tiles(self) -> numpy.ndarray[Any, Any]:
        """Tiles of dtype TILE and shape (rows, columns); a read-only view that keeps the heatmap alive."""
        summary = self.summary
        address = self._address(library.lens_heatmap_get_tiles, lens_tile)
        floats = (summary.rows, summary.columns * len(lens_tile._fields_))
        return _memory.view(self._open(), address, numpy.dtype(numpy.float32), floats).view(TILE)

    def overlay(
        self, image: ImageLike, **options: Unpack[OverlayOptions]
    ) -> numpy.ndarray[Any, numpy.dtype[numpy.uint8]]:
        """The coloured heatmap over its image: uint8 RGBA of shape (height, width, 4). Options: OverlayOptions."""
        summary = self.summary
        choices = make_options(lens_overlay_options, OverlayOptions, options)
        rgba = numpy.empty((summary.height, summary.width, 4), numpy.uint8)
        view, keep = view_of(image)
        pixels = rgba.ctypes.data_as(POINTER(c_uint8))
        check(
            library.lens_heatmap_overlay(
                self._open(), ctypes.byref(view), ctypes.byref(choices), pixels, rgba.strides[0]
            )
        )
        del keep
        return rgba

    @staticmethod
    def aggregate(heatmaps: Iterable[Heatmap], how: str = "max") -> AggregatedHeatmap:
        """One heatmap of several of the same size and tiles, such as those of a cine's frames; these stay as they are.
        how: "max" or "mean", of each value."""
        owned = [Heatmap._of(f"heatmap {index}", single) for index, single in enumerate(heatmaps)]
        handles = (c_void_p * len(owned))(*(single.address for single in owned))
        pointer, best = c_void_p(), c_size_t()
        rule = lens_aggregate.of("how", how)
        status = library.lens_heatmap_aggregate(handles, len(owned), rule, ctypes.byref(pointer), ctypes.byref(best))
        check(status)
        return AggregatedHeatmap(Heatmap._adopt(pointer), best.value)

    def _address(self, function: Any, kind: Any) -> int:
        pointer = POINTER(kind)()
        check(function(self._open(), ctypes.byref(pointer), ctypes.byref(c_size_t())))
        return ctypes.cast(pointer, ctypes.c_void_p).value or 0

class AggregatedHeatmap(NamedTuple):
    """One heatmap of several, and the index of the one with the highest probability."""

    heatmap: Heatmap
    best_frame: int
