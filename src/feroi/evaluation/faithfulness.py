"""Whether a map shows what the network used: deletion, insertion, and what the map owes to the weights.

A map can lie where the Action Units are and still not be why the network answered, and the other way round.
Functions of arrays only: `Forward` and `Locator` are of the same network.

N faces H x W px.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.special import softmax
from scipy.stats import spearmanr

from feroi.evaluation.map_similarity import cosine, gain, region
from feroi.explain.roi import average
from feroi.outputs import FloatArray, Forward, Locator

STEPS = 24
"""Shares of the pixels removed or inserted, evenly from none to all."""
BLUR_SHARE = 1 / 8
"""Standard deviation of the blur that insertion starts from, as a share of the shorter side."""

MEASURES = ("cosine", "cosine_grid", "gain", "deletion", "insertion", "sameness", "seconds")
"""
    cosine, gain  of map and Action Units (`evaluation.likeness`), on the pixels of the input
    cosine_grid   the same cosine after both are averaged over the locations of the last feature map
    deletion      area under the probability as pixels are removed in order of the map: low is good
    insertion     area under it as they come back into a blurred face: high is good
    sameness      rank correlation with the map of the same network, its weights drawn anew: 0 is good
    seconds       of processor time for one map of one face
"""


class Tried(NamedTuple):
    """What one method did on N faces.

    maps: (N, H, W). values: (N, len(MEASURES)). deletion, insertion: mean curves, (STEPS + 1,).
    """

    maps: FloatArray
    values: FloatArray
    deletion: FloatArray
    insertion: FloatArray


def try_method(
    forward: Forward,
    trained: Locator,
    redrawn: Locator,
    faces: NDArray[np.float32],
    truths: FloatArray,
    grid_hw: tuple[int, int],
    seed: int = 0,
) -> Tried:
    """Try a method on faces (N, 1, H, W), asking each for the expression the network itself reads there.

    trained: the method on the network of `forward`. redrawn: on the same with its weights drawn anew. truths:
    (N, H, W), where Action Units move each face. grid_hw: of the last feature map. seed: decides the
    order of level pixels, alike for all methods.
    """
    predicted = np.asarray(forward(faces).logits.argmax(1), dtype=np.int64)
    trained(faces[:1], predicted[:1])  # what a first call loads is not the method's time
    maps, seconds = _one_by_one(trained, faces, predicted)
    others, _ = _one_by_one(redrawn, faces, predicted)
    rng = np.random.default_rng(seed)
    deleted = deletion(forward, faces, maps, predicted, rng)
    inserted = insertion(forward, faces, maps, predicted, rng)
    coarse = zip(average(maps, grid_hw), average(truths, grid_hw), strict=True)
    columns: dict[str, Sequence[float] | FloatArray] = {
        "cosine": [cosine(b.ravel(), t.ravel()) for b, t in zip(maps, truths, strict=True)],
        "cosine_grid": [cosine(b.ravel(), t.ravel()) for b, t in coarse],
        "gain": [gain(b.ravel(), region(t.ravel())) for b, t in zip(maps, truths, strict=True)],
        "deletion": area(deleted),
        "insertion": area(inserted),
        "sameness": [sameness(b, other) for b, other in zip(maps, others, strict=True)],
        "seconds": seconds,
    }
    values = np.stack([np.asarray(columns[name], dtype=np.float64) for name in MEASURES], axis=1)
    return Tried(maps, values, deleted.mean(0), inserted.mean(0))


def deletion(
    forward: Forward,
    faces: NDArray[np.float32],
    maps: FloatArray,
    labels: NDArray[np.int64],
    rng: np.random.Generator,
    steps: int = STEPS,
) -> FloatArray:
    """Probability of `labels` as pixels go, the heaviest first (Petsiuk et al. 2018): (N, steps + 1).

    faces: (N, 1, H, W). maps: (N, H, W). A pixel that is gone has the mean intensity of its face.
    """
    blank = np.broadcast_to(faces.mean((1, 2, 3), keepdims=True), faces.shape)
    return _curves(forward, faces, blank, maps, labels, rng, steps)


def insertion(
    forward: Forward,
    faces: NDArray[np.float32],
    maps: FloatArray,
    labels: NDArray[np.int64],
    rng: np.random.Generator,
    steps: int = STEPS,
) -> FloatArray:
    """As `deletion`, but pixels come back into the face blurred by `BLUR_SHARE` of its shorter side."""
    sigma = BLUR_SHARE * min(faces.shape[-2:])
    blurred = gaussian_filter(faces, (0, 0, sigma, sigma))
    return _curves(forward, blurred, faces, maps, labels, rng, steps)


def area(curves: FloatArray) -> FloatArray:
    """Area under curves (N, steps + 1) over shares 0..1 of the pixels, by trapezoids: (N,), 0..1."""
    return np.asarray(np.trapezoid(curves, dx=1 / (curves.shape[1] - 1), axis=1))


def sameness(one: FloatArray, other: FloatArray) -> float:
    """Spearman's rank correlation of two maps (Adebayo et al. 2018), -1..1.

    A level map has no ranks: 1 beside another level one, which it equals, and 0 beside any other.
    """
    level = [float(np.ptp(values)) <= 1e-6 * float(values.max()) for values in (one, other)]
    if any(level):
        return float(all(level))
    return float(spearmanr(one.ravel(), other.ravel()).statistic)


def _curves(
    forward: Forward,
    before: NDArray[np.float32],
    after: NDArray[np.float32],
    maps: FloatArray,
    labels: NDArray[np.int64],
    rng: np.random.Generator,
    steps: int,
) -> FloatArray:
    """Probabilities as the pixels of `before` turn into those of `after`, in order of the map."""
    shares = np.arange(steps + 1) / steps
    curves = []
    for i in range(len(before)):
        weights = maps[i].ravel()
        # Level pixels, as of one segment, go in an order that means nothing, not from the top down.
        order = np.lexsort((rng.random(weights.size), -weights))
        place = np.empty(weights.size)
        place[order] = (np.arange(weights.size) + 0.5) / weights.size
        turned = place < shares[:, None]  # (steps + 1, H·W)
        images = np.where(turned.reshape(-1, *before.shape[1:]), after[i], before[i])
        logits = forward(images.astype(np.float32)).logits.astype(np.float64)
        curves.append(softmax(logits, axis=1)[:, labels[i]])
    return np.stack(curves)


def _one_by_one(
    locate: Locator, faces: NDArray[np.float32], labels: NDArray[np.int64]
) -> tuple[FloatArray, list[float]]:
    """Maps, one face at a time, and the processor time of each in s, which hangs less on a busy machine."""
    maps, seconds = [], []
    for i in range(len(faces)):
        start = time.process_time()
        maps.append(locate(faces[i : i + 1], labels[i : i + 1]))
        seconds.append(time.process_time() - start)
    return np.concatenate(maps), seconds
