"""A cascade of regression trees that moves a mean shape onto a face, in numpy.

The trees are those of dlib's trainer (Kazemi and Sullivan 2014). dlib can run them too, from a file
of its own that is seven times as large and that its reader trusts blindly; this one is an .npz of
plain arrays. A test holds both to the same points.

Shape letters: C cascades, P pixels compared within one, T trees, S splits and S + 1 leaves of one,
K points. Points are x + iy in units of the face's box: 0 its upper left corner, 1 + 1i the lower right.
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

    def fit(self, intensity: NDArray[np.uint8], corner_px: complex, side_px: float) -> NDArray[np.complex128]:
        """The shape (K,) of the face in `intensity` (H, W), in units of its box.

        corner_px: the pixel in the box's upper left corner; side_px: from there to the last pixel.
        Pixels beyond the picture count as black, as with dlib.
        """
        shape = self.mean.astype(np.complex128)
        trees = np.arange(self.pairs.shape[1])
        splits = self.pairs.shape[2]
        for anchors, offsets, pairs, thresholds, leaves in zip(*self[1:], strict=True):
            turn = similarity(self.mean, shape)
            places = corner_px + side_px * (shape[anchors] + turn * offsets)  # (P,)
            values = _pixels(intensity, places)
            right = values[pairs[..., 0]] - values[pairs[..., 1]] <= thresholds  # (T, S)
            node = np.zeros(len(trees), dtype=np.int64)
            while node[0] < splits:  # every tree is complete, so all arrive together
                node = 2 * node + 1 + right[trees, node]
            shape += leaves[trees, node - splits].sum(axis=0)
        return shape


def similarity(start: NDArray[np.complex64], end: NDArray[np.complex128]) -> complex:
    """Rotation and scale, as one complex factor, that best turn `start` (K,) into `end`."""
    a, b = start - start.mean(), end - end.mean()
    return complex(np.vdot(a, b) / np.vdot(a, a).real)


def _pixels(intensity: NDArray[np.uint8], places: NDArray[np.complex128]) -> NDArray[np.float32]:
    """Values at the pixels nearest to `places` (P,), 0 beyond the picture."""
    height, width = intensity.shape
    x = np.floor(places.real + 0.5).astype(np.int64)
    y = np.floor(places.imag + 0.5).astype(np.int64)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return np.where(inside, intensity[y.clip(0, height - 1), x.clip(0, width - 1)], 0).astype(np.float32)


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
