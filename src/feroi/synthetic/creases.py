"""Creases each Action Unit folds into the skin (after the FACS manual's descriptions)."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Line = tuple[tuple[float, float], ...]


class Crease(NamedTuple):
    """Lines in resting (x, y) cm on the subject's left, mirrored to the right; their half width
    in cm and the share of light they take at strength 1."""

    lines: tuple[Line, ...]
    width: float
    depth: float


CREASES = {
    1: Crease(
        (((0, 7.6), (1.5, 7.7), (2.7, 7.9)), ((0, 8.4), (2.3, 8.7)), ((0, 9.2), (1.6, 9.3))), 0.12, 0.2
    ),
    2: Crease((((2.0, 7.8), (3.4, 8.1), (4.9, 7.6)), ((2.2, 8.7), (3.5, 8.9), (4.7, 8.5))), 0.13, 0.2),
    4: Crease((((0.6, 4.7), (0.45, 5.6), (0.6, 6.7)), ((1.25, 5.8), (1.2, 6.5))), 0.11, 0.4),
    6: Crease(
        (
            ((5.1, 3.7), (5.7, 4.0), (6.1, 4.4)),
            ((5.2, 3.3), (6.2, 3.4)),
            ((5.1, 3.0), (5.8, 2.5)),
            ((1.9, 2.7), (3.0, 2.2), (4.4, 2.4)),
        ),
        0.09,
        0.28,
    ),
    7: Crease((((2.0, 2.75), (3.1, 2.45), (4.2, 2.65)),), 0.08, 0.2),
    9: Crease(
        (
            ((0, 4.3), (0.9, 4.5)),
            ((0, 3.7), (0.8, 3.9)),
            ((0.8, 3.4), (1.2, 2.6)),
            ((1.2, 3.1), (1.6, 2.1)),
        ),
        0.09,
        0.32,
    ),
    10: Crease((((1.6, 0.2), (2.2, -0.7), (2.7, -1.8), (2.9, -2.8)),), 0.17, 0.34),
    12: Crease((((1.6, 0.2), (2.3, -0.7), (3.0, -1.9), (3.4, -3.0), (3.5, -4.1)),), 0.17, 0.33),
    14: Crease((((3.0, -2.8), (3.2, -3.4), (3.1, -4.1)),), 0.15, 0.38),
    15: Crease((((2.9, -3.8), (3.3, -4.5), (3.4, -5.2)),), 0.22, 0.16),
    16: Crease((((0, -5.1), (1.4, -4.9)),), 0.14, 0.18),
    17: Crease((((0, -4.9), (1.3, -5.1)), ((0.4, -5.9), (0.6, -6.3))), 0.16, 0.22),
    20: Crease((((3.0, -2.5), (3.4, -3.5), (3.4, -4.7)),), 0.16, 0.26),
    23: Crease((((0, -4.8), (1.1, -4.9)), ((0.9, -2.0), (1.1, -2.4))), 0.12, 0.2),
}
"""Action Unit -> what it folds. Those of lids and jaw alone (5, 25, 26, 27) fold nothing."""

_FRONT_CM = 5.0


def crease_map(unit: int, position: NDArray[np.float32], covered: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Share of light taken at each texel (H, W), negative on the bulges beside a crease.

    position: (H, W, 3) resting place of each texel, cm; covered: (H, W) whether it is used.
    """
    front = covered & (position[..., 2] > _FRONT_CM)
    across, up = np.abs(position[front, 0]), position[front, 1]
    taken = np.zeros(len(across), dtype=np.float32)
    for line in CREASES[unit].lines:
        away = _distance(across, up, line) / CREASES[unit].width
        taken += np.exp(-(away**2)) - 0.3 * np.exp(-(((away - 2.2) / 1.2) ** 2))
    image = np.zeros(front.shape, dtype=np.float32)
    image[front] = 0.8 * CREASES[unit].depth * taken
    return gaussian_filter(image, 1.5)


def _distance(x: NDArray[np.float32], y: NDArray[np.float32], line: Line) -> NDArray[np.float32]:
    """Distance of each point to the nearest of the line's pieces."""
    nearest = np.full(x.shape, np.inf, dtype=np.float32)
    for (x0, y0), (x1, y1) in pairwise(line):
        dx, dy = x1 - x0, y1 - y0
        t = np.clip(((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy), 0, 1)
        nearest = np.minimum(nearest, np.hypot(x - x0 - t * dx, y - y0 - t * dy))
    return nearest
