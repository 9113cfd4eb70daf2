"""Whether a face is shown well enough to be read: how large, how sharp and how frontal it is.

Each of the three is brought to 0..1 by a measured curve: the share that is left of what `residual-attention`
reads above always saying the commonest expression, on faces made that small, that blurred, or turned that
far; 1 is as good as it gets, and at .5 half of it is lost. See docs/results/quality.md.

Sharpness is the energy of the Laplacian over that of the gradient, two measures of focus (Subbarao, Choi and
Nikzad, Focusing techniques, 1993; Tenengrad, Krotkov, Focusing, 1988), of which Pertuz, Puig and Garcia,
Analysis of focus measure operators, 2013, is the survey. Dividing one by the other takes out contrast and how
much there is to see, better than dividing either by the variance does. Noise is sharp to it:
a grainy blurred face passes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from feroi.photo.align import FER_HW
from feroi.photo.crop import Crop, fer_frame
from feroi.photo.face_mesh_points import INDEX_68
from feroi.photo.geometry import EYES, Pose
from feroi.photo.landmarks import FacePoints
from feroi.photo.squares import cut

LIMIT = 0.5
"""Faces whose `Quality.score` is below it are too poor to be read."""

Curve = tuple[tuple[float, float], ...]
"""What was measured, rising, and the share left there, its ends put to 0 and 1; straight between, level
beyond."""

SIZE: Curve = (
    (0.125, 0.0), (0.167, 0.04), (0.208, 0.12), (0.25, 0.23), (0.333, 0.30), (0.417, 0.51), (0.5, 0.71),
    (0.583, 0.87), (0.667, 0.95), (0.833, 1.0),
)  # fmt: skip
"""Of pixels of the photo along one of the network's input."""
SHARPNESS: Curve = (
    (0.115, 0.0), (0.141, 0.10), (0.189, 0.21), (0.231, 0.32), (0.294, 0.48), (0.393, 0.64), (0.558, 0.80),
    (0.844, 0.98), (1.48, 1.0),
)  # fmt: skip
"""Of `sharpness`."""
TURN: Curve = ((20.3, 1.0), (38.8, 0.92), (46.7, 0.65), (53.1, 0.42), (57.1, 0.27), (75.0, 0.23), (90.0, 0.0))
"""Of `turn_deg`."""

_TOO_SMALL, _TOO_BLURRED, _TOO_TURNED = "too small", "too blurred", "turned too far"
_REMARKS = {_TOO_SMALL: "small face", _TOO_BLURRED: "blurred", _TOO_TURNED: "turned", "": ""}

Floats = NDArray[np.float64]


class Quality(NamedTuple):
    """How well a photo shows a face.

    score: 0..1, the least of the parts for size, sharpness and turn; poor below LIMIT.
    size_px: distance between the eyes in px of the photo, as it would be if the face were not turned.
    sharpness: see `sharpness`; of a sharp photograph about 2.
    pose: the head's angles.
    problem: "too small", "too blurred" or "turned too far" where the score is below LIMIT, else "".
        Small faces are blurred, and turned ones show less of themselves, so a face is called blurred
        only if it is neither.
    """

    score: float
    size_px: float
    sharpness: float
    pose: Pose
    problem: str

    @property
    def remark(self) -> str:
        """The problem in a word or two, for pictures; empty where there is none."""
        return _REMARKS[self.problem]

    @property
    def refusal(self) -> str:
        """Why a face with a problem is not read."""
        return f"{self.problem} to be read (quality {f'{self.score:.2f}'.removeprefix('0')})"


def quality(photo: NDArray[np.uint8], points: FacePoints, crop: Crop, pose: Pose) -> Quality:
    """How well `photo` (H, W) shows the face with `points` and `pose` to a network that is given `crop`."""
    # always in one frame, and before the light is normalised, which would change the sharpness
    sharp = sharpness(cut(photo, fer_frame(points), FER_HW[0])[..., 0])
    parts = {
        _TOO_SMALL: part(SIZE, photo_px_per_px(crop)),
        _TOO_TURNED: part(TURN, turn_deg(pose)),
        _TOO_BLURRED: part(SHARPNESS, sharp),
    }
    problem = next((name for name, value in parts.items() if value < LIMIT), "")
    eyes = points.mesh.points_xyz_px[INDEX_68]
    apart = np.linalg.norm(eyes[EYES[1]].mean(0) - eyes[EYES[0]].mean(0))
    return Quality(min(parts.values()), float(apart), sharp, pose, problem)


def turn_deg(pose: Pose) -> float:
    """The angle between where a head looks and the camera, whatever the direction, in degrees."""
    yaw, pitch = np.radians([pose.yaw_deg, pose.pitch_deg])
    return float(np.degrees(np.arccos(np.cos(yaw) * np.cos(pitch))))


def part(curve: Curve, value: float) -> float:
    """The share left at `value`, 0..1."""
    measured, shares = zip(*curve, strict=True)
    return float(np.interp(value, measured, shares))


def photo_px_per_px(crop: Crop) -> float:
    """Pixels of the photo along one of `crop`, the geometric mean of across and down."""
    height, width = crop.image.shape
    across = (crop.places_xy_px[:, -1] - crop.places_xy_px[:, 0]).mean(0) / (width - 1)
    down = (crop.places_xy_px[-1] - crop.places_xy_px[0]).mean(0) / (height - 1)
    return float(np.sqrt(np.hypot(*across) * np.hypot(*down)))


def sharpness(face: NDArray[np.uint8]) -> float:
    """Energy of the Laplacian over energy of the gradient of `face` (H, W), by differences of pixels.

    It is the mean square frequency in radians a px of what can be seen, and so tells a blur by its width in
    px; from 0 to 8, and 0 for an even face. Needs H and W of at least 3.
    """
    grey = face.astype(np.float32)
    across, down = np.diff(grey, axis=1)[1:-1], np.diff(grey, axis=0)[:, 1:-1]
    slope = float((across**2).mean() + (down**2).mean())
    bend = float(((np.diff(across, axis=1) + np.diff(down, axis=0)) ** 2).mean())
    return bend / slope if slope > 0 else 0.0
