"""Golden figures of merit: what scikit-learn says of seven small sets of predictions.

    pip install scikit-learn==1.9.1 numpy
    python tests/golden/metrics.py        # writes metrics.json beside itself

Probabilities are multiples of 2^-10 or 2^-16, so they are the same number in float32, float64 and decimal. An image is
called positive when its probability is greater than the threshold, 0.5. Numbers are written with repr precision; null
stands for a figure that is undefined because a class is missing.
"""

import json
import math
import os
import warnings
from pathlib import Path

import numpy as np
import sklearn
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import accuracy_score, confusion_matrix, recall_score, roc_auc_score

THRESHOLD = 0.5
OUTPUT = Path(__file__).with_suffix(".json")


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
    }


def number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def figures(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, object]:
    assert np.array_equal(probabilities, probabilities.astype(np.float32))
    predicted = (probabilities > THRESHOLD).astype(int)
    matrix = confusion_matrix(labels, predicted, labels=[0, 1]).ravel().tolist()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        return {
            "accuracy": number(accuracy_score(labels, predicted)),
            "roc_auc": number(roc_auc_score(labels, probabilities)),
            "sensitivity": number(recall_score(labels, predicted, pos_label=1, zero_division=math.nan)),
            "specificity": number(recall_score(labels, predicted, pos_label=0, zero_division=math.nan)),
            "confusion_matrix": dict(
                zip(("true_negative", "false_positive", "false_negative", "true_positive"), matrix, strict=True)
            ),
        }


def main() -> None:
    document = {
        "versions": {"scikit-learn": sklearn.__version__},
        "threshold": THRESHOLD,
        "sets": [
            {
                "name": name,
                "labels": labels.astype(int).tolist(),
                "probabilities": probabilities.tolist(),
                "expected": figures(labels, probabilities),
            }
            for name, (labels, probabilities) in sets().items()
        ],
    }
    temporary = OUTPUT.with_suffix(".tmp")
    temporary.write_text(json.dumps(document, allow_nan=False) + "\n", encoding="utf-8")
    os.replace(temporary, OUTPUT)


if __name__ == "__main__":
    main()
