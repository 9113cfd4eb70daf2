"""Batches of changed faces, as the training loop wants them (section 4.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from feroi.data.batches import Labelled, check_size, shuffled
from feroi.recipe import Augmentation
from feroi.training.augment import vary


class Batch(NamedTuple):
    """faces: (N, C, H, W) float32 in 0..1, intensities and, where it is given, depth; labels: (N,) int64;
    truths: (N, 1, H, W) as faces, or None; soft: (N, 7) float32, or None; size: how many faces the batch
    has, N unless a share of it was asked for."""

    faces: Tensor
    labels: Tensor
    size: int
    truths: Tensor | None = None
    soft: Tensor | None = None


def training_batches(
    data: Labelled,
    patch_hw: tuple[int, int],
    batch_size: int,
    augmentation: Augmentation,
    rng: np.random.Generator,
    rows_of: Callable[[int], slice] = lambda size: slice(size),
    balance: float = 0.0,
    device: torch.device | str = "cpu",
) -> Iterator[Batch]:
    """One epoch in random order, on `device`: a random patch of each image, mirrored half of the time, or its
    middle after a random affine map, or that degraded (`training.augment`).

    Images are at least as large as `patch_hw`.
    rows_of: which rows of a batch of so many faces are wanted; they come out as they do among all.
    balance: how often an image comes, as in `data.batches.shuffled`.
    """
    check_size(data.pixels, patch_hw)

    def sent(values: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(values).to(device)

    for chosen in shuffled(data, batch_size, rng, balance):
        layers = [layer[chosen] for layer in (data.pixels, data.depth, data.truths) if layer is not None]
        rows = rows_of(len(chosen))
        changed = vary(np.stack(layers, -1), patch_hw, augmentation, rng, rows, device) / 255
        seen = 1 if data.depth is None else 2
        truths = None if data.truths is None else changed[:, -1:]
        soft = None if data.soft is None else sent(data.soft[chosen[rows]])
        yield Batch(changed[:, :seen], sent(data.labels[chosen[rows]]), len(chosen), truths, soft)
