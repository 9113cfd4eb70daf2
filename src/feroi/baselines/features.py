"""The features of labelled faces, by the names Table 5 gives its rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from feroi.baselines.descriptors import DESCRIPTORS, describe
from feroi.baselines.patches import PairwisePatches
from feroi.baselines.receptive_fields import AuAwareFields
from feroi.baselines.svm import Selector
from feroi.data.channels import depth_pictures
from feroi.data.samples import Samples

Features = NDArray[np.float32]

FE_GEM = "+fe-gem"
BASELINES = (*DESCRIPTORS, *(name + FE_GEM for name in ("lbp", "gabor", "lpq", "ds")))
"""Features of the photo; and of photo and estimated depth, side by side."""
SELECTING = ("audn", "patches")
"""Those whose features are chosen on the training side of each fold; in no row of Table 5."""


def check_baseline(name: str) -> None:
    """Raises ValueError, with the names known, unless `name` is one of BASELINES."""
    if name not in BASELINES:
        raise ValueError(f"unknown baseline {name!r}; choose one of {', '.join(BASELINES)}")


def selector(name: str, seed: int) -> Selector | None:
    """What chooses among the features by `name`, one of BASELINES; None where all are taken."""
    if name == "audn":
        return AuAwareFields(seed)
    return PairwisePatches() if name == "patches" else None


def features(samples: Samples, name: str) -> Features:
    """The features (N, D) by `name`, one of BASELINES, of N samples that hold pixels of one size."""
    descriptor = DESCRIPTORS[name.removesuffix(FE_GEM)]
    photo = describe(np.stack([np.asarray(row.image, np.uint8) for row in samples]), descriptor)
    if not name.endswith(FE_GEM):
        return photo
    return np.concatenate([photo, describe(depth_pictures(samples), descriptor)], axis=1)
