"""Pieces of a scene: triangles with what painting them needs, and simple bodies made of rings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from feroi.synthetic.raster import Floats, Indices

NO_HAIR = -9.0


class Mesh(NamedTuple):
    """V vertices and T triangles in cm.

    part: (T,) uint8, codes of `facekit`; texture: (T, 3, 2) float64, used on FACE alone.
    rest: (V, 3) place on the model at rest, for painting; of eyes, relative to centre and sight.
    hair: (V,) how deep in the hair a point of the scalp is, cm, negative outside.
    strand: (V,) angle that is the same all along a hair, radians.
    cut: (V,) the surface ends where this is negative.
    """

    vertices: Floats
    triangles: Indices
    part: NDArray[np.uint8]
    texture: Floats
    rest: Floats
    hair: Floats
    strand: Floats
    cut: Floats


def join(meshes: Sequence[Mesh]) -> Mesh:
    """All of them as one, vertices and triangles in their order."""
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes[:-1]])
    moved = [
        mesh._replace(triangles=(mesh.triangles + start).astype(np.int32))
        for mesh, start in zip(meshes, starts, strict=True)
    ]
    return Mesh(*(np.concatenate(arrays) for arrays in zip(*moved, strict=True)))


def plain(vertices: Floats, triangles: Indices, part: int) -> Mesh:
    """A piece of one uniform material."""
    count = len(vertices)
    return Mesh(
        vertices,
        triangles,
        np.full(len(triangles), part, dtype=np.uint8),
        np.zeros((len(triangles), 3, 2)),
        vertices.copy(),
        np.full(count, NO_HAIR),
        np.zeros(count),
        np.ones(count),
    )


def rings(points: Floats) -> tuple[Floats, Indices]:
    """A sheet through R rings of C points, (R, C, 3): its vertices (R * C, 3) and triangles.

    It faces outwards if the rings run counter-clockwise seen from the last.
    """
    rows, columns = points.shape[:2]
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(columns), indexing="ij")
    here, right = row * columns + column, row * columns + (column + 1) % columns
    below, across = here + columns, right + columns
    upper = np.stack([here, right, across], axis=-1).reshape(-1, 3)
    lower = np.stack([here, across, below], axis=-1).reshape(-1, 3)
    triangles = np.concatenate([upper, lower]).astype(np.int32)
    return points.reshape(-1, 3), triangles


def tube(path: Floats, radii: Floats, sides: int = 12) -> tuple[Floats, Indices]:
    """A round body along `path` (n, 3) of the given radii (n,), as `rings` gives it."""
    ahead = np.gradient(path, axis=0)
    ahead /= np.sqrt((ahead**2).sum(1, keepdims=True))
    lateral = np.cross(ahead, [0.31, 0.17, 0.94])  # parallel to no path used here
    lateral /= np.sqrt((lateral**2).sum(1, keepdims=True))
    other = np.cross(ahead, lateral)
    turn = np.linspace(0, 2 * np.pi, sides, endpoint=False)[:, None]
    circle = np.cos(turn) * lateral[:, None] + np.sin(turn) * other[:, None]  # (n, sides, 3)
    return rings(path[:, None] + radii[:, None, None] * circle)
