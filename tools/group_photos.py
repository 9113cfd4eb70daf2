"""Render the group photos that the demo reads, from the ICT-FaceKit model.

    python tools/group_photos.py PATH/TO/ICT-FaceKit src/feroi/data/groups

writes garden.jpg, library.jpg and street.jpg, and `faces.json`: who shows what, and where. Needs
feroi[synthetic]; takes a minute, and 20 seconds more the first time.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from feroi.files import write_json
from feroi.synthetic.facekit import load_facekit
from feroi.synthetic.groups import Group, Person, photograph_group
from feroi.synthetic.skin import canvas
from feroi.vocabulary import expression_named

SEED = 3
SIZE_HW = (1040, 1560)
JPEG_QUALITY = 88

GROUPS = (
    Group(
        "garden",
        (
            Person(40, "happy", 0.15, 0.25, 0.200, yaw_deg=16, pitch_deg=-2),
            Person(21, "happy", 0.38, 0.21, 0.205, yaw_deg=4, roll_deg=-3),
            Person(24, "neutral", 0.61, 0.23, 0.200, yaw_deg=-6, pitch_deg=3),
            Person(19, "happy", 0.84, 0.22, 0.205, yaw_deg=-14, roll_deg=3),
            Person(18, "happy", 0.25, 0.50, 0.220, yaw_deg=8, roll_deg=5),
            Person(36, "surprised", 0.50, 0.48, 0.220, yaw_deg=-12, roll_deg=-4),
            Person(12, "happy", 0.76, 0.50, 0.220, yaw_deg=-10, roll_deg=6),
            Person(32, "happy", 0.375, 0.79, 0.215, pitch_deg=5, roll_deg=-6),
            Person(33, "surprised", 0.65, 0.80, 0.215, yaw_deg=-5, pitch_deg=4),
        ),
        sunny=True,
    ),
    Group(
        "library",
        (
            Person(27, "sad", 0.22, 0.27, 0.250, yaw_deg=10, pitch_deg=-4),
            Person(47, "fearful", 0.50, 0.24, 0.240, yaw_deg=5),
            Person(15, "surprised", 0.77, 0.27, 0.250, yaw_deg=-12, roll_deg=-4),
            Person(9, "disgusted", 0.12, 0.64, 0.290, yaw_deg=12, roll_deg=4),
            Person(35, "angry", 0.37, 0.61, 0.300, yaw_deg=-3, pitch_deg=-3),
            Person(41, "happy", 0.635, 0.64, 0.290, yaw_deg=-5, roll_deg=-7),
            Person(4, "neutral", 0.88, 0.62, 0.300, yaw_deg=-14),
        ),
    ),
    Group(
        "street",
        (
            Person(42, "neutral", 0.672, 0.46, 0.090, yaw_deg=-15),
            Person(5, "happy", 0.467, 0.46, 0.100, yaw_deg=15),
            Person(23, "surprised", 0.75, 0.44, 0.140, yaw_deg=-10),
            Person(1, "sad", 0.375, 0.46, 0.170, yaw_deg=8, pitch_deg=-5),
            Person(51, "angry", 0.88, 0.44, 0.260, yaw_deg=-18, roll_deg=3),
            Person(38, "happy", 0.565, 0.60, 0.320, yaw_deg=-8, roll_deg=-6),
            Person(26, "happy", 0.20, 0.48, 0.450, yaw_deg=10, pitch_deg=4, roll_deg=8),
        ),
        sunny=True,
    ),
)


def main(facekit: Path, out: Path) -> None:
    model = load_facekit(facekit)
    paper = canvas(model)
    out.mkdir(parents=True, exist_ok=True)
    faces = {}
    for group in GROUPS:
        photo = photograph_group(model, paper, group, SIZE_HW, SEED)
        name = f"{group.backdrop}.jpg"
        Image.fromarray(photo.image).save(out / name, quality=JPEG_QUALITY)
        faces[name] = [
            {
                "subject": person.number,
                "expression": expression_named(person.expression),
                "landmarks_box_xyxy_px": [*_rounded(points.min(0)), *_rounded(points.max(0))],
            }
            for person, points in zip(group.people, photo.landmarks, strict=True)
        ]
    write_json(out / "faces.json", faces)


def _rounded(point: np.ndarray) -> list[int]:
    return [round(float(value)) for value in point]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("facekit", type=Path, help="a clone of ICT-FaceKit; holds FaceXModel/")
    parser.add_argument("out", type=Path, help="folder of the photos")
    arguments = parser.parse_args()
    main(arguments.facekit, arguments.out)
