"""Train the shipped landmark model on rendered faces with exact landmarks, and pack it.

    python tools/train_landmarks.py FACES src/feroi/photo/models/landmarks-68.npz

FACES is a folder of pictures, one rendered face each, with `landmarks.json`, a list of
{"file", "lm"} where lm are 68 points in px, pixel centres at whole numbers. No photograph and no
annotation of other people goes into the model. Takes about five minutes on one core.

dlib trains; its file is read here once and rewritten as plain arrays (feroi.photo.ensemble).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import dlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feroi.photo.ensemble import Ensemble, pack
from feroi.photo.landmarks import Frame, frame_of

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


def rectangle(frame: Frame) -> dlib.rectangle:
    corner = frame.centre - complex(1, 1) * frame.side / 2
    low = (round(corner.real), round(corner.imag))
    return dlib.rectangle(*low, *(at + round(frame.side) - 1 for at in low))


def examples(folder: Path, rng: np.random.Generator) -> tuple[list[Any], list[Any]]:
    """Pictures with shapes for dlib's trainer: each as it is in two boxes, and once tilted.

    One box is as the second pass of `landmarks` sees a face; the others are as far off as
    detectors' boxes are. Tilts stay within 20 degrees, as `landmarks` starts from several.
    """
    pictures, shapes = [], []
    for row in json.loads((folder / "landmarks.json").read_text()):
        picture = Image.open(folder / row["file"]).convert("L")
        points = np.array(row["lm"]) @ np.array([1, 1j])
        frame = frame_of(points)
        boxes = [shaken(frame, rng, 0.03, 0.04), shaken(frame, rng, 0.08, 0.1)]
        pictures.append(np.asarray(picture))
        shapes.append([shape_in(box, points) for box in boxes])
        tilt_deg = rng.uniform(-20, 20)
        middle = complex(picture.width - 1, picture.height - 1) / 2
        turned = middle + (points - middle) * np.exp(-1j * np.radians(tilt_deg))
        tilted = picture.rotate(tilt_deg, Image.Resampling.BILINEAR)  # counterclockwise as seen
        pictures.append(np.asarray(tilted))
        shapes.append([shape_in(shaken(frame_of(turned), rng, 0.08, 0.1), turned)])
    return pictures, shapes


def shaken(frame: Frame, rng: np.random.Generator, shift: float, growth: float) -> Frame:
    """`frame` moved by a share `shift` of its side and scaled by exp(`growth`), one deviation each."""
    offset = complex(*rng.normal(0, shift, 2)) * frame.side
    side = frame.side * float(np.exp(rng.normal(0, growth)))
    return frame._replace(centre=frame.centre + offset, side=side)


def shape_in(frame: Frame, points: NDArray[np.complex128]) -> Any:
    parts = [dlib.point(round(point.real), round(point.imag)) for point in points]
    return dlib.full_object_detection(rectangle(frame), parts)


def options() -> dlib.shape_predictor_training_options:
    chosen = dlib.shape_predictor_training_options()
    chosen.tree_depth = 4
    chosen.num_trees_per_cascade_level = 50
    chosen.cascade_depth = 10
    chosen.oversampling_amount = 4
    chosen.oversampling_translation_jitter = 0.05
    chosen.feature_pool_size = 400
    chosen.num_test_splits = 30
    chosen.nu = 0.1
    chosen.random_seed = "feroi"
    chosen.num_threads = 1
    return chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faces", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    pictures, shapes = examples(arguments.faces, np.random.default_rng(5))
    predictor = dlib.train_shape_predictor(pictures, shapes, options())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "landmarks.dat"
        predictor.save(str(path))
        pack(read_dlib(path.read_bytes()), arguments.target)
    print(arguments.target, hashlib.sha256(arguments.target.read_bytes()).hexdigest())


if __name__ == "__main__":
    main()
