"""Regions of interest: the attention map B on the face it belongs to (Figs. 5 and 6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from feroi.outputs import FloatArray
from feroi.photo.warp import bilinear

_BLOB_SIGMA = 0.2  # of each side
_SMOOTH = 1 / 16
"""Of each side: standard deviation of the smoothing of evidence, chosen on images held out."""


class MeanLook(NamedTuple):
    """Averages over a group of n faces.

    face: (H, W), intensities in 0..255.
    roi: (H, W), the mean map projected back to the input, in multiples of a uniform map.
    """

    n: int
    face: FloatArray
    roi: FloatArray


def project(maps: FloatArray, size_hw: tuple[int, int]) -> FloatArray:
    """Maps (N, h, w) on the pixels of the input: (N, *size_hw), in multiples of a uniform map.

    Bilinear between the centres of the locations, which lie evenly over the input; constant
    beyond the outermost. A uniform map becomes 1 everywhere.
    """
    if maps.ndim != 3:
        raise ValueError(f"maps must be (N, h, w), got {maps.shape}")
    rows = _interpolation(maps.shape[1], size_hw[0])  # (H, h)
    columns = _interpolation(maps.shape[2], size_hw[1])  # (W, w)
    locations = maps.shape[1] * maps.shape[2]
    projected: FloatArray = locations * (rows @ maps @ columns.T)
    return projected


def region_of_interest(evidence: FloatArray, size_hw: tuple[int, int]) -> FloatArray:
    """Where the evidence for an answer lies: (N, h, w) to (N, *size_hw), in multiples of a uniform map.

    evidence: what each location adds to the answer (`outputs.NetworkOutput.evidence`), brought to the pixels
    of the input as by `project`, smoothed by a Gaussian of `_SMOOTH` of each side, and cut off below 0:
    what speaks against the answer is no part of its region. Uniform where nothing speaks for it.
    """
    rows = _smoothing(size_hw[0]) @ _interpolation(evidence.shape[1], size_hw[0])
    columns = _smoothing(size_hw[1]) @ _interpolation(evidence.shape[2], size_hw[1])
    return in_multiples(np.maximum(rows @ evidence @ columns.T, 0))


def in_multiples(maps: FloatArray) -> FloatArray:
    """Maps (N, H, W), not negative, in multiples of a uniform map: mean 1. One that is 0 is level at 1."""
    means = maps.mean((1, 2), keepdims=True)
    empty = means <= 0
    return np.asarray(np.where(empty, 1.0, maps / np.where(empty, 1.0, means)))


def average(maps: FloatArray, grid_hw: tuple[int, int]) -> FloatArray:
    """Maps (N, H, W) of pixels on a grid of locations: (N, *grid_hw), the mean over each one's pixels.

    Locations lie evenly over the pixels; a pixel on a border counts for both by its share.
    """
    rows, columns = _sharing(maps.shape[1], grid_hw[0]), _sharing(maps.shape[2], grid_hw[1])
    averaged: FloatArray = rows @ maps @ columns.T
    return averaged


def blob(size_hw: tuple[int, int]) -> FloatArray:
    """A Gaussian in the middle, of a fifth of each side, 1 at most: what a map that knows nothing may be."""
    rows, columns = (((np.arange(side) + 0.5) / side - 0.5) / _BLOB_SIGMA for side in size_hw)
    return np.asarray(np.exp(-(rows[:, None] ** 2 + columns[None, :] ** 2) / 2))


def mean_looks(groups: Sequence[str], faces: NDArray[np.uint8], maps: FloatArray) -> dict[str, MeanLook]:
    """Mean face and mean region of interest of each group, groups in the order of their names.

    groups: the group of each of the N faces. faces: (N, H, W). maps: (N, h, w).
    """
    if not len(groups) == len(faces) == len(maps):
        raise ValueError(f"{len(groups)} groups, {len(faces)} faces and {len(maps)} maps differ in number")
    result = {}
    labels = np.array(groups)
    for group in sorted(set(groups)):
        chosen = labels == group
        # Projection is linear, so the mean map is projected, not each map.
        roi = project(maps[chosen].mean(0, keepdims=True), (faces.shape[1], faces.shape[2]))[0]
        result[group] = MeanLook(int(chosen.sum()), faces[chosen].mean(0), roi)
    return result


def _interpolation(locations: int, pixels: int) -> FloatArray:
    """(pixels, locations) weights, rows summing to 1, of linear interpolation along one side."""
    place = (np.arange(pixels) + 0.5) * locations / pixels - 0.5
    place = place.clip(0, locations - 1)
    distance = np.abs(place[:, None] - np.arange(locations)[None, :])
    return np.maximum(0.0, 1.0 - distance)


def _smoothing(pixels: int) -> FloatArray:
    """(pixels, pixels) weights, rows summing to 1, of a Gaussian of `_SMOOTH` of one side."""
    steps = np.arange(pixels)
    weights = np.exp(-(((steps[:, None] - steps) / (_SMOOTH * pixels)) ** 2) / 2)
    return np.asarray(weights / weights.sum(1, keepdims=True))


def _sharing(pixels: int, locations: int) -> FloatArray:
    """(locations, pixels) share of each pixel in each location along one side, rows summing to 1."""
    borders = np.arange(locations + 1)[:, None] * pixels / locations
    shared = np.minimum(borders[1:], np.arange(pixels) + 1) - np.maximum(borders[:-1], np.arange(pixels))
    return np.asarray(np.maximum(shared, 0) * locations / pixels)


class Patch(NamedTuple):
    """A rectangle of a photo, its rows and columns, and the region of interest there, float32."""

    rows: slice
    columns: slice
    roi: FloatArray


def on_photo(roi: FloatArray, places: FloatArray, photo_hw: tuple[int, int]) -> Patch:
    """`roi` (h, w) carried to the photo pixels its own were seen at.

    `places` is inverted by its best affine approximation, which is exact for the pipelines that cut
    a box; for `front` it misses by a few px where the face is deep.
    """
    height, width = roi.shape
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    design = np.stack([places[..., 0].ravel(), places[..., 1].ravel(), np.ones(roi.size)], axis=1)
    wanted = np.stack([rows.ravel(), columns.ravel()], axis=1)
    inverse = np.linalg.lstsq(design, wanted, rcond=None)[0]  # (3, 2)
    low = np.floor(places.reshape(-1, 2).min(0)).astype(int)
    high = np.ceil(places.reshape(-1, 2).max(0)).astype(int) + 1
    x0, y0 = np.clip(low, 0, photo_hw[::-1])
    x1, y1 = np.clip(high, 0, photo_hw[::-1])
    x, y = np.meshgrid(np.arange(x0, x1), np.arange(y0, y1))
    at = np.stack([x, y, np.ones_like(x)], axis=-1) @ inverse  # (.., 2): row, column in the crop
    inside = ((at > -0.5) & (at < [height - 0.5, width - 0.5])).all(-1)
    values = bilinear(roi, at[..., 1], at[..., 0])
    return Patch(np.s_[y0:y1], np.s_[x0:x1], np.where(inside, values, 0).astype(np.float32))
