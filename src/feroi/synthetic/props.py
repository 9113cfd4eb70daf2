"""What is not the head: clothes, glasses, and a hand held before the face."""

from __future__ import annotations

import numpy as np

from feroi.synthetic.facekit import CLOTH, FRAME, HAND
from feroi.synthetic.mesh import Mesh, join, plain, rings, tube
from feroi.synthetic.raster import Floats

_TORSO = (  # height, half width, half depth, depth of the centre; cm
    (-24.0, 21.0, 10.5, -2.5),
    (-19.5, 19.5, 10.0, -2.5),
    (-17.0, 17.0, 9.4, -2.4),
    (-15.0, 13.0, 8.6, -2.0),
    (-13.2, 9.6, 7.6, -1.6),
    (-12.0, 8.0, 7.2, -1.3),
    (-11.6, 7.4, 6.8, -1.2),
)


def torso(scale: float) -> Mesh:
    """Shoulders in a collar without opening, `scale` times an average adult's."""
    turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    points = np.stack(
        [
            np.stack([wide * np.sin(turn), np.full(64, y), z + deep * np.cos(turn)], axis=1)
            for y, wide, deep, z in _TORSO
        ]
    )
    points[..., 1] -= np.clip(points[..., 2], 0, None) * 0.12  # the collar lies lower in front
    return plain(*rings(points * scale), CLOTH)


def glasses(eyes: Floats, bridge: Floats, rng: np.random.Generator) -> Mesh:
    """Frames before the eyes, (2, 3) with the left first, on the nose's root `bridge` (3,)."""
    half_width, half_height = rng.uniform(2.3, 2.8), rng.uniform(1.6, 2.3)
    power = rng.choice([2.0, 3.5])  # round or squarish
    thick = rng.uniform(0.09, 0.24)
    turn = np.linspace(0, 2 * np.pi, 41)
    front = bridge[2] + 0.25
    pieces = []
    for eye, side in zip(eyes, (1, -1), strict=True):
        wide = np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** (2 / power) * half_width
        high = np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** (2 / power) * half_height
        bowed = front - 0.05 * (eye[0] + wide) ** 2
        rim = np.stack([eye[0] + wide, eye[1] - 0.4 + high, bowed], axis=1)
        pieces.append(plain(*tube(rim, np.full(len(rim), thick), 8), FRAME))
        hinge = np.array([eye[0] + side * half_width, eye[1] + 0.3, bowed.min()])
        ear = np.array([side * 8.3, eye[1] + 0.6, 0.5])
        temple = hinge + np.linspace(0, 1, 12)[:, None] * (ear - hinge)
        pieces.append(plain(*tube(temple, np.full(12, thick), 8), FRAME))
    inner = eyes[:, 0] - np.array([1, -1]) * half_width
    across = np.linspace(inner[0], inner[1], 9)
    span = np.stack([across, np.full(9, eyes[0, 1] + 0.2), front - 0.05 * across**2], axis=1)
    pieces.append(plain(*tube(span, np.full(9, thick), 8), FRAME))
    return join(pieces)


def hand(target: Floats, rng: np.random.Generator) -> Mesh:
    """A hand whose fingers cover the point `target` (3,) of the face, at a chance angle."""
    length, width = rng.uniform(6.0, 7.5), rng.uniform(0.72, 0.9)
    pieces = []
    for finger in range(4):
        aside = (finger - 1.5) * 2.05 * width
        reach = length * (1.0, 1.12, 1.05, 0.85)[finger]
        pieces.append(_digit([(aside * 0.95, -1, 0), (aside * 1.1, reach, 0.3)], width))
    pieces.append(_digit([(3.0 * width, -6, 0.2), (6.2 * width, -1.5, 0.8)], width * 1.15))
    palm_path = np.linspace([0, -9.0, 0.0], [0, 0.5, 0.0], 12)
    girth = 3.7 * width * np.sqrt(np.clip(1 - np.linspace(-0.95, 0.95, 12) ** 4, 0.05, 1))
    vertices, triangles = tube(palm_path, girth, 24)
    vertices[:, 2] *= 0.42
    pieces.append(plain(vertices, triangles, HAND))
    whole = join(pieces)
    turn = rng.choice([-1, 1]) * rng.uniform(0.3, 1.4)
    rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    tips = np.array([0.0, 4.0, 0.0])
    placed = np.einsum("ij,vj->vi", rotation, whole.vertices - tips) + target + [0, 0, 1.4]
    return whole._replace(vertices=np.ascontiguousarray(placed))


def _digit(ends: list[tuple[float, float, float]], width: float) -> Mesh:
    """A finger from its root to its rounded tip."""
    t = np.linspace(0, 1, 14)
    path = np.array(ends[0]) + t[:, None] * (np.array(ends[1]) - np.array(ends[0]))
    path[:, 2] += 0.5 * np.sin(np.pi * t) * width
    tip = np.sqrt(np.clip(1 - np.clip((t - 0.85) / 0.15, 0, 0.999) ** 2, 0, 1))
    knuckle = 1 + 0.08 * np.cos(t * 6 * np.pi)
    return plain(*tube(path, width * (1 - 0.2 * t) * tip * knuckle, 14), HAND)
