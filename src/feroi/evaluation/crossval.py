"""Subject-independent cross-validation (sections 4.3 and 4.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from feroi.data.folds import PAPER_FOLDS, Division, subject_folds
from feroi.data.samples import Samples
from feroi.evaluation.metrics import Scores, score

Fit = Callable[[int, Division], NDArray[np.int64]]
"""Anything that learns: (fold 1.., its division) to predictions for the validation samples."""


class CrossValidation(NamedTuple):
    """Scores of each fold, and of all folds' predictions together."""

    folds: list[Scores]
    together: Scores

    def spread(self, name: str) -> tuple[float, float | None]:
        """Mean and standard deviation (n - 1) of a score over the folds; None for that of one fold."""
        values = [getattr(fold, name) for fold in self.folds]
        return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None

    def to_json(self) -> dict[str, Any]:
        """JSON-ready: mean and standard deviation, each fold, and all folds together."""
        summary = {
            f"{name}_{what}": value
            for name in ("accuracy", "macro_f1")
            for what, value in zip(("mean", "std"), self.spread(name), strict=True)
        }
        folds = [fold.to_json() for fold in self.folds]
        return {**summary, "folds": folds, "together": self.together.to_json()}


def cross_validate(samples: Samples, fit: Fit, folds: int = PAPER_FOLDS, seed: int = 0) -> CrossValidation:
    """Fit on all folds but one and score on that one, for each in turn.

    Raises ValueError if subjects are unknown or too few, or if `fit` answers for another number
    of samples than it was asked.
    """
    results: list[Scores] = []
    labels, predictions = [], []
    for number, fold in enumerate(subject_folds(samples, folds, seed), 1):
        description = f"fold {number} of {folds} by subject"
        division = Division(samples.take(fold.training), samples.take(fold.validation), description)
        predicted = fit(number, division)
        results.append(score(division.validation.labels, predicted))
        labels.append(division.validation.labels)
        predictions.append(predicted)
    return CrossValidation(results, score(np.concatenate(labels), np.concatenate(predictions)))


def in_percent(values: tuple[float, float | None]) -> str:
    """'95.2 ± 2.0' from a mean and a standard deviation in 0..1, as the paper writes them; '95.2' without."""
    mean, std = values
    return f"{100 * mean:.1f}" + ("" if std is None else f" ± {100 * std:.1f}")
