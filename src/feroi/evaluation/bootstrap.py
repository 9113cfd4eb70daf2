"""Intervals of means over people: resampled by subject, since faces of one person are not independent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from feroi.outputs import FloatArray

RESAMPLES = 1000
CONFIDENCE = 0.95


class Interval(NamedTuple):
    """A mean and the interval about it; no interval where there are fewer than two subjects."""

    mean: float
    low: float | None
    high: float | None


def bootstrap_means(
    values: FloatArray, subjects: Sequence[str | int], seed: int, resamples: int = RESAMPLES
) -> list[Interval]:
    """The mean of each column of `values` (N, M) with its 95 % interval.

    subjects: whose each of the N rows is. Percentile bootstrap (Efron 1979): S subjects are drawn from
    the S there are, with replacement, and bring all their rows.
    """
    people, whose = np.unique(np.asarray(subjects), return_inverse=True)
    means = values.mean(0)
    if len(people) < 2:
        return [Interval(float(mean), None, None) for mean in means]
    sums = np.zeros((len(people), values.shape[1]))
    np.add.at(sums, whose, values)
    counts = np.bincount(whose)
    rng = np.random.default_rng(seed)
    chances = np.full(len(people), 1 / len(people))
    drawn = rng.multinomial(len(people), chances, size=resamples).astype(np.float64)  # (resamples, S)
    resampled = drawn @ sums / (drawn @ counts)[:, None]
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(resampled, [tail, 100 - tail], axis=0)
    return [Interval(*map(float, row)) for row in zip(means, low, high, strict=True)]
