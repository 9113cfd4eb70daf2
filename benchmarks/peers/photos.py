"""Whole photos, from pixels to readings: feroi beside fer with its own detector."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from networks import FER_INSTALL
from numpy.typing import NDArray
from PIL import Image
from rounds import Row, installed, interleave, print_table

import feroi
from feroi.data.groups import group_photos

MEGAPIXELS = (0.5, 2.0, 12.0)
FACES = (1, 5, 30)

Photo = NDArray[np.uint8]
Places = NDArray[np.float64]
"""(K, 3): centre x, centre y and size of K faces, in px."""


class Head(NamedTuple):
    """A square picture with a face about its centre; share: the face's size of the picture's."""

    picture: Image.Image
    share: float


def compare_photos(rounds: int) -> list[Row]:
    rows: list[Row] = []
    pipelines = dict(_pipelines())
    heads = list(_heads())
    for megapixels in MEGAPIXELS:
        for faces in FACES:
            photo, truth = _compose(heads, megapixels, faces)
            calls = {name: partial(find, photo) for name, find in pipelines.items()}
            counts = {name: _count(call(), truth) for name, call in calls.items()}
            for name, timing in interleave(calls, rounds).items():
                found, false = counts[name]
                rows.append(
                    {
                        "megapixels": megapixels,
                        "faces": faces,
                        "pipeline": name,
                        "ms a photo": round(timing.median_ms, 1),
                        "quartiles": f"{timing.low_ms:.1f}–{timing.high_ms:.1f}",
                        "found": found,
                        "false": false,
                    }
                )
    print_table("Whole photos, all cores, median and quartiles of the rounds", rows)
    return rows


def _pipelines() -> Iterator[tuple[str, Callable[[Photo], Places]]]:
    """Each a function from an RGB photo to the faces it read."""
    for name, detector in (("feroi", "yunet"), ("feroi --detector hog", "hog")):
        reader = feroi.Reader(detector=detector)
        yield name, lambda photo, reader=reader: _places([f.box_xyxy_px for f in reader.read(photo)])
    needed = ("fer", "tensorflow", "cv2", "pandas", "requests", "tqdm", "pkg_resources")
    if not installed("fer", *needed, install=f"{FER_INSTALL}, and what --help names"):
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with warnings.catch_warnings():  # of what it imports, on every start
        warnings.simplefilter("ignore")
        from fer.fer import FER

        peer = FER()

    def read(photo: Photo) -> Places:
        found = peer.detect_emotions(np.ascontiguousarray(photo[..., ::-1]))  # BGR
        return _places([(x, y, x + w, y + h) for x, y, w, h in (face["box"] for face in found)])

    yield "fer", read


def _places(boxes: Sequence[tuple[float, float, float, float]]) -> Places:
    corners = np.array(boxes, dtype=float).reshape(-1, 4)
    centres, sizes = (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:3] - corners[:, :1]
    return np.hstack([centres, sizes])


def _heads() -> Iterator[Head]:
    """The heads of the shipped group photos, each with the surroundings of its face."""
    for path, known in group_photos().items():
        photo = Image.open(path).convert("RGB")
        for x, y, size in _places([face.box_xyxy_px for face in known]):
            reach = min(size, x, y, photo.width - x, photo.height - y)
            yield Head(photo.crop((x - reach, y - reach, x + reach, y + reach)), size / (2 * reach))


def _compose(heads: Sequence[Head], megapixels: float, faces: int) -> tuple[Photo, Places]:
    """Heads in rows on a smooth 4:3 photo, each filling its cell but at most half the photo's height."""
    width, height = round((megapixels * 4e6 / 3) ** 0.5), round((megapixels * 3e6 / 4) ** 0.5)
    coarse = np.random.default_rng(faces).integers(40, 200, (6, 8, 3), dtype=np.uint8)
    photo = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    columns = math.ceil(math.sqrt(faces * width / height))
    rows = math.ceil(faces / columns)
    side = round(min(0.95 * width / columns, 0.95 * height / rows, height / 2))
    truth = []
    for number in range(faces):
        head = heads[number % len(heads)]
        x, y = (number % columns + 0.5) * width / columns, (number // columns + 0.5) * height / rows
        picture = head.picture.resize((side, side), Image.Resampling.BICUBIC)
        photo.paste(picture, (round(x - side / 2), round(y - side / 2)))
        truth.append((x, y, side * head.share))
    return np.asarray(photo), np.array(truth)


def _count(found: Places, truth: Places) -> tuple[int, int]:
    """How many faces of `truth` were found, each centre within half a face, and how many others were."""
    near = np.linalg.norm(found[:, None, :2] - truth[None, :, :2], axis=2) < truth[:, 2] / 2
    return int(near.any(axis=0).sum()), int((~near.any(axis=1)).sum())
