"""Where the faces of a photo are.

Detectors, by name in DETECTORS:
    yunet  a small convolutional network at several sizes of the photo, with a second look, turned, at
           what it doubts: faces from 20 px to the whole frame, tilted or upside down too
    hog    histogram of oriented gradients, linear classifier, image pyramid, sliding window: the paper's
           [31], as dlib ships it; needs feroi[dlib]
    none   the whole picture is one face

A box frames a face from the forehead to the chin, and may reach past the photo's edge.
"""

from __future__ import annotations

import cmath
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feroi.inference import CPU, Compute
from feroi.photo import yunet
from feroi.photo.decode import to_intensity
from feroi.photo.face_mesh import fit_meshes
from feroi.photo.squares import Frame, cut
from feroi.shipped import shipped_path

SMALLEST_PX = 20
"""Upright faces of this width and more are looked for in photos of any size."""

_LEAST = 0.1  # a score that is worth a second look
_ACCEPTED, _CERTAIN = 0.66, 0.9
"""Above the first a face counts as found, above the second also as upright."""
_ACCEPTED_SECOND, _LEAST_PRESENCE = 0.65, -3.0  # in a second look, by YuNet and by the face mesh
_MOST_DOUBTFUL = 32
"""A photo of gravel has hundreds of candidates; only so many that are not accepted are looked at again."""

_WHOLE_PIXELS, _FINEST = 2_000_000, 0.8
"""Larger photos are scanned smaller, but by no more than this: what was 20 px is 16 px then. Of 50
photographed heads of 20 px in 12 MP, 49 are found; at 0.7, 43; at 0.6, 39."""
_LAST_PX = 320  # the coarsest level, on which a face may fill the frame
_LEVEL_STEP = 3.0
_TILE_PX, _TILE_LAP_PX = 896, 96  # bounds memory; what is larger than a lap is seen whole on the next level

_CUT_MARGIN = 0.05  # of a face: how far from the edge of a tile it has to stay
_NEAR, _SIZES = 0.5, (0.5, 2.0)  # of a candidate's size: what a second look sees has to be the same face
_ROLLS_RAD = np.radians(np.arange(0, 360, 45))

_TILTED_RAD = math.radians(35)

_SAME_FACE_OVERLAP = 0.5

FACE_SHARE, _FRAME_DOWN = 0.63, 0.042
"""YuNet's box in the frame of the face mesh: the geometric mean of its sides, and how far its middle lies
above the frame's, in sides of the frame. Medians over photographed and rendered faces; half of them
lie within 3 % of the side and 2 % of the middle."""
_HOG_UP, _HOG_DOWN = 0.21, 0.08
"""How far YuNet's box reaches beyond the HOG detector's, in sides of the latter; medians over 53 faces."""
_HOG_SCAN_PIXELS, _HOG_ENLARGEMENT = 4_000_000, 2.0
_WHOLE_SIDE, _WHOLE_DOWN = 1.35, 0.05  # the frame of a picture that is a face; medians over FER-2013


class _Look(NamedTuple):
    """side_px: of the view. face_px: of the candidate in it."""

    side_px: int
    face_px: float


_GLANCE, _LOOK = _Look(64, 32.0), _Look(96, 48.0)

Box = tuple[float, float, float, float]
Floats = NDArray[np.float64]


class Face(NamedTuple):
    """A face found in a photo.

    box_xyxy_px: left, top, right, bottom in px of the photo, (0, 0) its upper left corner.
    score: how sure the detector is; comparable within one detector only, yunet from 0.65 to 1, hog from 0
        to about 3. NaN for a face followed from another frame of a video, and for a whole picture.
    track: in a video, the number of the person; None in a photo.
    roll_deg: how far the face is tilted, clockwise as seen; 0 where the detector finds upright ones alone.
    whole: whether the picture is the face, and its box the picture's.
    """

    box_xyxy_px: Box
    score: float
    track: int | None = None
    roll_deg: float = 0.0
    whole: bool = False

    @property
    def area_px(self) -> float:
        x0, y0, x1, y1 = self.box_xyxy_px
        return (x1 - x0) * (y1 - y0)

    @property
    def frame(self) -> Frame:
        """Where the face mesh looks for its points."""
        x0, y0, x1, y1 = self.box_xyxy_px
        middle, mean = complex(x0 + x1 - 1, y0 + y1 - 1) / 2, math.sqrt(self.area_px)
        longer, down = (
            (_WHOLE_SIDE, _WHOLE_DOWN) if self.whole else (1 / FACE_SHARE, _FRAME_DOWN / FACE_SHARE)
        )
        roll_rad = math.radians(self.roll_deg)
        return Frame(middle + cmath.rect(down * mean, roll_rad + math.pi / 2), longer * mean, roll_rad)


def detect(photo: NDArray[np.uint8], detector: str = "yunet", compute: Compute = CPU) -> list[Face]:
    """Every face in `photo`, (H, W) intensity or (H, W, 3) RGB, biggest first.

    detector: a name in DETECTORS. Raises ValueError for any other, ModuleNotFoundError if hog is not
    installed.
    """
    check_detector(detector)
    return sorted(DETECTORS[detector](photo, compute), key=lambda face: face.area_px, reverse=True)


def check_detector(detector: str) -> None:
    """Raises ValueError if `detector` is no name in DETECTORS, ModuleNotFoundError if it is not installed."""
    if detector not in DETECTORS:
        raise ValueError(f"no detector {detector!r}; choose one of {', '.join(DETECTORS)}")
    if detector == "hog":
        _hog_detector()


def biggest(faces: Iterable[Face]) -> Face | None:
    """The face with the largest box, as SFEW is prepared (section 4.2); None if there is no face."""
    return max(faces, key=lambda face: face.area_px, default=None)


def detect_yunet(photo: NDArray[np.uint8], compute: Compute = CPU) -> list[Face]:
    """Faces by YuNet in a pyramid; `photo` as in `detect`.

    YuNet sees tilted faces with less confidence, and takes their points for those of upright ones. So what
    it is not certain of is cut out and looked at again in eight turns: that tells how far a face is tilted,
    and what is none. Faces that only the second look is sure of have to be seen by the face mesh as well.
    Where half of the faces found are tilted by more than 35 degrees, or none are found, the photo is
    searched once more, turned.
    """
    rgb = photo if photo.ndim == 3 else np.repeat(photo[..., None], 3, axis=2)
    found = _search(rgb, compute)
    tilted = found[np.abs(found[:, 5]) > _TILTED_RAD, 5] if len(found) else np.array([math.pi / 2])
    if 2 * len(tilted) >= max(len(found), 1):
        roll = float(np.median(tilted))
        more = _search_turned(rgb, roll, compute)
        found = _distinct(np.concatenate([more, found]))
    return [_face(row) for row in found]


def _search(rgb: NDArray[np.uint8], compute: Compute) -> Floats:
    """Faces (K, 6) of one pass over a photo: x, y, width, height in px, score, roll in radians."""
    candidates = _distinct(np.concatenate(list(_scan(rgb, compute))))
    certain = candidates[:, 4] >= _CERTAIN
    rows = [np.array([*row[:5], math.atan2(row[6], row[5])]) for row in candidates[certain]]
    doubtful = candidates[~certain]
    for row in doubtful[: (doubtful[:, 4] > _ACCEPTED).sum() + _MOST_DOUBTFUL]:
        seen = _look_again(rgb, row, compute)
        if seen is not None:
            rows.append(seen)
    return _distinct(np.array(rows).reshape(-1, 6))


def _search_turned(rgb: NDArray[np.uint8], roll_rad: float, compute: Compute) -> Floats:
    """As `_search`, of the photo turned so that faces tilted by `roll_rad` stand upright."""
    quarters = round(roll_rad / (math.pi / 2))
    if abs(roll_rad - quarters * math.pi / 2) < math.radians(15):
        turned, turn = np.ascontiguousarray(np.rot90(rgb, quarters)), quarters * math.pi / 2
    else:
        picture = Image.fromarray(rgb).rotate(math.degrees(roll_rad), Image.Resampling.BILINEAR, expand=True)
        turned, turn = np.asarray(picture), roll_rad
    found = _search(turned, compute)
    from_middle = found[:, :2] @ [1, 1j] - complex(turned.shape[1], turned.shape[0]) / 2
    places = from_middle * cmath.rect(1, turn) + complex(rgb.shape[1], rgb.shape[0]) / 2
    found[:, 0], found[:, 1] = places.real, places.imag
    found[:, 5] += turn
    return found


def _scan(rgb: NDArray[np.uint8], compute: Compute) -> Iterator[Floats]:
    """What YuNet sees on each tile of each level, rows as of `yunet.find` in px of the photo."""
    height, width, _ = rgb.shape
    scale = min(1.0, max(_FINEST, math.sqrt(_WHOLE_PIXELS / (height * width))))
    if max(height, width) < _LAST_PX:
        scale = min(2.0, _LAST_PX / max(height, width))
    pixels = finest = rgb if scale == 1 else np.asarray(_resized(Image.fromarray(rgb), scale))
    shrink = 1.0
    while True:
        level_hw = pixels.shape[:2]
        wide, high = width / level_hw[1], height / level_hw[0]
        step = _TILE_PX - _TILE_LAP_PX
        for top in range(0, max(1, level_hw[0] - _TILE_LAP_PX), step):
            for left in range(0, max(1, level_hw[1] - _TILE_LAP_PX), step):
                tile = pixels[top : top + _TILE_PX, left : left + _TILE_PX]
                (seen,) = yunet.find(tile[None], _LEAST, compute)
                seen = seen[_uncut(seen, tile.shape, (left, top), level_hw[::-1])]
                seen[:, :2] += (left, top)
                yield seen * (wide, high, wide, high, 1, wide, high)
        if max(level_hw) <= _LAST_PX:
            return
        shrink *= _LEVEL_STEP
        pixels = np.asarray(_resized(Image.fromarray(finest), 1 / shrink))


def _uncut(
    seen: Floats, tile_hwc: tuple[int, ...], corner_xy: tuple[int, int], level_wh: tuple[int, int]
) -> NDArray[np.bool_]:
    """Which rows do not come near an edge at which a tile ends and its level does not.

    Of a face cut there YuNet frames what is left, surely enough; the next tile or level shows it whole.
    """
    corner, size = np.array(corner_xy), np.array(tile_hwc[1::-1])
    reach = (0.5 + _CUT_MARGIN) * seen[:, 2:4]
    begins = np.where(corner > 0, 0, -np.inf)
    ends = np.where(corner + size < level_wh, size, np.inf)
    return np.asarray(((seen[:, :2] - reach >= begins) & (seen[:, :2] + reach <= ends)).all(axis=1))


def _look_again(rgb: NDArray[np.uint8], row: Floats, compute: Compute) -> Floats | None:
    """A candidate (7,) as seen cut out and turned: (6,) x, y, width, height in px, score, roll in radians.

    None if it is no face.
    """
    score, small = row[4], row[2] < SMALLEST_PX  # pebbles of 15 px look like faces when enlarged
    if score <= _ACCEPTED and (small or _turned_views(rgb, row, _GLANCE, compute) is None):
        return None  # most of what is no face is not even seen small
    seen = _turned_views(rgb, row, _LOOK, compute)
    if seen is None:
        return np.array([*row[:5], 0.0]) if score > _ACCEPTED else None
    if score <= _ACCEPTED:
        if seen[4] <= _ACCEPTED_SECOND:
            return None
        (mesh,) = fit_meshes(rgb, [_face(seen).frame], compute)
        if mesh.presence <= _LEAST_PRESENCE:
            return None
    seen[4] = max(seen[4], score)
    return seen


def _turned_views(rgb: NDArray[np.uint8], row: Floats, look: _Look, compute: Compute) -> Floats | None:
    """The surest face (6,) in eight turns of the square about a candidate; None if YuNet sees none there."""
    side = math.sqrt(row[2] * row[3])
    px = side / look.face_px  # of the photo, a px of the view
    middle = complex(row[0] - 0.5, row[1] - 0.5)
    frames = [Frame(middle, px * look.side_px, float(roll)) for roll in _ROLLS_RAD]
    upright, tilted = (cut(rgb, frame, look.side_px) for frame in frames[:2])
    views = np.stack([np.rot90(view, turns) for turns in range(4) for view in (upright, tilted)])
    best, of = None, frames[0]
    for frame, seen in zip(frames, yunet.find(views, _LEAST, compute), strict=True):
        sizes = np.sqrt(seen[:, 2] * seen[:, 3]) / look.face_px
        apart = np.hypot(*(seen[:, :2] - look.side_px / 2).T) / look.face_px
        seen = seen[(apart < _NEAR) & (sizes > _SIZES[0]) & (sizes < _SIZES[1])]
        if len(seen) and (best is None or seen[:, 4].max() > best[4]):
            best, of = seen[seen[:, 4].argmax()], frame
    if best is None:
        return None
    place = of.to_photo(np.array([complex(best[0], best[1]) / look.side_px]))[0]
    roll = of.roll_rad + math.atan2(best[6], best[5])
    return np.array([place.real + 0.5, place.imag + 0.5, best[2] * px, best[3] * px, best[4], roll])


def _distinct(rows: Floats) -> Floats:
    """Of `rows` (K, 5 or more) that overlap by half of the smaller, the one with the highest score."""
    kept: list[Floats] = []
    rows = rows[np.argsort(-rows[:, 4], kind="stable")]
    while len(rows):
        best, rows = rows[0], rows[1:]
        kept.append(best)
        low = np.maximum(best[:2] - best[2:4] / 2, rows[:, :2] - rows[:, 2:4] / 2)
        high = np.minimum(best[:2] + best[2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2)
        shared = np.clip(high - low, 0, None).prod(axis=1)
        smaller = np.minimum(best[2:4].prod(), rows[:, 2:4].prod(axis=1))
        rows = rows[shared <= _SAME_FACE_OVERLAP * smaller]
    return np.array(kept).reshape(len(kept), rows.shape[1])


def _face(row: Iterable[float]) -> Face:
    """A face from middle x and y, width and height along it in px, score, and roll in radians."""
    x, y, width, height, score, roll = map(float, row)
    # the upright box of the turned one's middle and area
    cos, sin = math.cos(roll) ** 2, math.sin(roll) ** 2
    half_x = math.sqrt(cos * width**2 + sin * height**2) / 2
    half_y = width * height / (4 * half_x)
    roll_deg = (math.degrees(roll) + 180) % 360 - 180
    return Face((x - half_x, y - half_y, x + half_x, y + half_y), score, roll_deg=roll_deg)


def detect_hog(photo: NDArray[np.uint8], compute: Compute = CPU) -> list[Face]:
    """Faces by dlib's frontal HOG detector [31]; `photo` as in `detect`. It runs on the processor.

    Finds upright faces turned by up to about 30 degrees, of 40 px and more.
    """
    intensity = Image.fromarray(to_intensity(photo))
    scale = min(_HOG_ENLARGEMENT, math.sqrt(_HOG_SCAN_PIXELS / (intensity.width * intensity.height)))
    boxes, scores, _ = _hog_detector().run(np.asarray(_resized(intensity, scale)), 0, 0.0)
    faces = []
    for box, score in zip(boxes, scores, strict=True):
        side = box.width()
        top, bottom = box.top() - _HOG_UP * side, box.bottom() + 1 + _HOG_DOWN * side
        faces.append(
            Face((box.left() / scale, top / scale, (box.right() + 1) / scale, bottom / scale), score)
        )
    return faces


def detect_whole(photo: NDArray[np.uint8], compute: Compute = CPU) -> list[Face]:
    """The whole of `photo` as one face."""
    height, width = photo.shape[:2]
    return [Face((0.0, 0.0, float(width), float(height)), math.nan, whole=True)]


DETECTORS: Mapping[str, Callable[[NDArray[np.uint8], Compute], list[Face]]] = {
    "yunet": detect_yunet,
    "hog": detect_hog,
    "none": detect_whole,
}


def _resized(picture: Image.Image, scale: float) -> Image.Image:
    size = (max(1, round(scale * picture.width)), max(1, round(scale * picture.height)))
    return picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)


_per_thread = threading.local()


def _hog_detector() -> Any:
    """One detector a thread: dlib's keeps the photo it works on within itself."""
    if not hasattr(_per_thread, "hog"):
        try:
            import dlib
        except ModuleNotFoundError:
            raise ModuleNotFoundError(
                "the detector hog needs pip install 'feroi[dlib]'", name="dlib"
            ) from None
        # dlib's own copy is compiled in and packed; unpacking it takes longer than searching a photo.
        _per_thread.hog = dlib.fhog_object_detector(str(shipped_path("photo/models/hog.svm")))
    return _per_thread.hog
