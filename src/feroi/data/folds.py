"""Dividing samples so that no person, or no image twice, stands on both sides."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from feroi.data.decoded import decode, image_marks
from feroi.data.rafd import paper_fold
from feroi.data.samples import TRAINING, VALIDATION, Samples

PAPER_FOLDS = 5
_HOLDOUT_SHARE = 0.1


class Fold(NamedTuple):
    """Indices of the samples to train on and of those to validate on."""

    training: NDArray[np.int64]
    validation: NDArray[np.int64]


def subject_folds(samples: Samples, folds: int = PAPER_FOLDS, seed: int = 0) -> list[Fold]:
    """Subject-independent folds: each subject is validated in exactly one of them.

    RaFD in five folds is divided by subject number as in the paper (section 4.1). Otherwise
    subjects are dealt out at random, by `seed`.
    Raises ValueError if a sample has no subject or there are fewer subjects than folds.
    """
    subjects = samples.subjects
    unknown = [row.name for row in samples if row.subject is None]
    if unknown:
        raise ValueError(
            f"{len(unknown)} of {len(samples)} samples have no subject (the first: {unknown[0]}), so no "
            f"fold can be kept free of the others' faces; give a samples.csv with a column `subject`"
        )
    names = sorted({subject for subject in subjects if subject is not None})
    if folds < 2:
        raise ValueError(f"folds must be at least 2, got {folds}")
    if len(names) < folds:
        raise ValueError(f"{folds} folds need at least {folds} subjects, found {len(names)}")
    if folds == PAPER_FOLDS and all(source == "RaFD" for source in samples.attribute("source")):
        fold_of = {name: paper_fold(name) for name in names}
    else:
        order = np.random.default_rng(seed).permutation(len(names))
        fold_of = {names[subject]: place % folds for place, subject in enumerate(order)}
    fold = np.array([fold_of[subject] for subject in subjects if subject is not None])
    empty = sorted(set(range(folds)) - set(fold.tolist()))
    if empty:
        raise ValueError(
            f"fold {empty[0] + 1} of the paper's division by RaFD subject number has no subject here; "
            f"choose another number of --folds to deal subjects out at random"
        )
    result = [Fold(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(folds)]
    for each in result:
        check_subjects_apart(samples.take(each.training), samples.take(each.validation))
    return result


def check_subjects_apart(training: Samples, validation: Samples) -> None:
    """Raises ValueError naming the subjects who stand on both sides."""
    both = (set(training.subjects) & set(validation.subjects)) - {None}
    if both:
        names = ", ".join(sorted(str(name) for name in both)[:5])
        raise ValueError(f"subjects in training and validation alike: {names}")


class Division(NamedTuple):
    """Samples to train on, samples to validate on, and how they were told apart, in words."""

    training: Samples
    validation: Samples
    description: str


def divide(samples: Samples, seed: int, fold: int = 1) -> Division:
    """Training and validation samples: the official splits where a data set has them, else the
    `fold` (1..5) of five by subject, else a tenth of each expression at random.

    A split `test` is on neither side. Raises ValueError if one of the two sides is empty, or if a
    fold other than the first is asked of a data set with official splits.
    """
    if not 1 <= fold <= PAPER_FOLDS:
        raise ValueError(f"fold is 1 to {PAPER_FOLDS}, got {fold}")
    known = [subject is not None for subject in samples.subjects]
    if any(samples.attribute("split")):
        if fold != 1:
            raise ValueError(f"the data set has official splits and so no fold {fold}; leave the fold out")
        training, validation = samples.split(TRAINING), samples.split(VALIDATION)
        how = "official splits"
    elif any(known):
        chosen = subject_folds(samples, PAPER_FOLDS, seed)[fold - 1]
        training, validation = samples.take(chosen.training), samples.take(chosen.validation)
        how = f"fold {fold} of {PAPER_FOLDS} by subject"
    else:
        chosen = stratified_holdout(samples, _HOLDOUT_SHARE, seed)
        training, validation = samples.take(chosen.training), samples.take(chosen.validation)
        how = "a tenth of each expression held out at random (no subjects known)"
    for side, rows in (("training", training), ("validation", validation)):
        if not len(rows):
            raise ValueError(f"no samples for {side} ({how}); the data set holds {len(samples)}")
    return Division(training, validation, how)


def stratified_holdout(samples: Samples, share: float, seed: int) -> Fold:
    """A random `share` of each expression's samples for validation; for data without subjects.

    Faces of one person may fall on both sides, so what is measured there is not
    subject-independent.
    """
    rng = np.random.default_rng(seed)
    validation: list[int] = []
    for label in np.unique(samples.labels):
        members = rng.permutation(np.flatnonzero(samples.labels == label))
        validation += members[: round(share * len(members))].tolist()
    held = np.sort(np.array(validation, dtype=np.int64))
    return Fold(np.setdiff1d(np.arange(len(samples)), held), held)


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
            "subjects are known here, and images held out would show people trained on; leave --hold-out "
            "out: feroi train then holds out a fifth of the people, and --split fold1 names them"
        )
    decoded = decode(samples, MARKED_HW)
    marks = zip(decoded.samples, image_marks(decoded.pixels), strict=True)
    held = {row.name for row, mark in marks if int(mark[:8], 16) < share * _MARKS}
    training = samples.where(lambda row: row.name not in held)
    validation = samples.where(lambda row: row.name in held)
    if not len(training) or not len(validation):
        raise ValueError(f"{len(samples)} samples are too few to hold out {share:g} of them")
    return Division(training, validation, f"{share:g} of the training images held out by their pixels")
