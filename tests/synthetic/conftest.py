"""A made-up head in the place of FaceKit, which is not shipped: an ellipsoid with eyes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from feroi.synthetic.expressions import SHAPES_OF_ACTION_UNIT
from feroi.synthetic.facekit import EYE, FACE, HEAD, Eyeball, FaceModel, Shape, load_facekit

_HALF_AXES = np.array([7.5, 12.5, 11.0])
_MIDDLE = np.array([0.0, 1.0, 0.5])


def _landmark_places() -> np.ndarray:
    """(68, 2) x and y of a schematic face in cm; the subject's right first, as in Multi-PIE."""
    jaw = [(7.2 * np.sin(a), 1.0 - 8.6 * np.cos(a)) for a in np.linspace(-1.4, 1.4, 17)]
    brows = [(s * x, 6.0 - 0.1 * (x - 3.5) ** 2) for s, xs in ((-1, (5.8, 4.9, 3.8, 2.4, 1.2)),
             (1, (1.2, 2.4, 3.8, 4.9, 5.8))) for x in xs]  # fmt: skip
    nose = [(0, y) for y in (3.7, 2.6, 1.6, 0.4)] + [(x, -1.2) for x in (-1.2, -0.6, 0, 0.6, 1.2)]
    right = [(-4.4, 3.5), (-3.8, 3.9), (-2.8, 3.9), (-1.8, 3.4), (-2.7, 3.1), (-3.8, 3.1)]
    left = [(1.8, 3.4), (2.8, 3.9), (3.8, 3.9), (4.4, 3.5), (3.8, 3.1), (2.7, 3.1)]
    turn = np.pi - np.linspace(0, 2 * np.pi, 12, endpoint=False)
    outer = [(2.5 * np.cos(a), -3.5 + 0.9 * np.sin(a)) for a in turn]
    turn = np.pi - np.linspace(0, 2 * np.pi, 8, endpoint=False)
    inner = [(2.1 * np.cos(a), -3.5 + 0.1 * np.sin(a)) for a in turn]
    return np.array([*jaw, *brows, *nose, *right, *left, *outer, *inner])


def _on_ellipsoid(xy: np.ndarray) -> np.ndarray:
    height = np.clip(1 - (((xy - _MIDDLE[:2]) / _HALF_AXES[:2]) ** 2).sum(1), 0.01, 1)
    return np.column_stack([xy, _MIDDLE[2] + _HALF_AXES[2] * np.sqrt(height)])


def _ball(centre: np.ndarray, half_axes: np.ndarray, rows: int, columns: int):
    """Vertices and triangles of an ellipsoid, outwards, and (u, v) of each vertex."""
    v, u = np.meshgrid(np.linspace(0.02, 0.98, rows), np.linspace(0.02, 0.98, columns), indexing="ij")
    polar, turn = np.pi * v, 2 * np.pi * u - np.pi
    unit = np.stack([np.sin(polar) * np.sin(turn), np.cos(polar), np.sin(polar) * np.cos(turn)], axis=-1)
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(columns - 1), indexing="ij")
    here = i * columns + j
    triangles = np.concatenate([
        np.stack([here, here + columns, here + columns + 1], -1).reshape(-1, 3),
        np.stack([here, here + columns + 1, here + 1], -1).reshape(-1, 3),
    ])  # fmt: skip
    return (
        (centre + half_axes * unit).reshape(-1, 3),
        triangles,
        np.stack([u, v], -1).reshape(-1, 2),
    )


@pytest.fixture(scope="session")
def made_up_model() -> FaceModel:
    rng = np.random.default_rng(0)
    head, triangles, uv = _ball(_MIDDLE, _HALF_AXES, 40, 48)
    part = np.where(head[triangles[:, 0], 2] > 1.0, FACE, HEAD)
    vertices, faces, parts, corners = [head], [triangles], [part], [uv[triangles]]
    marks = _on_ellipsoid(_landmark_places())
    first = len(head)
    turn = np.arctan2(marks[:, 0], marks[:, 2] - _MIDDLE[2])
    mark_uv = np.column_stack([(turn + np.pi) / (2 * np.pi), 0.5 - marks[:, 1] / 30])
    vertices.append(marks)  # each its own empty triangle, so it has a place on the texture
    faces.append(np.repeat(np.arange(first, first + 68)[:, None], 3, axis=1))
    parts.append(np.full(68, FACE))
    corners.append(np.repeat(mark_uv[:, None], 3, axis=1))
    eyes = []
    for side in (1, -1):
        centre = np.array([side * 3.1, 3.5, 9.2])
        ball, ball_triangles, ball_uv = _ball(centre, np.full(3, 1.6), 10, 12)
        start = sum(map(len, vertices))
        vertices.append(ball)
        faces.append(ball_triangles + start)
        parts.append(np.full(len(ball_triangles), EYE))
        corners.append(ball_uv[ball_triangles])
        eyes.append(Eyeball(start, start + len(ball), centre, np.array([0.0, 0.0, 1.0])))
    every = np.concatenate(vertices)
    return FaceModel(
        vertices=every,
        triangles=np.concatenate(faces).astype(np.int32),
        texture=np.concatenate(corners),
        part=np.concatenate(parts).astype(np.uint8),
        identity=_modes(every),
        shapes=_bumps(every, first, rng),
        landmarks=np.arange(first, first + 68, dtype=np.int32),
        eyes=(eyes[0], eyes[1]),
    )


def _modes(vertices: np.ndarray) -> np.ndarray:
    """Wider, taller, deeper: (3, V, 3) by three per cent each."""
    away = 0.03 * (vertices - _MIDDLE)
    return np.stack([away * axis for axis in np.eye(3)]).astype(np.float16)


def _bumps(vertices: np.ndarray, head: int, rng: np.random.Generator) -> dict[str, Shape]:
    """For each name FaceKit has, a bump of half a centimetre somewhere on the face."""
    stems = {name for shapes in SHAPES_OF_ACTION_UNIT.values() for name in shapes}
    names = sorted(stem + side for stem in stems for side in (("L", "R") if stem.endswith("_") else ("",)))
    names += [f"{name}_{side}" for name in ("eyeBlink", "eyeLookIn", "eyeLookOut") for side in "LR"]
    shapes = {}
    for name in names:
        centre = _on_ellipsoid(rng.uniform([-4, -5], [4, 7])[None])[0]
        weight = np.exp(-((vertices - centre) ** 2).sum(1) / 4)
        moved = np.flatnonzero((weight > 1e-3) & (np.arange(len(vertices)) < head + 68))
        offsets = 0.5 * weight[moved, None] * rng.standard_normal(3)
        shapes[name] = Shape(moved.astype(np.int32), offsets.astype(np.float32))
    return shapes


@pytest.fixture(scope="session")
def real_model() -> FaceModel:
    folder = os.environ.get("FEROI_FACEKIT")
    if not folder:
        pytest.skip("FEROI_FACEKIT does not name a clone of ICT-FaceKit, which is not shipped")
    return load_facekit(Path(folder))
