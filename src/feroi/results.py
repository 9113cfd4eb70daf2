"""What was read: faces, photos and frames as data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from feroi.explain.regions import region_gains
from feroi.explain.roi import Patch, on_photo
from feroi.outputs import FloatArray, equal
from feroi.photo.action_units import Gaze
from feroi.photo.detect import Face
from feroi.photo.geometry import Pose
from feroi.photo.quality import Quality
from feroi.vocabulary import EXPRESSIONS

ANY_FACE = "any face"
"""Beside the regions: what the network adds to an expression whatever face it is shown."""
_TOLD = 30  # characters of a name or status, where a photo is told in one line


@dataclass(frozen=True)
class Reading:
    """One face of a photo, read.

    expression: the most probable one. confidence: its probability, 0..1.
    probabilities: expression to probability, summing to 1.
    likely: the expressions that the model takes for possible, the most probable first; one of them is
        right for a share `coverage` of faces like those it was calibrated on. Empty, and a coverage of
        None, where the model makes no such promise.
    box_xyxy_px: left, top, right, bottom of the face in the photo; may reach past its edge.
    score: how sure the detector was.
    landmarks: (68, 2), x and y in px of the photo, in the order of iBUG.
    crop: the prepared face, (H, W) uint8, as the network saw it.
    crop_roi: (H, W), the region of interest on the crop: where the evidence for the answer lies, in multiples
        of a uniform map (`explain.roi.region_of_interest`). The attention, for a model file written before
        2026-11-27; None for a network without a map.
    crop_attention: (H, W), the attention on the crop, whatever the answer, in multiples of a uniform map.
    evidence: what each region adds to each expression, as expression to region to logits; beside the regions
        stand "elsewhere" and ANY_FACE. Over them all it sums to the logit of the expression less the mean of
        the logits. Empty where `crop_roi` is not made of it; see `why`.
    regions: share of the region of interest on brow, lid, nose, cheek, lip, jaw (the words of Table 4); what
        is missing to 1 lies elsewhere. Empty for a network without a map.
    region_areas: share of the crop each of these covers, what a uniform map would put there; empty
        where `regions` is.
    quality: whether the photo shows the face well enough to be read; see `photo.quality`.
    action_units: strength of each Action Unit, 0..1, as "AU04"; see `photo.action_units` for what each is
        worth.
    action_unit_sides: the same on the person's left and right, where an Action Unit has sides.
    pose: the head's yaw, pitch and roll in degrees. gaze: where the eyes look, relative to the head.
    mesh: (478, 3), the points of MediaPipe's face mesh, x and y in px of the photo; z likewise, away from
        the camera.
    track: in a video, the number of the person, from 0; None in a photo.
    smoothed: in a video, if that was asked for, the probabilities averaged over the time before.
    from_rest, units_from_rest: if that was asked for, the probabilities and Action Units against the person's
        own face at rest; see `resting`. None until it is known.
    """

    expression: str
    confidence: float
    probabilities: dict[str, float]
    likely: tuple[str, ...]
    coverage: float | None
    box_xyxy_px: tuple[float, float, float, float]
    score: float
    landmarks: FloatArray
    crop: NDArray[np.uint8]
    crop_roi: FloatArray | None
    crop_attention: FloatArray | None
    evidence: dict[str, dict[str, float]]
    regions: dict[str, float]
    region_areas: dict[str, float]
    quality: Quality
    action_units: dict[str, float]
    action_unit_sides: dict[str, tuple[float, float]]
    pose: Pose
    gaze: Gaze
    mesh: FloatArray
    photo_hw: tuple[int, int]
    _places_xy_px: FloatArray
    track: int | None = None
    smoothed: dict[str, float] | None = None
    from_rest: dict[str, float] | None = None
    units_from_rest: dict[str, float] | None = None

    def __eq__(self, other: object) -> bool:
        """Whether all that is known of both faces is the same, arrays included."""
        return isinstance(other, Reading) and all(map(equal, vars(self).values(), vars(other).values()))

    def __hash__(self) -> int:
        return hash((self.expression, self.box_xyxy_px, self.photo_hw, self.track))

    def __repr__(self) -> str:
        box = ", ".join(f"{value:.0f}" for value in self.box_xyxy_px)
        track = "" if self.track is None else f", track={self.track}"
        return f"Reading({self.expression} {100 * self.confidence:.0f} %, box=({box}){track})"

    def to_dict(self) -> dict[str, Any]:
        """What is known of the face, as JSON has it: all but its arrays.

        Names and units are those of tables (`report.tables.COLUMNS`) and of the server; numbers are not
        rounded, and None where there is none.
        expression, confidence, likely, coverage, probabilities, evidence, regions, region_areas,
            action_units, track, smoothed, from_rest, units_from_rest: as the fields of `Reading`.
        x0, y0, x1, y1: the box in px. score: the detector's; None for a face that it did not find itself.
        quality: its score, 0..1. quality_problem: what is below the limit, or None.
        action_unit_sides: [left, right] of the person, for the Action Units that have sides.
        yaw_deg, pitch_deg, roll_deg: of the head. gaze_yaw_deg, gaze_pitch_deg: of the eyes within it.
        """
        told = {
            "expression": self.expression,
            "confidence": self.confidence,
            "likely": self.likely,
            "coverage": self.coverage,
            **_place(self.box_xyxy_px, self.score, self.quality),
            "probabilities": self.probabilities,
            "evidence": self.evidence,
            "regions": self.regions,
            "region_areas": self.region_areas,
            "action_units": self.action_units,
            "action_unit_sides": self.action_unit_sides,
            **self.pose._asdict(),
            **{f"gaze_{name}": angle for name, angle in self.gaze._asdict().items()},
            "track": self.track,
            "smoothed": self.smoothed,
            "from_rest": self.from_rest,
            "units_from_rest": self.units_from_rest,
        }
        return {name: _plain(value) for name, value in told.items()}

    @property
    def over_time(self) -> dict[str, float]:
        """The probabilities of which timelines and events of a video are made: against rest if that is known,
        else smoothed if that was asked for, else as read."""
        return self.from_rest or self.smoothed or self.probabilities

    @property
    def answer(self) -> str:
        """The expression, with a question mark if its probability is below one half."""
        return self.expression if self.confidence >= 0.5 else f"{self.expression}?"

    @property
    def phrase(self) -> str:
        """The likely expressions in words, as "sad or neutral (90 %)"; `answer` without a coverage."""
        if self.coverage is None:
            return self.answer
        if len(self.likely) == len(EXPRESSIONS):
            return f"any of the seven ({100 * self.coverage:.0f} %)"
        return f"{' or '.join(self.likely)} ({100 * self.coverage:.0f} %)"

    @property
    def region_gains(self) -> dict[str, float]:
        """Share of the region of interest over share of area of each region; above 1, more than by chance."""
        return region_gains(self.regions, self.region_areas)

    @property
    def runner_up(self) -> str:
        """The most probable expression but one."""
        return sorted(self.probabilities, key=lambda name: -self.probabilities[name])[1]

    def why(self, rather_than: str | None = None) -> dict[str, float]:
        """What each region of the face, and elsewhere, says for the answer: above 0 for it, below against.

        rather_than: the expression it is compared with; the runner-up if None. The values are differences of
            logits, the strongest first; they sum to the logarithm of how many times more probable the answer
            is. ANY_FACE is the part that has nothing to do with this face. Empty where there is no evidence.
        Raises ValueError for an expression that is none of the seven, or the answer itself.
        """
        other = self.runner_up if rather_than is None else rather_than
        if other not in EXPRESSIONS:
            raise ValueError(f"unknown expression {other!r}; choose of {', '.join(EXPRESSIONS)}")
        if other == self.expression:
            raise ValueError(f"{other!r} is the answer; ask for another expression")
        if not self.evidence:
            return {}
        mine, theirs = self.evidence[self.expression], self.evidence[other]
        return {name: mine[name] - theirs[name] for name in sorted(mine, key=lambda k: theirs[k] - mine[k])}

    @property
    def decided_by(self) -> str | None:
        """What speaks most for the answer and against the runner-up: a region of the face, or elsewhere.

        ANY_FACE if the face itself speaks for the runner-up, and only what the network leans to before it
        looks makes the answer. None where there is no evidence.
        """
        reasons = self.why()
        if not reasons:
            return None
        of_the_face = {name: value for name, value in reasons.items() if name != ANY_FACE}
        return next(iter(of_the_face)) if sum(of_the_face.values()) > 0 else ANY_FACE

    @property
    def roi(self) -> FloatArray | None:
        """The region of interest in photo coordinates, (H, W) of the photo; 0 outside the crop.

        Made anew each time it is asked for, 4 bytes a pixel of the photo; see `on_photo`.
        """
        return self._on_whole_photo(self.crop_roi)

    @property
    def attention(self) -> FloatArray | None:
        """As `roi`, the attention."""
        return self._on_whole_photo(self.crop_attention)

    def on_photo(self, crop_map: FloatArray) -> Patch:
        """A map (H, W) of the crop carried to the part of the photo that the crop covers."""
        return on_photo(crop_map, self._places_xy_px, self.photo_hw)

    def _on_whole_photo(self, crop_map: FloatArray | None) -> FloatArray | None:
        if crop_map is None:
            return None
        patch = self.on_photo(crop_map)
        photo = np.zeros(self.photo_hw, dtype=np.float32)
        photo[patch.rows, patch.columns] = patch.roi
        return photo


class Refused(NamedTuple):
    """A face that was found and not read, and why; its quality, if it was prepared."""

    face: Face
    reason: str
    quality: Quality | None = None

    def to_dict(self) -> dict[str, Any]:
        """`status`, the reason, and of the names in `Reading.to_dict` those that are known: box, score,
        quality, track."""
        told = _place(self.face.box_xyxy_px, self.face.score, self.quality)
        return {"status": self.reason, **told, "track": self.face.track}


class Photo(NamedTuple):
    """What was found in one photo, or one frame of a video.

    name: of its file, as `files.shown`.
    status: "ok", "no face", "no face to read" if all that were found are refused, or why the file
        could not be read.
    pixels: (H, W, 3) uint8 RGB, upright; None if the file could not be read.
    faces: biggest first.
    refused: faces that the network's pipeline does not prepare, or that are too poor and `Settings.abstain`
        is set, biggest first.
    frame: its number in the video, from 0. time_s: when the video shows it. None for a photo, and for what is
        said of a video as a whole.
    """

    name: str
    status: str
    pixels: NDArray[np.uint8] | None
    faces: list[Reading]
    refused: list[Refused]
    frame: int | None = None
    time_s: float | None = None

    def __eq__(self, other: object) -> bool:
        """Whether both say the same of the same pixels."""
        return isinstance(other, Photo) and equal(tuple(self), tuple(other))

    def __ne__(self, other: object) -> bool:
        return not self == other  # that of tuples does not ask __eq__

    def __hash__(self) -> int:
        return hash((self.name, self.status, self.frame, tuple(self.faces)))

    def __repr__(self) -> str:
        name, status = repr(self.name)[1:-1], repr(self.status)[1:-1]
        name = name if len(name) <= _TOLD else f"…{name[1 - _TOLD :]}"
        status = status if len(status) <= _TOLD else f"{status[: _TOLD - 1]}…"
        told = [f"'{name}'", f"'{status}'"]
        told += [] if self.frame is None else [f"frame {self.frame}"]
        told += [f"{len(self.faces)} {'face' if len(self.faces) == 1 else 'faces'}"]
        told += [f"{len(self.refused)} refused"] if self.refused else []
        return f"PhotoReading({', '.join(told)})"

    def to_dict(self) -> dict[str, Any]:
        """What was found, as JSON has it.

        file: the name. status. frame, time_s: None for a photo. width, height: in px; None if the file could
            not be read.
        faces: of each `Reading.to_dict`, and its number `face`, from 0. refused: of each `Refused.to_dict`.
        """
        height, width = (None, None) if self.pixels is None else self.pixels.shape[:2]
        return {
            "file": self.name,
            "status": self.status,
            "frame": self.frame,
            "time_s": _plain(self.time_s),
            "width": width,
            "height": height,
            "faces": [{"face": number, **face.to_dict()} for number, face in enumerate(self.faces)],
            "refused": [refused.to_dict() for refused in self.refused],
        }


def _place(
    box_xyxy_px: tuple[float, float, float, float], score: float, quality: Quality | None
) -> dict[str, Any]:
    """Where a face is and how well it is shown, by the names of tables."""
    return {
        **dict(zip(("x0", "y0", "x1", "y1"), map(_plain, box_xyxy_px), strict=True)),
        "score": _plain(score),
        "quality": quality and _plain(quality.score),
        "quality_problem": (quality and quality.problem) or None,
    }


def _plain(value: Any) -> Any:
    """A value as JSON has it, which knows neither tuples nor NaN."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value
