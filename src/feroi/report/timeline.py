"""What each person of a video showed over time, in bounded memory, and its picture."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from PIL import Image, ImageDraw, ImageFont

import feroi
from feroi.events import Event, events_a_minute, seen_between
from feroi.report.html import page
from feroi.report.overlay import heat
from feroi.results import Photo, Reading
from feroi.vocabulary import EXPRESSIONS

MOST_PEOPLE = 40
"""Of a video with more people, those seen in the most frames have a timeline."""
_MOST_BINS, _FIRST_BIN_S = 600, 0.1
_MOST_EVENTS = 300  # are drawn of a person, the longest
_THUMB_PX = 96
_PEAK_FROM = 0.5  # a peak is an answer of at least this probability

_WIDTH, _LEFT, _RIGHT, _THUMBS, _PLOT, _BELOW, _BARS = 1200, 60, 130, 138, 200, 34, 14
# Okabe and Ito's colours, which the colour-blind can tell apart too.
_COLOURS = {
    "angry": (213, 94, 0), "disgust": (0, 158, 115), "fear": (204, 121, 167), "happy": (230, 159, 0),
    "neutral": (128, 128, 128), "sad": (0, 114, 178), "surprise": (86, 180, 233),
}  # fmt: skip
_INK, _PAPER, _LINE = (20, 20, 30), (255, 255, 255), (222, 222, 226)


@dataclass
class Person:
    """One person of a video.

    sums: of the probability of each expression (`Reading.over_time`) over `frames`. bins: from number of a
    bin to the frames in it, followed by the sums there. peaks: from expression to its highest probability
    among the frames where it was the answer and the face whole and well shown, when that was, and the face
    with its region of interest as a base64 JPEG. seen_s: for how long they were seen. events: how many there
    were; drawn: the longest of them, in the order in which they ended.
    """

    track: int
    first_s: float
    last_s: float
    frames: int = 0
    sums: list[float] = field(default_factory=lambda: [0.0] * len(EXPRESSIONS))
    bins: dict[int, list[float]] = field(default_factory=dict)
    peaks: dict[str, tuple[float, float, str]] = field(default_factory=dict)
    seen_s: float = 0.0
    events: int = 0
    drawn: list[Event] = field(default_factory=list)

    @property
    def events_a_minute(self) -> float | None:
        """Of the time they were seen; None if that is none."""
        return events_a_minute(self.events, self.seen_s)

    @property
    def means(self) -> list[tuple[str, float]]:
        """Expressions and their mean probability, the highest first."""
        shares = [(name, total / self.frames) for name, total in zip(EXPRESSIONS, self.sums, strict=True)]
        return sorted(shares, key=lambda item: -item[1])


class Timelines:
    """Gathers what each person of a video shows, frame by frame; does not grow with the length of the video.

    Time is in at most 600 bins, which become twice as long whenever the video outgrows them.
    state: as of another one, to go on from.
    """

    def __init__(self, state: dict[str, Any] | None = None) -> None:
        self.bin_s, self.end_s, self.known = _FIRST_BIN_S, 0.0, 0
        self._people: dict[int, Person] = {}
        if state:
            self.bin_s, self.end_s, self.known = state["bin_s"], state["end_s"], state["known"]
            for each in state["people"]:
                bins = {int(number): values for number, values in each["bins"].items()}
                peaks = {name: tuple(peak) for name, peak in each["peaks"].items()}
                drawn = [Event(*values) for values in each["drawn"]]
                self._people[each["track"]] = Person(
                    **(each | {"bins": bins, "peaks": peaks, "drawn": drawn})
                )

    @property
    def state(self) -> dict[str, Any]:
        """Of numbers, texts, lists and dictionaries alone."""
        people = [asdict(each) for each in self._people.values()]
        return {"bin_s": self.bin_s, "end_s": self.end_s, "known": self.known, "people": people}

    @property
    def people(self) -> list[Person]:
        """Those seen in the most frames, at most MOST_PEOPLE, in the order of their numbers."""
        return sorted(self._people.values(), key=lambda each: each.track)

    def add(self, photo: Photo) -> None:
        """Take in a frame; what is said of the whole video has none."""
        if photo.time_s is None:
            return
        self.end_s = max(self.end_s, photo.time_s)
        while self.end_s >= _MOST_BINS * self.bin_s:
            self._coarsen()
        for face in photo.faces:
            self._add_face(face, photo.time_s)

    def mark(self, events: Iterable[Event]) -> None:
        """Take in events that are over; those of people without a timeline are passed over."""
        for event in events:
            person = self._people.get(event.track)
            if person is not None:
                person.events += 1
                person.drawn.append(event)
                if len(person.drawn) > _MOST_EVENTS:
                    person.drawn.remove(min(person.drawn, key=lambda each: each.offset_s - each.onset_s))

    def _add_face(self, face: Reading, time_s: float) -> None:
        assert face.track is not None
        person = self._people.get(face.track)
        if person is None:
            self.known = max(self.known, face.track + 1)
            if len(self._people) >= MOST_PEOPLE and not self._make_room(time_s):
                return
            person = self._people[face.track] = Person(face.track, time_s, time_s)
        shares = [face.over_time[name] for name in EXPRESSIONS]
        person.seen_s += seen_between(person.last_s, time_s)
        person.last_s, person.frames = time_s, person.frames + 1
        person.sums = [total + share for total, share in zip(person.sums, shares, strict=True)]
        held = person.bins.setdefault(int(time_s / self.bin_s), [0.0] * (1 + len(EXPRESSIONS)))
        for at, value in enumerate([1.0, *shares]):
            held[at] += value
        best = person.peaks.get(face.expression, (_PEAK_FROM, 0.0, ""))[0]
        share = face.over_time[face.expression]  # what the region of interest is drawn for
        if share > best and share == max(shares) and not face.quality.problem and _is_whole(face):
            person.peaks[face.expression] = (share, time_s, _thumbnail(face))

    def _make_room(self, now_s: float) -> bool:
        """Forget who was seen in the fewest frames and is gone; whether there was someone."""
        gone = [each for each in self._people.values() if each.last_s < now_s - 2 * self.bin_s]
        if gone:
            del self._people[min(gone, key=lambda each: each.frames).track]
        return bool(gone)

    def _coarsen(self) -> None:
        self.bin_s *= 2
        for person in self._people.values():
            merged: dict[int, list[float]] = {}
            for number, values in person.bins.items():
                held = merged.setdefault(number // 2, [0.0] * len(values))
                merged[number // 2] = [a + b for a, b in zip(held, values, strict=True)]
            person.bins = merged


def draw_timeline(person: Person, timelines: Timelines) -> Image.Image:
    """Probabilities of one person over the video; above them a bar for each event, with a notch at its apex,
    and the face at the peak of each expression."""
    picture = Image.new("RGB", (_WIDTH, _THUMBS + _PLOT + _BELOW), _PAPER)
    draw = ImageDraw.Draw(picture, "RGBA")
    end_s = max(timelines.end_s, timelines.bin_s)

    def x_of(time_s: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * min(time_s / end_s, 1.0)

    def y_of(share: float) -> float:
        return _THUMBS + _PLOT * (1 - share)

    _draw_axes(draw, x_of, y_of, end_s)
    for name, colour in _COLOURS.items():
        for run in _runs(person, EXPRESSIONS.index(name), timelines.bin_s):
            points = [(x_of((at + 0.5) * timelines.bin_s), y_of(share)) for at, share in run]
            if len(points) == 1:
                points = [(points[0][0] - 1, points[0][1]), (points[0][0] + 1, points[0][1])]
            draw.line(points, fill=colour, width=3 if name != "neutral" else 2, joint="curve")
    _draw_names(draw, person)
    _draw_events(draw, person, x_of)
    _draw_peaks(picture, draw, person, x_of, y_of)
    return picture


def _runs(person: Person, expression: int, bin_s: float) -> list[list[tuple[int, float]]]:
    """Bins, each with its mean probability, in runs: what lies within a second, or two frames, is one."""
    between_s = (person.last_s - person.first_s) / max(person.frames - 1, 1)
    most = max(1.0, 2.5 * between_s) / bin_s
    runs: list[list[tuple[int, float]]] = []
    for number in sorted(person.bins):
        frames, *sums = person.bins[number]
        point = (number, sums[expression] / frames)
        if runs and number - runs[-1][-1][0] <= max(most, 1):
            runs[-1].append(point)
        else:
            runs.append([point])
    return runs


def _draw_axes(draw: ImageDraw.ImageDraw, x_of: Any, y_of: Any, end_s: float) -> None:
    font = ImageFont.load_default(13)
    for share in (0.0, 0.5, 1.0):
        y = y_of(share)
        draw.line((_LEFT, y, _WIDTH - _RIGHT, y), fill=_LINE)
        draw.text((_LEFT - 6, y), f"{100 * share:.0f} %", font=font, fill=_INK, anchor="rm")
    step_s = next(step for step in (*_STEPS_S, end_s) if end_s / step <= 10)
    for number in range(int(end_s / step_s) + 1):
        x = x_of(number * step_s)
        draw.line((x, y_of(0), x, y_of(0) + 5), fill=_INK)
        draw.text((x, y_of(0) + 9), clock(number * step_s), font=font, fill=_INK, anchor="mt")


_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)


def clock(time_s: float) -> str:
    """A time for people: 4.2 s, 3:05, 1:03:05."""
    if time_s < 60:
        return f"{time_s:.1f} s".replace(".0 ", " ")
    minutes, seconds = divmod(round(time_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def _draw_names(draw: ImageDraw.ImageDraw, person: Person) -> None:
    """Each expression in its colour with its mean, the highest on top."""
    font = ImageFont.load_default(14)
    for place, (name, share) in enumerate(person.means):
        words = f"{name} {100 * share:.0f} %"
        y = _THUMBS + 14 + place * (_PLOT - 28) / (len(EXPRESSIONS) - 1)
        draw.text((_WIDTH - _RIGHT + 12, y), words, font=font, fill=_COLOURS[name], anchor="lm")


def _draw_events(draw: ImageDraw.ImageDraw, person: Person, x_of: Any) -> None:
    for event in person.drawn:
        left, apex, right = x_of(event.onset_s), x_of(event.apex_s), x_of(event.offset_s)
        colour, top, bottom = _COLOURS[event.expression], _THUMBS - _BARS, _THUMBS - 4
        draw.rectangle((left, top + 3, max(right - 1, left), bottom), fill=colour)
        draw.polygon(((apex - 4, top - 3), (apex + 4, top - 3), (apex, top + 3)), fill=colour)


def _draw_peaks(
    picture: Image.Image, draw: ImageDraw.ImageDraw, person: Person, x_of: Any, y_of: Any
) -> None:
    """The faces at the peaks, in the order of time, with a line to each peak's place."""
    font = ImageFont.load_default(12)
    peaks = sorted(person.peaks.items(), key=lambda item: item[1][1])
    left = _LEFT
    for at, (name, (share, time_s, thumb)) in enumerate(peaks):
        rest = len(peaks) - at - 1
        wanted = x_of(time_s) - _THUMB_PX / 2
        latest = _WIDTH - _THUMB_PX - rest * (_THUMB_PX + 6)
        left = round(min(max(wanted, left), latest))
        face = Image.open(io.BytesIO(base64.b64decode(thumb)))
        picture.paste(face, (left, 18))
        words = f"{name} {clock(time_s)}"
        middle = left + _THUMB_PX / 2
        draw.text((middle, 15), words, font=font, fill=_COLOURS[name], anchor="mb")
        draw.line((middle, 18 + face.height, x_of(time_s), y_of(share)), fill=(*_COLOURS[name], 150))
        left += _THUMB_PX + 6


def _is_whole(face: Reading) -> bool:
    """Whether all of the face lies in the frame."""
    x0, y0, x1, y1 = face.box_xyxy_px
    height, width = face.photo_hw
    return x0 >= 0 and y0 >= 0 and x1 <= width and y1 <= height


def _thumbnail(face: Reading) -> str:
    drawn = face.crop if face.crop_roi is None else heat(face.crop, face.crop_roi)
    picture = Image.fromarray(drawn).convert("RGB")
    picture = picture.resize((_THUMB_PX, _THUMB_PX * picture.height // picture.width))
    picture.thumbnail((_THUMB_PX, _THUMB_PX))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return base64.b64encode(buffer.getvalue()).decode()


def as_png(picture: Image.Image) -> str:
    """A picture as a data address, to stand inside a page."""
    buffer = io.BytesIO()
    picture.convert("P", palette=Image.Palette.ADAPTIVE).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def video_values(
    name: str, status: str, frames: int, timelines: Timelines, pictures: dict[int, Image.Image]
) -> dict[str, Any]:
    """What `videos.html` shows of one video. pictures: of each person's timeline, by their number."""
    people = [
        {
            "track": person.track,
            "first": clock(person.first_s),
            "last": clock(person.last_s),
            "frames": person.frames,
            "events": person.events,
            "events_a_minute": person.events_a_minute,
            "picture": as_png(pictures[person.track]),
            "means": [[expression, share] for expression, share in person.means],
        }
        for person in timelines.people
    ]
    return {"name": name, "status": status, "frames": frames, "known": timelines.known, "people": people}


def videos_page(entries: list[dict[str, Any]], counts: Any, model: str) -> str:
    """The page of videos, each as `video_values` tells it, and photos, as `photos.photo_values`."""
    return page(
        "videos.html",
        entries=entries,
        labels=EXPRESSIONS,
        counts=counts,
        videos=sum("people" in entry for entry in entries),
        most_people=MOST_PEOPLE,
        model=model,
        version=feroi.__version__,
    )
