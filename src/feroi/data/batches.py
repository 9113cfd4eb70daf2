"""Patches of stored images, as a network wants them (section 4.2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from feroi.vocabulary import EXPRESSIONS


class Labelled(NamedTuple):
    """N stored images with what is to be learned of them.

    pixels: (N, H, W) uint8 intensities.
    labels: (N,) int64.
    truths: (N, H, W) uint8, where on each image its expression shows (`explain.truth`), zero
        everywhere where that is not known; None if nobody asked.
    soft: (N, 7) float32, how probable each expression is, each row summing to 1; None if only the label
        is known.
    depth: (N, H, W) uint8, the depth of each image (`data.channels`), for a network that sees it.
    cuts: (K, N, h, w) uint8, K variants of each image that an epoch shows one of, in place of varying
        `pixels` anew; `soft` is then (K, N, 7), of each cut. None to vary them.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    truths: NDArray[np.uint8] | None = None
    soft: NDArray[np.float32] | None = None
    depth: NDArray[np.uint8] | None = None
    cuts: NDArray[np.uint8] | None = None

    def of_epoch(self, epoch: int) -> Labelled:
        """What the epoch, counted from 1, learns from: with cuts, the one whose turn it is."""
        if self.cuts is None or self.soft is None:
            return self
        turn = (epoch - 1) % len(self.cuts)
        return self._replace(pixels=self.cuts[turn], soft=self.soft[turn], cuts=None)


def shuffled(
    data: Labelled, batch_size: int, rng: np.random.Generator, balance: float = 0.0
) -> Iterator[NDArray[np.int64]]:
    """The rows of one epoch in random order, (n,) each, ascending within a batch.

    Every one comes once; only a last batch of a single image is dropped, since batch normalisation cannot use
    it.
    balance: above 0, an image comes as often as `balanced` says, in place of once.
    """
    order = rng.permutation(len(data.pixels))
    if balance:
        order = _drawn(balanced(data, balance), rng)[order]
    for start in range(0, len(order), batch_size):
        chosen = np.sort(order[start : start + batch_size])  # sorted: reads a mapped file forward
        if len(chosen) < 2 <= len(order):
            return
        yield chosen


def balanced(data: Labelled, power: float) -> NDArray[np.float64]:
    """How often each of N images is to be seen in an epoch of N: (N,), their mean 1.

    In proportion to the frequency of its expressions to the power of -`power`: 0 changes nothing, 1 makes all
    expressions equally frequent. An image of several expressions counts for each by its share.
    """
    shares = np.eye(len(EXPRESSIONS))[data.labels] if data.soft is None else data.soft.astype(np.float64)
    frequency = shares.mean(0)
    weights = shares @ np.where(frequency > 0, frequency, 1.0) ** -power
    return np.asarray(weights / weights.mean())


def _drawn(often: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """N rows, in order, each as often as it says (N,), rounded up or down by lot."""
    ends = np.cumsum(often)
    points = (rng.random() + np.arange(len(often))) * (ends[-1] / len(often))
    rows = np.searchsorted(ends, points, side="right")
    return np.asarray(np.minimum(rows, len(often) - 1), dtype=np.int64)


def centre_batches(
    pixels: NDArray[np.uint8],
    patch_hw: tuple[int, int],
    batch_size: int = 256,
    depth: NDArray[np.uint8] | None = None,
) -> Iterator[NDArray[np.float32]]:
    """The centre patch of every image in order, with its depth if given, as (n, C, H, W) float32 in 0..1."""
    for start in range(0, len(pixels), batch_size):
        here = slice(start, start + batch_size)
        beside = None if depth is None else centre_patches(depth[here], patch_hw)
        yield as_faces(centre_patches(pixels[here], patch_hw), beside)


def centre_patches(pixels: NDArray[np.uint8], patch_hw: tuple[int, int]) -> NDArray[np.uint8]:
    """The middle `patch_hw` of each image: (N, H, W) to (N, *patch_hw)."""
    check_size(pixels, patch_hw)
    height, width = patch_hw
    top, left = (pixels.shape[1] - height) // 2, (pixels.shape[2] - width) // 2
    return pixels[:, top : top + height, left : left + width]


def as_faces(patches: NDArray[np.uint8], depth: NDArray[np.uint8] | None = None) -> NDArray[np.float32]:
    """(N, H, W) uint8 to (N, 1, H, W) float32 in 0..1; with depth, alike, to (N, 2, H, W)."""
    layers = patches[:, None] if depth is None else np.stack([patches, depth], axis=1)
    return layers.astype(np.float32) / np.float32(255)


def check_size(pixels: NDArray[np.uint8], patch_hw: tuple[int, int]) -> None:
    """Raises ValueError if patches (height, width) do not fit into images (N, H, W)."""
    if pixels.shape[1] < patch_hw[0] or pixels.shape[2] < patch_hw[1]:
        raise ValueError(
            f"cannot cut {patch_hw[1]}x{patch_hw[0]} px patches from images of "
            f"{pixels.shape[2]}x{pixels.shape[1]} px"
        )
