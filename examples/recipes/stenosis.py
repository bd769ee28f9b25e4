"""Stenosis or not on 32 x 32 angiogram patches, after training on tiles of other angiograms.

    python examples/recipes/stenosis.py DATA        # DATA holds stenosis-patches and arcade-tiles

There are only 100 training patches, so the network first learns what vessels and narrowings look like from 3426 tiles
of ARCADE (once, with the first seed; the model of `make demo` is a good --start-weights for that); then every seed
fine-tunes on the patches. The validation patches choose the epoch, and the test patches are looked at once per seed.
Published for comparison: a network pre-trained on ImageNet accuracy 0.95; a small one pre-trained on synthetic
patches 0.90 (Ovalle-Magallanes et al. 2020).
"""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import recipe
from recipe import lesionlens


def stenosis(context: lesionlens.Context, arguments: Namespace) -> dict[str, Any]:
    def split(name: str) -> lesionlens.Dataset:
        return recipe.limited(lesionlens.Dataset.open(arguments.data / name), arguments.limit)

    # An angiogram's vessels run in all directions.
    rotation = 180.0
    model = pretraining = None
    if arguments.pretraining_epochs > 0:
        model = recipe.train(
            context,
            "pre-training",
            split("arcade-tiles/train"),
            split("arcade-tiles/val"),
            arguments,
            epochs=arguments.pretraining_epochs,
            batch_size=arguments.pretraining_batch_size,
            average_decay=0.995,
            # Whether a vessel is narrow is not beyond doubt.
            label_smoothing=0.1,
            rotation_degrees=rotation,
            seed=arguments.seeds[0],
            start_weights=arguments.start_weights,
        )
        pretraining = model.describe()["training"]["epochs"]
    training, validation, test = (split(f"stenosis-patches/{name}") for name in ("train", "val", "test"))

    def train(seed: int) -> lesionlens.Model:
        return recipe.train(
            context,
            f"seed {seed}",
            training,
            validation,
            arguments,
            average_decay=0.97,
            # Of 25 validation patches, accuracy and AUC take few values; the loss tells epochs apart.
            select_by="loss",
            seed=seed,
            start_model=model,
            start_weights=None if model else arguments.start_weights,
            rotation_degrees=rotation,
        )

    return {"pretraining": pretraining} | recipe.test_seeds(train, test, arguments)


def main() -> int:
    parser = recipe.parser(__doc__.split("\n")[0], epochs=40, batch_size=16, image_size=64, learning_rate=3e-4)
    parser.add_argument("data", type=Path, help="directory with stenosis-patches and arcade-tiles")
    parser.add_argument(
        "--pretraining-epochs", type=int, default=18, metavar="NUMBER", help="0: none; default: %(default)s"
    )
    parser.add_argument(
        "--pretraining-batch-size", type=int, default=32, metavar="NUMBER", help="default: %(default)s"
    )
    return recipe.run(stenosis, parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
