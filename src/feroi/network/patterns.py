"""Local binary patterns as points in space, in the place of intensities (Levi and Hassner 2015).

The number of a pattern says nothing of how alike two are, so convolutions can do nothing with it. Here the
256 patterns are placed in three dimensions, alike ones close together, and a face becomes three channels.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

MAPPED_CHANNELS = 3

_POINTS = 8
_CODES = 1 << _POINTS
_RING = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))
"""Rows and columns to the neighbours of a pixel, from the right and counter-clockwise."""

_ALONG = 0.5**0.5  # rows and columns to a diagonal point of the circle of radius 1
_LEVEL = 1e-4
"""Grey levels that count as none. At a radius of 1, differences of whole levels, interpolated, are 0 or above
4e-4."""

Floats = NDArray[np.float64]


class MappedPatterns(nn.Module):
    """Faces (N, 1, H, W), intensities in 0..1, to their patterns in space, (N, 3, H, W) in 0..1.

    radius_px: of the circle the patterns are read on. Levi and Hassner train networks at several radii and on
        intensities and average what they say; the row of the paper's Table 5 is that of one network, "LBP1,
        cyclic", which we take for a radius of 1 px and for distances on a circle.
    Constant between intensities: no gradient comes through.
    """

    table: Tensor

    def __init__(self, radius_px: int = 1) -> None:
        super().__init__()
        self.radius_px = radius_px
        table = torch.from_numpy(pattern_places().astype(np.float32))
        self.register_buffer("table", table, persistent=False)

    def forward(self, faces: Tensor) -> Tensor:
        return self.table[binary_patterns(faces, self.radius_px)].permute(0, 3, 1, 2)


def binary_patterns(faces: Tensor, radius_px: int = 1) -> Tensor:
    """Local binary patterns of faces (N, 1, H, W) in 0..1: codes 0..255, (N, H, W).

    Bit k is 1 where the k-th of eight points at `radius_px` is as bright as the pixel or brighter. Those
    on diagonals lie between pixels and are interpolated. The rim goes on beyond the borders. Intensities are
    rounded to the 256 levels of pictures.
    """
    rim = radius_px
    levels = nn.functional.pad((255 * faces[:, :1]).round(), (rim,) * 4, mode="replicate")[:, 0]
    height, width = faces.shape[-2:]

    def brighter(down: int, right: int) -> Tensor:
        return levels[:, rim + down : rim + down + height, rim + right : rim + right + width] - centre

    centre = levels[:, rim : rim + height, rim : rim + width]
    whole, part = divmod(_ALONG * radius_px, 1)
    near, far = int(whole), int(whole) + 1
    code = torch.zeros_like(centre, dtype=torch.int64)
    for k, (down, right) in enumerate(_RING):
        if k % 2:
            beside = brighter(near * down, far * right) + brighter(far * down, near * right)
            here = (1 - part) ** 2 * brighter(near * down, near * right) + part * (1 - part) * beside
            here = here + part**2 * brighter(far * down, far * right)
        else:
            here = brighter(radius_px * down, radius_px * right)
        code = code + (here >= -_LEVEL).long() * (1 << k)
    return code


@lru_cache(maxsize=1)
def pattern_places() -> Floats:
    """Where each pattern lies, (256, 3), each axis stretched to 0..1; to be left unmodified.

    Classical multidimensional scaling of `pattern_distances`, the first three dimensions. The first tells
    how many bits are set; the other two, alike in size, where on the circle they are. Distances leave
    free how the points are turned: the pattern with all bits lies on the first axis, that with the
    first bit alone in the plane of the first two, and that with the third on the positive side of it.
    """
    squared = pattern_distances() ** 2
    from_mean = squared - squared.mean(0) - squared.mean(1)[:, None] + squared.mean()
    sizes, axes = np.linalg.eigh(-from_mean / 2)  # rising
    places = axes[:, -MAPPED_CHANNELS:] * np.sqrt(sizes[-MAPPED_CHANNELS:])
    turn, corner = np.linalg.qr(places[[_CODES - 1, 1 << 0, 1 << 2]].T)
    places = places @ (turn * np.sign(np.diag(corner)))
    low, high = places.min(0), places.max(0)
    return np.asarray((places - low) / (high - low))


def pattern_distances() -> Floats:
    """(256, 256): how much work turns one pattern into another, their bits on a circle.

    The circle is cut, the bits before each place are counted, and the differences of the counts are added
    up; the least over the eight cuts. Between patterns with equally many bits that is the Earth Mover's
    Distance; of others, what is not shared is carried to the cut.
    """
    bits = (np.arange(_CODES)[:, None] >> np.arange(_POINTS)) & 1
    surplus = bits[:, None] - bits
    works = [np.abs(np.cumsum(np.roll(surplus, -cut, -1), -1)).sum(-1) for cut in range(_POINTS)]
    return np.asarray(np.min(works, axis=0), dtype=np.float64)
