"""How far the estimated depth of held-out rendered faces is from their true depth.

    python benchmarks/depth.py PATH/TO/ICT-FaceKit [PEOPLE]

Renders PEOPLE (20) people of seed 7, whom the elastic face was not made from, in RaFD's seven expressions
and the aligned frontal form, clean and wild. Compares, on every pixel of the face, the depth of the fitted
face with the true one, from exact landmarks and from those found in the picture; and as the trivial
answer the mean face, of which the view alone is fitted. Depth is known up to a shift, so the median
difference of each face is taken off. Prints median and 90th percentile over all pixels of all faces, in mm
(at the true size of each head) and in % of the distance between the eyes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from feroi.photo.cropped import cropped_landmarks
from feroi.photo.depth import ELASTIC_FILE, depth_map, fit_face, relative_depth
from feroi.synthetic.camera import FRONT_HW, aligned, rotation
from feroi.synthetic.dataset import FRONTAL, Order, Studio
from feroi.synthetic.expressions import EXPRESSION_ACTION_UNITS
from feroi.synthetic.facekit import load_facekit
from feroi.synthetic.subject import Subject, make_subject
from feroi.synthetic.traits import subject_numbers

SEED = 7
HALF_PX = 0.5  # the renderer's first pixel has its centre there, `feroi.photo`'s at 0
EXACT_MEAN, EXACT, FOUND_MEAN, FOUND = (
    "mean face, exact landmarks", "elastic face, exact landmarks",
    "mean face, landmarks found", "elastic face, landmarks found",
)  # fmt: skip


def main(facekit: Path, people: int) -> None:
    model = load_facekit(facekit)
    kept = np.load(ELASTIC_FILE)["vertices"]
    for difficulty in ("clean", "wild"):
        studio = Studio(model, Order((FRONTAL,), ("frontal",), 284, difficulty, SEED, "front"), Path())
        errors: dict[str, list[np.ndarray]] = {}
        faces = missed = 0
        for number in subject_numbers(people):
            subject = make_subject(model, studio.canvas, number, SEED)
            for place, word in enumerate(EXPRESSION_ACTION_UNITS):
                if word == "contemptuous":
                    continue
                faces += 1
                missed += not measure(studio, subject, word, [SEED, number, place], kept, errors)
        print(f"{difficulty}: {faces} faces of {people} people; landmarks not found in {missed}")
        for name, rows in errors.items():
            mm, share = np.concatenate(rows, axis=1)
            print(
                f"  {name:32} {np.median(mm):.2f} mm ({100 * np.median(share):.1f} %), "
                f"90th percentile {np.quantile(mm, 0.9):.2f} mm ({100 * np.quantile(share, 0.9):.1f} %)"
            )


def measure(
    studio: Studio,
    subject: Subject,
    word: str,
    view: list[int],
    kept: np.ndarray,
    errors: dict[str, list[np.ndarray]],
) -> bool:
    """Add the errors (2, pixels) in mm and shares of one face; whether its landmarks were found.

    view: seed of the head's angles and of the camera's noise.
    """
    scene = studio.scene(subject, word, "frontal")
    rng = studio._rng(subject.traits.number, word, "frontal", FRONTAL)
    image = scene.shoot(FRONTAL, None, studio.difficulty, rng).image
    again = studio._rng(
        subject.traits.number, word, "frontal", FRONTAL
    )  # the view the picture was taken from
    yaw, pitch, roll = (
        amount * again.uniform(-1, 1)
        for amount in (studio.difficulty.yaw_deg, studio.difficulty.pitch_deg, studio.difficulty.roll_deg)
    )
    turn = rotation(yaw, pitch, roll)
    camera = aligned(turn, scene.mesh.vertices[scene.landmarks])
    head = scene.mesh.vertices[kept]
    places = camera.project(head)[0] - HALF_PX
    truth = depth_map(places, relative_depth(head, turn[2]), FRONT_HW)
    eyes_mm = 10 * float(np.linalg.norm(head[36:42].mean(0) - head[42:48].mean(0)))
    found = cropped_landmarks(image, "front")
    for name, landmarks, elastic in (
        (EXACT_MEAN, places[:68], False),
        (EXACT, places[:68], True),
        (FOUND_MEAN, found, False),
        (FOUND, found, True),
    ):
        if landmarks is not None:
            fitted = fit_face(landmarks, elastic)
            difference = depth_map(fitted.points_px, fitted.depth, FRONT_HW) - truth
            difference = difference[np.isfinite(difference)]
            apart = np.abs(difference - np.median(difference))
            errors.setdefault(name, []).append(np.stack([apart * eyes_mm, apart]))
    return found is not None


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) == 3 else 20)
