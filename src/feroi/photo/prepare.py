"""From a face in a photo to the crop a network reads, by named pipelines (section 4.2).

    front   frontalised, light normalised: RaFD-FRONT and SFEW
    pose    the square round the head, however it is turned, light normalised: RaFD-POSE
    wild    the loose square of FER-2013, light as it is

A model stores the name of its pipeline, so training and reading cannot differ.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from feroi.config import PIPELINES
from feroi.photo.align import FER_ENLARGE, FER_RISE, crop_fixed
from feroi.photo.frontalize import frontal_places, frontalize
from feroi.photo.geometry import FRAME_HW, checked_landmarks, fit_camera, frame_px, generic_face
from feroi.photo.illumination import normalize_light
from feroi.photo.landmarks import frame_of

FRONT_YAW_LIMIT_DEG = 45.0
"""Faces turned further are not frontalised. On rendered faces the far eye is still whole at 45 degrees
and smeared at 55."""

_HEAD_MIDDLE_CM, _HEAD_SIDE_CM = np.array([0.0, 0.9, 1.1]), 28.5
"""The square round a head: the point of the generic face in its middle, and its side at the face's
scale. A fixed box keeps the head in place while the face turns within it, so no box of the landmarks
will do. Fitted to rendered faces that such a box was cut round, turned by up to 45 degrees; half of
their boxes are 26.6 to 30.2 cm wide by this measure, for heads differ."""

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
    pipeline, for landmarks that are no face, and by `front` for a face turned by more than
    FRONT_YAW_LIMIT_DEG.
    """
    if pipeline == "front":
        if size_hw != FRAME_HW:
            raise ValueError(f"the pipeline front makes crops of 125x160, not {size_hw[1]}x{size_hw[0]}")
        frontal = frontalize(photo, landmarks_xy_px)
        yaw_deg = abs(frontal.pose.yaw_deg)
        if yaw_deg > FRONT_YAW_LIMIT_DEG:
            raise ValueError(
                f"the face is turned by {yaw_deg:.0f} degrees (yaw), and front shows at most "
                f"{FRONT_YAW_LIMIT_DEG:.0f}; the pipelines pose and wild take turned faces"
            )
        frame_landmarks = frame_px(generic_face().landmarks_cm)
        return Crop(normalize_light(frontal.image), frame_landmarks, frontal_places(landmarks_xy_px))
    if pipeline == "pose":
        camera = fit_camera(landmarks_xy_px)
        side = _HEAD_SIDE_CM * camera.scale
        crop = _square(photo, landmarks_xy_px, camera.project(_HEAD_MIDDLE_CM), side, size_hw)
        return crop._replace(image=normalize_light(crop.image))
    if pipeline == "wild":
        face = frame_of(checked_landmarks(landmarks_xy_px) @ np.array([1, 1j]))
        middle = np.array([face.centre.real, face.centre.imag - FER_RISE * face.side])
        return _square(photo, landmarks_xy_px, middle, FER_ENLARGE * face.side, size_hw)
    raise ValueError(f"unknown pipeline {pipeline!r}; choose one of {', '.join(PIPELINES)}")


def _square(
    photo: NDArray[np.uint8], landmarks: Floats, middle: Floats, side: float, size_hw: tuple[int, int]
) -> Crop:
    """A box about the point `middle` (2,), in the proportions of `size_hw`, its longer side `side` px.

    So that it is what `pixels.cover` leaves of the square crop a network may have learned from.
    """
    height, width = size_hw
    px = side / max(height, width)  # of the photo, a px of the crop
    left, top = middle + 0.5 - px * np.array([width, height]) / 2
    image = crop_fixed(photo, (left, top, left + px * width, top + px * height), size_hw)
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    places = np.array([left, top]) + (np.stack([columns, rows], -1) + 0.5) * px - 0.5
    return Crop(image, (landmarks + 0.5 - [left, top]) / px - 0.5, places)
