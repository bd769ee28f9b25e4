"""Images and labels as lesionlens reads them, as tensors."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy
import torch
import torchvision.transforms.v2 as transforms
from PIL import Image
from torch.utils.data import Dataset
from weights import Preprocessing

#: Flips, and rotations about the middle (nearest pixel, corners 0), on the resized image before it is normalised.
AUGMENTATION = transforms.Compose(
    [transforms.RandomHorizontalFlip(), transforms.RandomVerticalFlip(), transforms.RandomRotation(10)]
)


def pixels(path: Path) -> torch.Tensor:
    """3 x height x width, 0..1: the full range of 8 or 16 bits, gray on all three channels, alpha left out."""
    with Image.open(path) as image:
        if image.mode in ("L", "LA", "I;16"):
            values = numpy.asarray(image.convert("L") if image.mode == "LA" else image)
        elif image.mode in ("RGB", "RGBA"):
            values = numpy.asarray(image.convert("RGB"))
        else:
            raise ValueError(f"{path} has the mode {image.mode}; it must be gray or RGB, of 8 or 16 bits")
    scaled = torch.from_numpy(values.astype(numpy.float32) / numpy.iinfo(values.dtype).max)
    return scaled.expand(3, -1, -1) if scaled.ndim == 2 else scaled.permute(2, 0, 1)


def resized(image: torch.Tensor, preprocessing: Preprocessing) -> torch.Tensor:
    """Antialiased bilinear, in floats: nothing is rounded to 8 bits on the way."""
    size = (preprocessing.image_size, preprocessing.image_size)
    return torch.nn.functional.interpolate(image[None], size, mode="bilinear", antialias=True)[0]


def normalised(image: torch.Tensor, preprocessing: Preprocessing) -> torch.Tensor:
    mean, deviation = torch.tensor(preprocessing.mean), torch.tensor(preprocessing.standard_deviation)
    return (image - mean[:, None, None]) / deviation[:, None, None]


class Labelled(Dataset[Any]):
    """A folder with images/ and labels.csv (columns patch_filename and stenoza_label, labels 0 and 1)."""

    def __init__(self, directory: Path, preprocessing: Preprocessing, augment: bool) -> None:
        self._preprocessing, self._augment = preprocessing, augment
        with open(directory / "labels.csv", newline="", encoding="utf-8-sig") as file:
            rows = [
                (directory / "images" / row["patch_filename"].strip(), row["stenoza_label"].strip())
                for row in csv.DictReader(file)
            ]
        strange = next((row for row in rows if row[1] not in ("0", "1")), None)
        if strange:
            raise ValueError(f'{strange[0]} has the label "{strange[1]}"; it must be 0 or 1')
        self._paths = [path for path, _ in rows]
        self.labels = torch.tensor([float(label) for _, label in rows])
        if len(self.labels.unique()) != 2:
            raise ValueError(f"{directory} has {len(rows)} images; there must be some of each class")

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        image = resized(pixels(self._paths[index]), self._preprocessing)
        if self._augment:
            image = AUGMENTATION(image)
        return normalised(image, self._preprocessing), self.labels[index]
