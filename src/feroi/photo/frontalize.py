"""A face turned to the front: its photo laid on the generic 3D face and looked at from before.

After Hassner et al. [33], as section 4.2 uses it: one 3D face for everybody, the pose from the
landmarks, the photo projected back, and hidden parts borrowed from the other side.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from feroi.photo.geometry import (
    PX_PER_CM,
    Camera,
    GenericFace,
    Pose,
    anchor_points,
    checked_landmarks,
    checked_photo,
    fit_camera,
    generic_face,
)
from feroi.photo.warp import sample

# A frontal pixel that covers less of the photo than the first share is taken for unseen, one that
# covers more than the second for fully seen.
_UNSEEN_SHARE, _SEEN_SHARE = 0.3, 0.6
_HIDDEN_BEHIND_CM = 0.3  # of surface in front of a point, at which it is taken for fully hidden
_MARCH_PX = 3
_RELIEF_PX = 2.0  # details below this size, such as lids, do not decide what is seen
_SOFTNESS_PX = 2.0  # of the border between seen and unseen, so that it makes no edge

Floats = NDArray[np.float64]


class Frontal(NamedTuple):
    """A frontalised face.

    image: (160, 125) uint8, in the frontal frame of `geometry`.
    visibility: (160, 125) in 0..1, how well the photo showed each pixel; what it did not show is
        borrowed from the mirrored side as far as that was seen.
    pose: the head's angles in the photo.
    places_xy_px: (160, 125, 2), where in the photo each pixel was seen.
    """

    image: NDArray[np.uint8]
    visibility: Floats
    pose: Pose
    places_xy_px: Floats


def frontalize(photo: NDArray[np.uint8], landmarks_xy_px: NDArray[np.floating[Any]]) -> Frontal:
    """The face with landmarks (68, 2) in `photo` (H, W), as if seen from the front.

    The centres of the eyes land on `geometry.FRAME_EYES_PX`, and that of the mouth's corners where
    the generic face has it. Unlike [33], where each face keeps its own proportions and so misses
    those places by some pixels, the generic face is shifted within the photo, linearly between
    these three points, until they agree. (Above the eyes and below the mouth the shift stays what
    it is there, so that a smile, which lifts the mouth's corners, does not stretch the chin.)
    Places outside the photo show its border. Takes 3 to 6 ms on one core.
    Raises ValueError for arrays of other shapes or types, or landmarks that are no face.
    """
    photo = checked_photo(photo)
    landmarks = checked_landmarks(landmarks_xy_px)
    face = generic_face()
    camera = fit_camera(landmarks)
    places = _places(face, camera, landmarks)
    own = sample(photo, places)
    seen = visibility(face, camera) * _inside(places, photo.shape)
    seen = ndimage.gaussian_filter(seen, _SOFTNESS_PX, mode="nearest")
    borrowed = (1 - seen) * seen[:, ::-1]
    image = own + borrowed * (own[:, ::-1].astype(np.float64) - own)
    return Frontal((image + 0.5).astype(np.uint8), seen, camera.pose(), places)


def visibility(face: GenericFace, camera: Camera) -> Floats:
    """How well a camera sees each pixel of the frontal frame, (160, 125) in 0..1.

    A pixel counts by the share of photo it covers: 1 where the surface is seen as from the front,
    0 where it is seen edge-on or from behind. This is the density of projections of [33], as a
    formula. It counts nothing where another part of the face stands before it.
    """
    depth = ndimage.gaussian_filter(face.surface_cm[..., 2], _RELIEF_PX, mode="nearest")
    to_camera = camera.rotation[2]  # in face coordinates
    down, right = np.gradient(depth, 1 / PX_PER_CM)
    share = to_camera[2] - right * to_camera[0] + down * to_camera[1]  # rows run against y
    facing = np.clip((share - _UNSEEN_SHARE) / (_SEEN_SHARE - _UNSEEN_SHARE), 0, 1)
    clear = 1 - np.clip(_cover_cm(depth, to_camera) / _HIDDEN_BEHIND_CM, 0, 1)
    return np.asarray(facing * clear)


def _cover_cm(depth: Floats, to_camera: Floats) -> Floats:
    """How far the surface stands above each point's line of sight, in cm; at most 0 if free."""
    sideways = float(np.hypot(to_camera[0], to_camera[1]))
    cover = np.zeros_like(depth)
    if sideways < 1e-9:
        return cover
    step_px = np.array([-to_camera[1], to_camera[0]]) / sideways  # row, column
    rise_cm = float(to_camera[2]) / sideways / PX_PER_CM  # per px along the line of sight
    relief = float(np.ptp(depth))
    for distance in range(_MARCH_PX, max(depth.shape), _MARCH_PX):
        if distance * rise_cm > relief:
            break
        row, column = np.rint(distance * step_px).astype(int)
        here, there = _overlap(depth.shape, row, column)
        above = depth[there] - depth[here] - distance * rise_cm
        cover[here] = np.maximum(cover[here], above)
    return cover


def _overlap(
    shape: tuple[int, ...], row: int, column: int
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The pixels whose neighbour at that offset lies in an array of that shape; and those."""
    rows = slice(max(0, -row), max(0, shape[0] - max(0, row)))
    columns = slice(max(0, -column), max(0, shape[1] - max(0, column)))
    moved_rows = slice(max(0, row), max(0, shape[0] + min(0, row)))
    moved_columns = slice(max(0, column), max(0, shape[1] + min(0, column)))
    return (rows, columns), (moved_rows, moved_columns)


def _places(face: GenericFace, camera: Camera, landmarks: Floats) -> Floats:
    """Where in the photo each pixel of the frontal frame is seen, (160, 125, 2) px."""
    missed_px = anchor_points(landmarks) - camera.project(face.anchors_cm)  # (3, 2)
    return camera.project(face.surface_cm) + face.anchor_shares @ missed_px


def _inside(places: Floats, photo_hw: tuple[int, ...]) -> NDArray[np.bool_]:
    x, y = places[..., 0], places[..., 1]
    return (x > -0.5) & (y > -0.5) & (x < photo_hw[1] - 0.5) & (y < photo_hw[0] - 0.5)
