"""A subject ready to be photographed: head, hair, clothes, skin and paint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from feroi.synthetic.bones import resting_head
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
