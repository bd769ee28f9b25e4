"""lesionlens: train, classify and draw heatmaps with DenseNet-121. Not a medical device.

    import lesionlens

    with lesionlens.Context() as context:
        model = context.load_model("model.safetensors")
        prediction = model.classify(array)
        heatmap = model.heatmap(array, tile_size=64, stride=48)
        lesionlens.write_png("overlay.png", heatmap.overlay(array))

Calls release the interpreter lock, and objects may be used from several threads at once. What an option means is said
in lesionlens.h, under the same name.
"""

from ._library import library as _loaded
from .cancel import CancelToken
from .context import Context
from .dataset import Dataset
from .errors import (
    ArgumentError,
    Cancelled,
    DataError,
    DeviceError,
    FormatError,
    InternalError,
    IoError,
    LensError,
    OutOfMemoryError,
    UnsupportedError,
    VersionError,
)
from .heatmap import TILE, AggregatedHeatmap, Heatmap, HeatmapSummary, Prediction
from .image import Image, ImageLike, LookupTable
from .image_file import ImageFile, write_png
from .model import Model
from .options import (
    CalibrateOptions,
    ClassifyOptions,
    ContextOptions,
    DatasetOptions,
    EvaluateOptions,
    HeatmapOptions,
    ImportOptions,
    LocalizeOptions,
    OptimizeOptions,
    OverlayOptions,
    ReadOptions,
    TrainOptions,
)
from .progress import Progress
from .series import Series

#: The library's version, which may differ from the package's within one ABI version.
library_version: str = _loaded.lens_version().decode()
abi_version: int = _loaded.lens_abi_version()

__all__ = [
    "AggregatedHeatmap",
    "ArgumentError",
    "CalibrateOptions",
    "CancelToken",
    "Cancelled",
    "ClassifyOptions",
    "Context",
    "ContextOptions",
    "DataError",
    "Dataset",
    "DatasetOptions",
    "DeviceError",
    "EvaluateOptions",
    "FormatError",
    "Heatmap",
    "HeatmapOptions",
    "HeatmapSummary",
    "Image",
    "ImageFile",
    "ImageLike",
    "ImportOptions",
    "InternalError",
    "IoError",
    "LensError",
    "LocalizeOptions",
    "LookupTable",
    "Model",
    "OptimizeOptions",
    "OutOfMemoryError",
    "OverlayOptions",
    "Prediction",
    "Progress",
    "ReadOptions",
    "Series",
    "TILE",
    "TrainOptions",
    "UnsupportedError",
    "VersionError",
    "abi_version",
    "library_version",
    "write_png",
]
