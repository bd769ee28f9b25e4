"""What the recipes share: options, progress, one training and test per seed, and their summary."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any, Callable

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bindings" / "python"))

import lesionlens  # noqa: E402

FIGURES = ("accuracy", "roc_auc")
SECONDS_BETWEEN_LINES = 30


def parser(description: str, **defaults: Any) -> argparse.ArgumentParser:
    """The options that every recipe has, with the recipe's defaults."""
    made = argparse.ArgumentParser(description=description, allow_abbrev=False)
    made.add_argument(
        "--seeds", type=int, nargs="+", metavar="SEED", help="one training and one test for each (default: %(default)s)"
    )
    for name, kind, meaning in (
        ("--epochs", int, "passes over the training set"),
        ("--batch-size", int, "samples of one step"),
        ("--image-size", int, "width and height the images are resized to"),
        ("--learning-rate", float, "how far a step goes"),
    ):
        made.add_argument(name, type=kind, metavar="NUMBER", help=f"{meaning} (default: %(default)s)")
    made.add_argument(
        "--select-by",
        choices=("auc", "accuracy", "loss"),
        help="which validation figure chooses the epoch (default: %(default)s)",
    )
    made.add_argument("--threads", type=int, metavar="NUMBER", help="default: as many as the library finds good")
    made.add_argument(
        "--start-weights", type=Path, metavar="FILE", help="a model, or PyTorch's weights (.pth); default: random ones"
    )
    made.add_argument(
        "--runs", type=Path, metavar="DIRECTORY", help="keep every training here, and go on with interrupted ones"
    )
    made.add_argument("--json", type=Path, metavar="FILE", help="write all figures here")
    made.add_argument("--limit", type=int, metavar="SAMPLES", help="of each split, to try the recipe out")
    made.set_defaults(seeds=[1, 2, 3], select_by="auc", **defaults)
    return made


class Meter:
    """Progress on standard error: one line that changes on a terminal, now and then a line elsewhere."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._last = 0.0
        self._changing = sys.stderr.isatty()

    def __call__(self, progress: lesionlens.Progress) -> None:
        now = time.monotonic()
        if now - self._last < (0.2 if self._changing else SECONDS_BETWEEN_LINES):
            return
        self._last = now
        epoch = f", epoch {progress.epoch} of {progress.epochs}" if progress.epoch else ""
        loss = "" if progress.loss != progress.loss else f", loss {progress.loss:.4f}"
        left = f", {progress.seconds_left / 60:.0f} min left" if progress.seconds_left >= 0 else ""
        line = f"{self._title}: {progress.phase}{epoch}, {progress.done} of {progress.total}{loss}{left}"
        print(f"\r{line}\x1b[K" if self._changing else f"{line}\n", end="", file=sys.stderr, flush=True)

    def done(self) -> None:
        if self._changing:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def limited(dataset: lesionlens.Dataset, limit: int | None) -> lesionlens.Dataset:
    """That many samples, with about the same share of positives."""
    count = len(dataset)
    return dataset if limit is None or limit >= count else dataset.split(limit / count)[0]


def train(
    context: lesionlens.Context,
    title: str,
    training: lesionlens.Dataset,
    validation: lesionlens.Dataset,
    arguments: argparse.Namespace,
    **options: Any,
) -> lesionlens.Model:
    """Trains with the recipe's options, changed by `options`; what was best on the validation set."""
    options = {
        "epochs": arguments.epochs,
        "batch_size": arguments.batch_size,
        "image_size": arguments.image_size,
        "learning_rate": arguments.learning_rate,
        "select_by": arguments.select_by,
        # AdamW down a cosine, and the average of the weights' last steps: what ends well without being watched.
        "optimizer": "adamw",
        "weight_decay": 0.05,
        "schedule": "cosine",
        "average_decay": 0.98,
    } | options
    if arguments.runs is not None:
        options |= {"run_directory": arguments.runs / title.replace(" ", "-"), "resume": True}
    meter = Meter(title)
    try:
        model = context.train(training, validation, progress=meter, **options)
    finally:
        meter.done()
    record = model.describe()["training"]
    best = record["epochs"][record["best_epoch"] - 1]
    figures = f"validation accuracy {text(best['accuracy'])}, AUC {text(best['auc'])}"
    print(f"{title}: epoch {best['epoch']} is best, {figures}", flush=True)
    return model


def evaluated(model: lesionlens.Model, test: lesionlens.Dataset) -> dict[str, Any]:
    report = model.evaluate(test)
    return report["metrics"] | {"confusion_matrix": report["confusion_matrix"]}


def test_seeds(
    train_one: Callable[[int], lesionlens.Model],
    test_one: Callable[[lesionlens.Model], dict[str, Any]],
    arguments: argparse.Namespace,
) -> dict[str, Any]:
    """Trains once per seed, looks at the test set once per trained model, and sums up. What test_one returns holds
    FIGURES."""
    results = []
    for seed in arguments.seeds:
        started = time.monotonic()
        model = train_one(seed)
        figures = test_one(model)
        record = model.describe()["training"]
        results.append(
            {
                "seed": seed,
                "best_epoch": record["best_epoch"],
                "validation": record["epochs"][record["best_epoch"] - 1],
                "test": figures,
                "seconds": round(time.monotonic() - started, 1),
            }
        )
        print(f"seed {seed}: test accuracy {text(figures['accuracy'])}, AUC {text(figures['roc_auc'])}", flush=True)
    mean = {name: average([result["test"][name] for result in results]) for name in FIGURES}
    print(f"mean of {len(results)}: test accuracy {text(mean['accuracy'])}, AUC {text(mean['roc_auc'])}")
    return {"seeds": results, "test_mean": mean}


def average(values: list[float | None]) -> float | None:
    """None when one of them is undefined."""
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if len(known) == len(values) else None


def text(figure: float | None) -> str:
    return "undefined" if figure is None else f"{figure:.4f}"


Recipe = Callable[[lesionlens.Context, argparse.Namespace], dict[str, Any]]


def run(recipe: Recipe, arguments: argparse.Namespace) -> int:
    """Runs a recipe and writes its figures; errors as one line."""
    try:
        with lesionlens.Context(threads=arguments.threads) as context:
            figures = recipe(context, arguments)
        if arguments.json is not None:
            document = {"library": lesionlens.library_version, "options": vars(arguments)} | figures
            temporary = arguments.json.with_name(arguments.json.name + ".tmp")
            temporary.write_text(json.dumps(document, indent=2, default=str) + "\n", encoding="utf-8")
            os.replace(temporary, arguments.json)
    except (lesionlens.LensError, OSError, ValueError) as error:
        print(f"{Path(sys.argv[0]).name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0
