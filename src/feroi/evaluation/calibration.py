"""Whether probabilities keep what they promise, and how to make them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from feroi.network.calibration import Calibration
from feroi.outputs import FloatArray

BINS = 15
TEMPERATURES = (0.05, 20.0)
"""Where the best one is looked for."""
_SELECTED = 0.8


class Bin(NamedTuple):
    """The faces whose answer has a probability between `low` and `high`: how many, their mean probability
    and the share read right."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


class Sets(NamedTuple):
    """How the likely expressions keep their promise.

    coverage: share of the faces whose label should be among them. covered: share where it is.
    size: how many are likely, on average.
    """

    coverage: float
    covered: float
    size: float


class Certainty(NamedTuple):
    """How honest the probabilities of N faces are.

    calibration_error: the expected calibration error (Naeini et al. 2015): the mean distance of
        confidence and accuracy over `bins`, each weighted by its faces. 0..1.
    cross_entropy: mean of -log of the labelled expression's probability.
    selected_accuracy: accuracy on the 80 % of the faces that the network is surest of.
    sets: None if the network does not say which expressions are likely.
    selective: (N,) accuracy on the n + 1 surest faces.
    """

    calibration_error: float
    cross_entropy: float
    selected_accuracy: float
    sets: Sets | None
    bins: list[Bin]
    selective: FloatArray

    def to_json(self) -> dict[str, Any]:
        """JSON-ready, without the curve."""
        values = self._asdict()
        del values["selective"]
        values["sets"] = None if self.sets is None else self.sets._asdict()
        return {**values, "bins": [bin_._asdict() for bin_ in self.bins]}


def measure_certainty(logits: FloatArray, labels: NDArray[np.int64], calibration: Calibration) -> Certainty:
    """logits: (N, 7), already as `calibration` makes them. labels: (N,).

    Raises ValueError if there are none.
    """
    if not len(labels):
        raise ValueError("no faces to measure probabilities on")
    probabilities = softmax(logits.astype(np.float64), axis=1)
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    bins = _binned(confidence, right)
    sets = None
    if calibration.coverage is not None:
        likely = calibration.likely(probabilities)
        covered = likely[np.arange(len(labels)), labels].mean()
        sets = Sets(calibration.coverage, float(covered), float(likely.sum(1).mean()))
    selective = np.cumsum(right[np.argsort(-confidence, kind="stable")]) / np.arange(1, len(right) + 1)
    return Certainty(
        calibration_error=calibration_error(confidence, right),
        cross_entropy=_cross_entropy(logits, labels, 1.0),
        selected_accuracy=float(selective[math.ceil(_SELECTED * len(labels)) - 1]),
        sets=sets,
        bins=bins,
        selective=selective,
    )


def calibration_error(confidence: FloatArray, right: NDArray[np.bool_]) -> float:
    """The expected calibration error of N answers: (N,) their probabilities, and which of them are right."""
    bins = _binned(confidence, right)
    return sum(each.n * abs(each.confidence - each.accuracy) for each in bins) / len(right)


def fit_calibration(
    logits: FloatArray, labels: NDArray[np.int64], mirror: bool, coverage: float
) -> Calibration:
    """The temperature with the least cross entropy, and from which probability on an expression is likely.

    logits: (N, 7) of faces the network has not learned from, averaged over mirror images if `mirror`.
    A new face of the same kind has its expression among the likely ones with a probability of at least
    `coverage` (Vovk et al. 2005: the rank of its own score among those of these N is uniform).
    Raises ValueError for a coverage outside (0, 1), or if N is too small to promise it.
    """
    check_coverage(coverage)
    rank = math.ceil((len(labels) + 1) * coverage)  # of the scores 1 - probability, from the smallest
    if rank > len(labels):
        needed = math.ceil(coverage / (1 - coverage))
        raise ValueError(
            f"{len(labels)} faces are too few to promise a coverage of {coverage:g}: that takes {needed}"
        )
    temperature, _ = fit_temperature(logits, labels)
    probabilities = softmax(logits.astype(np.float64) / temperature, axis=1)
    of_label = np.sort(probabilities[np.arange(len(labels)), labels])[::-1]
    return Calibration(mirror, temperature, coverage, float(of_label[rank - 1]))


def fit_temperature(logits: FloatArray, labels: NDArray[np.int64]) -> tuple[float, float]:
    """The temperature, within TEMPERATURES, with the least cross entropy, and that cross entropy.

    logits: (N, 7). labels: (N,).
    """
    low, high = np.log(TEMPERATURES)
    fitted = minimize_scalar(
        lambda power: _cross_entropy(logits, labels, math.exp(power)), bounds=(low, high), method="bounded"
    )
    return math.exp(fitted.x), float(fitted.fun)


def check_coverage(coverage: float) -> None:
    """Raises ValueError for a coverage outside (0, 1)."""
    if not 0 < coverage < 1:
        raise ValueError(f"coverage is above 0 and below 1, got {coverage:g}")


def _cross_entropy(logits: FloatArray, labels: NDArray[np.int64], temperature: float) -> float:
    log_probabilities = log_softmax(logits.astype(np.float64) / temperature, axis=1)
    return float(-log_probabilities[np.arange(len(labels)), labels].mean())


def _binned(confidence: FloatArray, right: NDArray[np.bool_]) -> list[Bin]:
    """BINS bins of equal width; those without a face left out."""
    edges = np.linspace(0, 1, BINS + 1)
    place = np.clip(np.digitize(confidence, edges) - 1, 0, BINS - 1)
    return [
        Bin(
            float(edges[at]),
            float(edges[at + 1]),
            int(inside.sum()),
            float(confidence[inside].mean()),
            float(right[inside].mean()),
        )
        for at in range(BINS)
        if (inside := place == at).any()
    ]
