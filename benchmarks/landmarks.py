"""Error of the landmark models, in % of the distance between the outer eye corners.

    feroi synth held/turned --facekit ICT-FaceKit --difficulty turned --seed 11 --subjects 14 \\
        --angles 45,90,135 --gazes frontal
    feroi synth held/clean --facekit ICT-FaceKit --difficulty clean --seed 12 --subjects 10 \\
        --angles 45,90,135 --gazes frontal
    python benchmarks/landmarks.py --faces held/turned held/clean --crops FER2013/validation

FACES are sets of rendered faces of people no model was trained on: the error is against the exact
points, and how far a head is turned comes from these. CROPS is any tree of tight 48 x 48 face crops,
enlarged four times: the error is against dlib-68 run on the HOG detector's box of the upright crop,
which is why dlib-68 seems nearly faultless there. Boxes come from the cnn; only faces it finds count,
and on crops only those that HOG finds too. --compact measures another file than the shipped one.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feroi.photo import landmarks as module
from feroi.photo.detect import Face, detect_cnn, detect_hog
from feroi.photo.ensemble import unpack
from feroi.photo.geometry import fit_camera
from feroi.photo.landmarks import MODELS, landmarks
from feroi.synthetic.truth import read_truth

CROPS, TILTS_DEG = 150, (0, 30, 45)
Points = NDArray[np.float64]


class Case(NamedTuple):
    kind: str
    photo: NDArray[np.uint8]
    face: Face
    expected: Points


def face_near(faces: list[Face], centre_xy: Points, reach_px: float) -> Face | None:
    for face in faces:
        x0, y0, x1, y1 = face.box_xyxy_px
        if np.hypot((x0 + x1) / 2 - centre_xy[0], (y0 + y1) / 2 - centre_xy[1]) < reach_px:
            return face
    return None


def rendered(folder: Path) -> Iterator[Case]:
    for path in sorted(folder.glob("*.jpg")):
        expected = read_truth(folder, path.name).landmarks - 0.5  # ours: pixel centres at whole numbers
        yaw_deg = abs(fit_camera(expected).pose().yaw_deg)
        if yaw_deg >= 50:
            continue
        photo = np.asarray(Image.open(path).convert("L"))
        face = face_near(detect_cnn(photo), expected[17:].mean(axis=0), 50)
        if face:
            side = "within 20" if yaw_deg < 20 else "20 to 50"
            yield Case(f"{folder.name}, yaw {side} degrees", photo, face, expected)


def crops(folder: Path) -> Iterator[Case]:
    paths = sorted(folder.rglob("*.png"))
    for index in np.random.default_rng(1).choice(len(paths), CROPS, replace=False):
        small = Image.open(paths[index]).convert("L")
        large = np.asarray(small.resize((192, 192), Image.Resampling.BICUBIC))
        upright = Image.fromarray(np.pad(large, 60, mode="edge"))
        faces = detect_hog(np.asarray(upright))
        if not faces:
            continue
        reference = landmarks(np.asarray(upright), faces[0], "dlib-68")
        middle = np.array([upright.width - 1, upright.height - 1]) / 2
        for tilt_deg in TILTS_DEG:
            photo = np.asarray(upright.rotate(tilt_deg, Image.Resampling.BICUBIC))
            turned = ((reference - middle) @ [1, 1j]) * np.exp(-1j * np.radians(tilt_deg))
            expected = np.stack([turned.real, turned.imag], axis=1) + middle
            face = face_near(detect_cnn(photo), expected[17:].mean(axis=0), 50)
            if face:
                yield Case(f"FER-2013, tilt {tilt_deg} degrees", photo, face, expected)


def errors(points: Points, expected: Points) -> tuple[float, float]:
    """Mean over the 51 points that are not jaw, and over all, in %."""
    eyes = np.linalg.norm(expected[45] - expected[36])
    apart = 100 * np.linalg.norm(points - expected, axis=1) / eyes
    return float(apart[17:].mean()), float(apart.mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--faces", type=Path, nargs="+", required=True)
    parser.add_argument("--crops", type=Path, required=True)
    parser.add_argument("--compact", type=Path, help="an .npz by tools/train_landmarks.py")
    options = parser.parse_args()
    if options.compact:
        ensemble = unpack(options.compact)
        module._compact = lambda: ensemble
    table: dict[tuple[str, str], list[tuple[float, ...]]] = {}
    for case in [*chain.from_iterable(map(rendered, options.faces)), *crops(options.crops)]:
        for model in MODELS:
            start = time.process_time()
            points = landmarks(case.photo, case.face, model)
            elapsed = 1000 * (time.process_time() - start)
            table.setdefault((case.kind, model), []).append((*errors(points, case.expected), elapsed))
    print("| faces | model | number | without jaw: mean | median | over 10 % | all 68 | processor ms |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for (kind, model), rows in table.items():
        inner, whole, elapsed = np.array(rows).T
        print(
            f"| {kind} | {model} | {len(rows)} | {inner.mean():.1f} | {np.median(inner):.1f} "
            f"| {100 * np.mean(inner > 10):.0f} % | {whole.mean():.1f} | {np.median(elapsed):.0f} |"
        )


if __name__ == "__main__":
    main()
