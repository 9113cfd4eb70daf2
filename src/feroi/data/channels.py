"""What a network sees beside the intensity, on stored images.

N images, H and W their height and width in px.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from feroi.baselines.depth import depth_pictures
from feroi.config import NetworkConfig
from feroi.data.pixels import Decoded, kept
from feroi.data.samples import Samples, fingerprint


def depth_of(decoded: Decoded, network: NetworkConfig) -> NDArray[np.uint8] | None:
    """Pictures of depth (N, H, W) of stored images (`baselines.depth`); None for a network that sees none.

    Finding landmarks takes 0.2 s an image, so they are kept beside the decoded images.
    """
    if network.inputs != "intensity+depth":
        return None
    known = [row.depth for row in decoded.samples if row.depth is not None]
    if len(known) == len(decoded.samples):
        return np.stack(known)
    pipelines = [str(name) for name in decoded.samples.attribute("pipeline")]
    key = f"{' '.join(pipelines)} {fingerprint(decoded.samples, decoded.pixels)}"
    rows = zip(decoded.samples, decoded.pixels, strict=True)
    stored = Samples(replace(row, image=image) for row, image in rows)
    return kept("depth", key, lambda: depth_pictures(stored))


def with_depth(samples: Samples, depth: NDArray[np.uint8] | None) -> Samples:
    """N samples that hold their pixels, each with its depth of (N, H, W); as they are where it is None."""
    if depth is None:
        return samples
    return Samples(replace(row, depth=each) for row, each in zip(samples, depth, strict=True))
