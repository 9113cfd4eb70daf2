"""A subject ready to be photographed: head on its bones, hair, clothes, skin and paint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from feroi.synthetic.facekit import FACE, HEAD, FaceModel
from feroi.synthetic.hair import beyond_ear, raised, scalp, shell
from feroi.synthetic.mesh import NO_HAIR, Mesh, join
from feroi.synthetic.props import torso
from feroi.synthetic.raster import Floats, vertex_normals
from feroi.synthetic.shade import STRANDS, Paint
from feroi.synthetic.skin import Canvas, Pixels, paint_skin
from feroi.synthetic.traits import HAIR_STYLES, HairStyle, Traits, draw_traits

_FACE_RIM_CM = 0.8


@dataclass(frozen=True)
class Subject:
    """One person at rest.

    mesh: the head's vertices first, in the model's order, then hair and clothes.
    skin: (T, T) reflectance; strands: (STRANDS,) chance for the hairs.
    facial: (V,) 1 on the face, 0 on hair, callbacks, neck and clothes, between at the rim.
    """

    traits: Traits
    mesh: Mesh
    skin: Pixels
    paint: Paint
    strands: Floats
    facial: Floats


def make_subject(model: FaceModel, paper: Canvas, number: int, seed: int) -> Subject:
    """The subject of this number in the set of this seed."""
    traits = draw_traits(number, seed)
    rng = np.random.default_rng([seed, number, 4])
    style = HAIR_STYLES[traits.style]
    bare = resting_head(model, traits, seed)
    depth, strand = scalp(model.vertices, style, traits.hairline)
    skin_part = np.isin(np.arange(len(bare)), model.triangles[model.part <= HEAD])
    depth = np.where(skin_part, depth, NO_HAIR)
    head = bare + raised(depth, model.vertices, style)[:, None] * vertex_normals(bare, model.triangles)
    body = _head_mesh(model, head, depth, strand)
    callbacks = beyond_ear(model.vertices) < 0
    hanging = shell(head[skin_part & ~callbacks], style, rng)
    pieces = [torso(1.0 - 0.18 * traits.is_kid)]
    if hanging is not None:
        pieces.append(hanging)
        if style.hides_ears:
            body = body._replace(cut=np.where(callbacks & (np.abs(body.rest[:, 0]) > 7.0), -1.0, 1.0))
    mesh = join([body, *pieces])
    facial = np.zeros(len(mesh.vertices))
    facial[: len(head)] = _facial(model, depth)
    return Subject(
        traits,
        mesh,
        paint_skin(paper, traits, seed),
        _paint(traits, style, rng),
        rng.standard_normal(STRANDS),
        facial,
    )


def _head_mesh(model: FaceModel, head: Floats, depth: Floats, strand: Floats) -> Mesh:
    rest = model.vertices.copy()
    for eye in model.eyes:
        rest[eye.first : eye.end] = _seen_along(eye.axis, rest[eye.first : eye.end] - eye.centre)
    return Mesh(head, model.triangles, model.part, model.texture, rest, depth, strand, np.ones(len(head)))


def _seen_along(axis: Floats, points: Floats) -> Floats:
    """Points (n, 3) in the frame whose third axis is `axis`: across, up, ahead."""
    across = np.cross([0.0, 1.0, 0.0], axis)
    across /= np.sqrt((across**2).sum())
    frame = np.stack([across, np.cross(axis, across), axis])
    return np.einsum("ij,vj->vi", frame, points)


def _facial(model: FaceModel, depth: Floats) -> Floats:
    """(V,) how far each vertex of the head belongs to the face: forehead to chin, ear to ear.

    Eyeballs, teeth and the inside of the mouth are 0; the picture fills those openings from their
    rims.
    """
    x, y, z = model.vertices.T
    jaw = -8.4 + 0.28 * np.abs(x)  # the jaw's lower rim rises towards the callbacks
    inside = np.minimum.reduce([y - jaw, z - 1.5, 10.5 - y, -depth - 0.4])
    on_face = np.isin(np.arange(len(x)), model.triangles[model.part == FACE])
    return np.clip(inside / _FACE_RIM_CM, 0, 1) * on_face


def _paint(traits: Traits, style: HairStyle, rng: np.random.Generator) -> Paint:
    return Paint(
        skin=traits.skin,
        hair=traits.hair,
        iris=traits.iris,
        iris_radius=rng.uniform(0.57, 0.63),
        pupil_radius=rng.uniform(0.17, 0.24),
        teeth=rng.uniform(0.60, 0.76) - 0.1 * traits.years_beyond_middle,
        cloth=traits.cloth,
        frame=rng.choice([0.02, 0.05, 0.3]),
        wave=rng.uniform(0.002, 0.012) + 0.12 * style.curl,
    )


_SPREAD = 0.85  # of identity, in standard deviations of FaceKit's scans; 1 gives odd ones
_SPREAD_OF_KIDS = 0.4  # the scans are of adults, and their differences look grown up
_LIMIT = 2.0


class _Push(NamedTuple):
    """Everything within about `radius` cm of `centre` moves by `by` cm; both mirrored to the right
    side unless the centre lies in the middle."""

    centre: tuple[float, float, float]
    radius: float
    by: tuple[float, float, float]


_MASCULINE = (
    _Push((6.3, -4.2, 3.5), 3.2, (0.50, -0.20, 0.10)),  # angle of the jaw
    _Push((0.0, -6.9, 9.8), 2.2, (0.00, -0.28, 0.30)),  # chin
    _Push((2.0, -6.7, 9.0), 1.8, (0.28, -0.10, 0.05)),
    _Push((2.8, 5.5, 9.9), 1.9, (0.00, -0.14, 0.30)),  # brow ridge
    _Push((0.0, 9.0, 9.0), 2.5, (0.00, 0.00, -0.20)),  # forehead slopes back
    _Push((0.0, 1.0, 12.4), 1.9, (0.00, 0.00, 0.28)),  # nose
    _Push((1.4, -0.5, 10.9), 1.1, (0.16, 0.00, 0.05)),
    _Push((5.0, 1.0, 8.0), 1.9, (-0.12, 0.00, -0.15)),  # cheekbone
    _Push((0.0, -3.4, 11.6), 1.5, (0.00, 0.00, -0.16)),  # lips
)
_CHILD = (
    _Push((0.0, 0.6, 12.4), 2.0, (0.00, 0.40, -1.00)),
    _Push((1.3, -0.5, 10.9), 1.3, (-0.25, 0.12, -0.20)),
    _Push((4.6, -1.6, 8.3), 2.3, (0.55, 0.10, 0.55)),  # cheeks
    _Push((6.3, -4.2, 3.5), 3.2, (-0.80, 0.50, 0.00)),
    _Push((0.0, -6.9, 9.8), 2.3, (0.00, 0.85, -0.25)),
    _Push((0.0, 8.8, 9.5), 3.0, (0.00, 0.25, 0.60)),  # forehead
    _Push((2.8, 5.5, 9.9), 1.9, (0.00, 0.10, -0.35)),
)
_OLD = (
    _Push((4.2, -5.4, 7.6), 1.6, (0.18, -0.45, 0.15)),  # jowls
    _Push((5.0, -1.5, 8.2), 1.9, (-0.30, -0.10, -0.25)),  # hollow cheeks
    _Push((0.0, -0.1, 12.5), 1.3, (0.00, -0.30, 0.05)),  # tip of the nose
    _Push((3.0, 2.2, 9.3), 0.8, (0.00, -0.10, 0.14)),  # bags below the eyes
    _Push((0.0, -3.4, 11.6), 1.4, (0.00, -0.05, -0.28)),
    _Push((2.4, -3.6, 10.2), 0.9, (0.00, -0.12, 0.00)),  # corners of the mouth
    _Push((0.0, -9.0, 7.0), 1.8, (0.00, -0.40, 0.40)),  # below the chin
)
_EYE_RADIUS_CM = 2.0


def resting_head(model: FaceModel, traits: Traits, seed: int) -> Floats:
    """(V, 3) cm: the head of this subject without expression."""
    rng = np.random.default_rng([seed, traits.number, 2])
    head = model.vertices.copy()
    spread = _SPREAD_OF_KIDS if traits.is_kid else _SPREAD
    for mode in model.identity:
        head += np.clip(rng.normal(0, spread), -_LIMIT, _LIMIT) * mode.astype(np.float64)
    old = traits.years_beyond_middle
    rest = model.vertices
    head += traits.masculine * _pushed(rest, _MASCULINE) + old * _pushed(rest, _OLD)
    eyes = 1 - 0.045 * traits.masculine - 0.03 * old
    if traits.is_kid:
        head += _pushed(rest, _CHILD)
        eyes += 0.15
    for eye in model.eyes:
        away = rest - eye.centre
        head += (eyes - 1) * away * _near(rest, eye.centre, _EYE_RADIUS_CM)[:, None]
    lids = {f"eyeBlink_{side}": traits.lids + 0.1 * old for side in "LR"}
    head += model.displacement(lids)
    neck = np.clip((-4.0 - rest[:, 1]) / 6.0, 0, 1) * (rest[:, 2] < 8)
    head[:, 0] *= 1 + (0.08 * traits.masculine - 0.12 * traits.is_kid) * neck
    return head * (1 + 0.025 * traits.masculine - 0.07 * traits.is_kid)


def _pushed(vertices: Floats, pushes: tuple[_Push, ...]) -> Floats:
    """(V, 3) cm by which the pushes together move `vertices`."""
    moved = np.zeros(vertices.shape)
    for push in pushes:
        for side in (1, -1) if push.centre[0] else (1,):
            mirror = np.array([side, 1.0, 1.0])
            weight = _near(vertices, np.array(push.centre) * mirror, push.radius)
            moved += weight[:, None] * (np.array(push.by) * mirror)
    return moved


def _near(vertices: Floats, centre: Floats, radius: float) -> Floats:
    """(V,) 1 at `centre`, falling to 0 over about twice `radius` (a Gaussian)."""
    squared = ((vertices - centre) ** 2).sum(1)
    return np.exp(-squared / radius**2)
