"""From a face in a photo to the crop a network reads, by named pipelines (section 4.2).

    front   frontalised, light normalised: RaFD-FRONT and SFEW
    pose    the square round the head, however it is turned, light normalised: RaFD-POSE
    wild    the loose square of FER-2013, level by the eyes, light as it is

A model stores the name of its pipeline, so training and reading cannot differ.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from feroi.config import PIPELINES
from feroi.photo.align import aligned_places
from feroi.photo.decode import cover, cover_box
from feroi.photo.geometry import (
    FRAME_HW,
    PX_PER_CM,
    checked_landmarks,
    fit_camera,
    frame_px,
    generic_face,
)
from feroi.photo.landmarks import HOG_SHARE, FacePoints, frame_of
from feroi.photo.squares import Frame
from feroi.photo.warp import sample

FRONT_YAW_LIMIT_DEG = 45.0
"""Faces turned further are not frontalised. On rendered faces the far eye is still whole at 45 degrees
and smeared at 55."""

FER_SIDE, FER_RISE = 0.708, 0.056
"""How FER-2013's pictures lie about a face: their side, and how far their middle lies above that of
`landmarks.frame_of`, in sides of the frame of the face mesh. Medians over 458 of 500 training images drawn
at random; half of them lie within 6 % of that side and 3 % of that middle, of their own side."""
_FER_MESH_DOWN = 0.039  # of the side of the mesh's frame: how far its middle lies below the picture's

_FRONT_STRETCH = 1.05  # of proportions; what is cut from the sides then is no more than their blur

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
    photo: NDArray[np.uint8],
    points: FacePoints,
    pipeline: str,
    size_hw: tuple[int, int],
    keep_turned: bool = False,
) -> Crop:
    """The face with `points` in `photo` (H, W), by `pipeline`, at `size_hw` px.

    `front` is made at 125x160 and made smaller afterwards, as stored faces are.
    keep_turned: by `front`, a face turned by more than FRONT_YAW_LIMIT_DEG is aligned in the plane
        (`align.aligned_places`), not refused.
    Raises ValueError for a `front` of other proportions or larger (`check_front_size`), for an unknown
    pipeline, for landmarks that are no face, and by `front` for a face turned too far, unless it is kept.
    """
    landmarks = checked_landmarks(points.landmarks_xy_px)
    if pipeline in ("front", "pose"):
        from feroi.photo.frontalize import frontalize  # here: `wild` needs neither, and they load SciPy
        from feroi.photo.illumination import normalize_light
    if pipeline == "front":
        check_front_size(size_hw)
        frontal = frontalize(photo, landmarks)
        yaw_deg = abs(frontal.pose.yaw_deg)
        if yaw_deg > FRONT_YAW_LIMIT_DEG and not keep_turned:
            raise ValueError(
                f"the face is turned by {yaw_deg:.0f} degrees (yaw), and front shows at most "
                f"{FRONT_YAW_LIMIT_DEG:.0f}; the pipelines pose and wild take turned faces"
            )
        if yaw_deg > FRONT_YAW_LIMIT_DEG:
            crop = _in_plane(photo, landmarks)
        else:
            frame_landmarks = frame_px(generic_face().landmarks_cm)
            crop = Crop(normalize_light(frontal.image), frame_landmarks, frontal.places_xy_px)
        return crop if size_hw == FRAME_HW else _smaller(crop, size_hw)
    if pipeline == "pose":
        camera = fit_camera(landmarks)
        middle = complex(*camera.project(_HEAD_MIDDLE_CM))
        crop = _square(photo, landmarks, Frame(middle, _HEAD_SIDE_CM * camera.scale, 0.0), size_hw)
        return crop._replace(image=normalize_light(crop.image))
    if pipeline == "wild":
        return _square(photo, landmarks, fer_frame(points), size_hw)
    raise ValueError(f"unknown pipeline {pipeline!r}; choose one of {', '.join(PIPELINES)}")


def check_front_size(size_hw: tuple[int, int]) -> None:
    """Raises ValueError unless `front` can make crops of this height and width: those of 125x160, or smaller
    in about the same proportions."""
    height, width = size_hw
    ratio = (width / height) / (FRAME_HW[1] / FRAME_HW[0])
    if height > FRAME_HW[0] or not 1 / _FRONT_STRETCH <= ratio <= _FRONT_STRETCH:
        raise ValueError(
            f"the pipeline front makes crops of 125x160 or like it but smaller, not {width}x{height}"
        )


def _in_plane(photo: NDArray[np.uint8], landmarks: Floats) -> Crop:
    from feroi.photo.illumination import normalize_light

    places = aligned_places(landmarks)
    (x0, y0), along = places[0, 0], places[0, 1] - places[0, 0]
    inside = (landmarks @ [1, 1j] - complex(x0, y0)) / complex(*along)
    image = normalize_light(sample(photo, places))
    return Crop(image, np.stack([inside.real, inside.imag], axis=1), places)


def fer_frame(points: FacePoints) -> Frame:
    """The square in which FER-2013 would show the face."""
    face, side = frame_of(points.landmarks_xy_px @ np.array([1, 1j])), points.mesh_frame.side
    up = -1j * face.across / face.side
    return Frame(face.centre + up * FER_RISE * side, FER_SIDE * side, face.roll_rad)


def face_frame(pipeline: str, size_hw: tuple[int, int]) -> Frame:
    """Where the face mesh would look for the face in a crop of `size_hw` px made by `pipeline`."""
    height, width = size_hw
    middle, longer = complex(width - 1, height - 1) / 2, max(size_hw)
    if pipeline == "wild":
        side = longer / FER_SIDE
        return Frame(middle + 1j * _FER_MESH_DOWN * side, side, 0.0)
    face = frame_of(generic_face().landmarks_cm[:, :2] @ np.array([1, -1j]))  # cm, y down
    if pipeline == "front":
        px_per_cm = PX_PER_CM * height / FRAME_HW[0]
        centre = complex(*frame_px(np.array([face.centre.real, -face.centre.imag])))
        centre = (centre + 0.5 + 0.5j) * height / FRAME_HW[0] - 0.5 - 0.5j
        return Frame(centre, face.side * px_per_cm / HOG_SHARE, 0.0)
    px_per_cm = longer / _HEAD_SIDE_CM
    away = face.centre - complex(_HEAD_MIDDLE_CM[0], -_HEAD_MIDDLE_CM[1])
    return Frame(middle + px_per_cm * away, px_per_cm * face.side / HOG_SHARE, 0.0)


def prepare_whole(photo: NDArray[np.uint8], points: FacePoints, size_hw: tuple[int, int]) -> Crop:
    """The middle of a picture (H, W) that is a face itself, at `size_hw` px; see `pixels.cover`."""
    left, top, right, bottom = cover_box((photo.shape[0], photo.shape[1]), size_hw)
    step = np.array([(right - left) / size_hw[1], (bottom - top) / size_hw[0]])
    columns, rows = np.meshgrid(np.arange(size_hw[1]), np.arange(size_hw[0]))
    places = (np.stack([columns, rows], -1) + 0.5) * step + [left, top] - 0.5
    landmarks = (points.landmarks_xy_px + 0.5 - [left, top]) / step - 0.5
    return Crop(cover(photo, size_hw), landmarks, places)


def _smaller(crop: Crop, size_hw: tuple[int, int]) -> Crop:
    """A crop as `pixels.cover` makes it smaller, with all that is known of it."""
    (height, width), (left, top, right, bottom) = crop.image.shape, cover_box(crop.image.shape, size_hw)
    step = np.array([(right - left) / size_hw[1], (bottom - top) / size_hw[0]])
    x = np.clip((np.arange(size_hw[1]) + 0.5) * step[0] + left - 0.5, 0, width - 1)
    y = np.clip((np.arange(size_hw[0]) + 0.5) * step[1] + top - 0.5, 0, height - 1)
    places = np.stack([_between(crop.places_xy_px[..., axis], y, x) for axis in (0, 1)], -1)
    landmarks = (crop.landmarks_xy_px + 0.5 - [left, top]) / step - 0.5
    return Crop(cover(crop.image, size_hw), landmarks, places)


def _between(values: Floats, y: Floats, x: Floats) -> Floats:
    """Values (H, W) between pixels, at rows `y` (h,) and columns `x` (w,), bilinear: (h, w)."""
    rows = np.array([np.interp(x, np.arange(values.shape[1]), row) for row in values])
    return np.array([np.interp(y, np.arange(values.shape[0]), column) for column in rows.T]).T


def _square(photo: NDArray[np.uint8], landmarks: Floats, frame: Frame, size_hw: tuple[int, int]) -> Crop:
    """What `frame` shows in the proportions of `size_hw`, whose longer side is its side.

    So that it is what `pixels.cover` leaves of the square crop a network may have learned from.
    """
    height, width = size_hw
    step = frame.across / max(height, width)  # of the photo, a px of the crop
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    middle = complex(width - 1, height - 1) / 2
    seen = frame.centre + step * (columns + 1j * rows - middle)
    places = np.stack([seen.real, seen.imag], axis=-1)
    far = np.array([photo.shape[1] - 1, photo.shape[0] - 1])
    if (places.max(axis=(0, 1)) < 0).any() or (places.min(axis=(0, 1)) > far).any():
        raise ValueError(f"the face lies outside the photo of {photo.shape[1]}x{photo.shape[0]} px")
    inside = (landmarks @ [1, 1j] - frame.centre) / step + middle
    return Crop(sample(photo, places), np.stack([inside.real, inside.imag], axis=1), places)
