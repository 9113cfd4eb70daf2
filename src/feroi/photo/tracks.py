"""Who is who from frame to frame of a video.

Faces are searched for by the detector now and then, and followed in between: the landmarks are found anew
in each frame from where the face was last, and the face there has to look like the one that was followed.
Where it does not, because someone covers it or leaves, the detector looks at once. Found faces are
assigned to people by place and looks, all at a time (scipy's linear_sum_assignment).

A cut ends everyone: behind it, people have new numbers. Looks alone do not tell people apart well enough
to number them again: between crops of 24x24 px as kept here, the correlation separates same and other
people by an area under the curve of .86 on `embedded`, and .68 on `embedded-wild`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feroi.photo.crop import fer_frame
from feroi.photo.cropped import PRESENT
from feroi.photo.decode import to_intensity
from feroi.photo.detect import Box, Face
from feroi.photo.landmarks import FacePoints
from feroi.photo.squares import Frame as Square
from feroi.photo.squares import cut
from feroi.photo.video import Frame

REMEMBERED_S = 1.5
"""Who was not seen for longer has a new number afterwards, unless no frame was looked at meanwhile."""

_LONG_AGO_S = -1e9
_FACE_PX, _VIEW_WH = 24, (32, 18)
_LIKE_LAST, _LIKE_FOUND, _LIKE_LOST = 0.8, 0.6, 0.4
"""Correlation with the face as last seen, as the detector found it, and of someone who was lost. Between
frames it is above .96 where landmarks start within a fifth of the face from its place, and at most .67
with what is no face and .79 with other people, on the shipped group photos."""
_SAME_VIEW, _SAME_TONES = 0.6, 0.7
_UNCHANGED, _MOST_UNCHANGED = 12, 0.5
_AT_ONCE_S, _REPLACED, _LIKE_OTHERS = 0.25, 0.12, 0.7
"""Where so soon, and with so much of the view changed, nobody looks more like before, there was a cut. Of 51
people, neutral and smiling photos of one correlate by .73 at least, neutral ones of two by .57 in the middle
and by less than .7 in three pairs of four."""
_NEAR, _NEAR_PER_S, _NEAR_MOST = 0.6, 1.0, 1.5  # face sides between where someone was and where a face is
_MOST_RESIZED = 1.6
_SAME_PLACE = 0.5  # of the smaller box: one face, not two
_MISSES = 2  # searches in a row that may overlook someone who can be followed

Points = NDArray[np.float64]
Small = NDArray[np.uint8]
Find = Callable[[NDArray[np.uint8]], list[Face]]
Mark = Callable[[NDArray[np.uint8], list[Square]], list[FacePoints]]


class Tracked(NamedTuple):
    """A face with its `track`, and its points."""

    face: Face
    points: FacePoints


@dataclass(frozen=True)
class _Person:
    """Someone as last seen; `found_*` as the detector last found them, the middle and its speed in px/s
    those of the landmarks."""

    track: int
    box: Box
    found_box: Box
    found_points: Points  # (68, 2)
    found_small: Small  # (_FACE_PX, _FACE_PX)
    small: Small
    square: tuple[float, float, float, float]  # of the face mesh: middle x, y, side in px, roll in radians
    seen_s: float
    middle: tuple[float, float]
    speed: tuple[float, float] = (0.0, 0.0)
    misses: int = 0


class Tracker:
    """Numbers people through a video, its frames given to `step` in order.

    find: the detector. mark: the points of the faces in squares. search_s: seconds of video between
    searches by the detector; in between only those already known are seen, unless one of them is lost.
    """

    def __init__(self, find: Find, mark: Mark, search_s: float = 1.0) -> None:
        self._find, self._mark, self._search_s = find, mark, search_s
        self._people: list[_Person] = []
        self._next = 0
        self._view: Small | None = None
        self._changed = 0.0  # share of the view, since the last frame
        self._searched_s = _LONG_AGO_S
        self._last_s = _LONG_AGO_S

    def step(self, frame: Frame) -> list[Tracked]:
        """The faces of the next frame, biggest first."""
        intensity, view = to_intensity(frame.pixels), _view(frame.pixels)
        self._changed = 0.0 if self._view is None else _changed(self._view, view)
        if self._view is not None and is_cut(self._view, view):
            self._people, self._searched_s = [], _LONG_AGO_S
        self._view = view
        self._people = [each for each in self._people if self._is_remembered(each, frame.time_s)]
        seen: dict[int, Tracked] = {}
        search = frame.time_s - self._searched_s >= self._search_s - 1e-6
        if not search:
            present = [each.track for each in self._people if each.seen_s == self._last_s]
            seen = self._follow(frame, intensity, {})
            search = any(track not in seen for track in present)
        if search:
            self._searched_s = frame.time_s
            seen = self._search(frame, intensity)
        self._last_s = frame.time_s
        return sorted(seen.values(), key=lambda each: -each.face.area_px)

    def _is_remembered(self, person: _Person, time_s: float) -> bool:
        # frames may be further apart, where few are read, or the video is uneven
        return time_s - person.seen_s <= REMEMBERED_S or person.seen_s == self._last_s

    def _follow(self, frame: Frame, intensity: Small, seen: dict[int, Tracked]) -> dict[int, Tracked]:
        """`seen` and those others who can be followed into `frame`, their misses left as they are."""
        others = [at for at, person in enumerate(self._people) if person.track not in seen]
        squares = [_moved_square(self._people[at], frame.time_s) for at in others]
        for at, face_points in zip(others, self._mark(frame.pixels, squares), strict=True):
            person, small = self._people[at], _small(intensity, face_points)
            if face_points.mesh.presence < PRESENT or alike(small, person.small) < _LIKE_LAST:
                continue
            if alike(small, person.found_small) < _LIKE_FOUND:
                continue
            points = face_points.landmarks_xy_px
            box = carried(person.found_box, person.found_points, points)
            if any(_shared(box, other.face.box_xyxy_px) > _SAME_PLACE for other in seen.values()):
                continue
            middle, speed = _motion(person, points, frame.time_s)
            self._people[at] = replace(
                person, box=box, small=small, square=_square(face_points), seen_s=frame.time_s,
                middle=middle, speed=speed,
            )  # fmt: skip
            face = Face(box, math.nan, person.track, math.degrees(face_points.mesh_frame.roll_rad))
            seen = seen | {person.track: Tracked(face, face_points)}
        return seen

    def _search(self, frame: Frame, intensity: Small) -> dict[int, Tracked]:
        """Who the detector finds in `frame`, known or new, and who it overlooked and can be followed."""
        faces = self._find(frame.pixels)
        marked = self._mark(frame.pixels, [face.frame for face in faces])
        smalls = [_small(intensity, points) for points in marked]
        if self._are_others(faces, smalls, frame.time_s):
            self._people = []
        known = self._assigned(faces, smalls, frame.time_s)
        seen = {}
        for at, (face, face_points, small) in enumerate(zip(faces, marked, smalls, strict=True)):
            person, points = known.get(at), face_points.landmarks_xy_px
            middle, speed = _motion(person, points, frame.time_s)
            if person is None:
                track, self._next = self._next, self._next + 1
            else:
                track = person.track
                self._people = [each for each in self._people if each.track != track]
            box, square = face.box_xyxy_px, _square(face_points)
            self._people.append(
                _Person(track, box, box, points, small, small, square, frame.time_s, middle, speed)
            )
            seen[track] = Tracked(face._replace(track=track), face_points)
        self._people = [
            each if each.track in seen else replace(each, misses=each.misses + 1)
            for each in self._people
            if each.track in seen or each.misses < _MISSES
        ]
        return self._follow(frame, intensity, seen)

    def _are_others(self, faces: list[Face], smalls: list[Small], time_s: float) -> bool:
        """Whether `faces` are those of another shot, framed like the last: somebody is where somebody was,
        and nobody looks like anybody."""
        if any(each.seen_s == time_s for each in self._people):  # followed
            return False
        present = [each for each in self._people if each.seen_s == self._last_s]
        if not present or time_s - self._last_s > _AT_ONCE_S or self._changed <= _REPLACED:
            return False
        if any(alike(small, person.small) >= _LIKE_OTHERS for small in smalls for person in present):
            return False
        boxes = [face.box_xyxy_px for face in faces]
        return any(_apart(_moved(person, time_s), box) <= _NEAR for person in present for box in boxes)

    def _assigned(self, faces: list[Face], smalls: list[Small], time_s: float) -> dict[int, _Person]:
        """Which of `faces`, by its place in the list, is whom of those known."""
        if not faces or not self._people:
            return {}
        cost = np.full((len(faces), len(self._people)), np.inf)
        for row, (face, small) in enumerate(zip(faces, smalls, strict=True)):
            for column, person in enumerate(self._people):
                like = alike(small, person.small)
                apart = _apart(_moved(person, time_s), face.box_xyxy_px)
                if self._may_be(person, time_s, apart, like):
                    cost[row, column] = apart - like
        from scipy.optimize import linear_sum_assignment  # here: it takes half a second to load

        allowed = np.isfinite(cost)
        rows, columns = linear_sum_assignment(np.where(allowed, cost, 1e6))
        return {
            int(row): self._people[column]
            for row, column in zip(rows, columns, strict=True)
            if allowed[row, column]
        }

    def _may_be(self, person: _Person, time_s: float, apart: float, like: float) -> bool:
        """Whether a face so many sides `apart` from where someone would be, and so `like` them, is theirs."""
        away_s, in_last = time_s - person.seen_s, person.seen_s == self._last_s
        near = _NEAR + _NEAR_PER_S * away_s
        if in_last and away_s <= REMEMBERED_S:
            return apart <= min(near, _NEAR_MOST)
        if apart <= min(near, _NEAR_MOST):
            return like >= _LIKE_LOST
        # in a gap of the video people go further than while they are only overlooked
        return in_last and apart <= near and like >= _LIKE_FOUND

    @property
    def state(self) -> dict[str, Any]:
        """What a tracker goes on from after this frame, of numbers, texts and lists alone."""
        people = [
            {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in each.items()}
            for each in map(asdict, self._people)
        ]
        view = None if self._view is None else self._view.tolist()
        return {
            "people": people,
            "next": self._next,
            "view": view,
            "searched_s": self._searched_s,
            "last_s": self._last_s,
        }

    def go_on(self, state: dict[str, Any]) -> None:
        """Take up where the tracker with that `state` was."""
        self._people = [_person(values) for values in state["people"]]
        self._next, self._searched_s, self._last_s = state["next"], state["searched_s"], state["last_s"]
        self._view = None if state["view"] is None else np.array(state["view"], np.uint8)


def is_cut(before: Small, after: Small) -> bool:
    """Whether two views (18, 32, 3), as of `_view`, are of different shots.

    The picture has to have changed place by place, which movement also does, in its tones, and in more
    than half of its places, which whoever walks in before the camera does not do.
    """
    if alike(before, after) >= _SAME_VIEW:
        return False
    if 1 - _changed(before, after) > _MOST_UNCHANGED:
        return False
    tones = [
        np.concatenate([np.histogram(view[..., c], 16, (0, 256))[0] for c in range(3)])
        for view in (before, after)
    ]
    return bool(np.minimum(*tones).sum() / tones[0].sum() < _SAME_TONES)


def _changed(before: Small, after: Small) -> float:
    """Share of the places of two views that differ clearly."""
    return float((np.abs(before.astype(np.int16) - after).max(axis=2) > _UNCHANGED).mean())


def alike(one: Small, other: Small) -> float:
    """Correlation of two pictures of one size, -1..1; 0 for an even one."""
    a, b = (each.astype(np.float64).ravel() - each.mean() for each in (one, other))
    length = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / length if length else 0.0


def carried(box: Box, before: Points, after: Points) -> Box:
    """`box` moved and scaled as the landmarks (68, 2) were from `before` to `after`."""
    middle, there = before.mean(0), after.mean(0)
    spread, now = (float(np.sqrt(((points - points.mean(0)) ** 2).sum())) for points in (before, after))
    x0, y0, x1, y1 = box
    corners = there + (np.array([[x0, y0], [x1, y1]]) - middle) * (now / max(spread, 1e-9))
    (left, top), (right, bottom) = corners.tolist()
    return left, top, right, bottom


def _view(pixels: NDArray[np.uint8]) -> Small:
    return np.asarray(Image.fromarray(pixels).resize(_VIEW_WH, Image.Resampling.BOX, reducing_gap=2.0))


def _small(intensity: Small, points: FacePoints) -> Small:
    """The face with `points`, level, (_FACE_PX, _FACE_PX)."""
    return cut(intensity, fer_frame(points), _FACE_PX)[..., 0]


def _square(points: FacePoints) -> tuple[float, float, float, float]:
    frame = points.mesh_frame
    return frame.centre.real, frame.centre.imag, frame.side, frame.roll_rad


def _moved_square(person: _Person, time_s: float) -> Square:
    """Where someone's face is looked for if they went on at their speed; see `_moved`."""
    x, y, side, roll_rad = person.square
    (x0, y0, *_), (to_x0, to_y0, *_) = person.box, _moved(person, time_s)
    return Square(complex(x + to_x0 - x0, y + to_y0 - y0), side, roll_rad)


def _middle_side(box: Box) -> tuple[float, float, float]:
    x0, y0, x1, y1 = box
    return (x0 + x1) / 2, (y0 + y1) / 2, math.sqrt(max((x1 - x0) * (y1 - y0), 1e-9))


def _motion(
    person: _Person | None, points: Points, time_s: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Middle of the landmarks `points` and its speed since `person` was seen; none for someone new."""
    x, y = points.mean(0).tolist()
    if person is None or time_s <= person.seen_s:
        return (x, y), (0.0, 0.0)
    since_s = time_s - person.seen_s
    return (x, y), ((x - person.middle[0]) / since_s, (y - person.middle[1]) / since_s)


def _moved(person: _Person, time_s: float) -> Box:
    """Where someone's box is if they went on at their speed, by no more than half their face; after a gap
    of the video, where it was."""
    most = _middle_side(person.box)[2] / 2 if time_s - person.seen_s <= REMEMBERED_S else 0.0
    dx, dy = (max(-most, min(most, speed * (time_s - person.seen_s))) for speed in person.speed)
    x0, y0, x1, y1 = person.box
    return x0 + dx, y0 + dy, x1 + dx, y1 + dy


def _apart(one: Box, other: Box) -> float:
    """Distance of the middles of two boxes in sides of the smaller; infinite for very different sizes."""
    (x, y, side), (x_other, y_other, side_other) = _middle_side(one), _middle_side(other)
    if max(side, side_other) > _MOST_RESIZED * min(side, side_other):
        return math.inf
    return math.hypot(x - x_other, y - y_other) / min(side, side_other)


def _shared(one: Box, other: Box) -> float:
    """Share of the smaller box that lies in the other."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    smaller = min(_middle_side(one)[2], _middle_side(other)[2]) ** 2
    return max(width, 0.0) * max(height, 0.0) / smaller


def _person(values: dict[str, Any]) -> _Person:
    made = dict(values)
    for name, kind in (("found_points", np.float64), ("found_small", np.uint8), ("small", np.uint8)):
        made[name] = np.array(values[name], kind)
    for name in ("box", "found_box", "square", "middle", "speed"):
        made[name] = tuple(values[name])
    return _Person(**made)
