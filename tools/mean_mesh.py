"""Make the mean face mesh that tells how a head is turned, from rendered heads.

    python tools/mean_mesh.py PATH/TO/ICT-FaceKit

renders 40 people (seed 30) from the front with a neutral face, has the face mesh find its 478 points on
each, and writes their mean to src/feroi/photo/shape/mean_mesh.npz, with how far each point can be trusted:
little where it moves with the eight expressions, or slides to the visible outline when a head turns by up to
45 degrees (8 people). Takes about five minutes; the same bytes on the same kind of machine.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from feroi.photo.face_mesh import fit_meshes, frame_around
from feroi.photo.geometry import Pose, rotation_of
from feroi.photo.pose import MESH_FILE, similarity
from feroi.photo.squares import Frame
from feroi.synthetic.camera import Camera, whole_head
from feroi.synthetic.difficulty import background, difficulty_named, photograph
from feroi.synthetic.expressions import EXPRESSION_ACTION_UNITS
from feroi.synthetic.facekit import FaceModel, load_facekit
from feroi.synthetic.scene import make_scene
from feroi.synthetic.skin import Canvas, canvas
from feroi.synthetic.subject import make_subject
from feroi.synthetic.traits import subject_numbers

SEED, PEOPLE, MOVING_PEOPLE = 30, 40, 8
YAWS_DEG = (-45, 0, 45)
SIZE_PX = 284
LEAST_VARIANCE_CM2 = 0.02  # what no point is better than: the fit itself, and the photo's pixels
ROUNDS = 4
Floats = NDArray[np.float64]


class Seen(NamedTuple):
    """points: (478, 3) px, x to the image's right, y up, z towards the camera."""

    points: Floats
    camera: Camera


def main(facekit: Path) -> None:
    model = load_facekit(facekit)
    paper = canvas(model)
    numbers = subject_numbers(PEOPLE)
    shapes = [in_cm(seen) for number in numbers for seen in look(model, paper, number, ["neutral"], [0])]
    mean = np.mean(shapes, axis=0)
    mirrored = mirror_of(mean)
    mean = (mean + mean[mirrored] * [-1, 1, 1]) / 2
    moving = [
        seen.points
        for number in numbers[:: PEOPLE // MOVING_PEOPLE]
        for seen in look(model, paper, number, EXPRESSION_ACTION_UNITS, YAWS_DEG)
    ]
    trust = np.ones(len(mean))
    for _ in range(ROUNDS):
        apart = np.zeros(len(mean))
        for points in moving:
            fit = similarity(points, mean, trust)
            apart += (((points - fit.shift) @ fit.rotation / fit.scale - mean) ** 2).sum(1)
        apart = (apart + apart[mirrored]) / 2 / len(moving)
        trust = 1 / (apart + LEAST_VARIANCE_CM2)
        trust /= trust.max()
    np.savez_compressed(
        MESH_FILE,
        points_cm=mean.round(3).astype(np.float32),
        trust=trust.round(3).astype(np.float32),
        mirror_order=mirrored.astype(np.int16),
    )
    print(f"{MESH_FILE}: {MESH_FILE.stat().st_size} bytes; trust {trust.min():.3f} to 1")


def look(
    model: FaceModel, paper: Canvas, number: int, expressions: Iterable[str], yaws_deg: Iterable[int]
) -> Iterator[Seen]:
    """The mesh found on one person's expressions, from several sides."""
    person, studio = make_subject(model, paper, number, SEED), difficulty_named("clean")
    for expression in expressions:
        rng = np.random.default_rng([SEED, number])
        scene = make_scene(model, paper, person, expression, "frontal", studio, rng)
        for yaw_deg in yaws_deg:
            camera = whole_head(rotation_of(Pose(yaw_deg, 0, 0)), SIZE_PX, rng)
            behind = background((SIZE_PX, SIZE_PX), studio, rng)
            photo = photograph(scene.paint_over(behind, camera), studio, rng)
            places = camera.project(scene.mesh.vertices[scene.landmarks])[0] - 0.5
            middle, size = (places.min(0) + places.max(0)) / 2, np.ptp(places, axis=0).max()
            (rough,) = fit_meshes(photo, [Frame(complex(*middle), 1.7 * size, 0.0)])
            (found,) = fit_meshes(photo, [frame_around(rough.points_xyz_px)])
            yield Seen(found.points_xyz_px * [1, -1, -1], camera)


def in_cm(seen: Seen) -> Floats:
    """Points seen from the front, in the face's own coordinates; z from the middle of the head."""
    middle = np.array([SIZE_PX / 2 - 0.5, -(SIZE_PX / 2 - 0.5), 0])
    return (seen.points - middle) / seen.camera.linear[0, 0] + [*seen.camera.pivot[:2], 0]


def mirror_of(points: Floats) -> NDArray[np.int64]:
    """Which point of a face each point of its mirror image is."""
    apart = np.linalg.norm((points * [-1, 1, 1])[:, None] - points, axis=-1)
    _, order = linear_sum_assignment(apart**2)
    assert (order[order] == np.arange(len(points))).all()
    return order


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
