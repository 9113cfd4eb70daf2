"""The generic 3D face, the frontal frame it stands in, and the pose of a face from its landmarks.

Face coordinates are cm: x to the subject's left (the image's right in a frontal view), y up, z out
of the face. Pixel coordinates are (x, y), y down, with pixel centres at integers. Landmarks are the
68 of iBUG, in that order. K points, L = 68 landmarks.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

SHAPE_FILE = Path(__file__).parent / "shape" / "generic_face.npz"

FRAME_HW = (160, 125)
"""Height and width in px of the frontal frame, that of RaFD-FRONT (section 4.2)."""
FRAME_EYES_PX = ((34.0, 48.0), (90.0, 48.0))
"""Centres of the eye in the left half of the frame and of that in the right half. Ours: the face
then fills the frame from hairline to chin, and from jaw to jaw. The corners of the generic mouth
come to lie at (40.2, 107.9) and (83.8, 107.9)."""

EYES = (slice(36, 42), slice(42, 48))  # the eye in the image's left half first
MOUTH_CORNERS = (48, 54)
MIRROR_ORDER = np.array(
    [
        *(*range(16, -1, -1), *range(26, 16, -1)),  # jaw, brows
        *(*range(27, 31), *range(35, 30, -1)),  # nose
        *(*range(45, 41, -1), 47, 46, *range(39, 35, -1), 41, 40),  # eyes
        *(*range(54, 47, -1), *range(59, 54, -1)),  # outer lips
        *(*range(64, 59, -1), *range(67, 64, -1)),  # inner lips
    ]
)
"""Which landmark of a face each landmark of its mirror image is."""

EYE_DISTANCE_CM = 6.5127
"""Between the eye centres of the generic face."""

_EYE_LINE_CM = 3.442
PX_PER_CM = (FRAME_EYES_PX[1][0] - FRAME_EYES_PX[0][0]) / EYE_DISTANCE_CM
_ORIGIN_PX = np.array(
    [
        (FRAME_EYES_PX[0][0] + FRAME_EYES_PX[1][0]) / 2,
        FRAME_EYES_PX[0][1] + _EYE_LINE_CM * PX_PER_CM,
    ]
)

# How far each landmark is trusted for pose. Brows, mouth and chin move with the expression, and the
# jaw's landmarks slide to the visible outline when a face turns; but without the jaw, far behind
# the rest, yaw and pitch are ill determined (on rendered faces of known pose within 45 degrees,
# landmarks found by dlib: error 3.1 and 3.0 degrees rms with it, 4.8 and 4.1 without).
_TRUST = np.repeat([0.3, 0.3, 1.0, 0.3], [17, 10, 21, 20])
_OUTLIER_SHARE = 0.02  # of the face's size: residuals beyond it count linearly, no more squared
_ITERATIONS = 10
_SETTLED = 1e-4  # radians, logarithm of scale: steps below it are smaller than any landmark's error
_LONGEST_STEP = 0.5  # radians, and logarithm of scale: landmarks that are no face cannot run away

Floats = NDArray[np.float64]


class Pose(NamedTuple):
    """Angles of a head in degrees; all 0 for a frontal, upright face.

    yaw_deg: above 0 if the face turns to the image's right.
    pitch_deg: above 0 if it looks up.
    roll_deg: above 0 if it is tilted clockwise in the image.
    The face is turned first, then pitched, then tilted: yaw and roll go all round, pitch is within
    90 degrees.
    """

    yaw_deg: float
    pitch_deg: float
    roll_deg: float


class GenericFace(NamedTuple):
    """The neutral face of ICT-FaceKit, symmetric; see shape/README.md.

    landmarks_cm: (68, 3).
    surface_cm: (160, 125, 3), the point behind each pixel of the frontal frame.
    anchors_cm: (3, 3), the centres of both eyes and of the mouth's corners.
    anchor_shares: (160, 125, 3), barycentric coordinates of each pixel among the anchors; above
        the eyes and below the mouth those of the nearest row between.
    """

    landmarks_cm: Floats
    surface_cm: Floats
    anchors_cm: Floats
    anchor_shares: Floats


class Camera(NamedTuple):
    """A weak perspective view: rotation (3, 3), scale in px per cm, shift (2,) in px."""

    rotation: Floats
    scale: float
    shift_px: Floats

    def project(self, points_cm: Floats) -> Floats:
        """Pixel coordinates (..., 2) of face points (..., 3)."""
        seen = points_cm @ (self.scale * self.rotation[:2].T * [1, -1])
        return np.asarray(seen + self.shift_px)

    def pose(self) -> Pose:
        """The head's angles."""
        m = self.rotation  # of a turn about y, then x, then z; written out, since SciPy's takes .2 s to load
        yaw, roll = math.atan2(-m[2, 0], m[2, 2]), math.atan2(-m[0, 1], m[1, 1])
        pitch = math.asin(min(max(m[2, 1], -1.0), 1.0))
        return Pose(math.degrees(yaw), -math.degrees(pitch), -math.degrees(roll))


def rotation_of(pose: Pose) -> Floats:
    """The rotation matrix (3, 3) of `pose`; the inverse of `Camera.pose`."""
    from scipy.spatial.transform import Rotation

    angles = [-pose.roll_deg, -pose.pitch_deg, pose.yaw_deg]
    return np.asarray(Rotation.from_euler("ZXY", angles, degrees=True).as_matrix())


def frame_px(points_cm: Floats) -> Floats:
    """Where face points (..., 3) appear in the frontal frame: (..., 2) px, orthographic."""
    return np.asarray(_ORIGIN_PX + PX_PER_CM * points_cm[..., :2] * [1, -1])


def frame_grid_cm() -> Floats:
    """Face coordinates x, y of each pixel of the frontal frame, (160, 125, 2)."""
    rows, columns = np.mgrid[: FRAME_HW[0], : FRAME_HW[1]]
    return np.asarray((np.stack([columns, rows], -1) - _ORIGIN_PX) / PX_PER_CM * [1, -1])


@lru_cache(maxsize=1)
def generic_face() -> GenericFace:
    """The generic face the package ships; read once, and to be left unmodified."""
    with np.load(SHAPE_FILE, allow_pickle=False) as stored:
        landmarks = stored["landmarks_cm"].astype(np.float64)
        depth = stored["depth_cm"].astype(np.float64)
    surface = np.concatenate([frame_grid_cm(), depth[..., None]], axis=-1)
    anchors = anchor_points(landmarks)
    corners = np.column_stack([frame_px(anchors), np.ones(3)])
    rows, columns = np.mgrid[: FRAME_HW[0], : FRAME_HW[1]]
    rows = np.clip(rows, corners[0, 1], corners[2, 1])
    shares = np.stack([columns, rows, np.ones(FRAME_HW)], -1) @ np.linalg.inv(corners)
    return GenericFace(landmarks, surface, anchors, shares)


def anchor_points(landmarks: Floats) -> Floats:
    """Centres of the two eyes and of the mouth's corners, (3, D), of landmarks (68, D)."""
    left, right = EYES
    return np.stack(
        [landmarks[left].mean(0), landmarks[right].mean(0), landmarks[list(MOUTH_CORNERS)].mean(0)]
    )


def fit_camera(landmarks_xy_px: Floats) -> Camera:
    """The weak perspective view of the generic face that best explains landmarks (68, 2).

    Weighted least squares over rotation, scale and shift, with large residuals counted linearly:
    a linear (affine) fit brought to the nearest rotation, then Gauss-Newton steps. Raises
    ValueError as `checked_landmarks`.
    """
    landmarks = checked_landmarks(landmarks_xy_px)
    points = generic_face().landmarks_cm
    camera = _linear_camera(points, landmarks, _TRUST)
    outlier_px = _OUTLIER_SHARE * float(np.linalg.norm(np.ptp(landmarks, axis=0)))
    for _ in range(_ITERATIONS):
        distance = np.linalg.norm(landmarks - camera.project(points), axis=1)
        trust = _TRUST / np.sqrt(1 + (distance / outlier_px) ** 2)
        camera, step = _gauss_newton_step(camera, points, landmarks, trust)
        if step < _SETTLED:
            break
    return camera


def checked_landmarks(landmarks_xy_px: ArrayLike) -> Floats:
    """The landmarks as float64 (68, 2). Raises ValueError if they are not finite, or coincide."""
    landmarks = np.asarray(landmarks_xy_px, dtype=np.float64)
    if landmarks.shape != (68, 2):
        raise ValueError(f"landmarks are 68 points (x, y), shape (68, 2); got {landmarks.shape}")
    if not np.isfinite(landmarks).all():
        raise ValueError("landmarks must be finite")
    if np.linalg.svd(landmarks[17:] - landmarks[17:].mean(0), compute_uv=False)[1] < 1e-3:
        raise ValueError("landmarks lie on one line or in one point; they are no face")
    return landmarks


def checked_photo(photo: NDArray[Any]) -> NDArray[np.uint8]:
    """`photo` if it is (H, W) uint8 with pixels in it; raises ValueError otherwise."""
    if photo.ndim != 2 or photo.size == 0 or photo.dtype != np.uint8:
        raise ValueError(f"a photo is a (H, W) uint8 intensity image, got {photo.shape} {photo.dtype}")
    return photo


def _linear_camera(points: Floats, seen: Floats, trust: Floats) -> Camera:
    weight = np.sqrt(trust)[:, None]
    design = np.column_stack([points, np.ones(len(points))])
    affine = np.linalg.lstsq(weight * design, weight * seen * [1, -1], rcond=None)[0].T  # (2, 4)
    left, stretch, right = np.linalg.svd(affine[:, :3], full_matrices=False)
    rows = left @ right
    rotation = np.vstack([rows, np.cross(rows[0], rows[1])])
    return Camera(rotation, float(stretch.mean()), affine[:, 3] * [1, -1])


def _gauss_newton_step(camera: Camera, points: Floats, seen: Floats, trust: Floats) -> tuple[Camera, float]:
    """One step over a small rotation (3), the logarithm of the scale, and the shift (2).

    Returns the longest change of the first four, too.
    """
    from scipy.spatial.transform import Rotation

    x, y, z = camera.scale * camera.rotation @ points.T  # (K,) each, in px
    zero, one = np.zeros_like(x), np.ones_like(x)
    jacobian = np.concatenate(
        [
            np.stack([zero, z, -y, x, one, zero], 1),
            np.stack([z, zero, -x, -y, zero, one], 1),  # minus the derivative of y: y points down
        ]
    )  # (2K, 6)
    residual = (seen - camera.project(points)).T.ravel()
    weighted = np.tile(trust, 2)[:, None] * jacobian
    step = np.linalg.lstsq(weighted.T @ jacobian, weighted.T @ residual, rcond=None)[0]
    turn_and_growth = np.clip(step[:4], -_LONGEST_STEP, _LONGEST_STEP)
    turn = Rotation.from_rotvec(turn_and_growth[:3]).as_matrix()
    scale = camera.scale * float(np.exp(turn_and_growth[3]))
    moved = Camera(turn @ camera.rotation, scale, camera.shift_px + step[4:])
    return moved, float(np.abs(turn_and_growth).max())
