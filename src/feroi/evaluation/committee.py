"""How much each member of a committee counts, found on faces that none has learned from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from feroi.evaluation.calibration import fit_temperature
from feroi.outputs import FloatArray

POWERS = range(151)
"""Values of q that are tried."""


class Weights(NamedTuple):
    """The weights of M members, which sum to 1, and the power q of their accuracies that gives them."""

    power: int
    weights: FloatArray


def fit_weights(log_probabilities: FloatArray, labels: NDArray[np.int64]) -> Weights:
    """The validation-accuracy-based exponentially weighted average of Kim et al. 2015 ([17] of the paper).

    A member weighs in proportion to its accuracy to the power q; 0 weighs all alike, and a large q leaves the
    best alone. Theirs averages probabilities and, in the code they published, takes the q of the highest
    accuracy, -50 to 150 in steps of 0.1. Ours averages log probabilities (see `network.committee`) and takes
    the q of the least cross entropy, which a few images cannot turn, each at its best temperature.

    log_probabilities: (M, N, 7) of M members for N faces. labels: (N,).
    """
    accuracies = (log_probabilities.argmax(2) == labels).mean(1)
    found = [
        (fit_temperature(mean_log_probabilities(log_probabilities, weights), labels)[1], power, weights)
        for power in POWERS
        for weights in [weights_of(accuracies, power)]
    ]
    _, power, weights = min(found, key=lambda each: each[:2])
    return Weights(power, weights)


def weights_of(accuracies: FloatArray, power: float) -> FloatArray:
    """(M,) accuracies, 0..1, to (M,) weights in proportion to their `power`, which sum to 1."""
    best = accuracies.max()
    raised = (accuracies / best if best else np.ones_like(accuracies)) ** power
    return np.asarray(raised / raised.sum())


def mean_log_probabilities(log_probabilities: FloatArray, weights: FloatArray) -> FloatArray:
    """(M, N, 7) and (M,) to (N, 7): logits of the committee."""
    return np.asarray(np.tensordot(weights, log_probabilities, 1))
