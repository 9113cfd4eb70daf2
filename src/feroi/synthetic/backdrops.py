"""What stands behind a group in a photograph, out of focus: (H, W) linear light, drawn from chance alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy.ndimage import gaussian_filter

from feroi.synthetic.difficulty import Picture, cloud

_FOCUS = 0.004
"""Sigma of what the lens makes of a point back there, as a share of the photo's width."""


def garden(size_hw: tuple[int, int], rng: np.random.Generator) -> Picture:
    """Sky over trees over a lawn."""
    height, width = size_hw
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    tree_line = 0.22 + 0.05 * cloud((1, width), 1.6, rng)
    leaves = 0.07 * np.exp(0.75 * cloud(size_hw, 0.9, rng))
    sky = 0.95 - 0.35 * down + 0.05 * cloud(size_hw, 1.6, rng)
    lawn = (0.12 + 0.16 * down) * np.exp(0.18 * cloud(size_hw, 0.7, rng))
    horizon = 0.62
    scene = np.where(down < tree_line, sky, np.where(down < horizon, leaves, lawn))
    return _out_of_focus(scene, 1.5)


def library(size_hw: tuple[int, int], rng: np.random.Generator) -> Picture:
    """Shelves of books under a lamp at one side."""
    height, width = size_hw
    scene = np.full(size_hw, 0.05, dtype=np.float32)
    shelf = height // 5
    for top in range(-shelf // 3, height, shelf):
        left = 0
        while left < width:
            thick = int(rng.uniform(0.008, 0.028) * width)
            tall = rng.uniform(0.68, 0.90)
            book = slice(max(top + int((1 - tall) * shelf), 0), max(top + int(0.92 * shelf), 0))
            tone = rng.choice([0.03, 0.06, 0.12, 0.25, 0.45]) * rng.uniform(0.7, 1.3)
            scene[book, left : left + thick] = tone
            left += thick + int(rng.uniform(0, 0.004) * width)
        board = slice(max(top + int(0.92 * shelf), 0), max(top + shelf, 0))
        scene[board] = 0.16
    across, down = np.linspace(0, 1, width), np.linspace(0, 1, height)[:, None]
    lamp = 0.45 + 1.3 * np.exp(-((across - 0.85) ** 2 + (down - 0.1) ** 2) / 0.30)
    return _out_of_focus((scene * lamp).astype(np.float32), 1.0)


def street(size_hw: tuple[int, int], rng: np.random.Generator) -> Picture:
    """Fronts of houses with windows, over a pavement."""
    height, width = size_hw
    scene = np.full(size_hw, 0.8, dtype=np.float32)
    ground = int(0.74 * height)
    left = -int(0.1 * width)
    while left < width:
        right = left + int(rng.uniform(0.18, 0.34) * width)
        house = slice(max(left, 0), max(right, 0))
        wall = rng.uniform(0.15, 0.5)
        scene[int(rng.uniform(0.0, 0.12) * height) : ground, house] = wall
        step, storey = (right - left) / rng.integers(3, 5), height // 5
        glass = rng.uniform(0.03, 0.10)
        for top in range(int(0.06 * height), ground - storey // 2, storey):
            for column in np.arange(left + 0.25 * step, right - 0.5 * step, step):
                pane = slice(max(int(column), 0), max(int(column + 0.5 * step), 0))
                scene[top : top + int(0.62 * storey), pane] = glass * rng.uniform(0.6, 2.5)
        left = right
    scene[ground:] = 0.30
    return _out_of_focus(scene * np.exp(0.12 * cloud(size_hw, 1.2, rng)), 1.6)


def _out_of_focus(scene: Picture, times: float) -> Picture:
    blurred = gaussian_filter(scene, times * _FOCUS * scene.shape[1])
    return np.maximum(blurred, 0.005)


BACKDROPS: Mapping[str, Callable[[tuple[int, int], np.random.Generator], Picture]] = {
    "garden": garden,
    "library": library,
    "street": street,
}
