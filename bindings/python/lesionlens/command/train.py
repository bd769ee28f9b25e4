"""lesionlens train: a model from labelled images."""

from __future__ import annotations

import argparse
from typing import Any

from .._structs import lens_train_options
from ..dataset import Dataset
from .arguments import Flag, Number, Options, Parser, Whole, words
from .common import Setting, about, dataset_options, print_json, threshold
from .figures import find, print_duration, print_figure, print_samples, print_text
from .files import check_can_be_made
from .progress import Bar

_OTHER_FORMATS = (".pt", ".pth", ".pt2", ".onnx")
_METRICS = {"auc": "AUC", "loss": "validation loss"}

_FLAGS = [
    Flag("--init", "start_weights", "weights to start from: a model, or PyTorch's weights of a DenseNet-121 (.pth)",
         value_name="MODEL", default="random"),
    Flag("--epochs", "epochs", "passes over the training images, 1 to 100000", Whole(1, 100000), "N"),
    Flag("--batch", "batch_size", "images of one training step, 2 to 65536", Whole(2, 65536), "N"),
    Flag("--size", "image_size", "images are resized to this width and height, 32 to 4096", Whole(32, 4096), "PX"),
    Flag("--lr", "learning_rate", "learning rate, above 0 and at most 1", Number(0, 1, True), "X"),
    Flag("--seed", "seed", "seed of weights, sampling and augmentation", Whole(), "N"),
    Flag("--select", "select_by", "what makes an epoch the best"),
    threshold(),
    Flag("--optimizer", "optimizer", "how gradients become steps"),
    Flag("--weight-decay", "weight_decay", "pull of weights towards 0", Number(0, 1), "X"),
    Flag("--schedule", "schedule", "how the learning rate goes on"),
    Flag("--warmup", "warmup_epochs", "in which the learning rate rises from 0", Number(0, 100000), "EPOCHS"),
    Flag("--rotation", "rotation_degrees", "largest random rotation of training images", Number(0, 180), "DEGREES"),
    Flag("--clip-norm", "clip_norm", "longest gradient", Number(0, 1e6), "X", "any"),
    Flag("--label-smoothing", "label_smoothing", "share of a label spread over both classes", Number(0, 0.999), "X"),
    Flag("--average-decay", "average_decay", "of a moving average of the weights, such as 0.999", Number(0, 0.999999),
         "X", "none"),
    Flag("--freeze", "freeze_epochs", "first epochs in which only the head is trained", Whole(0, 100000), "EPOCHS"),
    Flag("--patience", "early_stopping_patience", "without a better model after which training ends", Whole(0, 100000),
         "EPOCHS", "never"),
    Flag("--run-dir", "run_directory", "receives run.json, curves.png, best.safetensors and last.checkpoint; made when "
         "missing", value_name="DIR"),
    Flag("--resume", "resume", "go on from the run directory's checkpoint, when there is one", sets=True),
    Flag("--checkpoint-minutes", "checkpoint_minutes", "between checkpoints within an epoch; 0: none",
         Number(0, 100000), "X"),
]  # fmt: skip


def run(arguments: list[str]) -> None:
    parser = Parser(
        "train",
        "--train DIR [--train DIR ...] --val DIR --out MODEL.safetensors [options]",
        "Trains DenseNet-121 to tell positive from negative images, and saves the best epoch's model.",
    )
    layout = "training images: images/ and labels.csv, or a folder per class; may be repeated"
    parser.add("--train", layout, action="append", type=words, metavar="DIR", required=True)
    parser.add_text("--val", "DIR", "images that select the best epoch, laid out alike")
    parser.add_text("--out", "MODEL.safetensors", "receives the best model")
    options = Options(parser, lens_train_options, _FLAGS)
    opening = dataset_options(parser)
    setting = Setting(parser)
    given, _ = parser.parse(arguments)
    if given.out.endswith(_OTHER_FORMATS):
        parser.error(
            f"--out '{given.out}': models are trained to safetensors, and the name must end so; "
            "`lesionlens export` writes other formats"
        )
    check_can_be_made("--out", given.out)

    choices = options.given(given)
    metric = _METRICS.get(choices["select_by"], "accuracy")
    with setting.context(given) as context:
        training, validation = _open(given, opening.given(given))
        with training, validation, Bar(given.quiet, metric) as bar:
            trained = context.train(training, validation, progress=bar, **choices)
        with trained, about(given.out):
            trained.save(given.out)
        # Describes what is on disk: reading it back shows that the file is whole, and has the file's hash.
        with about(given.out), context.load_model(given.out) as saved:
            description = saved.describe()
    if given.json:
        print_json({"path": given.out, "model": description})
    else:
        _print_summary(given.out, options.value(given, "epochs"), description)


def _open(given: argparse.Namespace, options: dict[str, Any]) -> tuple[Dataset, Dataset]:
    first, *others = given.train
    with about(first):
        training = Dataset.open(first, **options)
    for directory in others:
        with about(directory):
            training.extend(directory, **options)
    with about(given.val):
        return training, Dataset.open(given.val, **options)


def _print_summary(path: str, epochs: int, description: dict[str, Any]) -> None:
    training = description["training"]
    best = training["best_epoch"]
    print_text("model", path)
    print_text("SHA-256", description["model_sha256"])
    print_samples("training", training["train"])
    print_samples("validation", training["validation"])
    print_text("best epoch", f"{best} of {epochs}")
    figures: dict[str, Any] = next((epoch for epoch in training["epochs"] if epoch["epoch"] == best), {})
    print_figure("accuracy", figures, "accuracy")
    print_figure("AUC", figures, "auc")
    print_figure("loss", figures, "validation_loss")
    print_duration("time", find(training, "seconds") or 0)
