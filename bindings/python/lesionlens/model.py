"""Trained classifiers."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from ctypes import c_void_p
from typing import TYPE_CHECKING, Any, overload

from ._arguments import make_options, text
from ._handle import Handle, describe, take_document
from ._library import library
from ._structs import (
    lens_calibrate_options,
    lens_classify_options,
    lens_display,
    lens_evaluate_options,
    lens_heatmap_options,
    lens_localize_options,
    lens_model_format,
    lens_optimize_options,
    lens_prediction,
    lens_read_options,
)
from .cancel import CancelToken
from .dataset import Dataset
from .errors import check
from .heatmap import Heatmap, Prediction, prediction_of
from .image import ImageLike, Views, is_image
from .options import (
    CalibrateOptions,
    ClassifyOptions,
    EvaluateOptions,
    HeatmapOptions,
    LocalizeOptions,
    OptimizeOptions,
    Path,
    ReadOptions,
)
from .progress import ProgressCallback, Watch

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Model(Handle):
    """A classifier, from Context.load_model() or Context.train(), or another's calibrate(). Any number of threads may
    use it at once."""

    _kind = "model"

    def __init__(self) -> None:
        raise TypeError("a Model comes from Context.load_model() or Context.train()")

    @overload
    def classify(
        self,
        image: ImageLike,
        /,
        *,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
        **options: Unpack[ClassifyOptions],
    ) -> Prediction: ...

    @overload
    def classify(
        self,
        images: Iterable[ImageLike],
        /,
        *,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
        **options: Unpack[ClassifyOptions],
    ) -> list[Prediction]: ...

    def classify(
        self,
        images: ImageLike | Iterable[ImageLike],
        /,
        *,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
        **options: Unpack[ClassifyOptions],
    ) -> Prediction | list[Prediction]:
        """The prediction of one image; of several images a list, in their order. Options: ClassifyOptions."""
        choices = make_options(lens_classify_options, ClassifyOptions, options)
        views = Views(images)
        predictions = (lens_prediction * views.count)()
        watch = Watch(choices, progress, cancel)
        watch.check(
            library.lens_classify(self._open(), views.array, views.count, ctypes.byref(choices), predictions)
        )
        found = [prediction_of(prediction) for prediction in predictions]
        return found[0] if is_image(images) else found

    def heatmap(
        self,
        image: ImageLike,
        *,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
        **options: Unpack[HeatmapOptions],
    ) -> Heatmap:
        """The heatmap of one image; heatmaps() draws those of several. Options: HeatmapOptions."""
        return self.heatmaps([image], progress=progress, cancel=cancel, **options)[0]

    def heatmaps(
        self,
        images: Iterable[ImageLike],
        *,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
        **options: Unpack[HeatmapOptions],
    ) -> list[Heatmap]:
        """A heatmap of each image, in their order; their tiles share batches. Options: HeatmapOptions."""
        choices = make_options(lens_heatmap_options, HeatmapOptions, options)
        views = Views(images)
        pointers = (c_void_p * views.count)()
        watch = Watch(choices, progress, cancel)
        status = library.lens_heatmap_compute(self._open(), views.array, views.count, ctypes.byref(choices), pointers)
        drawn = [Heatmap._adopt(c_void_p(pointer)) for pointer in pointers]
        watch.check(status)
        return drawn

    def evaluate(
        self,
        dataset: Dataset,
        *,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
        **options: Unpack[EvaluateOptions],
    ) -> dict[str, Any]:
        """Classifies every sample and compares with its label; the report. Options: EvaluateOptions."""
        choices = make_options(lens_evaluate_options, EvaluateOptions, options)
        samples = Dataset._of("dataset", dataset)
        pointer = c_void_p()
        watch = Watch(choices, progress, cancel)
        status = library.lens_evaluate(self._open(), samples, ctypes.byref(choices), ctypes.byref(pointer))
        report = take_document(pointer) if pointer.value else {}
        watch.check(status)
        return report

    def localize(
        self,
        directory: Path,
        *,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
        **options: Unpack[LocalizeOptions],
    ) -> dict[str, Any]:
        """Whether heatmaps of images/ are hot where boxes.csv has boxes; the report. Options: LocalizeOptions."""
        choices = make_options(lens_localize_options, LocalizeOptions, options)
        pointer = c_void_p()
        watch = Watch(choices, progress, cancel)
        status = library.lens_localize(
            self._open(), text("directory", directory), ctypes.byref(choices), ctypes.byref(pointer)
        )
        report = take_document(pointer) if pointer.value else {}
        watch.check(status)
        return report

    def calibrate(
        self,
        dataset: Dataset,
        *,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
        **options: Unpack[CalibrateOptions],
    ) -> tuple[Model, dict[str, Any]]:
        """A new model with temperature, threshold or both set on the data set, and the report; this model stays as it
        is. Options: CalibrateOptions."""
        choices = make_options(lens_calibrate_options, CalibrateOptions, options)
        samples = Dataset._of("dataset", dataset)
        made, pointer = c_void_p(), c_void_p()
        watch = Watch(choices, progress, cancel)
        status = library.lens_model_calibrate(
            self._open(), samples, ctypes.byref(choices), ctypes.byref(made), ctypes.byref(pointer)
        )
        model = Model._adopt(made)
        report = take_document(pointer) if pointer.value else {}
        watch.check(status)
        return model, report

    def save(self, path: Path, format: str = "safetensors") -> None:
        """Saves atomically; an existing file is replaced."""
        check(library.lens_model_save(self._open(), text("path", path), lens_model_format.of("format", format)))

    def optimize(
        self,
        path: Path,
        *,
        calibration: Dataset | None = None,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
        **options: Unpack[OptimizeOptions],
    ) -> None:
        """Writes an optimised variant: "int8" is this library's, for contexts with precision="int8", and needs images
        for calibration; "int8_head" and "state_dict" are the reference pipeline's, for PyTorch, and "auto" is the one
        that it writes on such a machine. Options: OptimizeOptions."""
        choices = make_options(lens_optimize_options, OptimizeOptions, options)
        images = None if calibration is None else Dataset._of("calibration", calibration)
        if images is not None:
            choices.calibration = images.address
        watch = Watch(choices, progress, cancel)
        watch.check(library.lens_model_optimize(self._open(), text("path", path), ctypes.byref(choices)))

    @property
    def read_options(self) -> ReadOptions:
        """How image files should be read for it: ImageFile(path, **model.read_options)."""
        found = lens_read_options()
        check(library.lens_model_get_read_options(self._open(), ctypes.byref(found)))
        display: Any = lens_display.name_of(found.display.value)
        return {"display": display, "window": found.window, "apply_orientation": bool(found.apply_orientation)}

    def describe(self) -> dict[str, Any]:
        """Architecture, SHA-256 of the weights, preprocessing, temperature, threshold, engine and training record."""
        return describe(self._open(), library.lens_model_describe)
