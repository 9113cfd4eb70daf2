"""The features of Table 5 and those that are selected from, by name, and those of a whole data set."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feroi.baselines.gabor import gabor
from feroi.baselines.patches import PairwisePatches, patch_histograms
from feroi.baselines.patterns import lbp, lpq
from feroi.baselines.phog import phog
from feroi.baselines.receptive_fields import AuAwareFields, small_faces
from feroi.baselines.svm import Selector
from feroi.data.channels import depth_pictures, landmarks_of
from feroi.data.samples import Samples
from feroi.photo.cropped import usual_landmarks
from feroi.progress import track

DS_HW = (12, 10)
"""Rows and columns a face is down-sampled to."""

Images = NDArray[np.uint8]
Features = NDArray[np.float32]
Descriptor = Callable[[Images], Features]
"""(N, H, W) images to (N, D) numbers, each image by itself."""

_AT_ONCE = 32


def ds(images: Images) -> Features:
    """Down-sampled faces, (N, H, W) to (N, 120), intensities 0..255: means of 12 rows by 10 columns of boxes.

    Wright et al. [40] call them so; the paper says the size, not how it is reached.
    """
    size_wh = DS_HW[::-1]
    return np.stack(
        [
            np.asarray(
                Image.fromarray(image).convert("F").resize(size_wh, Image.Resampling.BOX), np.float32
            ).ravel()
            for image in images
        ]
    )


def phog_lpq(images: Images) -> Features:
    """PHOG and LPQ side by side, (N, 680 + 10752): the baseline of SFEW, Dhall et al. [28].

    They name the features; grid, pyramid and bins are those of `phog` and `lpq` here.
    """
    return np.concatenate([phog(images), lpq(images)], axis=1)


DESCRIPTORS: Mapping[str, Descriptor] = {
    "lbp": lbp,
    "gabor": gabor,
    "lpq": lpq,
    "ds": ds,
    "phog-lpq": phog_lpq,
    "audn": small_faces,
}
"""Those of the picture alone; `patches` need its landmarks too."""


def describe(images: Images, descriptor: Descriptor) -> Features:
    """The features (N, D) of (N, H, W) images, a few at a time, with a bar if there are many."""
    starts = range(0, len(images), _AT_ONCE)
    done = track(starts, "describing", len(images), len(starts))
    return np.concatenate([descriptor(images[start : start + _AT_ONCE]) for start in done])


FE_GEM = "+fe-gem"
BASELINES = (*DESCRIPTORS, "patches", *(name + FE_GEM for name in ("lbp", "gabor", "lpq", "ds")))
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
    if name == "patches":
        return _patches(samples)
    descriptor = DESCRIPTORS[name.removesuffix(FE_GEM)]
    photo = describe(np.stack([np.asarray(row.image, np.uint8) for row in samples]), descriptor)
    if not name.endswith(FE_GEM):
        return photo
    return np.concatenate([photo, describe(depth_pictures(samples), descriptor)], axis=1)


def _patches(samples: Samples) -> Features:
    """Where landmarks cannot be trusted, patches lie about those of the generic face."""
    described = []
    for row in track(samples, "fitting", len(samples), len(samples)):
        image, landmarks = np.asarray(row.image, np.uint8), landmarks_of(row)
        if landmarks is None:
            size_hw = image.shape[0], image.shape[1]
            landmarks = usual_landmarks(row.attributes.get("pipeline", "front"), size_hw)
        described.append(patch_histograms(image[None], landmarks[None]))
    return np.concatenate(described)
