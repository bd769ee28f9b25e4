"""Lines of text with a name and a figure, out of the library's documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .progress import duration


def find(document: Any, path: str) -> Any:
    """What lies at a path such as "training.epochs"; None where there is nothing."""
    for name in path.split("."):
        document = document.get(name) if isinstance(document, Mapping) else None
    return document


def print_text(name: str, text: str) -> None:
    print(f"{name:<18}{text}")


def print_figure(name: str, document: Any, path: str, reason: str | None = None) -> None:
    """reason: where the document says why there is no such figure."""
    value = find(document, path)
    if value is not None:
        print_text(name, f"{value:.4g}")
    else:
        why = None if reason is None else find(document, reason)
        print_text(name, "unknown" if why is None else f"undefined: {why}")


def print_metric(name: str, report: Any, metric: str) -> None:
    value, interval = find(report, f"metrics.{metric}"), find(report, f"intervals.{metric}")
    low, high = find(interval, "low"), find(interval, "high")
    if None in (value, low, high):
        print_figure(name, report, f"metrics.{metric}", f"undefined.{metric}")
    else:
        print_text(name, f"{value:<10.4g}({low:.4g} to {high:.4g})")


def print_operating_point(name: str, report: Any, which: str) -> None:
    point = find(report, f"operating_points.{which}")
    figures = [find(point, path) for path in ("threshold", "sensitivity.value", "specificity.value")]
    if None in figures:
        print_figure(name, report, f"operating_points.{which}", f"undefined.operating_point_{which}")
    else:
        at, sensitivity, specificity = figures
        print_text(name, f"{at:<10.4g}sensitivity {sensitivity:.4g}, specificity {specificity:.4g}")


def print_samples(name: str, counts: Any) -> None:
    text = f"{counts['samples']} images"
    if "positives" in counts:
        text += f": {counts['positives']} positive, {counts['negatives']} negative"
    skipped = find(counts, "skipped.count")
    print_text(name, f"{text}; {skipped} unreadable, left out" if skipped else text)


def print_duration(name: str, seconds: float) -> None:
    print_text(name, duration(seconds))
