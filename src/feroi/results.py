"""What was read: faces, photos and frames as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from feroi.explain.regions import region_gains
from feroi.explain.roi import Patch, on_photo
from feroi.look import FloatArray, equal
from feroi.photo.action_units import Gaze
from feroi.photo.detect import Face
from feroi.photo.geometry import Pose
from feroi.photo.quality import Quality
from feroi.vocabulary import EXPRESSIONS


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
    crop_attention: (H, W), the region of interest on the crop, in multiples of a uniform map; None
        for a network without a map.
    regions: share of attention on brow, lid, nose, cheek, lip, jaw (the words of Table 4); what is
        missing to 1 lies elsewhere. Empty for a network without a map.
    region_areas: share of the crop each of these covers, what a uniform map would put there; empty
        where `regions` is.
    quality: whether the photo shows the face well enough to be read; see `photo.quality`.
    action_units: strength of each Action Unit, 0..1, as "AU04"; see `photo.action_units` for what each is
        worth.
    action_unit_sides: the same on the person's left and right, where an Action Unit has sides.
    pose: the head's yaw, pitch and roll in degrees. gaze: where the eyes look, relative to the head.
    mesh: (478, 3), the points of MediaPipe's face mesh, x and y in px of the photo; z likewise, away from
        the camera.
    track: in a film, the number of the person, from 0; None in a photo.
    smoothed: in a film, if that was asked for, the probabilities averaged over the time before.
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
    crop_attention: FloatArray | None
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

    def __eq__(self, other: object) -> bool:
        """Whether all that is known of both faces is the same, arrays included."""
        return isinstance(other, Reading) and all(map(equal, vars(self).values(), vars(other).values()))

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
        """Share of attention over share of area of each region; above 1, more than by chance."""
        return region_gains(self.regions, self.region_areas)

    @property
    def attention(self) -> FloatArray | None:
        """The region of interest in photo coordinates, (H, W) of the photo; 0 outside the crop.

        Made anew each time it is asked for, 4 bytes a pixel of the photo; see `attention_patch`.
        """
        patch = self.attention_patch
        if patch is None:
            return None
        photo = np.zeros(self.photo_hw, dtype=np.float32)
        photo[patch.rows, patch.columns] = patch.roi
        return photo

    @property
    def attention_patch(self) -> Patch | None:
        """The part of `attention` that the crop covers."""
        if self.crop_attention is None:
            return None
        return on_photo(self.crop_attention, self._places_xy_px, self.photo_hw)


class Refused(NamedTuple):
    """A face that was found and not read, and why; its quality, if it was prepared."""

    face: Face
    reason: str
    quality: Quality | None = None


class Photo(NamedTuple):
    """What was found in one photo, or one frame of a film.

    name: of its file, as `files.shown`.
    status: "ok", "no face", "no face to read" if all that were found are refused, or why the file
        could not be read.
    pixels: (H, W, 3) uint8 RGB, upright; None if the file could not be read.
    faces: biggest first.
    refused: faces that the network's pipeline does not prepare, or that are too poor and `Settings.abstain`
        is set, biggest first.
    frame: its number in the film, from 0. time_s: when the film shows it. None for a photo, and for what is
        said of a film as a whole.
    """

    name: str
    status: str
    pixels: NDArray[np.uint8] | None
    faces: list[Reading]
    refused: list[Refused]
    frame: int | None = None
    time_s: float | None = None
