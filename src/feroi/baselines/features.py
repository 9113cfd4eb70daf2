"""The features of labelled faces, by the names Table 5 gives its rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from feroi.baselines.descriptors import DESCRIPTORS, describe
from feroi.data.samples import Samples

Features = NDArray[np.float32]

BASELINES = tuple(DESCRIPTORS)


def check_baseline(name: str) -> None:
    """Raises ValueError, with the names known, unless `name` is one of BASELINES."""
    if name not in BASELINES:
        raise ValueError(f"unknown baseline {name!r}; choose one of {', '.join(BASELINES)}")


def features(samples: Samples, name: str) -> Features:
    """The features (N, D) by `name`, one of BASELINES, of N samples whose pixels are of one size."""
    return describe(np.stack([np.asarray(row.image, np.uint8) for row in samples]), DESCRIPTORS[name])
