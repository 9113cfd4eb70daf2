"""How a head is turned, from the face mesh's 478 points in three dimensions."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from feroi.photo.face_mesh_points import POINTS
from feroi.photo.geometry import Camera, Pose

MESH_FILE = Path(__file__).parent / "shape" / "mean_mesh.npz"

_SMALLEST_SPREAD = 1e-6  # of a face's size: points on one line have no more to the second side

Floats = NDArray[np.float64]


class MeanMesh(NamedTuple):
    """What the face mesh finds on average on a neutral head seen from the front; see shape/README.md.

    points_cm: (478, 3), x to the subject's left (the image's right), y up, z out of the face; symmetric.
    trust: (478,), above 0 and at most 1.
    mirror_order: (478,), which point of a face each point of its mirror image is.
    """

    points_cm: Floats
    trust: Floats
    mirror_order: NDArray[np.int64]


class Similarity(NamedTuple):
    """points = scale * rotation @ reference + shift."""

    rotation: Floats
    scale: float
    shift: Floats


@lru_cache(maxsize=1)
def mean_mesh() -> MeanMesh:
    """The mean mesh the package ships; read once, and to be left unmodified."""
    with np.load(MESH_FILE, allow_pickle=False) as stored:
        points, trust = stored["points_cm"].astype(np.float64), stored["trust"].astype(np.float64)
        return MeanMesh(points, trust, stored["mirror_order"].astype(np.int64))


def head_pose(points_xyz_px: ArrayLike) -> Pose:
    """The angles of a head from its mesh (478, 3) in px: x right, y down, z away from the camera.

    The turn of the mean mesh that explains the points best by weighted least squares (Kabsch 1976; with
    scale, Umeyama 1991). Points that expressions move, or that slide when a head turns, count less. How
    perspective distorts a face close to the camera is not modelled. The error is in
    docs/results/action-units.md: heads turned beyond 75 degrees come out as turned less.
    Raises ValueError for points that are not 478 finite ones, or lie on one line.
    """
    points = np.asarray(points_xyz_px, dtype=np.float64)
    if points.shape != (POINTS, 3):
        raise ValueError(f"a face mesh is {POINTS} points (x, y, z), shape ({POINTS}, 3); got {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError("points of a face mesh must be finite")
    mean = mean_mesh()
    fit = similarity(points * [1, -1, -1], mean.points_cm, mean.trust)
    return Camera(fit.rotation, fit.scale, fit.shift[:2]).pose()


def similarity(points: Floats, reference: Floats, trust: Floats) -> Similarity:
    """The turn, scale and shift that bring `reference` (K, 3) closest to `points` (K, 3).

    trust: (K,), the weight of each squared distance. Raises ValueError if the points lie on one line.
    """
    share = trust / trust.sum()
    middle, own_middle = share @ points, share @ reference
    own = reference - own_middle
    left, stretch, right = np.linalg.svd((points - middle).T @ (own * share[:, None]))
    if stretch[1] <= _SMALLEST_SPREAD * stretch[0] or not stretch[0]:
        raise ValueError("points lie on one line or in one point; they are no face")
    upright = np.array([1, 1, np.sign(np.linalg.det(left @ right))])  # a turn, never a mirror image
    rotation = (left * upright) @ right
    scale = float(stretch @ upright / (share @ (own**2).sum(1)))
    return Similarity(rotation, scale, middle - scale * rotation @ own_middle)
