"""Error of the landmark models, in % of the distance between the outer eye corners.

    feroi synth held/turned --facekit ICT-FaceKit --difficulty turned --seed 11 --subjects 14 \\
        --angles 45,90,135 --gazes frontal
    feroi synth held/clean --facekit ICT-FaceKit --difficulty clean --seed 12 --subjects 10 \\
        --angles 45,90,135 --gazes frontal
    python benchmarks/landmarks.py --faces held/turned held/clean --crops FER2013/validation --london london

FACES are sets of rendered faces: the error is against the exact points, and how far a head is turned comes
from these. CROPS is any tree of tight 48 x 48 face crops, enlarged four times: the error is against dlib's
own run of dlib-68 on the HOG detector's box of the upright crop, which is why dlib-68 seems nearly faultless
there. LONDON is a folder of photographs NAME.jpg with NAME.csv beside it, points placed by hand in columns
x_px and y_px, the middles of the eyes first (the template of the Face Research Lab London Set, 189 points):
which of them is which landmark is what fits the points of all models best over all people, one to one, and
the jaw is left out. Offsets are what is the same for every face of a kind, as where on the lid a convention
has its point; they are taken off in the last but one column.
Faces are those yunet finds, and on crops only those that HOG finds too. dlib-68 starts from the frame of the
face mesh, so its time includes that. Needs feroi[dlib68].
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import dlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.optimize import linear_sum_assignment

from feroi.inference import Compute
from feroi.photo.detect import Face, detect
from feroi.photo.geometry import fit_camera
from feroi.photo.landmarks import MODELS, _dlib_predictor, locate
from feroi.synthetic.truth import read_truth

CROPS, TILTS_DEG = 150, (0, 30, 45)
ONE_THREAD = Compute(threads=1)
JAW = 17
Points = NDArray[np.float64]


class Case(NamedTuple):
    """expected: (68, 2), NaN where nobody knows."""

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
        face = face_near(detect(photo, "yunet", ONE_THREAD), expected[17:].mean(axis=0), 50)
        if face:
            side = "within 20" if yaw_deg < 20 else "20 to 50"
            yield Case(f"{folder.name}, yaw {side} degrees", photo, face, expected)


def crops(folder: Path) -> Iterator[Case]:
    hog = dlib.get_frontal_face_detector()
    predictor = _dlib_predictor()
    paths = sorted(folder.rglob("*.png"))
    for index in np.random.default_rng(1).choice(len(paths), CROPS, replace=False):
        small = Image.open(paths[index]).convert("L")
        large = np.asarray(small.resize((192, 192), Image.Resampling.BICUBIC))
        upright = np.pad(large, 60, mode="edge")
        boxes = hog(upright, 1)
        if not boxes:
            continue
        parts = predictor(upright, max(boxes, key=lambda box: box.area())).parts()
        reference = np.array([[part.x, part.y] for part in parts])
        middle = np.array([upright.shape[1] - 1, upright.shape[0] - 1]) / 2
        for tilt_deg in TILTS_DEG:
            photo = np.asarray(Image.fromarray(upright).rotate(tilt_deg, Image.Resampling.BICUBIC))
            turned = ((reference - middle) @ [1, 1j]) * np.exp(-1j * np.radians(tilt_deg))
            expected = np.stack([turned.real, turned.imag], axis=1) + middle
            face = face_near(detect(photo, "yunet", ONE_THREAD), expected[17:].mean(axis=0), 50)
            if face:
                yield Case(f"FER-2013, tilt {tilt_deg} degrees", photo, face, expected)


def photographed(folder: Path) -> list[Case]:
    """Photographs with points placed by hand, those of them that are landmarks picked out."""
    cases, placed, marked = [], [], []
    for path in sorted(folder.glob("*.jpg")):
        points = np.loadtxt(path.with_suffix(".csv"), delimiter=",", skiprows=1, usecols=(-2, -1))
        photo = np.asarray(Image.open(path).convert("RGB"))
        face = face_near(detect(photo, "yunet", ONE_THREAD), points[:2].mean(axis=0), 100)
        if face:
            cases.append(Case("photographs, by hand", photo, face, np.full((68, 2), np.nan)))
            placed.append(points)
            (found,) = zip(*(locate(photo, [face.frame], model, ONE_THREAD) for model in MODELS), strict=True)
            marked.append([points.landmarks_xy_px for points in found])
    hand, models = np.array(placed) @ [1, 1j], np.array(marked) @ [1, 1j]  # (N, 189), (N, models, 68)
    eyes = hand[:, 1] - hand[:, 0]
    apart = (models[..., JAW:, None] - hand[:, None, None]) / eyes[:, None, None, None]
    _, chosen = linear_sum_assignment((np.abs(apart) ** 2).mean(axis=(0, 1)))
    for case, points in zip(cases, placed, strict=True):
        case.expected[JAW:] = points[chosen]
    return cases


def differences(points: Points, expected: Points) -> NDArray[np.complex128]:
    """Of each landmark, in % of the distance between the outer eye corners, along and across their line."""
    eyes = (expected[45] - expected[36]) @ [1, 1j]
    return np.asarray(100 * ((points - expected) @ [1, 1j]) / eyes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--faces", type=Path, nargs="*", default=[])
    parser.add_argument("--crops", type=Path)
    parser.add_argument("--london", type=Path, help="photographs with points placed by hand")
    options = parser.parse_args()
    cases = chain(
        *map(rendered, options.faces),
        crops(options.crops) if options.crops else (),
        photographed(options.london) if options.london else (),
    )
    table: dict[tuple[str, str], list[NDArray[np.complex128]]] = {}
    spent_ms: dict[tuple[str, str], list[float]] = {}
    for case in cases:
        for model in MODELS:
            start = time.process_time()
            (found,) = locate(case.photo, [case.face.frame], model, ONE_THREAD)
            spent_ms.setdefault((case.kind, model), []).append(1000 * (time.process_time() - start))
            apart = differences(found.landmarks_xy_px, case.expected)
            table.setdefault((case.kind, model), []).append(apart)
    print(
        "| faces | model | number | without jaw: mean | median | over 10 % | all 68 "
        "| without jaw and offsets: mean | processor ms |"
    )
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|")
    for key, rows in table.items():
        apart = np.array(rows)
        inner = np.abs(apart[:, JAW:]).mean(axis=1)
        whole, free = np.abs(apart).mean(), np.abs(apart - apart.mean(axis=0))[:, JAW:].mean()
        print(
            f"| {key[0]} | {key[1]} | {len(rows)} | {inner.mean():.1f} | {np.median(inner):.1f} "
            f"| {100 * np.mean(inner > 10):.0f} % | {'' if np.isnan(whole) else f'{whole:.1f}'} "
            f"| {free:.1f} | {np.median(spent_ms[key]):.0f} |"
        )


if __name__ == "__main__":
    main()
