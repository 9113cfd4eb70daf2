"""Photos with faces that several tests look at: the astronaut of scikit-image, and her head put elsewhere."""

from __future__ import annotations

import cmath
import math
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage import data

from feroi.photo.face_mesh import Mesh
from feroi.photo.face_mesh_points import INDEX_68, POINTS
from feroi.photo.landmarks import FacePoints

Photo = NDArray[np.uint8]


@cache
def astronaut() -> Photo:
    return np.asarray(data.astronaut())


@cache
def her_head() -> Image.Image:
    return Image.fromarray(astronaut()[10:260, 90:350])


def placed(size: tuple[int, int], *corners: tuple[int, int], scale: float = 1.0) -> Photo:
    """Her head at each of `corners` (x, y) of a grey photo of `size` (width, height)."""
    photo = Image.new("RGB", size, (128, 128, 128))
    kind = Image.Resampling.BILINEAR if scale > 1 else Image.Resampling.LANCZOS
    head = her_head().resize((round(260 * scale), round(250 * scale)), kind)
    for corner in corners:
        photo.paste(head, corner)
    return np.asarray(photo)


def made_points(landmarks_xy_px: NDArray[np.float64]) -> FacePoints:
    """Landmarks with a mesh of no other points, so that its frame is about their box, half as large again."""
    points = np.zeros((POINTS, 3))
    points[:, :2] = landmarks_xy_px.mean(axis=0)
    points[INDEX_68, :2] = landmarks_xy_px
    return FacePoints(landmarks_xy_px, Mesh(points, 9.0))


def turned(photo: Photo, tilt_deg: int) -> Photo:
    """`photo` turned counter-clockwise, the whole of it on a grey ground."""
    if tilt_deg % 90 == 0:
        return np.ascontiguousarray(np.rot90(photo, tilt_deg // 90))
    picture = Image.fromarray(photo)
    bicubic = Image.Resampling.BICUBIC
    return np.asarray(picture.rotate(tilt_deg, bicubic, expand=True, fillcolor=(128, 128, 128)))


def turned_back(
    points: NDArray[np.complex128], tilt_deg: int, seen: Photo, photo: Photo
) -> NDArray[np.complex128]:
    """Where points x + iy of `seen`, which is `photo` turned by `tilt_deg`, are in `photo`."""
    return _middle(photo) + (points - _middle(seen)) * cmath.rect(1, math.radians(tilt_deg))


def _middle(photo: Photo) -> complex:
    return complex(photo.shape[1] - 1, photo.shape[0] - 1) / 2


def beside_a_blurred_copy(photo: Photo) -> Photo:
    """The photo, and to its right the same out of focus."""
    return np.concatenate([photo, gaussian_filter(photo, (5, 5, 0))], axis=1)
