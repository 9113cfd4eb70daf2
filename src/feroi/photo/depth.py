"""Depth of a face from one picture: an elastic 3D face fitted to the landmarks, with expression.

In the place of FE-GEM [41]. There the elastic model comes from the scans of Bosphorus; here from faces of
ICT-FaceKit with the people and expressions `feroi.synthetic` draws (see shape/README.md), and it
is fitted by least squares under a Gaussian prior.

Letters: N images, H and W their height and width in px; L = 68 landmarks, V points of the face, the landmarks
first; M = 42 components. Face coordinates are those of `photo.geometry`.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import LinearNDInterpolator

from feroi.photo.geometry import EYES

ELASTIC_FILE = Path(__file__).parent / "shape" / "elastic_face.npz"

NEAREST, FARTHEST = 0.7, -1.3
"""Depths that become 255 and 1 in a picture of depth, in distances between the eyes before their plane."""

_LANDMARKS = 68
_NOISE = 0.03
"""Of the distance between the eyes: how far a landmark lies from where it should, one standard deviation."""
_JAW_TRUST = 0.25  # the jaw's landmarks slide along the outline
_ITERATIONS = 8

Floats = NDArray[np.float64]


class ElasticFace(NamedTuple):
    """mean_cm: (V, 3). modes_cm: (M, V, 3), what one standard deviation of each component moves."""

    mean_cm: Floats
    modes_cm: Floats


class FittedFace(NamedTuple):
    """points_px: (V, 2), where the points of the face lie in the picture.

    depth: (V,) how far each is before the plane of the eyes, in distances between the eyes.
    weights: (M,) of the components, in standard deviations.
    """

    points_px: Floats
    depth: Floats
    weights: Floats


@lru_cache(maxsize=1)
def elastic_face() -> ElasticFace:
    """The elastic face the package ships; read once, and to be left unmodified."""
    with np.load(ELASTIC_FILE, allow_pickle=False) as stored:
        modes = [
            stored[f"{name}_modes"] * stored[f"{name}_cm_per_level"][:, None, None].astype(np.float64)
            for name in ("identity", "expression")
        ]
        return ElasticFace(stored["mean_cm"].astype(np.float64), np.concatenate(modes))


def fit_face(landmarks_xy_px: Floats, elastic: bool = True) -> FittedFace:
    """The face whose landmarks (68, 2), seen in weak perspective, best explain those given.

    Minimises the squared distances, in units of their standard deviation, plus the squared weights, by
    turns over view and weights.
    elastic: False leaves the mean face as it is and fits the view alone.
    Raises ValueError for landmarks of another shape, that are not finite, or that all lie in one point.
    """
    places = np.asarray(landmarks_xy_px, np.float64)
    if places.shape != (_LANDMARKS, 2) or not np.isfinite(places).all() or not np.ptp(places, axis=0).all():
        raise ValueError("a face is fitted to 68 finite landmarks (x, y) that do not lie in one point")
    face = elastic_face()
    mean, modes = face.mean_cm[:_LANDMARKS], face.modes_cm[:, :_LANDMARKS]
    trust = np.ones(_LANDMARKS)
    trust[:17] = _JAW_TRUST
    noise_px = _NOISE * _between_eyes(places)
    weights: Floats = np.zeros(len(modes))
    scaled, shift = _view(mean, places, trust)
    for _ in range(_ITERATIONS if elastic else 0):
        moved = (modes @ scaled[:2].T).reshape(len(modes), -1) / noise_px  # (M, 136)
        missing = (places - mean @ scaled[:2].T - shift).ravel() / noise_px
        each = np.repeat(trust, 2)
        normal = (moved * each) @ moved.T + np.eye(len(modes))
        weights = np.asarray(np.linalg.solve(normal, moved @ (each * missing)), dtype=np.float64)
        scaled, shift = _view(mean + np.tensordot(weights, modes, 1), places, trust)
    shape = face.mean_cm + np.tensordot(weights, face.modes_cm, 1)
    return FittedFace(shape @ scaled[:2].T + shift, relative_depth(shape, scaled[2]), weights)


def relative_depth(points: Floats, towards: Floats) -> Floats:
    """(V,) depth of points (V, 3), landmarks first, along the direction `towards` (3,) the camera, before the
    middle of the eyes, in distances between the eyes."""
    left, right = (points[eye].mean(0) for eye in EYES)
    along = (points - (left + right) / 2) @ (towards / np.linalg.norm(towards))
    return np.asarray(along / np.linalg.norm(left - right))


def depth_map(points_px: Floats, depth: Floats, size_hw: tuple[int, int]) -> Floats:
    """(H, W) depth interpolated between points (V, 2) of a face, nan beyond them.

    For faces turned by less than 45 degrees: what lies behind the nose or a cheek is not left out.
    """
    rows, columns = np.mgrid[: size_hw[0], : size_hw[1]]
    return np.asarray(LinearNDInterpolator(points_px, depth)(columns, rows))


def depth_picture(depth: Floats) -> NDArray[np.uint8]:
    """(H, W) depth as intensities, 1 at FARTHEST to 255 at NEAREST; 0 where there is no face."""
    share = (np.clip(depth, FARTHEST, NEAREST) - FARTHEST) / (NEAREST - FARTHEST)
    return np.nan_to_num(np.round(1 + 254 * share), nan=0.0).astype(np.uint8)


def depth_at(landmarks_xy_px: Floats, size_hw: tuple[int, int]) -> NDArray[np.uint8]:
    """The picture of depth (H, W) of the face with these landmarks (68, 2). Raises as `fit_face`."""
    points, depth, _ = fit_face(landmarks_xy_px)
    return depth_picture(depth_map(points, depth, size_hw))


def _view(points: Floats, places: Floats, trust: Floats) -> tuple[Floats, Floats]:
    """Weak perspective from points (L, 3) to places (L, 2): scaled rotation (3, 3) px a cm, shift (2,) px.

    A linear fit brought to the nearest rotation; the third row points to the camera.
    """
    share = (trust / trust.sum())[:, None]
    middle, centre = (share * points).sum(0), (share * places).sum(0)
    root = np.sqrt(share)
    linear = np.linalg.lstsq(root * (points - middle), root * (places - centre), rcond=None)[0].T  # (2, 3)
    left, sizes, right = np.linalg.svd(linear * [[1], [-1]], full_matrices=False)
    across, up = left @ right
    scale = float(sizes.mean())
    rows = scale * np.stack([across, -up, np.cross(across, up)])
    return rows, centre - rows[:2] @ middle


def _between_eyes(places: Floats) -> float:
    left, right = (places[eye].mean(0) for eye in EYES)
    return float(np.linalg.norm(left - right))
