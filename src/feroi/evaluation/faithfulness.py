"""Whether a map shows what the network used: what its answer does as parts of the face are blurred away.

To blur, and not to the mean grey: scattered grey pixels break any picture, so that noise deletes best.

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
BLUR_SHARE = 1 / 10
"""Standard deviation of the blur that hides, as a share of the shorter side."""
SHARES = (0.2, 0.3, 0.4)
"""Of the pixels, the heaviest: what is shown, or hidden, as a whole."""

_STAYS = tuple(f"stays_{100 * share:.0f}" for share in SHARES)
_FALLS = tuple(f"falls_{100 * share:.0f}" for share in SHARES)
MEASURES = (
    "cosine", "cosine_grid", "gain", "insertion", "deletion", *_STAYS, *_FALLS, "deletion_grey", "sameness",
    "seconds",
)  # fmt: skip
"""
    cosine, gain    of map and Action Units (`evaluation.map_similarity`), on the pixels of the input
    cosine_grid     the same cosine after both are averaged over the locations of the last feature map
    insertion       area under the probability as pixels come back into a blurred face: high is good
    deletion        area under it as they are blurred away in order of the map: low is good
    stays_40        1 if the answer stays when all but the heaviest 40 % of pixels are blurred: high is good
    falls_40        1 if it changes when those 40 % are blurred: high is good
    deletion_grey   deletion to the mean intensity of the face, which favours grainy maps
    sameness        rank correlation with the map of the same network, its weights drawn anew: 0 is good
    seconds         of processor time for one map of one face
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
    order = places(maps, rng)
    blank = np.broadcast_to(faces.mean((1, 2, 3), keepdims=True), faces.shape)
    deleted = curves(forward, faces, blurred(faces), order, predicted)
    inserted = curves(forward, blurred(faces), faces, order, predicted)
    greyed = curves(forward, faces, blank, order, predicted)
    stays, falls = zip(*(hidden(forward, faces, order, predicted, share) for share in SHARES), strict=True)
    coarse = zip(average(maps, grid_hw), average(truths, grid_hw), strict=True)
    columns: dict[str, Sequence[float] | FloatArray] = {
        "cosine": [cosine(b.ravel(), t.ravel()) for b, t in zip(maps, truths, strict=True)],
        "cosine_grid": [cosine(b.ravel(), t.ravel()) for b, t in coarse],
        "gain": [gain(b.ravel(), region(t.ravel())) for b, t in zip(maps, truths, strict=True)],
        "insertion": area(inserted),
        "deletion": area(deleted),
        **dict(zip(_STAYS, stays, strict=True)),
        **dict(zip(_FALLS, falls, strict=True)),
        "deletion_grey": area(greyed),
        "sameness": [sameness(b, other) for b, other in zip(maps, others, strict=True)],
        "seconds": seconds,
    }
    values = np.stack([np.asarray(columns[name], dtype=np.float64) for name in MEASURES], axis=1)
    return Tried(maps, values, deleted.mean(0), inserted.mean(0))


def blurred(faces: NDArray[np.float32]) -> NDArray[np.float32]:
    """Faces (N, 1, H, W) blurred by `BLUR_SHARE` of their shorter side."""
    sigma = BLUR_SHARE * min(faces.shape[-2:])
    return np.asarray(gaussian_filter(faces, (0, 0, sigma, sigma)))


def places(maps: FloatArray, rng: np.random.Generator) -> FloatArray:
    """The place of each pixel of maps (N, H, W) in order of its map, the heaviest first: (N, H, W), 0..1.

    Level pixels, as of one segment, go in an order that means nothing, not from the top down.
    """
    ordered = np.empty(maps.shape)
    for place, weights in zip(ordered, maps, strict=True):
        order = np.lexsort((rng.random(weights.size), -weights.ravel()))
        place.flat[order] = (np.arange(weights.size) + 0.5) / weights.size
    return ordered


def curves(
    forward: Forward,
    before: NDArray[np.float32],
    after: NDArray[np.float32],
    order: FloatArray,
    labels: NDArray[np.int64],
    steps: int = STEPS,
) -> FloatArray:
    """Probability of `labels` as pixels of `before` turn into those of `after`: (N, steps + 1).

    before, after: (N, 1, H, W). order: as `places` gives it. Deletion and insertion of Petsiuk et al. (2018).
    """
    shares = np.arange(steps + 1)[:, None, None, None] / steps
    probabilities = []
    for i in range(len(before)):
        images = np.where(order[i] < shares, after[i], before[i])
        logits = forward(images.astype(np.float32)).logits.astype(np.float64)
        probabilities.append(softmax(logits, axis=1)[:, labels[i]])
    return np.stack(probabilities)


def hidden(
    forward: Forward,
    faces: NDArray[np.float32],
    order: FloatArray,
    labels: NDArray[np.int64],
    share: float,
) -> tuple[FloatArray, FloatArray]:
    """Whether the answer stays as all but the first `share` of the pixels is blurred, and falls as that is.

    Two arrays (N,) of 0 and 1.
    """
    first, blurs = order[:, None] < share, blurred(faces)
    shown = forward(np.where(first, faces, blurs).astype(np.float32)).logits.argmax(1)
    without = forward(np.where(first, blurs, faces).astype(np.float32)).logits.argmax(1)
    return (shown == labels).astype(np.float64), (without != labels).astype(np.float64)


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
