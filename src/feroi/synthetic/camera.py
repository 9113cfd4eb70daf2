"""The camera: where points of the head fall on the picture."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from feroi.synthetic.raster import Floats

YAW_DEG = {0: -90.0, 45: -45.0, 90: 0.0, 135: 45.0, 180: 90.0}
"""How far the head turns to the subject's left for each of RaFD's angles, degrees.

0 shows the subject's left side, nose to the picture's left. RaFD's own sense is not in the paper: a
set may be its mirror image."""

FRONT_HW = (160, 125)
"""Height and width of a picture of the aligned form, px."""

MOST_JITTER = 0.2
_JITTERED_SIZE = 5 / 6  # 12 % of shift go with sizes of up to e ** 0.1
_DISTANCE_CM = 160.0
_SPAN_CM = 29.0  # what the side of an unaligned picture covers at the head's distance
_MIDDLE_CM = np.array([0.0, 1.7, 0.5])
_FRONT_POINTS = np.array([[37.5, 58.0], [87.5, 58.0], [62.5, 115.0]])
"""Where the aligned form has the eye on the picture's left, the other eye, and the mouth; px."""


class Camera(NamedTuple):
    """rotation (3, 3) and pivot (3,) cm bring the head before the camera, which looks along -z;
    linear (2, 2) px a cm and shift (2,) px bring the picture's plane to pixels."""

    rotation: Floats
    pivot: Floats
    linear: Floats
    shift: Floats

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """Points (n, 3) cm -> places on the picture (n, 2) px, and nearness (n,), unit free."""
        seen = turned(self.rotation, points - self.pivot)
        nearness = _DISTANCE_CM / (_DISTANCE_CM - seen[:, 2])
        plane = seen[:, :2] * nearness[:, None]
        return np.einsum("ij,vj->vi", self.linear, plane) + self.shift, nearness

    def enlarged(self, factor: int) -> Camera:
        """The same view on a picture with `factor` times as many pixels a side."""
        return self._replace(linear=self.linear * factor, shift=self.shift * factor)

    def misplaced(self, jitter: float, size_hw: tuple[int, int], rng: np.random.Generator) -> Camera:
        """The view of a face that was badly cut: shifted by up to `jitter` of each side of the picture, and
        larger or smaller by up to e ** (jitter * _JITTERED_SIZE). The same view for 0."""
        height, width = size_hw
        across, down, enlarged = rng.uniform(-jitter, jitter, 3)
        scale = np.exp(_JITTERED_SIZE * enlarged)
        middle = np.array([width, height]) / 2
        shift = middle + scale * (self.shift - middle) + np.array([across * width, down * height])
        return self._replace(linear=scale * self.linear, shift=shift)


def turned(rotation: Floats, vectors: Floats) -> Floats:
    """(n, 3) rotated; einsum rather than BLAS, whose rounding differs between processors."""
    return np.ascontiguousarray(np.einsum("ij,vj->vi", rotation, vectors))


def rotation(yaw_deg: float, pitch_deg: float, roll_deg: float) -> Floats:
    """(3, 3): roll about z first, then pitch about x (positive looks up), then yaw about y."""
    yaw, pitch, roll = np.radians([yaw_deg, pitch_deg, roll_deg])
    about_y = np.array([
        [np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]
    ])  # fmt: skip
    about_x = np.array([
        [1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]
    ])  # fmt: skip
    about_z = np.array([
        [np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]
    ])  # fmt: skip
    return np.einsum("ij,jk,kl->il", about_y, about_x, about_z)


def whole_head(turn: Floats, size_px: int, rng: np.random.Generator) -> Camera:
    """A square picture with the head never quite in the same place (RaFD-POSE)."""
    span = _SPAN_CM * rng.uniform(0.96, 1.05)
    pivot = _MIDDLE_CM + np.array([rng.uniform(-0.35, 0.35), rng.uniform(-0.4, 0.4), 0.0])
    scale = size_px / span
    return Camera(turn, pivot, np.diag([scale, -scale]), np.full(2, size_px / 2))


def aligned(turn: Floats, landmarks: Floats) -> Camera:
    """A picture of `FRONT_HW` with eyes and mouth in fixed places (RaFD-FRONT).

    landmarks: (68, 3) cm. Least squares over both eyes' centres and the middle of the lips'
    corners; moves, turns and scales, without shear.
    """
    view = Camera(turn, _MIDDLE_CM, np.diag([1.0, -1.0]), np.zeros(2))
    places, _ = view.project(landmarks)
    found = np.stack([places[36:42].mean(0), places[42:48].mean(0), places[[48, 54]].mean(0)])
    source = (found - found.mean(0)) @ [1, 1j]
    target = (_FRONT_POINTS - _FRONT_POINTS.mean(0)) @ [1, 1j]
    factor = (source.conj() * target).sum() / (np.abs(source) ** 2).sum()
    spin = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    shift = _FRONT_POINTS.mean(0) - spin @ found.mean(0)
    return Camera(turn, _MIDDLE_CM, spin @ view.linear, shift)
