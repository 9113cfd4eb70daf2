"""Patches that tell two expressions apart, and how they differ from one another, after Yao et al. [15].

Letters: N images; P = 52 patches of the face; B = 59 labels of local binary patterns.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from feroi.baselines.patterns import LBP_LABELS, LBP_RADIUS_PX, lbp_codes
from feroi.photo.geometry import EYES, FRAME_HW, frame_px, generic_face

LANDMARKS = np.array([*range(4, 13), *range(17, 60)])
"""Of iBUG's 68, in whose middle a patch lies: chin and lower jaw, brows, nose, eyes and outer lips."""
SIDE = 0.6
"""Of a square patch, in distances between the eyes."""
CELLS = 7
"""Rows and columns of the map that says where patches were chosen."""
PER_PAIR = 4
"""Patches chosen for two expressions."""

_RIDGE = 1e-3  # beside the mean square of features whose squares sum to 1

Features = NDArray[np.float32]
Floats = NDArray[np.float64]


def patch_histograms(images: NDArray[np.uint8], landmarks_xy_px: Floats) -> Features:
    """The local binary patterns about landmarks (N, 68, 2) of (N, H, W) images: (N, P B).

    Codes are those of `patterns.lbp`; a patch holds its landmark in the middle and is moved into the image
    where it would leave it. Features are square roots of shares, so that the squares of a patch sum to 1.
    """
    codes = lbp_codes(images)
    high, wide = codes.shape[1:]
    found = np.zeros((len(images), len(LANDMARKS), LBP_LABELS), np.float32)
    for face, landmarks, shares in zip(codes, landmarks_xy_px, found, strict=True):
        left, right = (landmarks[eye].mean(0) for eye in EYES)
        side = max(round(SIDE * float(np.linalg.norm(right - left))), 1)
        begin = np.floor(landmarks[LANDMARKS] - LBP_RADIUS_PX - side / 2 + 1).astype(int)
        begin = np.clip(begin, 0, np.maximum([wide - side, high - side], 0))
        for patch, (x, y) in zip(shares, begin, strict=True):
            counts = np.bincount(face[y : y + side, x : x + side].ravel(), minlength=LBP_LABELS)
            patch[:] = np.sqrt(counts / counts.sum())
    return found.reshape(len(images), -1)


class PairwisePatches(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Features of `patch_histograms` to those of the patches chosen for some two expressions, and of pairs of
    patches chosen for the same two.

    For each two expressions four patches are chosen by `search`. They are the vertices of a graph, and each
    edge holds the absolute differences of its two patches' features. Vertices and edges stand in the result
    once, whatever the number of graphs they are in.

    Unlike Yao et al., as far as our paper describes them: patches are described by local binary patterns and
    sought as `search` says. Which landmarks they lie about, and sizes, are ours.
    """

    def fit(self, features: Features, labels: NDArray[np.int64]) -> PairwisePatches:
        patches = features.reshape(len(features), len(LANDMARKS), -1).transpose(1, 0, 2).astype(np.float64)
        self.chosen_ = np.array(
            [
                search(patches[:, np.isin(labels, pair)], labels[np.isin(labels, pair)] == pair[0])
                for pair in combinations(np.unique(labels), 2)
            ]
        )
        return self

    def transform(self, features: Features) -> Features:
        patches = features.reshape(len(features), len(LANDMARKS), -1)
        vertices = patches[:, np.unique(self.chosen_)]
        edges = np.unique(
            [edge for graph in self.chosen_ for edge in combinations(np.sort(graph), 2)], axis=0
        )
        relations = np.abs(patches[:, edges[:, 0]] - patches[:, edges[:, 1]])
        return np.concatenate([vertices, relations], axis=1).reshape(len(features), -1)

    @property
    def where(self) -> Floats:
        """(7, 7) share of the choices whose landmark lies there on the generic face, from the front."""
        places = frame_px(generic_face().landmarks_cm[LANDMARKS]) + 0.5
        columns, rows = np.clip(places * CELLS // np.array(FRAME_HW[::-1]), 0, CELLS - 1).astype(int).T
        counts = np.bincount((rows * CELLS + columns)[self.chosen_.ravel()], minlength=CELLS**2)
        return np.asarray(counts.reshape(CELLS, CELLS) / counts.sum())


def search(patches: Floats, first: NDArray[np.bool_], count: int = PER_PAIR) -> NDArray[np.int64]:
    """The `count` patches that together tell the faces in `first` (N,) from the others, (P, N, B) features.

    In turn: by ridge regression each patch foretells what those before it left over, of targets 1 and -1;
    that with the smallest squared error on faces left out, one at a time, is taken. Both expressions weigh
    the same. People are not left out whole: a patch may be chosen for what it says of one of them.
    """
    target = np.where(first, 1.0, -1.0)
    weights = np.where(first, 0.5 / first.sum(), 0.5 / (~first).sum())
    regressions = [_Regression(patch, weights) for patch in patches]
    chosen: list[int] = []
    for _ in range(count):
        left = np.stack([each.left_out(target) for each in regressions])  # (P, N)
        errors = (weights * left**2).sum(1)
        errors[chosen] = np.inf
        chosen.append(int(errors.argmin()))
        target = left[chosen[-1]]
    return np.array(chosen)


class _Regression:
    """Ridge regression of faces weighted (N,) on features (N, B) and a constant."""

    def __init__(self, features: Floats, weights: Floats) -> None:
        self.design = np.column_stack([features, np.ones(len(features))])
        penalty = np.diag([_RIDGE] * features.shape[1] + [0.0])
        weighted = (self.design * weights[:, None]).T  # (B + 1, N)
        self.solution = np.linalg.solve(weighted @ self.design + penalty, weighted)
        self.leverage = np.einsum("nb,bn->n", self.design, self.solution)

    def left_out(self, target: Floats) -> Floats:
        """(N,) by how much each face's target is missed by a regression on all the others."""
        return np.asarray((target - self.design @ (self.solution @ target)) / (1 - self.leverage))
