"""Where the faces of a photo are.

Detectors, by name in DETECTORS:
    hog   histogram of oriented gradients, linear classifier, image pyramid, sliding window: the
          paper's [31], as dlib ships it
    cnn   dlib's published max-margin network of seven convolutions in onnxruntime, for faces that
          are tilted, turned away, behind sunglasses
    both  what the cnn finds, and of what hog finds the faces too small for the cnn

Whatever the detector, a box frames a face as dlib's HOG detector does: square, from the brows to
just below the lower lip or the chin. Boxes may reach past the photo's edge.
"""

from __future__ import annotations

import math
import multiprocessing
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feroi.offline import load_onnxruntime
from feroi.photo.pixels import to_intensity
from feroi.shipped import shipped_path

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

HOG_SCAN_PIXELS = 4_000_000
CNN_SCAN_PIXELS = 1_000_000
"""A photo is scanned at no more pixels than this. The time goes into the finest level of the pyramid,
so it bounds the time; and the smallest face found is as large as the window at this size."""

MAX_ENLARGEMENT = 2.0
"""Small photos are enlarged for the scan, down to faces of half the window; beyond that lies blur."""

_WINDOW_PX = 80.0  # of both detectors
_PYRAMID_STEP = 1.3  # between levels of the cnn; it answers to faces from 0.8 to 1.2 of its window
_CNN_MARGIN_PX = 24  # so that faces cut by the edge lie in a window
_CNN_MARGIN_RGB = (123, 117, 104)  # the mean of its training photos
_CNN_THRESHOLD = -0.3  # scores crowd at -1 and 1; dlib's 0 misses a quarter of the sunglasses
_CNN_STRIDE_PX, _CNN_FIRST_CENTRE_PX = 8, 14  # from cells of its score map to pixels
_SAME_FACE_OVERLAP = 0.5
_CONFIRM_PX = 110.0  # of a face hog found: the two finest levels of the cnn's pyramid show it well

# From the cnn's window to the HOG detector's for the same faces, in window sizes: medians over 140
# rendered frontal faces.
_CNN_TO_HOG_SHIFT_XY = (0.023, 0.073)
_CNN_TO_HOG_SIZE = 1.06

Box = tuple[float, float, float, float]


class Face(NamedTuple):
    """A face found in a photo.

    box_xyxy_px: left, top, right, bottom in px of the photo, (0, 0) its upper left corner.
    score: how sure the detector is; comparable within one detector only, hog from 0 to about 3, cnn
        from -0.3 to about 1.1. NaN for a face followed from another frame of a film.
    track: in a film, the number of the person; None in a photo.
    """

    box_xyxy_px: Box
    score: float
    track: int | None = None

    @property
    def area_px(self) -> float:
        x0, y0, x1, y1 = self.box_xyxy_px
        return (x1 - x0) * (y1 - y0)


def detect(photo: NDArray[np.uint8], detector: str = "both") -> list[Face]:
    """Every face in `photo`, (H, W) intensity or (H, W, 3) RGB, biggest first.

    detector: a name in DETECTORS. Raises ValueError for any other.
    """
    check_detector(detector)
    return DETECTORS[detector](photo)


def check_detector(detector: str) -> None:
    """Raises ValueError if `detector` is no name in DETECTORS."""
    if detector not in DETECTORS:
        raise ValueError(f"no detector {detector!r}; choose one of {', '.join(DETECTORS)}")


def biggest(faces: Iterable[Face]) -> Face | None:
    """The face with the largest box, as SFEW is prepared (section 4.2); None if there is no face."""
    return max(faces, key=lambda face: face.area_px, default=None)


def detect_hog(photo: NDArray[np.uint8]) -> list[Face]:
    """Faces by dlib's frontal HOG detector [31], biggest first; `photo` as in `detect`.

    Finds upright faces turned by up to about 30 degrees, of 40 px and more.
    """
    intensity = to_intensity(photo)
    scale = _finest_scale(intensity.shape, HOG_SCAN_PIXELS)
    boxes, scores, _ = _hog_detector().run(_resize(intensity, scale), 0, 0.0)
    return _by_size(
        Face(
            (b.left() / scale, b.top() / scale, (b.right() + 1) / scale, (b.bottom() + 1) / scale),
            score,
        )
        for b, score in zip(boxes, scores, strict=True)
    )


def detect_cnn(photo: NDArray[np.uint8]) -> list[Face]:
    """Faces by dlib's max-margin CNN, biggest first; `photo` as in `detect`.

    Weights: mmod_human_face_detector of dlib-models, public domain; see models/README.md. Unlike
    dlib, the pyramid has steps of 1.3 (dlib: 1.2), and windows that overlap are averaged, weighted
    by score, not suppressed: their scores saturate, so the best one is not the best placed.
    """
    return _scan_by_cnn(photo, _finest_scale(photo.shape, CNN_SCAN_PIXELS))


def _scan_by_cnn(photo: NDArray[np.uint8], finest: float) -> list[Face]:
    """Faces by the cnn, biggest first, in a pyramid whose largest level is `photo` scaled by `finest`."""
    finest_level = level = _resize(photo, finest)
    shrink = 1.0
    found: list[NDArray[np.float64]] = []
    while min(level.shape[:2]) + 2 * _CNN_MARGIN_PX >= _WINDOW_PX:
        windows = _cnn_windows(level)
        windows[:, :3] *= shrink / finest
        found.append(windows)
        shrink *= _PYRAMID_STEP
        level = _resize(finest_level, 1 / shrink)
    windows = np.concatenate(found) if found else np.empty((0, 4))
    return _by_size(_hog_framing(group) for group in _same_face(windows))


def detect_both(photo: NDArray[np.uint8]) -> list[Face]:
    """Faces by `detect_cnn`, and of those of `detect_hog` the ones too small for it, biggest first.

    The cnn sees more at the same size, but hog affords to look at four times the pixels. What hog
    finds where the cnn looked at that size and saw no face is a badge or a knot in wood. At smaller
    ones the cnn is shown what hog found, enlarged, and has to see a face there too.
    """
    faces = detect_cnn(photo)
    known = np.array([_centre_size(face) for face in faces]).reshape(-1, 3)
    seen_by_cnn_px = _CNN_TO_HOG_SIZE * _WINDOW_PX / _finest_scale(photo.shape, CNN_SCAN_PIXELS)
    for face in detect_hog(photo):
        if math.sqrt(face.area_px) > seen_by_cnn_px:
            continue
        if len(known) and _overlap(np.array(_centre_size(face)), known).max() >= _SAME_FACE_OVERLAP:
            continue
        if _seen_enlarged(photo, face):
            faces.append(face)
    return _by_size(faces)


def _seen_enlarged(photo: NDArray[np.uint8], face: Face) -> bool:
    """Whether the cnn sees `face` too, alone and scaled to _CONFIRM_PX."""
    x, y, size = _centre_size(face)
    left, top = max(0, round(x - size)), max(0, round(y - size))
    near = photo[top : round(y + size), left : round(x + size)]
    windows = [_centre_size(found) for found in _scan_by_cnn(near, _CONFIRM_PX / size)]
    place = np.array((x - left, y - top, size))
    return bool(windows) and bool(_overlap(place, np.array(windows)).max() >= _SAME_FACE_OVERLAP)


DETECTORS: Mapping[str, Callable[[NDArray[np.uint8]], list[Face]]] = {
    "hog": detect_hog,
    "cnn": detect_cnn,
    "both": detect_both,
}


def _by_size(faces: Iterable[Face]) -> list[Face]:
    return sorted(faces, key=lambda face: face.area_px, reverse=True)


def _finest_scale(shape: tuple[int, ...], scan_pixels: int) -> float:
    return min(MAX_ENLARGEMENT, math.sqrt(scan_pixels / (shape[0] * shape[1])))


def _resize(photo: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    height, width = (max(1, round(scale * side)) for side in photo.shape[:2])
    picture = Image.fromarray(photo)
    resized = picture.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return np.asarray(resized)


_per_thread = threading.local()


def _hog_detector() -> Any:
    """One detector a thread: dlib's keeps the photo it works on within itself."""
    if not hasattr(_per_thread, "hog"):
        import dlib  # here, so that importing this module costs nothing

        # dlib's own copy is compiled in and packed; unpacking it takes longer than searching a photo.
        _per_thread.hog = dlib.fhog_object_detector(str(shipped_path("photo/models/hog.svm")))
    return _per_thread.hog


@cache
def _cnn_session() -> InferenceSession:
    onnxruntime = load_onnxruntime()
    options = onnxruntime.SessionOptions()
    if multiprocessing.parent_process() is not None:
        options.intra_op_num_threads = 1  # one of several processes, which share the cores already
    model = shipped_path("photo/models/face-cnn.onnx").read_bytes()
    session: InferenceSession = onnxruntime.InferenceSession(
        model, options, providers=["CPUExecutionProvider"]
    )
    return session


def _cnn_windows(level: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Windows of one level that hold a face: (K, 4) of centre x, centre y, size in px, score."""
    rgb = np.asarray(Image.fromarray(level).convert("RGB"))
    height, width, _ = rgb.shape
    m = _CNN_MARGIN_PX
    framed = np.empty((height + 2 * m, width + 2 * m, 3), dtype=np.float32)
    framed[:] = _CNN_MARGIN_RGB
    framed[m:-m, m:-m] = rgb
    (score,) = _cnn_session().run(None, {"photo": framed.transpose(2, 0, 1)[None]})
    row, column = np.nonzero(score[0, 0] > _CNN_THRESHOLD)
    x, y = (_CNN_STRIDE_PX * cell + _CNN_FIRST_CENTRE_PX + 0.5 - m for cell in (column, row))
    return np.stack([x, y, np.full(len(x), _WINDOW_PX), score[0, 0, row, column]], axis=1)


def _same_face(windows: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Windows (K, 4) in groups that overlap their best one by more than _SAME_FACE_OVERLAP."""
    groups = []
    windows = windows[np.argsort(-windows[:, 3], kind="stable")]
    while len(windows):
        same = _overlap(windows[0], windows) > _SAME_FACE_OVERLAP
        groups.append(windows[same])
        windows = windows[~same]
    return groups


def _overlap(one: NDArray[np.float64], windows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of square window `one` (4,) and each of `windows` (K, 4), the share of the smaller they share.

    Not intersection over union, which lets a window within another pass for a second face.
    """
    smaller = np.minimum(one[2], windows[:, 2])
    reach = (one[2] + windows[:, 2]) / 2
    across, down = np.abs(windows[:, :2] - one[:2]).T
    width, height = (np.clip(reach - apart, 0, smaller) for apart in (across, down))
    share: NDArray[np.float64] = width * height / smaller**2
    return share


def _hog_framing(group: NDArray[np.float64]) -> Face:
    """The face that windows (K, 4) of the cnn agree on, framed as the HOG detector would."""
    x, y, size = np.average(group[:, :3], axis=0, weights=group[:, 3] - _CNN_THRESHOLD)
    x += _CNN_TO_HOG_SHIFT_XY[0] * size
    y += _CNN_TO_HOG_SHIFT_XY[1] * size
    half = _CNN_TO_HOG_SIZE * size / 2
    box = (float(x - half), float(y - half), float(x + half), float(y + half))
    return Face(box, float(group[:, 3].max()))


def _centre_size(face: Face) -> tuple[float, float, float]:
    x0, y0, x1, y1 = face.box_xyxy_px
    return (x0 + x1) / 2, (y0 + y1) / 2, face.area_px**0.5
