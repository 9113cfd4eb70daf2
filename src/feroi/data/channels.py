"""What a network sees beside the intensity, on stored images.

N images, H and W their height and width in px.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from feroi.config import NetworkConfig
from feroi.data.decoded import Decoded, cached_array
from feroi.data.samples import Sample, Samples, fingerprint
from feroi.photo.cropped import cropped_landmarks
from feroi.photo.depth import depth_at
from feroi.progress import track


def depth_of(decoded: Decoded, network: NetworkConfig) -> NDArray[np.uint8] | None:
    """Pictures of depth (N, H, W) of stored images (`photo.depth`); None for a network that sees none.

    Finding landmarks takes 0.2 s an image, so they are kept beside the decoded images.
    """
    if network.inputs != "intensity+depth":
        return None
    known = [row.depth for row in decoded.samples if row.depth is not None]
    if len(known) == len(decoded.samples):
        return np.stack(known)
    pipelines = [str(name) for name in decoded.samples.attribute("pipeline")]
    key = f"{' '.join(pipelines)} {fingerprint(decoded.samples, decoded.pixels)}"
    return cached_array("depth", key, lambda: depth_pictures(decoded.shared))


def depth_pictures(samples: Samples) -> NDArray[np.uint8]:
    """Pictures of depth (N, H, W) of N samples that hold pixels of one size.

    Landmarks are looked for where the faces' pipeline, or else a detector, or else `front` puts a face. Where
    they cannot be trusted (`photo.cropped.cropped_landmarks`) there is no depth: all 0.
    """
    pictures = []
    for row in track(samples, "fitting", len(samples), len(samples)):
        image, landmarks = np.asarray(row.image, np.uint8), landmarks_of(row)
        if landmarks is None:
            pictures.append(np.zeros_like(image))
        else:
            pictures.append(depth_at(landmarks, (image.shape[0], image.shape[1])))
    return np.stack(pictures)


def landmarks_of(row: Sample) -> NDArray[np.float64] | None:
    """The landmarks (68, 2) of a sample that holds its pixels; None where they cannot be trusted."""
    image = np.asarray(row.image, np.uint8)
    landmarks = cropped_landmarks(image, row.attributes.get("pipeline"))
    return cropped_landmarks(image, "front") if landmarks is None else landmarks


def with_depth(samples: Samples, depth: NDArray[np.uint8] | None) -> Samples:
    """N samples that hold their pixels, each with its depth of (N, H, W); as they are where it is None."""
    if depth is None:
        return samples
    return Samples(replace(row, depth=each) for row, each in zip(samples, depth, strict=True))
