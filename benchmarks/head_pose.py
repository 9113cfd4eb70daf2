"""Error of the head's angles on rendered heads whose turn is known exactly.

    python benchmarks/head_pose.py ICT-FaceKit --people 6 --seed 32 --difficulty wild

renders each person once, with one of the eight expressions, from 44 sides (a quarter of a second each), has
them found and marked as any photo, and prints bias and root of the mean square error, in degrees, of
`head_pose` (the mesh in three dimensions) and of `fit_camera` (68 of its points in two), which it replaced.
Heads that are not found are counted; those whose points the mesh doubts (presence below 0) are marked apart.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from feroi.photo.detect import detect
from feroi.photo.face_mesh import fit_meshes, frame_around
from feroi.photo.face_mesh_points import INDEX_68
from feroi.photo.geometry import Pose, fit_camera, rotation_of
from feroi.photo.pose import head_pose
from feroi.synthetic.camera import whole_head
from feroi.synthetic.difficulty import background, difficulty_named, photograph
from feroi.synthetic.expressions import EXPRESSION_ACTION_UNITS
from feroi.synthetic.facekit import load_facekit
from feroi.synthetic.scene import make_scene
from feroi.synthetic.skin import canvas
from feroi.synthetic.subject import make_subject
from feroi.synthetic.traits import subject_numbers

SIZE_PX = 284
SIDES = [
    *((yaw, 0, 0) for yaw in range(-90, 91, 15)),
    *((0, pitch, 0) for pitch in (-45, -30, -15, 15, 30, 45)),
    *((yaw, pitch, 0) for yaw in (-60, -30, 30, 60) for pitch in (-40, -20, 20, 40)),
    *((yaw, 0, roll) for yaw in (0, 45) for roll in (-45, -20, 20, 45)),
]
Floats = NDArray[np.float64]


class Case(NamedTuple):
    """The turn in degrees, the error of both fits, and the mesh's presence; None if no face was found."""

    pose: Pose
    errors: Floats | None  # (2, 3)
    presence: float


def cases(facekit: Path, people: int, seed: int, difficulty: str, looks: int) -> Iterator[Case]:
    model, level = load_facekit(facekit), difficulty_named(difficulty)
    paper = canvas(model)
    words = list(EXPRESSION_ACTION_UNITS)
    for index, number in enumerate(subject_numbers(people)):
        rng = np.random.default_rng([seed, number, 77])
        person = make_subject(model, paper, number, seed)
        scene = make_scene(model, paper, person, words[index % len(words)], "frontal", level, rng)
        for pose in (Pose(*side) for side in SIDES):
            camera = whole_head(rotation_of(pose), SIZE_PX, rng)
            behind = background((SIZE_PX, SIZE_PX), level, rng)
            yield case(photograph(scene.paint_over(behind, camera), level, rng), pose, looks)


def case(photo: NDArray[np.uint8], pose: Pose, looks: int) -> Case:
    faces = detect(photo)
    if not faces:
        return Case(pose, None, -np.inf)
    frame = faces[0].frame
    for _ in range(looks):
        (mesh,) = fit_meshes(photo, [frame])
        frame = frame_around(mesh.points_xyz_px)
    points = mesh.points_xyz_px
    found = np.array([head_pose(points), fit_camera(points[INDEX_68, :2]).pose()])
    return Case(pose, (found - pose + 180) % 360 - 180, mesh.presence)


def show(name: str, rows: list[Case]) -> None:
    seen = [row for row in rows if row.errors is not None]
    doubted = sum(row.presence < 0 for row in seen)
    line = f"| {name} | {len(rows)} | {len(rows) - len(seen)} | {doubted} "
    if seen:
        errors = np.array([row.errors for row in seen])
        for fit in range(2):
            bias, rms = errors[:, fit].mean(0), np.sqrt((errors[:, fit] ** 2).mean(0))
            line += "| " + " | ".join(f"{b:+.0f} ({r:.0f})" for b, r in zip(bias, rms, strict=True)) + " "
    print(line + "|")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("facekit", type=Path)
    parser.add_argument("--people", type=int, default=6)
    parser.add_argument("--seed", type=int, default=32)
    parser.add_argument("--difficulty", default="wild")
    parser.add_argument(
        "--looks", type=int, default=1, help="how often the mesh looks, each in a better frame"
    )
    options = parser.parse_args()
    rows = list(cases(options.facekit, options.people, options.seed, options.difficulty, options.looks))
    print("| head | number | not found | doubted | yaw | pitch | roll | yaw | pitch | roll |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for yaw in (0, 15, 30, 45, 60, 75, 90):
        show(
            f"yaw {yaw}, either way",
            mirrored([row for row in rows if level(row) and abs(row.pose[0]) == yaw]),
        )
    for pitch in (-45, -30, -15, 15, 30, 45):
        show(f"pitch {pitch}", [row for row in rows if row.pose[:] == (0, pitch, 0)])
    for yaw, pitch in ((30, -40), (30, -20), (30, 20), (30, 40), (60, -40), (60, -20), (60, 20), (60, 40)):
        some = [row for row in rows if abs(row.pose[0]) == yaw and row.pose[1] == pitch]
        show(f"yaw {yaw}, either way, pitch {pitch}", mirrored(some))
    for roll in (20, 45):
        show(
            f"roll {roll}, either way", [row for row in rows if row.pose[0] == 0 and abs(row.pose[2]) == roll]
        )
        some = [row for row in rows if row.pose[0] == 45 and abs(row.pose[2]) == roll]
        show(f"yaw 45, roll {roll}, either way", some)


def level(row: Case) -> bool:
    return row.pose[1] == row.pose[2] == 0


def mirrored(rows: list[Case]) -> list[Case]:
    """With heads turned to the left as their mirror images, so that bias means too far or not far enough."""
    return [
        row._replace(errors=row.errors * [-1, 1, -1]) if row.errors is not None and row.pose[0] < 0 else row
        for row in rows
    ]


if __name__ == "__main__":
    main()
