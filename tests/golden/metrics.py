"""Golden figures of merit: what scikit-learn, SciPy and NumPy say of small sets of predictions.

    pip install scikit-learn==1.9.1 scipy==1.17.1 numpy
    python tests/golden/metrics.py        # writes metrics.json beside itself

Probabilities are multiples of 2^-10 or 2^-16, so they are the same number in float32, float64 and decimal. An image is
called positive when its probability is greater than the threshold, 0.5. Numbers are written with repr precision; null
stands for a figure that does not exist, and for scikit-learn's infinite first threshold of a ROC curve.

DeLong's interval comes from the placements of every pair, operating points from trying every cut in whole numbers, the
temperature from a root of the derivative, the bootstrap from NumPy (its first resamples are checked with
scikit-learn).
"""

import json
import math
import os
import warnings
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import scipy
import sklearn
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import binomtest, norm
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    classification_report,
    confusion_matrix,
    f1_score,
    log_loss,
    matthews_corrcoef,
    precision_recall_curve,
    precision_score,
    recall_score,
    roc_auc_score,
    roc_curve,
)

THRESHOLD = 0.5
TARGET_SENSITIVITY = 0.9
BOOTSTRAPPED = {"ties", "random"}
RESAMPLES = 50_000
CHECKED_RESAMPLES = 50
OUTPUT = Path(__file__).with_suffix(".json")
NAN = math.nan


def sets() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    generator = np.random.Generator(np.random.PCG64(20240117))

    def noisy(labels: np.ndarray, spread: float, steps: int) -> np.ndarray:
        """Probabilities around 0.35 and 0.65 on a grid of the given number of steps, with its ends."""
        values = 0.35 + 0.3 * labels + spread * generator.standard_normal(labels.size)
        return np.clip(np.round(values * steps), 0, steps) / steps

    ties = generator.integers(0, 2, 40)
    # Eighths: many equal probabilities, within a class and across, some exactly at the threshold.
    tied = noisy(ties, 0.2, 8)
    assert (tied == THRESHOLD).any() and np.intersect1d(tied[ties == 0], tied[ties == 1]).size > 2
    imbalanced = (np.arange(60) % 20 == 7).astype(int)
    halves = generator.permutation(np.repeat([0, 1], 12))
    large = (generator.random(200) < 0.4).astype(int)
    perfect = (generator.integers(1, 500, 24) + 512 * halves) / 1024
    return {
        "ties": (ties, tied),
        "imbalanced": (imbalanced, noisy(imbalanced, 0.2, 1024)),
        "perfect": (halves, perfect),
        "reversed": (halves, 1 - perfect),
        "random": (large, noisy(large, 0.25, 65536)),
        "all at the threshold": (halves, np.full(halves.size, THRESHOLD)),
        "one class": (np.zeros(10, int), noisy(np.zeros(10), 0.2, 1024)),
        "the other class": (np.ones(10, int), noisy(np.ones(10), 0.2, 1024)),
        "all called positive": (halves, 0.5 + perfect / 2),
        "one positive": ((np.arange(12) == 5).astype(int), noisy(np.zeros(12), 0.2, 1024)),
    }


def number(value: float) -> float | None:
    return None if not math.isfinite(value) else float(value)


def numbers(values: np.ndarray) -> list[float | None]:
    return [number(value) for value in values]


def calibration_error(labels: np.ndarray, probabilities: np.ndarray) -> tuple[float, list[dict[str, object]]]:
    """scikit-learn gives the bins' means; how many are in each is counted by its rule."""
    share, mean = calibration_curve(labels, probabilities, n_bins=10, pos_label=1)
    counts = np.bincount(np.searchsorted(np.linspace(0, 1, 11)[1:-1], probabilities), minlength=10)
    bins, filled = [], 0
    for index, count in enumerate(counts.tolist()):
        known = count > 0
        bins.append(
            {
                "low": index / 10,
                "high": (index + 1) / 10,
                "count": count,
                "mean_probability": float(mean[filled]) if known else None,
                "share_positive": float(share[filled]) if known else None,
            }
        )
        filled += known
    return float(np.abs(share - mean) @ counts[counts > 0] / labels.size), bins


Figure = Callable[[np.ndarray, np.ndarray], float]


def called(figure: Callable[..., float], **options: object) -> Figure:
    return lambda labels, probabilities: figure(labels, (probabilities > THRESHOLD).astype(int), **options)


def both_classes(figure: Figure) -> Figure:
    return lambda labels, probabilities: figure(labels, probabilities) if np.unique(labels).size == 2 else NAN


def correlation(labels: np.ndarray, predicted: np.ndarray) -> float:
    """scikit-learn's convention of 0 where there is no correlation is not taken over."""
    both = np.unique(labels).size == 2 and np.unique(predicted).size == 2
    return matthews_corrcoef(labels, predicted) if both else NAN


FIGURES: dict[str, Figure] = {
    "accuracy": called(accuracy_score),
    "balanced_accuracy": both_classes(called(balanced_accuracy_score)),
    "sensitivity": called(recall_score, pos_label=1, zero_division=NAN),
    "specificity": called(recall_score, pos_label=0, zero_division=NAN),
    "ppv": called(precision_score, pos_label=1, zero_division=NAN),
    "npv": called(precision_score, pos_label=0, zero_division=NAN),
    "f1": called(f1_score, zero_division=NAN),
    "mcc": called(correlation),
    "roc_auc": both_classes(roc_auc_score),
    "pr_auc": lambda labels, probabilities: average_precision_score(labels, probabilities) if labels.any() else NAN,
    "brier": lambda labels, probabilities: brier_score_loss(labels, probabilities, pos_label=1, labels=[0, 1]),
    "log_loss": lambda labels, probabilities: log_loss(labels, probabilities, labels=[0, 1]),
    "ece": lambda labels, probabilities: calibration_error(labels, probabilities)[0],
}


def curves(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, object]:
    roc = precision_recall = None
    if np.unique(labels).size == 2:
        false_positive_rate, true_positive_rate, thresholds = roc_curve(labels, probabilities)
        roc = {
            "thresholds": numbers(thresholds),
            "false_positive_rate": numbers(false_positive_rate),
            "true_positive_rate": numbers(true_positive_rate),
        }
    if labels.any():
        precision, recall, thresholds = precision_recall_curve(labels, probabilities, drop_intermediate=True)
        precision_recall = {
            "thresholds": numbers(thresholds),
            "precision": numbers(precision),
            "recall": numbers(recall),
        }
    return {"roc": roc, "precision_recall": precision_recall}


def report(labels: np.ndarray, predicted: np.ndarray) -> dict[str, object]:
    found = classification_report(
        labels, predicted, labels=[0, 1], target_names=["negative", "positive"], output_dict=True, zero_division=NAN
    )
    names = {"negative": "negative", "positive": "positive"}
    names |= {"macro avg": "macro_average", "weighted avg": "weighted_average"}
    return {
        ours: {
            "precision": number(found[theirs]["precision"]),
            "recall": number(found[theirs]["recall"]),
            "f1": number(found[theirs]["f1-score"]),
            "support": int(found[theirs]["support"]),
        }
        for theirs, ours in names.items()
    } | {"accuracy": accuracy_score(labels, predicted)}


def wilson(part: int, whole: int) -> dict[str, object] | None:
    if whole == 0:
        return None
    found = binomtest(part, whole).proportion_ci(method="wilson")
    return {"low": float(found.low), "high": float(found.high), "method": "wilson"}


def delong(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, object] | None:
    positives, negatives = probabilities[labels == 1], probabilities[labels == 0]
    if min(positives.size, negatives.size) < 2:
        return None
    wins = (positives[:, None] > negatives) + (positives[:, None] == negatives) / 2
    area = wins.mean()
    variance = wins.mean(1).var(ddof=1) / positives.size + wins.mean(0).var(ddof=1) / negatives.size
    if variance == 0:
        return None
    half = norm.ppf(0.975) * math.sqrt(variance) / (area * (1 - area))
    return {"low": float(expit(logit(area) - half)), "high": float(expit(logit(area) + half)), "method": "delong"}


def intervals(matrix: dict[str, int], labels: np.ndarray, probabilities: np.ndarray) -> dict[str, object]:
    right_positive, right_negative = matrix["true_positive"], matrix["true_negative"]
    return {
        "accuracy": wilson(right_positive + right_negative, labels.size),
        "sensitivity": wilson(right_positive, right_positive + matrix["false_negative"]),
        "specificity": wilson(right_negative, right_negative + matrix["false_positive"]),
        "ppv": wilson(right_positive, right_positive + matrix["false_positive"]),
        "npv": wilson(right_negative, right_negative + matrix["false_negative"]),
        "roc_auc": delong(labels, probabilities),
    }


def operating_points(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, object]:
    positives, negatives = int(labels.sum()), int((1 - labels).sum())
    found: dict[str, object] = {"youden": None, "sensitivity": None}
    if positives == 0 or negatives == 0:
        return found
    values = sorted(set(probabilities.tolist()), reverse=True)
    best, reached = Fraction(0), False
    for value, lower in zip(values, [*values[1:], 0.0], strict=True):
        if value == 0:
            continue
        threshold = (value + lower) / 2
        matrix = confusion(labels, (probabilities > threshold).astype(int))
        sensitivity = Fraction(matrix["true_positive"], positives)
        specificity = Fraction(matrix["true_negative"], negatives)
        point = {
            "threshold": threshold,
            "sensitivity": rate(matrix["true_positive"], positives),
            "specificity": rate(matrix["true_negative"], negatives),
            **matrix,
        }
        if sensitivity + specificity - 1 > best:
            best = sensitivity + specificity - 1
            found["youden"] = {"rule": "youden", **point}
        if not reached and float(sensitivity) >= TARGET_SENSITIVITY:
            reached = True
            found["sensitivity"] = {"rule": "sensitivity", "target": TARGET_SENSITIVITY, **point}
    return found


def rate(part: int, whole: int) -> dict[str, float]:
    found = binomtest(part, whole).proportion_ci(method="wilson")
    return {"value": part / whole, "low": float(found.low), "high": float(found.high)}


def bootstrap(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, object]:
    """Percentiles, and the spread that a difference between two generators is to be measured by."""
    generator = np.random.Generator(np.random.PCG64(7))
    count = labels.size
    draws = generator.multinomial(count, np.full(count, 1 / count), RESAMPLES)
    drawn = weighted_figures(labels, probabilities, draws)
    for index in range(CHECKED_RESAMPLES):
        chosen = np.repeat(np.arange(count), draws[index])
        for name, values in drawn.items():
            assert abs(values[index] - FIGURES[name](labels[chosen], probabilities[chosen])) < 1e-9, name
    summary: dict[str, object] = {}
    for name, values in drawn.items():
        low, high = np.quantile(values, [0.025, 0.975])
        summary[name] = {"low": float(low), "high": float(high), "deviation": float(np.std(values))}
    return summary


def weighted_figures(labels: np.ndarray, probabilities: np.ndarray, draws: np.ndarray) -> dict[str, np.ndarray]:
    """Each figure for each row of draws: how often each sample was drawn."""
    count, predicted = labels.size, probabilities > THRESHOLD
    positive = labels == 1
    right_positive, wrong_positive = draws @ (predicted & positive), draws @ (predicted & ~positive)
    right_negative, wrong_negative = draws @ (~predicted & ~positive), draws @ (~predicted & positive)
    sides = [right_positive + wrong_negative, right_negative + wrong_positive]
    sides += [right_positive + wrong_positive, right_negative + wrong_negative]
    covariance = right_positive * right_negative - wrong_positive * wrong_negative
    clipped = np.clip(probabilities, np.finfo(float).eps, 1 - np.finfo(float).eps)
    bins = np.searchsorted(np.linspace(0, 1, 11)[1:-1], probabilities)
    gaps = [np.abs(draws[:, bins == index] @ (probabilities - labels)[bins == index]) for index in range(10)]
    order = np.argsort(-probabilities, kind="stable")
    ends = np.flatnonzero(np.diff(-probabilities[order], append=1))
    reached = np.cumsum(draws[:, order] * positive[order], axis=1)[:, ends]
    called_so_far = np.maximum(np.cumsum(draws[:, order], axis=1)[:, ends], 1)
    return {
        "balanced_accuracy": (right_positive / sides[0] + right_negative / sides[1]) / 2,
        "f1": 2 * right_positive / (sides[0] + sides[2]),
        "mcc": covariance / np.sqrt(np.prod(np.array(sides, float), axis=0)),
        "pr_auc": (np.diff(reached, axis=1, prepend=0) * reached / called_so_far).sum(1) / sides[0],
        "brier": draws @ (probabilities - labels) ** 2 / count,
        "log_loss": draws @ -np.log(np.where(positive, clipped, 1 - clipped)) / count,
        "ece": np.sum(gaps, axis=0) / count,
    }


def confusion(labels: np.ndarray, predicted: np.ndarray) -> dict[str, int]:
    cells = confusion_matrix(labels, predicted, labels=[0, 1]).ravel().tolist()
    return dict(zip(("true_negative", "false_positive", "false_negative", "true_positive"), cells, strict=True))


def figures(name: str, labels: np.ndarray, probabilities: np.ndarray) -> dict[str, object]:
    assert np.array_equal(probabilities, probabilities.astype(np.float32))
    predicted = (probabilities > THRESHOLD).astype(int)
    matrix = confusion(labels, predicted)
    found = {
        "metrics": {figure: number(compute(labels, probabilities)) for figure, compute in FIGURES.items()},
        "confusion_matrix": matrix,
        "classification_report": report(labels, predicted),
        "reliability": calibration_error(labels, probabilities)[1],
        "intervals": intervals(matrix, labels, probabilities),
        "operating_points": operating_points(labels, probabilities),
        **curves(labels, probabilities),
    }
    return {
        "name": name,
        "labels": labels.astype(int).tolist(),
        "probabilities": probabilities.tolist(),
        "expected": found,
        "bootstrap": bootstrap(labels, probabilities) if name in BOOTSTRAPPED else None,
    }


def temperatures() -> list[dict[str, object]]:
    """Logits on a grid of 2^-8, as a network's with this temperature, and the temperature that fits them best."""
    generator = np.random.Generator(np.random.PCG64(3))
    found = []
    for true_temperature, count in ((2.5, 200), (0.4, 200), (1.0, 40), (12.0, 300)):
        logits = np.round(generator.normal(-1, 3 * true_temperature, count) * 256) / 256
        labels = (generator.random(count) < expit(logits / true_temperature)).astype(int)
        signed = np.where(labels == 1, logits, -logits)
        scale = brentq(lambda scale: float(np.mean(signed * expit(-scale * signed))), 1e-3, 1e3, xtol=1e-15, rtol=1e-15)
        assert abs(scale * true_temperature - 1) < 0.5
        found.append({"logits": logits.tolist(), "labels": labels.tolist(), "temperature": 1 / scale})
    return found


def main() -> None:
    warnings.simplefilter("ignore")
    document = {
        "versions": {"scikit-learn": sklearn.__version__, "scipy": scipy.__version__, "numpy": np.__version__},
        "threshold": THRESHOLD,
        "target_sensitivity": TARGET_SENSITIVITY,
        "sets": [figures(name, labels, probabilities) for name, (labels, probabilities) in sets().items()],
        "temperatures": temperatures(),
    }
    temporary = OUTPUT.with_suffix(".tmp")
    temporary.write_text(json.dumps(document, allow_nan=False) + "\n", encoding="utf-8")
    os.replace(temporary, OUTPUT)


if __name__ == "__main__":
    main()
