"""AU-aware receptive fields chosen from an over-complete set, after Liu et al. [13] (AUDN).

Letters: N images, H = W = 48 px; K = 64 filters; D = 2 K 7 7 = 6,272 units; C expressions.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import KMeans

from feroi.baselines.boltzmann import GroupMachines

SIDE_PX, FILTER_PX, POOL_PX = 48, 7, 6
FILTERS = 64
CELLS = (SIDE_PX - FILTER_PX + 1) // POOL_PX
"""Rows and columns of the pooled maps."""
GROUP = 60
"""Units chosen for each expression."""

_SAMPLED = 20_000  # windows that filters are learned from
_FLAT = 10.0  # grey levels added to a window's contrast, so that flat ones stay small
_WHITENING = 0.1  # added to the variances of normalised windows
_AT_ONCE = 32

Features = NDArray[np.float32]


def small_faces(images: NDArray[np.uint8]) -> Features:
    """(N, H, W) images as (N, 2304) intensities 0..255, 48 px a side, whatever their proportions."""
    size = (SIDE_PX, SIDE_PX)
    small = [Image.fromarray(image).resize(size, Image.Resampling.BOX) for image in images]
    return np.stack([np.asarray(image, np.float32).ravel() for image in small])


class AuAwareFields(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Faces of `small_faces` to what Boltzmann machines see in the units chosen, (N, C (60 + 120)).

    Filters are learned from the faces without labels; their maxima over squares of 6x6 places are the
    over-complete representation (`Filters`). For each expression 60 of these units are chosen in turn
    (`groups`): a group stands for a combination of Action Units, as in AUDN. On each group two restricted
    Boltzmann machines learn hierarchical features (`boltzmann`), which are read side by side.

    Unlike AUDN, as far as our paper describes it: filters are means of whitened windows (Coates et al. 2011),
    a unit is chosen by its correlations, and the chosen units stand beside what the machines make of them,
    without which fewer faces are read right (docs/results/aggregators.md). Sizes are ours.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, features: Features, labels: NDArray[np.int64]) -> AuAwareFields:
        self.filters_ = Filters(features, self.seed)
        units = self.filters_.units(features)
        chosen = groups(units, labels, GROUP)
        self.chosen_ = np.unique(chosen)
        self.machines_ = GroupMachines(units, chosen, self.seed)
        return self

    def transform(self, features: Features) -> Features:
        return self.machines_.features(self.filters_.units(features))

    @property
    def where(self) -> NDArray[np.float64]:
        """(7, 7) share of the chosen units that see each place."""
        counts = np.bincount(self.chosen_ % CELLS**2, minlength=CELLS**2)
        return np.asarray(counts.reshape(CELLS, CELLS) / counts.sum())


class Filters:
    """64 filters of 7x7 px, learned by K-means from whitened windows of (N, 2304) faces, drawn by `seed`."""

    def __init__(self, faces: Features, seed: int) -> None:
        rng = np.random.default_rng(seed)
        windows = _windows(faces.reshape(-1, SIDE_PX, SIDE_PX))
        count, rows, columns = windows.shape[:3]
        drawn = (rng.integers(count, size=_SAMPLED), rng.integers(rows, size=_SAMPLED))
        sampled = _normalised(windows[(*drawn, rng.integers(columns, size=_SAMPLED))])
        self.mean = sampled.mean(0)
        variances, axes = np.linalg.eigh(np.cov(sampled, rowvar=False))
        whitening = (axes / np.sqrt(variances + _WHITENING)) @ axes.T
        means = KMeans(FILTERS, n_init=1, max_iter=30, random_state=seed).fit(
            (sampled - self.mean) @ whitening
        )
        lengths = np.linalg.norm(means.cluster_centers_, axis=1, keepdims=True)
        self.kernels = (whitening @ (means.cluster_centers_ / np.maximum(lengths, 1e-9)).T).astype(np.float32)

    def units(self, faces: Features) -> Features:
        """(N, D): the largest response of each filter in each cell, then of its negative; none below 0."""
        starts = range(0, len(faces), _AT_ONCE)
        return np.concatenate([self._pooled(faces[start : start + _AT_ONCE]) for start in starts])

    def _pooled(self, faces: Features) -> Features:
        windows = _normalised(_windows(faces.reshape(-1, SIDE_PX, SIDE_PX)))
        response = (windows - self.mean) @ self.kernels  # (N, 42, 42, K)
        cells = response.reshape(len(faces), CELLS, POOL_PX, CELLS, POOL_PX, FILTERS)
        both = np.concatenate([cells.max((2, 4)), -cells.min((2, 4))], axis=-1)  # (N, 7, 7, 2 K)
        units = np.maximum(both, 0).transpose(0, 3, 1, 2).reshape(len(faces), -1)
        return np.asarray(units, dtype=np.float32)


def groups(units: Features, labels: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """(C, size) columns of `units` (N, D), chosen for each expression that occurs among the labels (N,).

    The first is that whose correlation with being this expression is largest; each next has the largest
    correlation less the mean of those with the ones chosen before, signs left out: minimal redundancy,
    maximal relevance of Ding and Peng (2005), with correlation in place of mutual information. No column
    comes twice in a group.
    """
    present = np.unique(labels)
    unit = _standard(units.astype(np.float32))
    relevance = np.abs(_standard((labels[:, None] == present).astype(np.float32)).T @ unit)  # (C, D)
    redundancy = np.zeros_like(relevance)
    each = np.arange(len(present))
    chosen = np.empty((len(present), min(size, units.shape[1])), dtype=np.int64)
    for step in range(chosen.shape[1]):
        best = (relevance - redundancy / max(step, 1)).argmax(1)
        chosen[:, step] = best
        relevance[each, best] = -np.inf
        redundancy += np.abs(unit[:, best].T @ unit)
    return chosen


def _standard(values: Features) -> Features:
    """Columns of mean 0 and length 1; of 0 where they do not vary."""
    centred = values - values.mean(0)
    lengths = np.linalg.norm(centred, axis=0)
    return np.asarray(centred / np.where(lengths > 1e-6, lengths, np.inf))


def _windows(images: Features) -> Features:
    """(N, 48, 48) to (N, 42, 42, 7, 7), without copying."""
    return sliding_window_view(images, (FILTER_PX, FILTER_PX), axis=(1, 2))


def _normalised(windows: Features) -> Features:
    """Windows (..., 7, 7) as (..., 49), mean 0 and about unit contrast."""
    flat = windows.reshape(*windows.shape[:-2], -1)
    centred = flat - flat.mean(-1, keepdims=True)
    return np.asarray(centred / (centred.std(-1, keepdims=True) + np.float32(_FLAT)))
