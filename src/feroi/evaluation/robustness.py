"""How well a network reads faces that are made worse, and where it looks when a region is covered."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from feroi.config import NetworkConfig
from feroi.data.corruptions import CORRUPTIONS, cover_with_grey
from feroi.data.decoded import Rejected, decode
from feroi.data.samples import Samples
from feroi.evaluation.calibration import Certainty, measure_certainty
from feroi.evaluation.evaluate import Readings, read
from feroi.evaluation.metrics import score
from feroi.explain.regions import Masks, region_masks, region_shares
from feroi.explain.roi import project
from feroi.network.calibration import UNCALIBRATED, Calibration
from feroi.outputs import Forward
from feroi.photo.cropped import cropped_landmarks
from feroi.progress import track
from feroi.vocabulary import REGIONS

INTACT = "intact"
_TELLING = 0.01  # of the attention


class Level(NamedTuple):
    """What is left at one level of one corruption.

    corruption: a name in `data.corruptions.CORRUPTIONS`, or INTACT. level: in its unit; None for INTACT.
    accuracy, calibration_error, confidence (the mean probability of the answers): 0..1.
    """

    corruption: str
    level: float | None
    n: int
    accuracy: float
    calibration_error: float
    confidence: float


class Cover(NamedTuple):
    """What covering one region of the face does.

    area: share of the face that is covered, on average.
    accuracy: of the same faces, uncovered and covered. calibration_error: covered.
    shares: mean share of attention on each region, uncovered and covered; empty for a network without a map.
    """

    region: str
    area: float
    accuracy_before: float
    accuracy: float
    calibration_error: float
    shares_before: dict[str, float]
    shares: dict[str, float]

    @property
    def falls_back_to(self) -> str | None:
        """The other region that gains most attention; None if none gains a hundredth, or without a map."""
        gains = {name: self.shares[name] - self.shares_before[name] for name in self.shares}
        gains.pop(self.region, None)
        most = max(gains, key=lambda name: gains[name], default=None)
        return most if most is not None and gains[most] >= _TELLING else None


class Robustness(NamedTuple):
    """levels: INTACT first. covered: the regions of Table 4, from `n_covered` faces whose landmarks were
    found; the `n_unmarked` others are in the levels alone."""

    levels: list[Level]
    covered: list[Cover]
    n_covered: int
    n_unmarked: int
    rejected: list[Rejected]

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "levels": [level._asdict() for level in self.levels],
            "covered": [{**each._asdict(), "falls_back_to": each.falls_back_to} for each in self.covered],
            "n_covered": self.n_covered,
            "n_unmarked": self.n_unmarked,
            "rejected": [item._asdict() for item in self.rejected],
        }


def measure_robustness(
    forward: Forward,
    config: NetworkConfig,
    samples: Samples,
    calibration: Calibration = UNCALIBRATED,
    seed: int = 0,
) -> Robustness:
    """Every corruption at every level, and every region of Table 4 covered.

    forward: answers as `calibration` makes them. The faces are made worse as they are stored for the
    network, after they were prepared: whether they would still be found in a photo is another question.
    Raises as `evaluation.evaluate.read`.
    """
    decoded = decode(samples, config.stored_hw)
    pixels = np.asarray(decoded.pixels)

    def reading(faces: NDArray[np.uint8]) -> Readings:
        return read(forward, config, decoded.samples.with_images(faces))

    intact = reading(pixels)
    levels = [_level(INTACT, None, intact, calibration)]
    corruptions = [(name, level) for name, each in CORRUPTIONS.items() for level in each.levels]
    for name, level in corruptions:
        rng = np.random.default_rng([seed, len(levels)])
        levels.append(_level(name, level, reading(CORRUPTIONS[name].apply(pixels, level, rng)), calibration))
    marks = _landmarks(pixels, decoded.samples, config)
    marked = [at for at, points in enumerate(marks) if points is not None]
    covered = []
    if marked:
        masks = [region_masks(points, config.stored_hw) for points in marks if points is not None]
        bare = _Covered(decoded.samples.take(marked), pixels[marked], masks, forward, config)
        covered = [_cover(region, bare, calibration) for region in REGIONS]
    return Robustness(levels, covered, len(marked), len(marks) - len(marked), decoded.rejected)


def _level(name: str, level: float | None, readings: Readings, calibration: Calibration) -> Level:
    certainty = _certainty(readings, calibration)
    accuracy = score(readings.samples.labels, readings.predicted).accuracy
    n = len(readings.samples)
    confidence = sum(each.n * each.confidence for each in certainty.bins) / n
    return Level(name, level, n, accuracy, certainty.calibration_error, confidence)


def _certainty(readings: Readings, calibration: Calibration) -> Certainty:
    return measure_certainty(readings.logits, readings.samples.labels, calibration)


def _landmarks(
    pixels: NDArray[np.uint8], samples: Samples, config: NetworkConfig
) -> list[NDArray[np.float64] | None]:
    n = len(pixels)
    return [
        cropped_landmarks(pixels[at], samples[at].attributes.get("pipeline") or config.pipeline)
        for at in track(range(n), "finding landmarks", n, n)
    ]


class _Covered:
    """Faces with known regions, and what a network makes of them with one or none of these covered."""

    def __init__(
        self,
        samples: Samples,
        faces: NDArray[np.uint8],
        masks: list[Masks],
        forward: Forward,
        config: NetworkConfig,
    ) -> None:
        self.samples, self.masks = samples, masks
        self._faces, self._forward, self._config = faces, forward, config
        self.bare = self._read(faces)

    def hiding(self, region: str) -> Readings:
        covered = zip(self._faces, self.masks, strict=True)
        return self._read(np.stack([cover_with_grey(face, mask[region]) for face, mask in covered]))

    def shares(self, readings: Readings) -> dict[str, float]:
        """Mean share of attention on each region; empty for a network without a map."""
        if readings.attention is None:
            return {}
        inputs_hw, stored_hw = self._config.input_hw, self._config.stored_hw
        top, left = ((whole - part) // 2 for whole, part in zip(stored_hw, inputs_hw, strict=True))
        window = np.s_[top : top + inputs_hw[0], left : left + inputs_hw[1]]
        maps = zip(project(readings.attention, inputs_hw), self.masks, strict=True)
        shares = [
            region_shares(roi, {name: mask[window] for name, mask in each.items()}) for roi, each in maps
        ]
        return {name: float(np.mean([share[name] for share in shares])) for name in REGIONS}

    def _read(self, faces: NDArray[np.uint8]) -> Readings:
        return read(self._forward, self._config, self.samples.with_images(faces))


def _cover(region: str, faces: _Covered, calibration: Calibration) -> Cover:
    after, labels = faces.hiding(region), faces.samples.labels
    return Cover(
        region=region,
        area=float(np.mean([mask[region].mean() for mask in faces.masks])),
        accuracy_before=float((faces.bare.predicted == labels).mean()),
        accuracy=float((after.predicted == labels).mean()),
        calibration_error=_certainty(after, calibration).calibration_error,
        shares_before=faces.shares(faces.bare),
        shares=faces.shares(after),
    )
