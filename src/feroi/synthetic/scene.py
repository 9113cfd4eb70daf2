"""A subject who shows an expression under a light, pictures of that from any angle, and what moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from feroi.synthetic.camera import FRONT_HW, YAW_DEG, Camera, aligned, rotation, turned, whole_head
from feroi.synthetic.difficulty import Difficulty, background, photograph
from feroi.synthetic.expressions import ActionUnits, displacements, sample_action_units
from feroi.synthetic.facekit import EYE, GUMS, HEAD, MOUTH, TEETH, FaceModel
from feroi.synthetic.hair import shell
from feroi.synthetic.light import Light, studio, varied
from feroi.synthetic.mesh import Mesh, join
from feroi.synthetic.props import glasses, hand
from feroi.synthetic.raster import (
    Floats,
    Indices,
    interpolate,
    irradiance,
    vertex_normals,
    visible_triangles,
)
from feroi.synthetic.shade import shade
from feroi.synthetic.skin import Canvas, Pixels, crease, crease_habits
from feroi.synthetic.subject import Subject
from feroi.synthetic.traits import HAIR_STYLES, HairStyle
from feroi.synthetic.truth import MOVEMENT_STEP

GAZES = {"left": 30.0, "frontal": 0.0, "right": -30.0}
"""How far the eyes turn to the subject's left, degrees."""

_OVERSAMPLING = 2
_LID_GAZE_DEG = 35.0  # turn of the eyes at which FaceKit's eyeLook shapes are at 1
_COVERING_STRANDS = HairStyle(hem=1.0, opening=38.0, fringe=4.6, volume=0.6)


class Shot(NamedTuple):
    """A picture with its truth. H, W its size; h, w = H, W / MOVEMENT_STEP, rounded up.

    image: (H, W) uint8.
    landmarks: (68, 2) x and y, px; hidden ones too.
    movement: (h, w) px by which the expression moved what is seen of the face there.
    movement_of: Action Unit -> (h, w) px, the part of each.
    """

    image: NDArray[np.uint8]
    landmarks: NDArray[np.float32]
    movement: NDArray[np.float32]
    movement_of: dict[int, NDArray[np.float32]]


@dataclass(frozen=True)
class Scene:
    """A head that shows Action Units; light and shadow are computed once for all angles.

    mesh: as seen, the head's vertices first; normals: (V, 3); light_received: (V,).
    moved: Action Unit -> (n, 3) cm by which it moved the head's n vertices.
    """

    subject: Subject
    units: ActionUnits
    mesh: Mesh
    normals: Floats
    light: Light
    light_received: Floats
    skin: Pixels
    moved: dict[int, Floats]
    landmarks: Indices

    def shoot(
        self,
        angle: int,
        size_px: int | None,
        difficulty: Difficulty,
        rng: np.random.Generator,
        jitter: float = 0.0,
    ) -> Shot:
        """The picture from one of RaFD's angles: `size_px` square, or aligned if that is None.

        jitter: how far the head may lie from its place, as `Camera.misplaced`; all else stays the same.
        """
        misplacing = rng.spawn(1)[0]
        turn = rotation(
            YAW_DEG[angle] + difficulty.yaw_deg * rng.uniform(-1, 1),
            difficulty.pitch_deg * rng.uniform(-1, 1),
            difficulty.roll_deg * rng.uniform(-1, 1),
        )
        if size_px is None:
            camera, size_hw = aligned(turn, self.mesh.vertices[self.landmarks]), FRONT_HW
        else:
            camera, size_hw = whole_head(turn, size_px, rng), (size_px, size_px)
        camera = camera.misplaced(jitter, size_hw, misplacing)
        screen = self._seen_by(camera, size_hw)
        light = self._painted(screen, turn, background(size_hw, difficulty, rng))
        image = photograph(light, difficulty, rng)
        maps = movement_maps(
            self.mesh,
            self.subject.facial,
            list(self.moved.values()),
            self.landmarks,
            camera,
            screen,
        )
        landmarks, _ = camera.project(self.mesh.vertices[self.landmarks])
        movement_of = dict(zip(self.moved, maps[1:], strict=True))
        return Shot(image, landmarks.astype(np.float32), maps[0], movement_of)

    def paint_over(self, behind: Pixels, camera: Camera) -> Pixels:
        """(H, W) linear light: what `camera` sees of the scene, before `behind` (H, W)."""
        height, width = behind.shape
        return self._painted(self._seen_by(camera, (height, width)), camera.rotation, behind)

    def _seen_by(self, camera: Camera, size_hw: tuple[int, int]) -> Screen:
        fine = camera.enlarged(_OVERSAMPLING)
        places, nearness = fine.project(self.mesh.vertices)
        x, y = np.ascontiguousarray(places[:, 0]), np.ascontiguousarray(places[:, 1])
        height, width = (_OVERSAMPLING * side for side in size_hw)
        seen, _ = visible_triangles(x, y, nearness, self.mesh.cut, self.mesh.triangles, height, width)
        return Screen(x, y, nearness, seen, _OVERSAMPLING)

    def _painted(self, screen: Screen, turn: Floats, behind: Pixels) -> Pixels:
        """(H, W) linear light before the background `behind`, averaged over the finer pixels."""
        mesh, subject = self.mesh, self.subject
        image = np.repeat(np.repeat(behind, _OVERSAMPLING, 0), _OVERSAMPLING, 1)
        attributes = np.concatenate(
            [
                turned(turn, self.normals),
                mesh.rest,
                self.light_received[:, None],
                mesh.hair[:, None],
                mesh.strand[:, None],
            ],
            axis=1,
        )
        lamps = turned(turn, np.stack([self.light.key, self.light.fill]))
        shade(
            image, *screen[:4], mesh.triangles, mesh.part, mesh.texture, attributes, self.skin,
            subject.strands, subject.paint, lamps[0], lamps[1],
        )  # fmt: skip
        height, width = behind.shape
        cells = image.reshape(height, _OVERSAMPLING, width, _OVERSAMPLING)
        return cells.mean((1, 3), dtype=np.float64).astype(np.float32)


def make_scene(
    model: FaceModel,
    paper: Canvas,
    subject: Subject,
    expression: str,
    gaze: str,
    difficulty: Difficulty,
    rng: np.random.Generator,
) -> Scene:
    """The subject showing `expression` (RaFD's word) and looking to `gaze`."""
    units = sample_action_units(expression, difficulty.strength, rng, difficulty.looseness)
    moved = displacements(model, units)
    vertices = subject.mesh.vertices.copy()
    head = vertices[: len(model.vertices)]
    for displacement in moved.values():
        head += displacement
    _look(model, head, GAZES[gaze])
    mesh = join([subject.mesh._replace(vertices=vertices), *_hiding(model, subject, head, difficulty, rng)])
    light = varied(rng) if difficulty.street else studio(rng)
    normals = vertex_normals(mesh.vertices, mesh.triangles)
    received = irradiance(mesh.vertices, normals, mesh.cut, mesh.triangles, light.directions, light.radiance)
    folds = crease_habits(subject.traits.number, difficulty.habits)
    skin = subject.skin * crease(paper, units, folds)
    return Scene(subject, units, mesh, normals, light, received, skin, moved, model.landmarks)


def _look(model: FaceModel, head: Floats, gaze_deg: float) -> None:
    """Turn the eyes of `head` in place, by hand: FaceKit's eyeLook shapes move lids alone."""
    if gaze_deg == 0:
        return
    outer, inner = ("L", "R") if gaze_deg > 0 else ("R", "L")
    weight = abs(gaze_deg) / _LID_GAZE_DEG
    head += model.displacement({f"eyeLookOut_{outer}": weight, f"eyeLookIn_{inner}": weight})
    turn = rotation(gaze_deg, 0, 0)
    for eye in model.eyes:
        ball = head[eye.first : eye.end]
        centre = eye.centre + (ball - model.vertices[eye.first : eye.end]).mean(0)
        head[eye.first : eye.end] = turned(turn, ball - centre) + centre


def _hiding(
    model: FaceModel, subject: Subject, head: Floats, difficulty: Difficulty, rng: np.random.Generator
) -> list[Mesh]:
    """What stands before the face in this scene: glasses, a hand, strands of hair, or nothing."""
    wears, holds, hangs = rng.random(3) < (
        difficulty.glasses, difficulty.hand, difficulty.strands
    )  # fmt: skip
    places = head[model.landmarks]
    pieces = []
    if wears:
        eyes = np.stack([places[42:48].mean(0), places[36:42].mean(0)])
        pieces.append(glasses(eyes, places[27], rng))
    if holds:
        target = places[rng.choice([4, 12, 8, 31, 35, 51, 19, 24])]
        pieces.append(hand(target, rng))
    if hangs and HAIR_STYLES[subject.traits.style].can_fall_on_the_face:
        skin = head[np.unique(model.triangles[model.part <= HEAD])]
        strands = shell(skin, _COVERING_STRANDS, rng)
        assert strands is not None
        pieces.append(strands)
    return pieces


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
