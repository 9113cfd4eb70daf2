"""A network's answers on a data set, and its scores there."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from feroi.config import NetworkConfig
from feroi.data.batches import centre_batches, centre_patches
from feroi.data.pixels import Rejected, decode
from feroi.data.samples import Samples
from feroi.evaluation.metrics import Scores, score
from feroi.look import FloatArray, Forward

_BATCH = 256
_PROGRESS_FROM = 1000


class Readings(NamedTuple):
    """What a network said of N images.

    samples: the N samples that could be read; rejected: the others.
    faces: (N, H, W) uint8, what the network was shown.
    logits: (N, 7). attention: (N, h, w), or None for a network that weighs no location.
    """

    samples: Samples
    rejected: list[Rejected]
    faces: NDArray[np.uint8]
    logits: FloatArray
    attention: FloatArray | None

    @property
    def predicted(self) -> NDArray[np.int64]:
        """(N,) index of the expression with the highest logit."""
        return np.asarray(self.logits.argmax(1), dtype=np.int64)


class Evaluation(NamedTuple):
    """Scores on all images, and on those without an exact twin among the images trained on."""

    scores: Scores
    without_twins: Scores | None
    rejected: list[Rejected]

    def to_json(self) -> dict[str, Any]:
        """JSON-ready: the scores at the top, the rest under its own names."""
        result = self.scores.to_json()
        if self.without_twins is not None:
            result["without_twins"] = self.without_twins.to_json()
        result["rejected"] = [item._asdict() for item in self.rejected]
        return result


def read(forward: Forward, config: NetworkConfig, samples: Samples) -> Readings:
    """Show the centre patch of every sample to a network."""
    decoded = decode(samples, config.stored_hw)
    logits, maps = [], []
    batches = track(
        centre_batches(decoded.pixels, config.input_hw, _BATCH),
        description="reading",
        total=-(-len(decoded.pixels) // _BATCH),
        disable=len(decoded.pixels) < _PROGRESS_FROM,
        transient=True,
    )
    for faces in batches:
        look = forward(faces)
        logits.append(look.logits)
        if look.attention is not None:
            maps.append(look.attention)
    return Readings(
        decoded.samples,
        decoded.rejected,
        centre_patches(decoded.pixels, config.input_hw),
        np.concatenate(logits),
        np.concatenate(maps) if maps else None,
    )


def evaluate(
    forward: Forward, config: NetworkConfig, samples: Samples, trained_on: Samples | None = None
) -> Evaluation:
    """Score a network on `samples`; with `trained_on`, also without the exact twins of those images."""
    readings = read(forward, config, samples)
    labels, predicted = readings.samples.labels, readings.predicted
    without_twins = None
    if trained_on is not None:
        known = set(map(bytes, decode(trained_on, config.stored_hw).pixels))
        shown = decode(samples, config.stored_hw).pixels
        new = np.array([bytes(image) not in known for image in shown])
        without_twins = score(labels[new], predicted[new])
    return Evaluation(score(labels, predicted), without_twins, readings.rejected)
