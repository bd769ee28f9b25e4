"""Patches like those of stenosis-patches, made of other angiograms: real ones with a narrowing in the middle, anything
else from frames (background, borders, vessels without a narrowing), and drawn vessels with and without narrowings."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import numpy

from recipe import lesionlens

#: Width and height of a patch in pixels.
SIDE = 32
#: Pixels of a tile that become a patch, and of a frame: vessels of the patches are 4 to 5 pixels wide.
TILE_CUTS, FRAME_CUTS = (52.0, 64.0), (54.0, 105.0)
#: Black pixels around a frame: patches lie partly outside of the picture, too.
MARGIN = 40

Patch = numpy.ndarray
Box = tuple[float, float, float, float]
Item = TypeVar("Item")


def gray(path: Path, least: float = SIDE) -> Patch:
    """A picture's pixels, (H, W), at least so many each way; of coloured ones the first colour."""
    array = lesionlens.ImageFile(path).array
    if min(array.shape[:2]) < least:
        height, width = array.shape[:2]
        raise ValueError(f"{path} is {width} x {height} pixels; at least {least:.0f} each way are needed")
    return array if array.ndim == 2 else array[:, :, 0]


def table(path: Path, *columns: str) -> list[tuple[str, ...]]:
    """These columns of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        missing = [column for column in columns if column not in (rows.fieldnames or ())]
        if missing:
            raise ValueError(f"{path} has no column {', '.join(missing)}; it has {', '.join(rows.fieldnames or ())}")
        return [tuple(row[column] for column in columns) for row in rows]


def labelled(directory: Path) -> list[tuple[Path, int]]:
    """What labels.csv says of each image."""
    rows = table(directory / "labels.csv", "patch_filename", "stenoza_label")
    return [(directory / "images" / name, int(label)) for name, label in rows]


def boxes(directory: Path) -> dict[Path, list[Box]]:
    """Where narrowings lie in each frame: x, y, width and height in pixels."""
    found: dict[Path, list[Box]] = {path: [] for path in sorted((directory / "images").iterdir())}
    for name, *place in table(directory / "boxes.csv", "filename", "x", "y", "width", "height"):
        path = directory / "images" / name
        if path not in found:
            raise ValueError(f"{directory / 'boxes.csv'} names {name}, which is not among the images")
        x, y, width, height = map(float, place)
        found[path].append((x, y, width, height))
    return found


def spread(items: list[Item], limit: int | None) -> list[Item]:
    """So many of them, evenly spread."""
    count = len(items)
    return items if limit is None or limit >= count else [items[index * count // limit] for index in range(limit)]


def _weights(first: float, length: float, count: int) -> numpy.ndarray:
    """SIDE x count: how much each of `count` pixels adds to each of SIDE that share `length` pixels from `first` on."""
    step = length / SIDE
    middles = first + (numpy.arange(SIDE) + 0.5) * step
    distance = numpy.abs(numpy.arange(count) + 0.5 - middles[:, None]) / max(step, 1.0)
    weights = numpy.maximum(1.0 - distance, 0.0)
    return weights / weights.sum(axis=1, keepdims=True)


def cut(image: Patch, x: float, y: float, length: float) -> Patch:
    """The square of this length around a place, as a patch."""
    left, top = max(int(x - length / 2) - 4, 0), max(int(y - length / 2) - 4, 0)
    part = image[top : top + int(length) + 10, left : left + int(length) + 10].astype(numpy.float32)
    rows = _weights(y - length / 2 - top, length, part.shape[0])
    columns = _weights(x - length / 2 - left, length, part.shape[1])
    return rows @ part @ columns.T


def varied(patch: Patch, numbers: numpy.random.Generator) -> Patch:
    """Another exposure, contrast, sharpness and noise."""
    patch = 255 * (numpy.clip(patch, 0, 255) / 255) ** numbers.uniform(0.6, 1.5)
    contrast = numbers.uniform(0.5, 1.1)
    patch = (patch - 128) * contrast + 108 + 20 * contrast + numbers.uniform(-20, 20)
    if numbers.random() < 0.3:
        distance = numpy.arange(SIDE)[:, None] - numpy.arange(SIDE)
        blur = numpy.exp(-0.5 * (distance / numbers.uniform(0.3, 0.8)) ** 2)
        blur /= blur.sum(axis=1, keepdims=True)
        patch = blur @ patch @ blur.T
    patch = patch + numbers.normal(0, numbers.uniform(0, 5), patch.shape)
    return numpy.clip(patch, 0, 255).astype(numpy.uint8)


def of_tiles(tiles: list[tuple[Path, int]], times: int, numbers: numpy.random.Generator) -> Iterator[tuple[Patch, int]]:
    """Each tile, cut so many times at random around its middle."""
    for path, label in tiles:
        image = gray(path, TILE_CUTS[1])
        for _ in range(times):
            length = numbers.uniform(*TILE_CUTS)
            play = (min(image.shape) - length) / 2
            x, y = (side / 2 + numbers.uniform(-play, play) for side in (image.shape[1], image.shape[0]))
            yield cut(image, x, y, length), label


def of_frames(
    frames: dict[Path, list[Box]], narrowings: int, others: int, numbers: numpy.random.Generator
) -> Iterator[tuple[Patch, int]]:
    """So many cuts around each narrowing, and so many of each frame that touch none."""
    for path, found in frames.items():
        image = numpy.pad(gray(path, FRAME_CUTS[1]), MARGIN)
        inside = [(x + MARGIN, y + MARGIN, width, height) for x, y, width, height in found]
        for x, y, width, height in inside * narrowings:
            length = numbers.uniform(*FRAME_CUTS)
            yield cut(image, x + width / 2 + numbers.normal(0, 4), y + height / 2 + numbers.normal(0, 4), length), 1
        made = 0
        for _ in range(30 * others):
            if made == others:
                break
            length = numbers.uniform(*FRAME_CUTS)
            # Most lie in the picture, the others partly in the margin.
            least = length / 2 + (MARGIN if numbers.random() < 0.3 else numbers.uniform(4, MARGIN))
            x, y = (numbers.uniform(least, side - least) for side in (image.shape[1], image.shape[0]))
            reach = length / 2
            if not any(
                x - reach < left + width and left < x + reach and y - reach < top + height and top < y + reach
                for left, top, width, height in inside
            ):
                yield cut(image, x, y, length), 0
                made += 1


def draw_phantoms(program: Path, directory: Path, tiles: int, frames: int, seed: int) -> None:
    """Draws vessels into a directory, unless the same ones are there already."""
    if not program.is_file():
        raise ValueError(f"there is no {program}: build it with `make demo`, or name it with --phantom")
    command = [program, directory, "--seed", seed, "--train", tiles, "--frames", frames, "--validation", 2, "--test", 2]
    finished = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if finished.returncode != 0:
        raise ValueError(f"{program} ended with status {finished.returncode}: {finished.stderr.strip()}")


def pretraining(data: Path, phantoms: Path, limit: int | None, seed: int) -> lesionlens.Dataset:
    """All of them; `limit` images of each kind."""
    numbers = numpy.random.default_rng(seed)
    tiles = spread(labelled(data / "arcade-tiles" / "train"), limit)
    frames = dict(spread(list(boxes(data / "arcade-frames").items()), limit))
    drawn = dict(spread(list(boxes(phantoms / "frames").items()), limit))
    dataset = lesionlens.Dataset()
    for name, patches in (
        ("tile", of_tiles([tile for tile in tiles if tile[1] == 1], 2, numbers)),
        ("tile without", of_tiles([tile for tile in tiles if tile[1] == 0], 1, numbers)),
        ("frame", of_frames(frames, 16, 50, numbers)),
        ("drawn tile", of_tiles(spread(labelled(phantoms / "train"), limit), 1, numbers)),
        ("drawn frame", of_frames(drawn, 1, 1, numbers)),
    ):
        for index, (patch, label) in enumerate(patches):
            dataset.add(varied(patch, numbers), label, f"{name} {index}")
    return dataset


def symmetries(patch: Patch) -> list[Patch]:
    """A square patch in its eight positions."""
    turned = [numpy.rot90(patch, quarter) for quarter in range(4)]
    return [numpy.ascontiguousarray(view) for one in turned for view in (one, one[:, ::-1])]
