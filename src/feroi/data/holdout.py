"""Holding back a part of the training images by what they show, so that twins stay on one side."""

from __future__ import annotations

from feroi.data.folds import Division
from feroi.data.pixels import decode, image_marks
from feroi.data.samples import Samples

_MARKS = 1 << 32


def held_out(samples: Samples, share: float, stored_hw: tuple[int, int]) -> Division:
    """About a `share` of `samples` to validate on, the others to train on.

    Which image is held out follows from its own pixels at `stored_hw`, so exact twins fall on the same
    side and another seed, or another choice of images, holds out the same ones. Images that cannot be
    read stay in training, which reports them.
    Raises ValueError for a share outside (0, 1), or if nobody is left on one of the two sides.
    """
    if not 0 < share < 1:
        raise ValueError(f"the share held out lies between 0 and 1, got {share:g}")
    decoded = decode(samples, stored_hw)
    marks = zip(decoded.samples, image_marks(decoded.pixels), strict=True)
    held = {row.name for row, mark in marks if int(mark[:8], 16) < share * _MARKS}
    training = samples.where(lambda row: row.name not in held)
    validation = samples.where(lambda row: row.name in held)
    if not len(training) or not len(validation):
        raise ValueError(f"{len(samples)} samples are too few to hold out {share:g} of them")
    return Division(training, validation, f"{share:g} of the training images held out by their pixels")
