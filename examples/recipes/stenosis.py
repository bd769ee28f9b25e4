"""Stenosis or not on 32 x 32 angiogram patches, after training on other angiograms and on drawn ones.

    python examples/recipes/stenosis.py DATA    # DATA holds stenosis-patches, arcade-tiles and arcade-frames

There are only 100 training patches, so the network first learns from 47,000 that look like them (patches.py): cut from
tiles and frames of ARCADE, and from phantoms, which the program that `make demo` builds draws. The training and
validation patches together choose that epoch. Then every seed fine-tunes on the training patches, the validation patches
choose the epoch, and the test patches are looked at once per seed: in their eight positions, of which the mean logit
counts, because a patch has no upright. Published for comparison: a network pre-trained on ImageNet accuracy 0.95; a small
one pre-trained on synthetic patches 0.90 (Ovalle-Magallanes et al. 2020). Pre-training takes half an hour on two cores.
"""

from __future__ import annotations

import sys
import tempfile
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy

import patches
import recipe
from recipe import lesionlens

#: An angiogram's vessels run in all directions.
ROTATION = 180.0
PHANTOM = Path(__file__).resolve().parents[2] / "target" / "release" / "examples" / "phantom"


def pretrain(context: lesionlens.Context, arguments: Namespace, validation: lesionlens.Dataset) -> lesionlens.Model:
    print("pre-training: drawing phantoms and cutting patches, about two minutes", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        phantoms = Path(scratch) / "phantoms"
        patches.draw_phantoms(arguments.phantom, phantoms, arguments.drawn_tiles, arguments.drawn_frames, seed=21)
        training = patches.pretraining(arguments.data, phantoms, arguments.limit, arguments.seeds[0])
    return recipe.train(
        context,
        "pre-training",
        training,
        validation,
        arguments,
        epochs=arguments.pretraining_epochs,
        batch_size=arguments.pretraining_batch_size,
        learning_rate=1e-3,
        average_decay=0.995,
        # Whether a vessel is narrow is not beyond doubt.
        label_smoothing=0.05,
        select_by="loss",
        rotation_degrees=ROTATION,
        seed=arguments.seeds[0],
        start_weights=arguments.start_weights,
    )


def tested(model: lesionlens.Model, images: list[tuple[patches.Patch, int]]) -> dict[str, Any]:
    """Figures of the mean logit of each patch's eight positions."""
    views = [view for image, _ in images for view in patches.symmetries(image)]
    logits = (
        numpy.array([prediction.logit for prediction in model.classify(views)]).reshape(len(images), 8).mean(axis=1)
    )
    positive = numpy.array([label == 1 for _, label in images])
    called = logits > 0
    pairs = logits[positive][:, None] - logits[~positive][None, :]
    return {
        "accuracy": float((called == positive).mean()),
        "roc_auc": float(((pairs > 0) + 0.5 * (pairs == 0)).mean()) if pairs.size else None,
        "confusion_matrix": {
            "true_positive": int((called & positive).sum()),
            "false_positive": int((called & ~positive).sum()),
            "true_negative": int((~called & ~positive).sum()),
            "false_negative": int((~called & positive).sum()),
        },
    }


def stenosis(context: lesionlens.Context, arguments: Namespace) -> dict[str, Any]:
    def split(*names: str) -> lesionlens.Dataset:
        dataset = lesionlens.Dataset()
        for name in names:
            dataset.extend(arguments.data / "stenosis-patches" / name)
        return recipe.limited(dataset, arguments.limit)

    training, validation = split("train"), split("val")
    model = pretraining = None
    if arguments.pretraining_epochs > 0:
        model = pretrain(context, arguments, split("train", "val"))
        pretraining = model.describe()["training"]["epochs"]
    labels = patches.labelled(arguments.data / "stenosis-patches" / "test")
    test = [(patches.gray(path), label) for path, label in patches.spread(labels, arguments.limit)]

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
            rotation_degrees=ROTATION,
        )

    return {"pretraining": pretraining} | recipe.test_seeds(train, lambda model: tested(model, test), arguments)


def main() -> int:
    parser = recipe.parser(__doc__.split("\n")[0], epochs=20, batch_size=16, image_size=64, learning_rate=3e-4)
    parser.add_argument("data", type=Path, help="directory with stenosis-patches, arcade-tiles and arcade-frames")
    for name, default, meaning in (
        ("--pretraining-epochs", 6, "0: none"),
        ("--pretraining-batch-size", 48, "samples of one step"),
        ("--drawn-tiles", 32_000, "phantoms for pre-training"),
        ("--drawn-frames", 3000, "phantoms for pre-training"),
    ):
        parser.add_argument(name, type=int, default=default, metavar="NUMBER", help=f"{meaning}; default: %(default)s")
    parser.add_argument(
        "--phantom",
        type=Path,
        default=PHANTOM,
        metavar="PROGRAM",
        help="draws phantoms; default: what make demo builds",
    )
    return recipe.run(stenosis, parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
