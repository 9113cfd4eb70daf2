"""A network's answers on a data set, and its scores there."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from feroi.config import NetworkConfig
from feroi.data.batches import centre_batches, centre_patches
from feroi.data.channels import depth_of
from feroi.data.decoded import Rejected, decode, image_marks
from feroi.data.samples import Samples
from feroi.evaluation.calibration import Certainty, measure_certainty
from feroi.evaluation.metrics import Scores, score
from feroi.files import write_text
from feroi.network.calibration import UNCALIBRATED, Calibration
from feroi.network.description import named_members
from feroi.outputs import FloatArray, Forward
from feroi.progress import track

TRAINED_ON = "trained-on.txt"
"""In a run folder: the mark (`data.pixels.image_marks`) of every image trained on, one a line."""
_BATCH = 256


class Readings(NamedTuple):
    """What a network said of N images.

    samples: the N samples that could be read; rejected: the others.
    faces: (N, H, W) uint8, what the network was shown.
    logits: (N, 7). attention: (N, h, w), or None for a network that weighs no location. evidence: (N, h, w),
    what each location says for what was read, or None.
    """

    samples: Samples
    rejected: list[Rejected]
    faces: NDArray[np.uint8]
    logits: FloatArray
    attention: FloatArray | None
    evidence: FloatArray | None = None

    @property
    def predicted(self) -> NDArray[np.int64]:
        """(N,) index of the expression with the highest logit."""
        return np.asarray(self.logits.argmax(1), dtype=np.int64)


class Evaluation(NamedTuple):
    """Scores on all images, and on those without an exact twin among the images trained on; and what the
    probabilities are worth on all."""

    scores: Scores
    certainty: Certainty
    without_twins: Scores | None
    rejected: list[Rejected]

    def to_json(self) -> dict[str, Any]:
        """JSON-ready: the scores at the top, the rest under its own names."""
        result = self.scores.to_json()
        if self.without_twins is not None:
            result["without_twins"] = self.without_twins.to_json()
        result["certainty"] = self.certainty.to_json()
        result["rejected"] = [item._asdict() for item in self.rejected]
        return result


def read(forward: Forward, config: NetworkConfig, samples: Samples) -> Readings:
    """Show the centre patch of every sample to a network.

    Raises ValueError if samples and network name different pipelines, if no image can be read, or
    if the network's answers are not finite.
    """
    _check_pipeline(config, samples)
    decoded = decode(samples, config.stored_hw)
    logits, maps, evidence = [], [], []
    batches = centre_batches(decoded.pixels, config.input_hw, _BATCH, depth_of(decoded, config))
    images = len(decoded.pixels)
    for faces in track(batches, "reading", images, -(-images // _BATCH)):
        look = forward(faces)
        logits.append(look.logits)
        if look.attention is not None:
            maps.append(look.attention)
        if look.evidence is not None:
            evidence.append(look.evidence[np.arange(len(faces)), look.logits.argmax(1)])
    all_logits = np.concatenate(logits)
    if not np.isfinite(all_logits).all():
        raise ValueError("the network answers with values that are no numbers; its training went wrong")
    return Readings(
        decoded.samples,
        decoded.rejected,
        centre_patches(decoded.pixels, config.input_hw),
        all_logits,
        np.concatenate(maps) if maps else None,
        np.concatenate(evidence) if evidence else None,
    )


def _check_pipeline(config: NetworkConfig, samples: Samples) -> None:
    others = sorted({name for name in samples.attribute("pipeline") if name} - {config.pipeline})
    if config.pipeline and others:
        raise ValueError(
            f"the network learned from faces prepared by {config.pipeline}, and these were prepared by "
            f"{', '.join(others)}; prepare their photos with feroi prepare folder SRC DST "
            f"--pipeline {config.pipeline}"
        )


def evaluate(
    forward: Forward,
    config: NetworkConfig,
    samples: Samples,
    trained_on: Samples | None = None,
    calibration: Calibration = UNCALIBRATED,
) -> Evaluation:
    """Score a network on `samples`; with `trained_on`, also without the exact twins of those images.

    forward: answers as `calibration`, which says which of them are likely, makes them.

    There is no second score if every image has a twin.
    """
    readings = read(forward, config, samples)
    labels, predicted = readings.samples.labels, readings.predicted
    without_twins = None
    if trained_on is not None:
        training_marks = set(image_marks(decode(trained_on, config.stored_hw).pixels))
        marks = image_marks(decode(samples, config.stored_hw).pixels)
        new = np.array([mark not in training_marks for mark in marks])
        without_twins = score(labels[new], predicted[new]) if new.any() else None
    certainty = measure_certainty(readings.logits, labels, calibration)
    return Evaluation(score(labels, predicted), certainty, without_twins, readings.rejected)


def count_trained_on(model: Path, config: NetworkConfig, samples: Samples) -> int:
    """How many of `samples` the network in a run folder was trained on; 0 where nobody knows."""
    return _count(trained_on_marks(model), config, samples)


def count_calibrated_on(model: Path, config: NetworkConfig, samples: Samples) -> int:
    """How many of `samples` the network was calibrated on; 0 where nobody knows."""
    return _count(calibrated_on_marks(model), config, samples)


def trained_on_marks(model: Path) -> list[str]:
    """The marks of what the network in a run folder or file, or any member of a committee, learned from; none
    where nobody knows."""
    return _marks(model)[0]


def calibrated_on_marks(model: Path) -> list[str]:
    """As `trained_on_marks`, of what it was calibrated on."""
    return _marks(model)[1]


def write_marks(model: Path, trained_on: list[str], calibrated_on: list[str]) -> None:
    """Keep beside a model file the marks of what it learned from and of what it was calibrated on."""
    write_text(_marks_beside(model), "\n".join([*trained_on, "", *calibrated_on]) + "\n")


def _marks(model: Path) -> tuple[list[str], list[str]]:
    """The marks of what a network learned from, and of what it was calibrated on, behind an empty line; of a
    committee that is named with commas, those of its members."""
    members = named_members(model)
    if len(members) > 1:
        kinds = zip(*(_marks(Path(member)) for member in members), strict=True)
        trained_on, calibrated_on = ([mark for marks in kind for mark in marks] for kind in kinds)
        return trained_on, calibrated_on
    if model.is_dir():
        file = model / TRAINED_ON
    else:
        file = _marks_beside(model)
        file = file if file.is_file() else model.parent / TRAINED_ON
    trained, _, calibrated = (file.read_text(encoding="utf-8") if file.is_file() else "").partition("\n\n")
    return trained.split(), calibrated.split()


def _marks_beside(model: Path) -> Path:
    """The file that keeps the marks of a model file outside of its run folder."""
    return model.with_name(f"{model.stem}-{TRAINED_ON}")


def _count(marks: list[str], config: NetworkConfig, samples: Samples) -> int:
    if not marks:
        return 0
    known = set(marks)
    return sum(mark in known for mark in image_marks(decode(samples, config.stored_hw).pixels))
