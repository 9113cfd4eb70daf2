"""Events: when each person of a video begins to show an expression, shows most of it, and is back at rest.

The intensity of a frame says how far its strongest expression has come: p / (p + probability of neutral),
where p is the highest probability but for neutral. 0..1; from one half on, that expression is the answer. It
is made of the probabilities against the person's resting face where those are known (`resting`), else of the
smoothed ones, else of the raw ones. An event is one expression while the intensity stays above LOW, if it
reaches HIGH:

    onset   when the intensity rises through LOW, on a straight line between the two frames around it
    apex    when the Action Units together, and so the face, have moved most between onset and offset
    offset  when the intensity falls through LOW, likewise

What lasts less than SHORTEST_S, or was seen in one frame, is no event. Below LOW for less than GAP_S, such as
by a blink or a misread frame, an event goes on. Where another expression becomes the strongest for SHORTEST_S
with no rest between, one event ends and the next begins. An event's expression is the one with the highest
mean probability over its frames, neutral aside. Ours, not the paper's; docs/results/motion.md says how the
constants were chosen, and how good events are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from feroi.photo.tracks import REMEMBERED_S
from feroi.results import Photo, Reading
from feroi.vocabulary import EXPRESSIONS

LOW, HIGH = 0.5, 0.6
"""Intensities that an event stays above, so that its expression is the answer, and that it reaches."""
SHORTEST_S, GAP_S = 0.5, 0.3

_SHOWN = tuple(name for name in EXPRESSIONS if name != "neutral")


class Event(NamedTuple):
    """One expression of one person of a video, from rest to rest.

    track: the person's number. onset_s, apex_s, offset_s: times of the video, in this order.
    intensity: the highest between, HIGH..1.
    cut: "start" if it was under way when the person was first seen, and onset_s is that moment; "end" if it
        was under way when they were last seen, and offset_s is that moment; "both"; or "". Where one
        expression turns into another, the offset of the first is the onset of the second, and nothing is cut.
    """

    track: int
    expression: str
    onset_s: float
    apex_s: float
    offset_s: float
    intensity: float
    cut: str = ""


class PersonEvents(NamedTuple):
    """All events of one person, and for how many seconds of the video they were seen."""

    events: list[Event]
    seen_s: float

    @property
    def a_minute(self) -> float | None:
        """Events a minute; None if the person was not seen for any time."""
        return events_a_minute(len(self.events), self.seen_s)


def find_events(frames: Iterable[Photo]) -> dict[int, PersonEvents]:
    """The events of each person of a video, by their number.

    frames: of one video, by `Reader.read_video`, whose `smooth_s` and `rest_s` decide what is looked at.
    """
    finder, found = EventFinder(), dict[int, list[Event]]()
    seen: dict[int, tuple[float, float]] = {}
    for frame in frames:
        for event in finder.add(frame):
            found.setdefault(event.track, []).append(event)
        for face in frame.faces:
            if frame.time_s is not None and face.track is not None:
                last_s, seen_s = seen.get(face.track, (frame.time_s, 0.0))
                seen[face.track] = frame.time_s, seen_s + seen_between(last_s, frame.time_s)
    for event in finder.end():
        found.setdefault(event.track, []).append(event)
    return {track: PersonEvents(found.get(track, []), seen_s) for track, (_, seen_s) in seen.items()}


def events_a_minute(events: int, seen_s: float) -> float | None:
    """How many there are a minute; None for no time."""
    return 60 * events / seen_s if seen_s > 0 else None


def seen_between(last_s: float, now_s: float) -> float:
    """Seconds for which a person was seen between two frames in a row; 0 if they were away meanwhile."""
    return now_s - last_s if now_s - last_s <= REMEMBERED_S else 0.0


class EventFinder:
    """Finds events frame by frame; holds little of each person who is in the video now.

    state: that of another, to go on from.
    """

    def __init__(self, state: list[Any] | None = None) -> None:
        self._people = {track: _Watched.of(values) for track, values in state or []}

    @property
    def state(self) -> list[Any]:
        """Of numbers, texts, lists and dictionaries alone."""
        return [[track, asdict(person)] for track, person in self._people.items()]

    def add(self, photo: Photo) -> list[Event]:
        """The next frame; the events that are over since. Photos, and what is said of a video, have none."""
        if photo.time_s is None:
            return []
        found = []
        for face in photo.faces:
            if face.track is not None:
                person = self._people.setdefault(face.track, _Watched(face.track))
                found += person.see(photo.time_s, face)
        gone = [who for who, person in self._people.items() if photo.time_s - person.last_s > REMEMBERED_S]
        for track in gone:
            found += self._people.pop(track).leave()
        return found

    def end(self) -> list[Event]:
        """The events under way when the video ended."""
        return [event for person in self._people.values() for event in person.leave()]


@dataclass
class _Stretch:
    """Frames in which one expression is the strongest. sums: of the probability of each of _SHOWN.
    last_s: the last of the frames."""

    onset_s: float
    last_s: float
    frames: int = 0
    sums: list[float] = field(default_factory=lambda: [0.0] * len(_SHOWN))
    intensity: float = 0.0
    moved: float = -1.0
    apex_s: float = 0.0

    def see(self, now_s: float, shares: dict[str, float], moved: float) -> None:
        self.last_s, self.frames = now_s, self.frames + 1
        self.sums = [total + shares[name] for total, name in zip(self.sums, _SHOWN, strict=True)]
        self.intensity = max(self.intensity, _intensity(shares))
        if moved > self.moved:
            self.moved, self.apex_s = moved, now_s

    def take(self, later: _Stretch) -> None:
        """Take in the frames of a stretch behind this one."""
        self.last_s, self.frames = later.last_s, self.frames + later.frames
        self.sums = [a + b for a, b in zip(self.sums, later.sums, strict=True)]
        self.intensity = max(self.intensity, later.intensity)
        if later.moved > self.moved:
            self.moved, self.apex_s = later.moved, later.apex_s

    @property
    def expression(self) -> str:
        return _SHOWN[self.sums.index(max(self.sums))]


@dataclass
class _Watched:
    """One person, as seen so far.

    last_s, intensity: of the last frame. begun: what is shown since the intensity is above LOW; None at rest.
    other: frames at its end that show something else, until it is known whether for long enough. fell_s: when
    the intensity fell through LOW, if that was less than GAP_S ago. at_start: whether `begun` was under way
    when the person was first seen.
    """

    track: int
    last_s: float = 0.0
    intensity: float | None = None
    begun: _Stretch | None = None
    other: _Stretch | None = None
    fell_s: float | None = None
    at_start: bool = False

    @classmethod
    def of(cls, values: dict[str, Any]) -> _Watched:
        stretches = {name: values[name] and _Stretch(**values[name]) for name in ("begun", "other")}
        return cls(**(values | stretches))

    def see(self, now_s: float, face: Reading) -> list[Event]:
        """The next frame of this person; what is over since."""
        found = []
        if self.intensity is not None and now_s - self.last_s > REMEMBERED_S:
            found += self.leave()
        shares = face.over_time
        moved = sum((face.units_from_rest or face.action_units).values())
        intensity = _intensity(shares)
        if intensity >= LOW:
            if self.begun is None:
                self.at_start = self.intensity is None
                onset_s = now_s if self.intensity is None else self._crossing(now_s, intensity)
                self.begun = _Stretch(onset_s, now_s)
            self.fell_s = None
            found += self._show(self.begun, now_s, shares, moved)
        elif self.begun is not None:
            if self.fell_s is None:
                self.fell_s = self._crossing(now_s, intensity)
            if now_s - self.fell_s >= GAP_S:
                found += self._finish(self.fell_s)
        self.last_s, self.intensity = now_s, intensity
        return found

    def leave(self) -> list[Event]:
        """The person is not seen any more; what was under way."""
        found = self._finish(self.last_s, "end") if self.fell_s is None else self._finish(self.fell_s)
        self.intensity = None
        return found

    def _show(self, begun: _Stretch, now_s: float, shares: dict[str, float], moved: float) -> list[Event]:
        strongest = max(_SHOWN, key=lambda name: shares[name])
        if not begun.frames or strongest == begun.expression:
            self._mend(begun)
            begun.see(now_s, shares, moved)
            return []
        if self.other is not None and strongest != self.other.expression:
            self._mend(begun)
        if self.other is None:
            self.other = _Stretch((self.last_s + now_s) / 2, now_s)
        self.other.see(now_s, shares, moved)
        if now_s - self.other.onset_s < SHORTEST_S:
            return []
        if self.other.onset_s - begun.onset_s < SHORTEST_S:  # what came before was too short to matter
            self._mend(begun)
            return []
        over = self._event(begun, self.other.onset_s, "")
        self.begun, self.other, self.at_start = self.other, None, False
        return over

    def _mend(self, begun: _Stretch) -> None:
        """Take the frames that showed something else for what was shown before."""
        if self.other is not None:
            begun.take(self.other)
            self.other = None

    def _finish(self, offset_s: float, cut: str = "") -> list[Event]:
        if self.begun is None:
            return []
        self._mend(self.begun)
        over = self._event(self.begun, offset_s, cut)
        self.begun, self.fell_s, self.at_start = None, None, False
        return over

    def _event(self, shown: _Stretch, offset_s: float, cut: str) -> list[Event]:
        if shown.intensity < HIGH or shown.frames < 2 or offset_s - shown.onset_s < SHORTEST_S:
            return []
        if self.at_start:
            cut = "both" if cut else "start"
        onset_s, apex_s = shown.onset_s, shown.apex_s
        return [Event(self.track, shown.expression, onset_s, apex_s, offset_s, shown.intensity, cut)]

    def _crossing(self, now_s: float, intensity: float) -> float:
        """When the intensity went through LOW since the last frame."""
        assert self.intensity is not None
        share = (LOW - self.intensity) / (intensity - self.intensity)
        return self.last_s + share * (now_s - self.last_s)


def _intensity(shares: dict[str, float]) -> float:
    strongest = max(shares[name] for name in _SHOWN)
    return strongest / (strongest + shares["neutral"])
