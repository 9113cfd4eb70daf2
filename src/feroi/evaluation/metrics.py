"""Scores of predicted expressions."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, f1_score

from feroi.vocabulary import EXPRESSIONS


class Scores(NamedTuple):
    """How predictions compare with labels.

    n: number of images.
    accuracy: share predicted right, 0..1.
    macro_f1: mean F1 over the expressions that occur among the labels.
    per_class_recall: share of each expression's images predicted right; None where it has none.
    confusion: (7, 7) counts, rows the labels, columns the predictions, both in label order.
    """

    n: int
    accuracy: float
    macro_f1: float
    per_class_recall: dict[str, float | None]
    confusion: NDArray[np.int64]

    def to_json(self) -> dict[str, Any]:
        """JSON-ready, under the names other tools read."""
        return {
            "n": self.n,
            "accuracy": self.accuracy,
            "macro_f1": self.macro_f1,
            "per_class_recall": self.per_class_recall,
            "confusion_matrix": self.confusion.tolist(),
            "label_order": list(EXPRESSIONS),
        }


def score(labels: NDArray[np.int64], predicted: NDArray[np.int64]) -> Scores:
    """Compare predictions with labels, both (N,) indices into `vocabulary.EXPRESSIONS`.

    Raises ValueError if there is nothing to compare or the lengths differ.
    """
    if len(labels) != len(predicted) or not len(labels):
        raise ValueError(f"cannot compare {len(predicted)} predictions with {len(labels)} labels")
    confusion = confusion_matrix(labels, predicted, labels=range(len(EXPRESSIONS)))
    totals, right = confusion.sum(1), confusion.diagonal()
    recall = {name: float(right[i] / totals[i]) if totals[i] else None for i, name in enumerate(EXPRESSIONS)}
    occurring = np.flatnonzero(totals)
    macro_f1 = f1_score(labels, predicted, labels=occurring, average="macro", zero_division=0)
    return Scores(len(labels), float(right.sum() / totals.sum()), float(macro_f1), recall, confusion)
