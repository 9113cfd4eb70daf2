"""Where the face moved: the projected displacement of what is seen of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from feroi.synthetic.camera import Camera
from feroi.synthetic.facekit import EYE, GUMS, HEAD, MOUTH, TEETH
from feroi.synthetic.mesh import Mesh
from feroi.synthetic.raster import Floats, Indices, interpolate
from feroi.synthetic.truth import MOVEMENT_STEP

_RIMS = (slice(42, 48), slice(36, 42), slice(60, 68))
"""Landmarks around the left eye, the right eye and the inside of the mouth."""


class Screen(NamedTuple):
    """What a camera sees of a mesh, `fineness` times as fine as the picture.

    x, y, nearness: (V,); seen: (H, W) triangles, -1 for none.
    """

    x: Floats
    y: Floats
    nearness: Floats
    seen: Indices
    fineness: int


def movement_maps(
    mesh: Mesh,
    facial: Floats,
    moved: Sequence[Floats],
    landmarks: Indices,
    camera: Camera,
    screen: Screen,
) -> NDArray[np.float32]:
    """(1 + M, h, w) px of the picture: the whole movement, then that of each of the M given.

    mesh: after the movement; facial: (n,) 1 on the face and 0 elsewhere, of its first n vertices.
    moved: (m, 3) cm by which each movement displaced the first m vertices; they add up.
    camera: of the picture itself; h, w = the picture's sides / MOVEMENT_STEP, rounded up.

    An expression changes what is seen in an opened mouth or eye though no skin is there: each
    opening takes the largest movement on its rim, known by its `landmarks` (68,).
    """
    lengths = np.zeros((len(mesh.vertices), 1 + len(moved)))
    for k, displacement in enumerate([np.sum(moved, axis=0), *moved] if moved else []):
        which = np.flatnonzero(displacement.any(axis=1))
        after = mesh.vertices[which]
        way = camera.project(after)[0] - camera.project(after - displacement[which])[0]
        lengths[which, k] = np.sqrt((way**2).sum(1))
    on_face = lengths.copy()
    on_face[: len(facial)] *= facial[:, None]
    on_face[len(facial) :] = 0.0
    x, y, nearness, seen, step = screen
    shown = interpolate(x, y, nearness, mesh.triangles, seen, on_face, step)
    for opening, rim in zip(_openings(mesh, seen[::step, ::step]), _RIMS, strict=True):
        shown[opening] = lengths[landmarks[rim]].max(0)
    return _cell_means(shown).transpose(2, 0, 1)


def _openings(mesh: Mesh, seen: Indices) -> list[NDArray[np.bool_]]:
    """(H, W) where the left eye, the right eye and the inside of the mouth are seen."""
    part = np.where(seen >= 0, mesh.part[seen], HEAD)
    on_left = mesh.vertices[mesh.triangles[seen, 0], 0] > 0
    eye = part == EYE
    return [eye & on_left, eye & ~on_left, np.isin(part, (MOUTH, GUMS, TEETH))]


def _cell_means(values: Floats) -> NDArray[np.float32]:
    """(H, W, K) -> means over cells of MOVEMENT_STEP px a side; those at the rim may be smaller."""
    height, width, count = values.shape
    step = MOVEMENT_STEP
    rows, columns = -(-height // step), -(-width // step)
    padded = np.zeros((rows * step, columns * step, count + 1))
    padded[:height, :width, :count] = values
    padded[:height, :width, count] = 1.0
    cells = padded.reshape(rows, step, columns, step, count + 1).sum((1, 3))
    return (cells[..., :count] / cells[..., count:]).astype(np.float32)
