"""lesionlens evaluate: how well a model does on labelled images."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from .._structs import lens_flag_criterion, lens_evaluate_options
from ..dataset import Dataset
from . import Failure
from .arguments import Choice, Flag, Number, Options, Parser, Whole
from .common import Setting, about, dataset_options, model_option, print_json, threshold
from .figures import find, print_duration, print_figure, print_metric, print_operating_point, print_samples, print_text
from .progress import Bar

_BAD = Choice({"pred" if name == "prediction" else name: name for name in lens_flag_criterion.names})

_FLAGS = [
    Flag("--out", "output_dir", "receives the report; made when missing", value_name="DIR"),
    threshold("the model's own"),
    Flag("--by-heatmap", "by_heatmap", "call an image by the mean of its heatmap's tiles, not whole", sets=True),
    Flag("--bad", "flag_criterion", "which images' heatmaps the report holds", _BAD),
    Flag("--bad-confidence", "flag_confidence", "confidence from which on an image is flagged, 0 to 1", Number(0, 1), "X"),
    Flag("--no-raw", "save_heatmap_raw", "write no heatmaps as numbers (.npy and 16-bit PNG)", sets=False),
    Flag("--no-overlays", "save_heatmap_overlay", "write no heatmaps over their images", sets=False),
    Flag("--sample-bad-ratio", "sample_flagged_ratio", "share of flagged ones among the 12 samples, 0 to 1", Number(0, 1), "X"),
    Flag("--sensitivity", "target_sensitivity", "that an operating point is to have, above 0, at most 1",
         Number(0, 1, True), "X"),
    Flag("--bootstrap", "bootstrap_samples", "resampled data sets for confidence intervals; 0: none",
         Whole(0, 1000000), "N"),
    Flag("--seed", "seed", "seed of the resampling", Whole(), "N"),
]  # fmt: skip

#: The reference pipeline's environment variables, and what they set unless the command line does.
_VARIABLES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "BAD_IMAGE_CRITERION": ("flag_criterion", _BAD),
    "BAD_CONF_THRESHOLD": ("flag_confidence", Number(0, 1)),
    "SAVE_HEATMAP_RAW": (
        "save_heatmap_raw",
        Choice({"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}),
    ),
    "SAVE_HEATMAP_OVERLAY": (
        "save_heatmap_overlay",
        Choice({"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}),
    ),
    "SAMPLE_BAD_RATIO": ("sample_flagged_ratio", Number(0, 1)),
}

_METRICS = {
    "accuracy": "accuracy",
    "balanced accuracy": "balanced_accuracy",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "PPV": "ppv",
    "NPV": "npv",
    "F1": "f1",
    "MCC": "mcc",
    "ROC AUC": "roc_auc",
    "PR AUC": "pr_auc",
    "Brier score": "brier",
    "log loss": "log_loss",
    "ECE": "ece",
}


def run(arguments: list[str]) -> None:
    parser = Parser(
        "evaluate",
        "--model MODEL --data DIR [--out DIR] [options]",
        "Classifies labelled images and compares with their labels.",
    )
    model_option(parser)
    parser.add_text("--data", "DIR", "images/ and labels.csv, or a folder per class")
    options = Options(parser, lens_evaluate_options, _FLAGS)
    reference = "the same as --by-heatmap, at 128x128 without tiles at the border, as the reference pipeline"
    parser.add("--reference", reference, action="store_true")
    opening = dataset_options(parser)
    setting = Setting(parser)
    given, _ = parser.parse(arguments)
    choices = options.given(given)
    for field, value in _from_environment(os.environ).items():
        if choices[field] is None:
            choices[field] = value
    if given.reference:
        choices["by_heatmap"] = True
        choices["heatmap"] = {"resize_width": 128, "resize_height": 128, "edge": "reference"}

    with setting.model(given) as model, Bar(given.quiet) as bar:
        with about(given.data):
            dataset = Dataset.open(given.data, **opening.given(given))
        with dataset:
            report = model.evaluate(dataset, progress=bar, **choices)
    if given.json:
        print_json(report)
    else:
        _print_report(report, choices["output_dir"])


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    found = {}
    for name, (field, read) in _VARIABLES.items():
        text = environment.get(name)
        if text:
            try:
                found[field] = read(text)
            except Exception as error:
                raise Failure(f"the environment variable {name}: {error}") from None
    return found


def _print_report(report: dict[str, Any], output_directory: str | None) -> None:
    print_samples("evaluated", report)
    print_figure("threshold", report, "threshold")
    for title, metric in _METRICS.items():
        print_metric(title, report, metric)
    print_text("", "in brackets: 95 % confidence intervals")
    print_operating_point("best threshold", report, "youden")
    print_operating_point("for sensitivity", report, "sensitivity")
    print_duration("time", find(report, "seconds") or 0)
    matrix = report["confusion_matrix"]
    print(f"\n{'':18}{'predicted negative':>20}{'predicted positive':>20}")
    print(f"{'labelled negative':18}{matrix['true_negative']:20}{matrix['false_positive']:20}")
    print(f"{'labelled positive':18}{matrix['false_negative']:20}{matrix['true_positive']:20}")
    if output_directory is not None:
        print(f"\nthe report is in {output_directory}: open report.html")
