"""From a face in a photo to the crop a network reads, by named pipelines (section 4.2).

    front   frontalised, light normalised: RaFD-FRONT and SFEW
    pose    the square round the head, light normalised: RaFD-POSE
    wild    the loose square of FER-2013, light as it is

A model stores the name of its pipeline, so training and reading cannot differ.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from feroi.photo.align import FER_ENLARGE, FER_RISE, crop_fixed, landmark_box
from feroi.photo.frontalize import frontal_places, frontalize
from feroi.photo.geometry import FRAME_HW, frame_px, generic_face
from feroi.photo.illumination import normalize_light

PIPELINES = ("front", "pose", "wild")

_POSE_ENLARGE, _POSE_RISE = 1.9, 0.18
"""How RaFD-POSE's box lies about the box of the landmarks of a frontal face: hair and chin inside."""

Floats = NDArray[np.float64]


class Crop(NamedTuple):
    """A prepared face.

    image: (h, w) uint8.
    landmarks_xy_px: (68, 2), where the landmarks lie in `image`.
    places_xy_px: (h, w, 2), where in the photo each pixel of `image` was seen.
    """

    image: NDArray[np.uint8]
    landmarks_xy_px: Floats
    places_xy_px: Floats


def prepare(
    photo: NDArray[np.uint8], landmarks_xy_px: Floats, pipeline: str, size_hw: tuple[int, int]
) -> Crop:
    """The face with landmarks (68, 2) in `photo` (H, W), by `pipeline`, at `size_hw` px.

    `front` is made at 125x160 and needs that size. Raises ValueError for another, for an unknown
    pipeline, and for landmarks that are no face.
    """
    if pipeline == "front":
        if size_hw != FRAME_HW:
            raise ValueError(f"the pipeline front makes crops of 125x160, not {size_hw[1]}x{size_hw[0]}")
        image = normalize_light(frontalize(photo, landmarks_xy_px).image)
        frame_landmarks = frame_px(generic_face().landmarks_cm)
        return Crop(image, frame_landmarks, frontal_places(landmarks_xy_px))
    if pipeline == "pose":
        crop = _square(photo, landmarks_xy_px, _POSE_ENLARGE, _POSE_RISE, size_hw)
        return crop._replace(image=normalize_light(crop.image))
    if pipeline == "wild":
        return _square(photo, landmarks_xy_px, FER_ENLARGE, FER_RISE, size_hw)
    raise ValueError(f"unknown pipeline {pipeline!r}; choose one of {', '.join(PIPELINES)}")


def _square(
    photo: NDArray[np.uint8], landmarks: Floats, enlarge: float, rise: float, size_hw: tuple[int, int]
) -> Crop:
    """A box about the landmarks, in the proportions of `size_hw`, its shorter side by `enlarge`."""
    x0, y0, x1, y1 = landmark_box(landmarks)
    side = max(x1 - x0, y1 - y0)
    x, y = (x0 + x1) / 2, (y0 + y1) / 2 - rise * side
    height, width = size_hw
    px = enlarge * side / min(height, width)  # of the photo, a px of the crop
    left, top = x - px * width / 2, y - px * height / 2
    image = crop_fixed(photo, (left, top, left + px * width, top + px * height), size_hw)
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    places = np.array([left, top]) + (np.stack([columns, rows], -1) + 0.5) * px - 0.5
    return Crop(image, (landmarks + 0.5 - [left, top]) / px - 0.5, places)
