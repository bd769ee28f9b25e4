"""lesionlens heatmap: where in image files a model sees the positive class."""

from __future__ import annotations

import argparse
from typing import Any

from .._structs import lens_overlay_options
from ..heatmap import Heatmap, HeatmapSummary
from ..model import Model
from ..image_file import ImageFile
from . import heatmap_files
from .arguments import Flag, Number, Options, Parser, Whole
from .classify import frame_option, load
from .common import HeatmapFlags, Setting, about, model_option, print_json, threshold
from .files import check_directory, check_readable, make_directory
from .heatmap_files import HIGHEST, MEAN, PLAIN, Paths
from .progress import Bar

#: Pictures and maps that are in memory at once.
GROUP = 16

_ABSOLUTE = "colours from probability 0 to 1, not from the map's lowest to highest"
_OVERLAY = [
    Flag("--colormap", "colormap", "colours of the overlay"),
    Flag("--alpha", "alpha", "share of the colours, 0 (image only) to 1 (colours only)", Number(0, 1), "X"),
    Flag("--absolute", "scale", _ABSOLUTE, sets="absolute"),
    Flag("--color-bar", "color_bar", "draw the scale of colours at the overlay's right edge", sets=True),
    Flag("--outline", "outline_tiles", "frame so many of the hottest tiles", Whole(0, 10**9), "N"),
]
_RESOLUTION = "a value for each pixel, or for each tile (for huge images; no overlay then)"
_ALL_FRAMES = "all frames of every file: its best frame, and STEM_max_... and STEM_mean_... over all of them"


def run(arguments: list[str]) -> None:
    parser = Parser(
        "heatmap",
        "--model MODEL FILE... --out DIR [options]",
        "Draws where in image files the model sees the positive class.",
    )
    model_option(parser)
    parser.add_text("--out", "DIR", "receives STEM_overlay.png and STEM_heatmap.png of each file; made when missing")
    resolution = Flag("--resolution", "resolution", _RESOLUTION)
    flags = HeatmapFlags(parser, resolution, threshold("the model's own"))
    frame_option(parser)
    parser.add("--all-frames", _ALL_FRAMES, action="store_true")
    overlay = Options(parser, lens_overlay_options, _OVERLAY)
    setting = Setting(parser)
    given, files = parser.parse(arguments, operand="FILE")
    choices = flags.given(given, parser)
    if given.all_frames and given.frame:
        parser.error(f"--frame {given.frame} and --all-frames exclude each other; give one")
    heatmap_files.check_paths(parser, given.out, files, given.all_frames)
    check_directory("--out", given.out)
    check_readable(files)

    drawing = _Drawing(given, files, choices, None if choices["resolution"] == "tiles" else overlay.given(given))
    with setting.context(given) as context, Bar(given.quiet) as bar:
        frames: list[int] = []
        if given.all_frames or len(files) > GROUP:
            # Each file is decoded once before anything is written, so that an unreadable one leaves no partial result.
            frames = [_frames_of(file, given.frame or 0, bar, index, len(files)) for index, file in enumerate(files)]
        with about(given.model):
            model = context.load_model(given.model)
        with model:
            entries = drawing.cines(model, frames, bar) if given.all_frames else drawing.pictures(model, bar)
    if given.json:
        print_json({"model": given.model, "cines" if given.all_frames else "maps": entries})
    else:
        for entry in entries:
            (_print_cine if given.all_frames else _print_map)(entry)


def _frames_of(file: str, frame: int, bar: Bar, index: int, total: int) -> int:
    with load(file, frame) as picture:
        bar.step("reading images", index + 1, total)
        return picture.frames


class _Drawing:
    def __init__(
        self, given: argparse.Namespace, files: list[str], heatmap: dict[str, Any], overlay: dict[str, Any] | None
    ) -> None:
        self._given = given
        self._files = files
        self._heatmap = heatmap
        self._overlay = overlay

    def pictures(self, model: Model, bar: Bar) -> list[dict[str, Any]]:
        """One frame of each file."""
        entries = []
        for first in range(0, len(self._files), GROUP):
            group = self._files[first : first + GROUP]
            pictures = [load(file, self._given.frame or 0) for file in group]
            bar.part(first, len(group), len(self._files))
            maps = model.heatmaps(pictures, progress=bar, **self._heatmap)
            make_directory(self._given.out)
            for file, picture, map in zip(group, pictures, maps):
                entries.append({"file": file, **self._write(file, PLAIN, map, picture)})
        return entries

    def cines(self, model: Model, frames: list[int], bar: Bar) -> list[dict[str, Any]]:
        """All frames of each file: the best one, and the highest and mean values over all of them."""
        entries, done = [], 0
        for file, count in zip(self._files, frames):
            maps: list[Heatmap] = []
            for first in range(0, count, GROUP):
                pictures = [load(file, frame) for frame in range(first, min(first + GROUP, count))]
                bar.part(done, len(pictures), sum(frames))
                maps += model.heatmaps(pictures, progress=bar, **self._heatmap)
                done += len(pictures)
            with about(file):
                highest, best = Heatmap.aggregate(maps, "max")
                mean, _ = Heatmap.aggregate(maps, "mean")
            make_directory(self._given.out)
            with load(file, best) as picture:
                kinds = {"best": (PLAIN, maps[best]), "max": (HIGHEST, highest), "mean": (MEAN, mean)}
                written = {name: self._write(file, kind, map, picture) for name, (kind, map) in kinds.items()}
            summaries = [_frame(number, map.summary) for number, map in enumerate(maps)]
            entries.append({"file": file, "best_frame": best, **written, "frames": summaries})
        return entries

    def _write(self, file: str, kind: str, map: Heatmap, picture: ImageFile) -> dict[str, Any]:
        with about(file):
            return heatmap_files.write(map, picture, Paths.of(self._given.out, file, kind), self._overlay)


def _frame(number: int, summary: HeatmapSummary) -> dict[str, Any]:
    figures = {"frame": number, "mean": summary.mean, "maximum": summary.maximum}
    return {**figures, "prediction": summary.prediction._asdict()}


def _print_map(entry: dict[str, Any], title: str | None = None) -> None:
    prediction, hottest = entry["prediction"], entry["hottest_tile"]
    print(
        f"{title or entry['file']}: {'positive' if prediction['label'] == 1 else 'negative'} "
        f"(probability {prediction['probability']:.4f}), mean {entry['mean']:.4f}, maximum {entry['maximum']:.4f}"
    )
    print(
        f"  hottest at x {hottest['x']:g}, y {hottest['y']:g}, {hottest['width']:g} x {hottest['height']:g} pixels: "
        f"probability {hottest['probability']:.4f}"
    )
    for path in filter(None, (entry["overlay"], entry["heatmap"])):
        print(f"  {path}")


def _print_cine(entry: dict[str, Any]) -> None:
    count = len(entry["frames"])
    print(f"{entry['file']}: {count} frame{'' if count == 1 else 's'}, best {entry['best_frame']}")
    for name, title in (("best", "best frame"), ("max", "highest of all frames"), ("mean", "mean of all frames")):
        _print_map(entry[name], title)
