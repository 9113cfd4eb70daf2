"""Holding back a part of the training images by what they show, so that twins stay on one side."""

from __future__ import annotations

from feroi.data.decoded import decode, image_marks
from feroi.data.folds import Division, divide
from feroi.data.samples import TRAINING, Samples

MARKED_HW = (48, 48)
"""Height and width, in px, at which an image is told from others: FER-2013's own."""

_MARKS = 1 << 32


def divided(samples: Samples, seed: int, fold: int = 1, share: float | None = None) -> Division:
    """`folds.divide`, or, if a `share` is given, `held_out`. Raises what they do, and ValueError for both."""
    if share is None:
        return divide(samples, seed, fold)
    if fold != 1:
        raise ValueError("--hold-out takes the place of --fold; give one of them")
    return held_out(samples, share)


def held_out(samples: Samples, share: float) -> Division:
    """About a `share` of the split `training` to validate on, the rest of it to train on; of all samples
    where there are no splits.

    Which image is held out follows from its own pixels at MARKED_HW, so exact twins fall on the same
    side, and another seed, another choice of images or a network of another size holds out the same
    ones. Images that cannot be read stay in training, which reports them.
    Raises ValueError for a share outside (0, 1), if subjects are known, who would stand on both sides, or
    if nobody is left on one of the two sides.
    """
    if not 0 < share < 1:
        raise ValueError(f"the share held out is above 0 and below 1, got {share:g}")
    if any(samples.attribute("split")):
        samples = samples.split(TRAINING)
    if any(samples.subjects):
        raise ValueError(
            "subjects are known here, and images held out would show people trained on; use --fold"
        )
    decoded = decode(samples, MARKED_HW)
    marks = zip(decoded.samples, image_marks(decoded.pixels), strict=True)
    held = {row.name for row, mark in marks if int(mark[:8], 16) < share * _MARKS}
    training = samples.where(lambda row: row.name not in held)
    validation = samples.where(lambda row: row.name in held)
    if not len(training) or not len(validation):
        raise ValueError(f"{len(samples)} samples are too few to hold out {share:g} of them")
    return Division(training, validation, f"{share:g} of the training images held out by their pixels")
