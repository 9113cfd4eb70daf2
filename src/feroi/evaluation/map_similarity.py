"""How like two maps of one face are: attention and truth, on the same pixels.

Every measure is of one map B and one truth T, both (P,), not negative, and blind to their scale. R is
the truth's region: where T is at least half of its largest value. Where B is level over several
pixels and a measure has to choose among them, its expectation is given, so that a uniform map gets
what chance would.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from feroi.outputs import FloatArray

MEASURES = ("cosine", "cosine_grid", "correlation", "gain", "pointing", "iou")
_LEVEL = 1e-6  # relative: what the arithmetic of a projection leaves of a constant


def cosine(attention: FloatArray, truth: FloatArray) -> float:
    """B.T / (|B| |T|), 0..1."""
    return float(attention @ truth / np.sqrt((attention @ attention) * (truth @ truth)))


def correlation(attention: FloatArray, truth: FloatArray) -> float:
    """Pearson's, -1..1: the cosine of what is left of both without their means. 0 for a level map."""
    if _is_level(attention) or _is_level(truth):
        return 0.0
    b, t = attention - attention.mean(), truth - truth.mean()
    return float(b @ t / np.sqrt((b @ b) * (t @ t)))


def region(truth: FloatArray) -> NDArray[np.bool_]:
    """R: where the truth is at least half of its largest value."""
    return np.asarray(truth >= truth.max() / 2)


def gain(attention: FloatArray, inside: NDArray[np.bool_]) -> float:
    """Share of B inside R over the share a uniform map has there: 1 for chance, 1 / area at most."""
    return float(attention[inside].sum() / attention.sum() / inside.mean())


def pointing(attention: FloatArray, inside: NDArray[np.bool_]) -> float:
    """The pointing game: 1 if the maximum of B lies inside R, else 0."""
    return float(inside[_level_with(attention, float(attention.max()))].mean())


def iou(attention: FloatArray, inside: NDArray[np.bool_]) -> float:
    """Intersection over union of R and the as many pixels where B is largest, 0..1."""
    area = int(inside.sum())
    lowest = float(np.partition(attention, -area)[-area])
    level = _level_with(attention, lowest)
    above = (attention > lowest) & ~level
    shared = float(inside[above].sum()) + (area - int(above.sum())) * float(inside[level].mean())
    return shared / (2 * area - shared)


def _is_level(values: FloatArray) -> bool:
    return bool(np.ptp(values) <= _LEVEL * values.max())


def _level_with(values: FloatArray, value: float) -> NDArray[np.bool_]:
    return np.asarray(np.abs(values - value) <= _LEVEL * values.max())
