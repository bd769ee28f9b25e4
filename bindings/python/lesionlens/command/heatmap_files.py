"""The pictures that are written of heatmaps: each input has its own, and none is an input."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from ..image import ImageLike
from ..heatmap import Heatmap
from ..image_file import write_png
from .arguments import Parser

#: Between a file's stem and "_overlay.png" or "_heatmap.png": of one frame, and of what is taken over all of them.
PLAIN, HIGHEST, MEAN = "", "_max", "_mean"


@dataclass(frozen=True)
class Paths:
    overlay: str
    values: str

    @classmethod
    def of(cls, directory: str, file: str, kind: str) -> Paths:
        stem = os.path.join(directory, os.path.splitext(os.path.basename(file))[0] + kind)
        return cls(f"{stem}_overlay.png", f"{stem}_heatmap.png")


def check_paths(parser: Parser, directory: str, files: list[str], all_frames: bool) -> None:
    """Ends the command when a picture would be written over another or over an input."""
    owners: dict[str, str] = {}
    for file in files:
        for kind in (PLAIN, HIGHEST, MEAN) if all_frames else (PLAIN,):
            paths = Paths.of(directory, file, kind)
            for path in (paths.overlay, paths.values):
                if path in owners:
                    name = os.path.basename(path)
                    parser.error(
                        f"'{owners[path]}' and '{file}' would both be written to {name}; rename one or give it apart"
                    )
                owners[path] = file
    inputs = {_identity(file): file for file in files if os.path.exists(file)}
    for path, file in owners.items():
        if os.path.exists(path) and _identity(path) in inputs:
            parser.error(
                f"the heatmap of '{file}' would be written over the input '{inputs[_identity(path)]}'; change --out"
            )


def _identity(path: str) -> tuple[int, int]:
    """Of the file, by whatever name."""
    status = os.stat(path)
    return status.st_dev, status.st_ino


def write(map: Heatmap, image: ImageLike, paths: Paths, overlay: dict[str, Any] | None) -> dict[str, Any]:
    """Writes the pictures, and returns the figures. overlay: how it is drawn; None: the map has no value for each
    pixel, so there is none."""
    summary = map.summary
    if overlay is not None:
        write_png(paths.overlay, map.overlay(image, **overlay))
    write_png(paths.values, map.values)
    hottest = map.tiles.flat[summary.hottest_tile]
    return {
        "overlay": None if overlay is None else paths.overlay,
        "heatmap": paths.values,
        "width": summary.width,
        "height": summary.height,
        "mean": summary.mean,
        "maximum": summary.maximum,
        "columns": summary.columns,
        "rows": summary.rows,
        "hottest_tile": {name: float(hottest[name]) for name in ("x", "y", "width", "height", "probability")},
        "prediction": summary.prediction._asdict(),
    }
