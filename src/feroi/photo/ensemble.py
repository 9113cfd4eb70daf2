"""A cascade of regression trees that moves a mean shape onto a face, in numpy.

The trees are those of dlib's trainer (Kazemi and Sullivan 2014). dlib can run them too, from a file
of its own that is seven times as large and that its reader trusts blindly; this one is an .npz of
plain arrays. A test holds both to the same points.

Shape letters: R boxes to start from, C cascades, P pixels compared within one, T trees, S splits and
S + 1 leaves of one, K points. Points are x + iy in units of the face's box: 0 its upper left corner,
1 + 1i the lower right.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Ensemble(NamedTuple):
    """mean: (K,) complex, where the cascade starts.
    anchors: (C, P), the point each pixel hangs on. offsets: (C, P) complex, how far from it.
    pairs: (C, T, S, 2), the two pixels a split compares. thresholds: (C, T, S).
    leaves: (C, T, S + 1, K) complex, what a tree adds to the shape.
    """

    mean: NDArray[np.complex64]
    anchors: NDArray[np.int64]
    offsets: NDArray[np.complex64]
    pairs: NDArray[np.int64]
    thresholds: NDArray[np.float32]
    leaves: NDArray[np.complex64]

    def fit(
        self,
        intensity: NDArray[np.uint8],
        corners_px: NDArray[np.complex128],
        steps_px: NDArray[np.complex128],
        side: float,
    ) -> NDArray[np.complex128]:
        """The face in `intensity` (H, W) as fitted from each of R boxes: shapes (R, K) in units of their box.

        A box is a grid of points, side + 1 of them a side. corners_px: (R,), where its upper left one
        lies in the picture; steps_px: (R,), from there to the next on its right, which may be turned.
        Between pixels intensity is interpolated; beyond the picture it is black, as with dlib.
        """
        shapes = np.repeat(self.mean[None].astype(np.complex128), len(corners_px), axis=0)
        rows, trees = np.arange(len(shapes))[:, None], np.arange(self.pairs.shape[1])
        splits = self.pairs.shape[2]
        for anchors, offsets, pairs, thresholds, leaves in zip(*self[1:], strict=True):
            turns = similarity(self.mean, shapes)[:, None]
            places = _whole(side * (shapes[:, anchors] + turns * offsets))  # (R, P), points of the grid
            values = _pixels(intensity, corners_px[:, None] + steps_px[:, None] * places)  # (R, P)
            right = values[:, pairs[..., 0]] - values[:, pairs[..., 1]] <= thresholds  # (R, T, S)
            node = np.zeros((len(shapes), len(trees)), dtype=np.int64)
            while node[0, 0] < splits:  # every tree is complete, so all arrive together
                node = 2 * node + 1 + right[rows, trees, node]
            shapes += leaves[trees, node - splits].sum(axis=1)
        return shapes


def similarity(start: NDArray[np.complex64], ends: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Rotation and scale, as one complex factor (...), that best turn `start` (K,) into `ends` (..., K)."""
    a, b = start - start.mean(), ends - ends.mean(axis=-1, keepdims=True)
    return np.asarray(b @ a.conj() / np.vdot(a, a).real)


def _whole(places: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """The nearest points with whole coordinates."""
    return np.asarray(np.floor(places.real + 0.5) + 1j * np.floor(places.imag + 0.5))


def _pixels(intensity: NDArray[np.uint8], places: NDArray[np.complex128]) -> NDArray[np.float32]:
    """Values at `places` (R, P), linear between the centres of pixels, 0 beyond the picture."""
    height, width = intensity.shape
    x, y = places.real, places.imag
    inside = (x >= -0.5) & (x < width - 0.5) & (y >= -0.5) & (y < height - 0.5)
    x, y = x.clip(0, width - 1), y.clip(0, height - 1)
    left, top = x.astype(np.int64), y.astype(np.int64)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    x, y = x - left, y - top
    upper = (1 - x) * intensity[top, left] + x * intensity[top, right]
    lower = (1 - x) * intensity[bottom, left] + x * intensity[bottom, right]
    return np.where(inside, (1 - y) * upper + y * lower, 0).astype(np.float32)


def pack(ensemble: Ensemble, path: Path) -> None:
    """Write `ensemble` to `path` (.npz), its leaves rounded to 8 bits a tree and coordinate."""
    flat = ensemble.leaves.view(np.float32)  # (C, T, S + 1, 2 K)
    scale = np.abs(flat).max(axis=2, keepdims=True) / 127
    scale = np.maximum(scale, 1e-7).astype(np.float16)  # below, float16 has no numbers left
    np.savez_compressed(
        path,
        mean=ensemble.mean,
        anchors=ensemble.anchors.astype(np.uint8),
        offsets=ensemble.offsets,
        pairs=ensemble.pairs.astype(np.uint16),
        thresholds=ensemble.thresholds.astype(np.float16),
        leaves=np.round(flat / scale).astype(np.int8),
        scale=scale,
    )


def unpack(file: IO[bytes] | Path) -> Ensemble:
    """The ensemble that `pack` wrote."""
    with np.load(file, allow_pickle=False) as stored:
        leaves = stored["leaves"] * stored["scale"].astype(np.float32)
        return Ensemble(
            mean=stored["mean"],
            anchors=stored["anchors"].astype(np.int64),
            offsets=stored["offsets"],
            pairs=stored["pairs"].astype(np.int64),
            thresholds=stored["thresholds"].astype(np.float32),
            leaves=leaves.view(np.complex64),
        )
