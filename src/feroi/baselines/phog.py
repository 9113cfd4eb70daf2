"""Pyramid of histograms of orientated gradients, after Bosch, Zisserman and Munoz (CIVR 2007)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import sobel
from skimage.feature import canny

LEVELS = 3
"""Divided 3 times: histograms of 1, 4, 16 and 64 cells."""
BINS = 8
"""Orientations of 45 degrees each, all round: dark to bright is not bright to dark. Ours; the source has
20 over 180 degrees or 40 over 360."""

_WEAK, _STRONG = 0.5, 0.8  # shares of pixels whose gradient is below Canny's two thresholds; ours


def phog(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Orientations of edges in (N, H, W) images: (N, 85 * 8), each row summing to 1.

    Edges are Canny's, with thresholds that follow the picture's contrast; each counts by the magnitude of
    its Sobel gradient, shared linearly between the two nearest orientations. A picture without edges is
    all 0. The cells of level l are 2^l by 2^l; the vector holds the levels from whole to finest.
    """
    return np.stack([_pyramid(*edge_gradients(image)) for image in images]).astype(np.float32)


def edge_gradients(image: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Magnitude of the gradient, 0 where there is no edge, and its direction in [0, 2 pi); (H, W) each.

    A direction of 0 is bright to the right, a quarter turn bright below.
    """
    values = image.astype(np.float64)
    edges = canny(values, low_threshold=_WEAK, high_threshold=_STRONG, use_quantiles=True)
    down, across = sobel(values, 0), sobel(values, 1)
    return np.hypot(down, across) * edges, np.arctan2(down, across) % (2 * np.pi)


def _pyramid(magnitude: NDArray[np.float64], direction: NDArray[np.float64]) -> NDArray[np.float64]:
    height, width = magnitude.shape
    cells = 2**LEVELS
    place = direction / (2 * np.pi) * BINS
    lower = np.floor(place)
    share = place - lower
    row = np.arange(height) * cells // height
    column = np.arange(width) * cells // width
    cell = row[:, None] * cells + column
    finest = np.zeros(cells * cells * BINS)
    for orientation, weight in ((lower, 1 - share), (lower + 1, share)):
        index = cell * BINS + orientation.astype(np.int64) % BINS
        finest += np.bincount(index.ravel(), (weight * magnitude).ravel(), finest.size)
    level = finest.reshape(cells, cells, BINS)
    levels = [level]
    while len(level) > 1:  # every cell is the four of the level below it
        half = len(level) // 2
        level = level.reshape(half, 2, half, 2, BINS).sum((1, 3))
        levels.insert(0, level)
    vector = np.concatenate([each.ravel() for each in levels])
    total = vector.sum()
    return vector / total if total else vector
