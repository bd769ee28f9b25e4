"""What several commands share: their flags, the context, and how results are printed."""

from __future__ import annotations

import argparse
import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from .._structs import lens_dataset_options, lens_heatmap_options, lens_init_options
from ..context import Context
from ..errors import Cancelled, LensError
from ..model import Model
from . import Failure
from .arguments import SWITCH, Flag, Number, Options, Parser, Whole, size
from .console import console

_SETTING = [
    Flag("--device", "device", "where to compute"),
    Flag("--rocm-tuning", "rocm_tuning", "environment variables for AMD GPUs"),
    Flag("--gpu-memory", "memory_fraction", "share of the GPU's memory that may be taken, 0 to 1", Number(0, 1), "X",
         "0.85 on AMD, 1 on NVIDIA"),
    Flag("--tf32", "tf32", "TF32 on NVIDIA GPUs", SWITCH, default="auto"),
    Flag("--benchmark", "benchmark", "time convolution algorithms on GPUs", SWITCH, default="auto"),
    Flag("--compiled-graph", "compiled_graph", "run the compiled network that a model's file has", SWITCH, default="auto"),
    Flag("--threads", "threads", "CPU threads, 1 to 1024", Whole(1, 1024), "N", "as many as the process may use"),
    Flag("--engine", "engine", "what computes the network but in training"),
]  # fmt: skip

_DATASET = [
    Flag("--positive", "positive_class", "label or folder of the positive class", value_name="NAME",
         default="label 1, or the second of two folders"),
    Flag("--skip-unreadable", "on_unreadable", "leave out files that cannot be read, and count them", sets="skip"),
]  # fmt: skip

_HEATMAP = [
    Flag("--method", "method", "which parts are positive alone; which push the whole up or down; where evidence is; "
         "what it falls without"),
    Flag("--tile", "tile_size", "width and height of a tile, 32 to 4096", Whole(32, 4096), "PX"),
    Flag("--stride", "stride", "distance of tiles, at most the tile's width; 0: three quarters of it", Whole(0, 4096),
         "PX"),
    Flag("--edge", "edge", "a last row and column of tiles flush with the border, or none"),
    Flag("--blend", "blend", "how tiles are weighted where they overlap"),
    Flag("--scale", "scale", "resample images by this before tiling, above 0 and at most 16", Number(0, 16, True), "X"),
]  # fmt: skip

_THRESHOLD = "an image is positive above this probability, 0 to 1"


def threshold(default: str | None = None) -> Flag:
    return Flag("--threshold", "threshold", _THRESHOLD, Number(0, 1), "X", default)


def model_option(parser: Parser, required: bool = True, text: str = "the model's file") -> None:
    parser.add_text("--model", "MODEL", text, required)


class Setting:
    """Flags of every command: where to compute, and what is printed."""

    def __init__(self, parser: Parser) -> None:
        self._options = Options(parser, lens_init_options, _SETTING)
        parser.add("--json", "print one JSON document instead of text", action="store_true")
        parser.add("--quiet", "show no progress", action="store_true")

    def context(self, arguments: argparse.Namespace) -> Context:
        def log(level: str, message: str) -> None:
            console.message(f"{level}: {message}")

        return Context(log=log, log_level="warning", **self._options.given(arguments))

    def model(self, arguments: argparse.Namespace) -> Model:
        with self.context(arguments) as context, about(arguments.model):
            return context.load_model(arguments.model)


def dataset_options(parser: Parser) -> Options:
    return Options(parser, lens_dataset_options, _DATASET)


class HeatmapFlags:
    """How a heatmap is drawn."""

    def __init__(self, parser: Parser, *more: Flag) -> None:
        self._options = Options(parser, lens_heatmap_options, [*_HEATMAP, *more])
        text = "resize images to this before tiling, such as 128x128 (default: by --scale)"
        parser.add_text("--resize", "WxH", text, required=False, read=size)

    def given(self, arguments: argparse.Namespace, parser: Parser) -> dict[str, Any]:
        tile, stride = (self._options.value(arguments, field) for field in ("tile_size", "stride"))
        if stride > tile:
            parser.error(f"--stride {stride} is greater than --tile {tile}; it must be 0 to {tile}")
        width, height = arguments.resize or (None, None)
        scale = self._options.value(arguments, "scale")
        if width is not None and scale != 1:
            parser.error(f"--scale {scale:g} and --resize {width}x{height} exclude each other; give one")
        return {**self._options.given(arguments), "resize_width": width, "resize_height": height}


@contextmanager
def about(path: str) -> Generator[None]:
    """Names the file or directory in the message of what fails, if the library's does not."""
    try:
        yield
    except Cancelled:
        raise
    except LensError as error:
        text = str(error)
        raise Failure(text if path in text else f"{path}: {text}") from None


def print_json(document: object) -> None:
    print(json.dumps(document, indent=2, ensure_ascii=False))
