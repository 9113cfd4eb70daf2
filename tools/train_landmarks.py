"""Train the compact landmark model on rendered faces with exact landmarks, and pack it.

    feroi synth sets/clean-4 --facekit ICT-FaceKit --difficulty clean --seed 4 --subjects 34 \\
        --angles 45,90,135 --gazes frontal
    feroi synth sets/turned-2 --facekit ICT-FaceKit --difficulty turned --seed 2 \\
        --angles 45,90,135 --gazes frontal
    python tools/train_landmarks.py sets/clean-4 sets/turned-2 --out landmarks-68.npz

No photograph and no annotation of other people goes into the model. Each of the 2,424 faces is seen
four times, mirrored, tilted, moved, lighter or darker, and half of the time as small and noisy as
faces of 48 px are. Faces turned by more than 55 degrees are left out.

dlib trains; its file is read here once and rewritten as plain arrays (feroi.photo.ensemble).
"""

from __future__ import annotations

import argparse
import cmath
import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import dlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from feroi.photo.ensemble import Ensemble, pack
from feroi.photo.geometry import MIRROR_ORDER, fit_camera
from feroi.photo.landmarks import Frame, frame_of
from feroi.synthetic.truth import read_truth

BOX_PX, CROP_PX, MARGIN_PX = 144.0, 200, 100
MAX_YAW_DEG, VIEWS, SEED = 55.0, 4, 5

Array = NDArray[np.float64]


class DlibReader:
    """The numbers of a file that dlib's serializer wrote, one after the other."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def integer(self) -> int:
        control = self._content[self._at]
        start, self._at = self._at + 1, self._at + 1 + (control & 0x0F)
        value = int.from_bytes(self._content[start : self._at], "little")
        return -value if control & 0x80 else value

    def integers(self, count: int) -> list[int]:
        return [self.integer() for _ in range(count)]

    def real(self) -> float:
        mantissa, exponent = self.integers(2)
        return mantissa * 2.0**exponent

    def reals(self, count: int) -> Array:
        return np.array([self.real() for _ in range(count)])

    def matrix(self) -> Array:
        rows, columns = self.integers(2)  # negative by convention
        return self.reals(abs(rows) * abs(columns))


def read_dlib(content: bytes) -> Ensemble:
    """The trees of dlib's shape predictor file, version 1."""
    reader = DlibReader(content)
    version = reader.integer()
    if version != 1:
        raise ValueError(f"expected a shape predictor of version 1, found {version}")
    mean = reader.matrix().view(np.complex128)
    pairs, thresholds, leaves = [], [], []
    cascades = reader.integer()
    for _ in range(cascades):
        trees = reader.integer()
        for _ in range(trees):
            splits = [(*reader.integers(2), reader.real()) for _ in range(reader.integer())]
            pairs.append([split[:2] for split in splits])
            thresholds.append([split[2] for split in splits])
            leaves.append([reader.matrix().view(np.complex128) for _ in range(reader.integer())])
    reader.integer()
    anchors = [reader.integers(reader.integer()) for _ in range(cascades)]
    reader.integer()
    offsets = [reader.reals(2 * reader.integer()).view(np.complex128) for _ in range(cascades)]
    grouped = (cascades, len(pairs) // cascades)
    return Ensemble(
        mean.astype(np.complex64),
        np.array(anchors),
        np.array(offsets).astype(np.complex64),
        np.array(pairs).reshape(*grouped, -1, 2),
        np.array(thresholds, dtype=np.float32).reshape(*grouped, -1),
        np.array(leaves).astype(np.complex64).reshape(*grouped, -1, len(mean)),
    )


def examples(folders: Sequence[Path], views: int, rng: np.random.Generator) -> tuple[list[Any], list[Any]]:
    """Pictures, with shapes in two boxes each, for dlib's trainer: `views` of each face."""
    pictures, shapes = [], []
    for folder in folders:
        paths = sorted(folder.glob("*.jpg"))
        if not paths:
            raise ValueError(f"{folder} holds no .jpg; give folders that `feroi synth` wrote")
        for path in paths:
            marks = read_truth(folder, path.name).landmarks.astype(np.float64) - 0.5  # to centres of pixels
            if abs(fit_camera(marks).pose().yaw_deg) > MAX_YAW_DEG:
                continue
            with Image.open(path) as opened:
                wide = np.pad(np.asarray(opened.convert("L")), MARGIN_PX, mode="edge")  # no black corners
            face = Face(Image.fromarray(wide), (marks + MARGIN_PX) @ np.array([1, 1j]))
            for _ in range(views):
                picture, found = view(face, rng)
                pictures.append(picture)
                shapes.append(found)
    return pictures, shapes


class Face(NamedTuple):
    """A picture, and its 68 landmarks as x + iy in px."""

    picture: Image.Image
    points: NDArray[np.complex128]


def view(face: Face, rng: np.random.Generator) -> tuple[NDArray[np.uint8], list[Any]]:
    """A crop of the face, varied, with its shape in two boxes.

    Half of the crops are as the second pass of `landmarks` sees a face, upright and well framed. The
    others are tilted, by no more than 20 degrees as `landmarks` starts from several, and their boxes as
    far off as detectors' are.
    """
    if rng.random() < 0.5:
        face = mirrored(face)
    framed = rng.random() < 0.5
    tilt_deg = rng.normal(0, 3) if framed else rng.uniform(-20, 20)
    crop = cropped(face, float(np.radians(tilt_deg)))
    shake = (0.03, 0.04) if framed else (0.08, 0.1)
    frame = frame_of(crop.points)
    shapes = [shape_in(shaken(frame, rng, *shake), crop.points) for _ in range(2)]
    return photographed(crop.picture, rng), shapes


def mirrored(face: Face) -> Face:
    points = face.picture.width - 1 - face.points.conj()
    return Face(ImageOps.mirror(face.picture), points[MIRROR_ORDER])


def cropped(face: Face, tilt_rad: float) -> Face:
    """The face in the middle of a square of CROP_PX, tilted, framed BOX_PX wide."""
    frame = frame_of(face.points)
    step = cmath.rect(frame.side / BOX_PX, frame.roll_rad + tilt_rad)  # px of the picture a px of the crop
    middle = (1 + 1j) * (CROP_PX - 1) / 2
    corner = frame.centre - step * (middle + (0.5 + 0.5j)) + (0.5 + 0.5j)  # of pixels, as Pillow measures
    affine = (step.real, -step.imag, corner.real, step.imag, step.real, corner.imag)
    size = (CROP_PX, CROP_PX)
    crop = face.picture.transform(size, Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR)
    return Face(crop, middle + (face.points - frame.centre) / step)


def photographed(crop: Image.Image, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The crop in other light, and half of the time from a coarse and noisy picture."""
    if rng.random() < 0.5:
        side = round(CROP_PX * np.exp(rng.uniform(np.log(30 / BOX_PX), 0)))
        crop = crop.resize((side, side), Image.Resampling.BOX)
        crop = crop.resize((CROP_PX, CROP_PX), Image.Resampling.BICUBIC)
    lit = (np.asarray(crop, dtype=np.float32) / 255) ** np.float32(np.exp(rng.normal(0, 0.35)))
    noise = rng.uniform(0, 0.03) * rng.standard_normal(lit.shape, dtype=np.float32)
    return np.asarray(np.clip(255 * (lit + noise) + 0.5, 0, 255).astype(np.uint8))


def shaken(frame: Frame, rng: np.random.Generator, shift: float, growth: float) -> Frame:
    """`frame` moved by a share `shift` of its side and scaled by exp(`growth`), one deviation each."""
    offset = complex(*rng.normal(0, shift, 2)) * frame.side
    side = frame.side * float(np.exp(rng.normal(0, growth)))
    return frame._replace(centre=frame.centre + offset, side=side)


def shape_in(frame: Frame, points: NDArray[np.complex128]) -> Any:
    parts = [dlib.point(round(point.real), round(point.imag)) for point in points]
    return dlib.full_object_detection(rectangle(frame), parts)


def rectangle(frame: Frame) -> dlib.rectangle:
    corner = frame.centre - complex(1, 1) * frame.side / 2
    low = (round(corner.real), round(corner.imag))
    return dlib.rectangle(*low, *(at + round(frame.side) - 1 for at in low))


def options() -> dlib.shape_predictor_training_options:
    chosen = dlib.shape_predictor_training_options()
    chosen.tree_depth = 4
    chosen.num_trees_per_cascade_level = 50
    chosen.cascade_depth = 10
    chosen.oversampling_amount = 2
    chosen.oversampling_translation_jitter = 0.05
    chosen.feature_pool_size = 400
    chosen.num_test_splits = 30
    chosen.nu = 0.1
    chosen.random_seed = "feroi"
    chosen.num_threads = 1
    return chosen


def train(folders: Sequence[Path], out: Path, chosen: dlib.shape_predictor_training_options) -> None:
    """Train on `folders`, written by `feroi synth`, and pack the trees into `out` (.npz)."""
    pictures, shapes = examples(folders, VIEWS, np.random.default_rng(SEED))
    predictor = dlib.train_shape_predictor(pictures, shapes, chosen)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "landmarks.dat"
        predictor.save(str(path))
        pack(read_dlib(path.read_bytes()), out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("faces", type=Path, nargs="+", help="folders written by `feroi synth`")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    chosen = options()
    chosen.be_verbose = True
    train(arguments.faces, arguments.out, chosen)
    print(arguments.out, hashlib.sha256(arguments.out.read_bytes()).hexdigest())


if __name__ == "__main__":
    main()
