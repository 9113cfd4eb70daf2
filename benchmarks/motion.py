"""Whether a small network over time beats smoothing, and how good events are, on films with known times.

    python benchmarks/motion_films.py FILMS --facekit ICT-FaceKit
    python benchmarks/motion_read.py FILMS READ
    python benchmarks/motion_read.py LONDON PHOTOGRAPHS --photographs
    python benchmarks/motion.py FILMS READ --photographs PHOTOGRAPHS [--seed 0]

The seconds of smoothing and the constants of `feroi.events` are chosen on every second person, from the
first on; figures are of the others. Networks are trained in five folds over all people, so that each person
is read by networks that never saw them. A network sees the focused feature z, Action Units, angles of head
and eyes and logarithms of the probabilities of each frame, less those at rest, as `feroi.resting` learns
them from the person's first REST_S seconds. One-frame networks see single frames; the others, of three
dilated convolutions, also the 1.4 s before, or .7 s on either side. The first REST_S seconds are not
scored. The network of the first fold reads the photographed people.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from feroi import events
from feroi.evaluation.bootstrap import bootstrap_means
from feroi.resting import FLOOR, RestingFaces
from feroi.results import Photo
from feroi.video import Smoother
from feroi.vocabulary import EXPRESSIONS

REST_S = 4.0
FOLDS = 5
SMOOTHINGS_S = (0.2, 0.3, 0.5, 1.0)
GRID = {"LOW": (0.3, 0.4, 0.5), "HIGH": (0.5, 0.6, 0.7), "SHORTEST_S": (0.3, 0.5), "GAP_S": (0.3, 0.5)}
COLUMNS = (
    "frames right, %", "changes a second", "events, F1 %", "with the right name, F1 %", "onset off by, s",
    "apex, s", "offset, s",
)  # fmt: skip
OVERLAP = 0.5  # of two events over what they cover together: the same event
EPOCHS, RATE, DECAY, DROPOUT, WIDTH, DILATIONS = 50, 4e-3, 0.02, 0.4, 48, (1, 2, 4)


class Film(NamedTuple):
    """One person. time_s, shares, focus, units, angles, good: as `motion_read.py`; shown: (T,), the true
    answers; expression, moments_s: as `motion_films.py`."""

    person: str
    time_s: np.ndarray
    shares: np.ndarray
    focus: np.ndarray
    units: np.ndarray
    unit_names: list[str]
    angles: np.ndarray
    good: np.ndarray
    shown: np.ndarray
    expression: np.ndarray
    moments_s: np.ndarray

    @property
    def scored(self) -> np.ndarray:
        return self.time_s >= REST_S


@dataclass(frozen=True)
class Face:
    """What of a reading smoothing, resting faces and events look at."""

    probabilities: dict[str, float]
    action_units: dict[str, float]
    quality: Any
    track: int = 0
    smoothed: dict[str, float] | None = None
    from_rest: dict[str, float] | None = None
    units_from_rest: dict[str, float] | None = None

    @property
    def over_time(self) -> dict[str, float]:
        return self.from_rest or self.smoothed or self.probabilities


Frames = list[Photo]
Way = Callable[[Film], Frames]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("films", type=Path)
    parser.add_argument("read", type=Path)
    parser.add_argument("--photographs", type=Path)
    parser.add_argument("--constants", action="store_true", help="also choose those of feroi.events anew")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    films = [film(asked.films / path.name, path) for path in sorted(asked.read.glob("*.npz"))]
    chosen_on, others = films[::2], films[1::2]
    best_s = best_smoothing(chosen_on, frames_of)
    best_rest_s = best_smoothing(chosen_on, rested)
    networks = {
        name: networks_of(films, kind, asked.seed)
        for name, kind in (("one frame", None), ("past", False), ("past and future", True))
    }
    learned = {name: of_other_people(films, those) for name, those in networks.items()}
    learned_s = best_smoothing(chosen_on, learned["one frame"])
    if asked.constants:
        choose_constants(chosen_on, rested)

    def ways(learned: dict[str, Way]) -> dict[str, Way]:
        return {
            "single frames": frames_of,
            f"`--smooth {best_s:g}`": lambda each: smoothed(frames_of(each), best_s),
            f"`--rest {REST_S:g}`": rested,
            f"`--rest {REST_S:g}`, smoothed, {best_rest_s:g} s": lambda each: smoothed(
                rested(each), best_rest_s
            ),
            "one frame": learned["one frame"],
            f"one frame, smoothed, {learned_s:g} s": lambda each: smoothed(
                learned["one frame"](each), learned_s
            ),
            "past": learned["past"],
            "past and future": learned["past and future"],
        }

    show(others, ways(learned), asked.seed)
    if asked.photographs:
        paths = sorted(asked.photographs.glob("*.npz"))
        first = {name: those[0].way for name, those in networks.items()}
        photographed = [film(path, path) for path in paths]
        show(photographed, ways(first), asked.seed)


def film(truth: Path, read: Path) -> Film:
    with np.load(truth) as known, np.load(read) as seen:
        assert set(seen["track"]) == {0}
        names = [str(name) for name in seen["unit_names"]]
        return Film(
            read.stem, seen["time_s"], seen["shares"], seen["focus"], seen["units"], names, seen["angles"],
            seen["good"], known["shown"][seen["frame"]], known["expression"], known["moments_s"],
        )  # fmt: skip


def frames_of(film: Film, shares: np.ndarray | None = None) -> Frames:
    """As a reader gives them, with other probabilities if there are any."""
    given = film.shares if shares is None else shares
    return [
        Photo("film", "ok", None, [
            Face(
                dict(zip(EXPRESSIONS, map(float, given[at]), strict=True)),
                dict(zip(film.unit_names, map(float, film.units[at]), strict=True)),
                SimpleNamespace(problem="" if film.good[at] else "poor"),
            )
        ], [], at, float(time_s))
        for at, time_s in enumerate(film.time_s)
    ]  # fmt: skip


def answered(frame: Photo) -> dict[str, float]:
    (face,) = frame.faces
    return face.over_time


_rested: dict[int, Frames] = {}


def rested(film: Film) -> Frames:
    if id(film) not in _rested:
        people = RestingFaces(REST_S)
        _rested[id(film)] = [frame._replace(faces=people.compared(frame)) for frame in frames_of(film)]
    return _rested[id(film)]


def smoothed(frames: Frames, seconds: float) -> Frames:
    """Averaged over time: what is against rest, where that is known, else what is raw."""
    smoother, found = Smoother(seconds), []
    for frame in frames:
        (face,) = frame.faces
        (mean,) = smoother.smooth(frame._replace(faces=[replace(face, probabilities=answered(frame))]))
        against = mean.smoothed if face.from_rest else None
        found.append(frame._replace(faces=[replace(face, smoothed=mean.smoothed, from_rest=against)]))
    return found


def best_smoothing(films: Sequence[Film], way: Way) -> float:
    """The most seconds that cost at most one point of accuracy against the best: the calmest of the good."""
    seen = [(each, way(each)) for each in films]
    right = {
        s: np.mean([scores(each, smoothed(frames, s))[0] for each, frames in seen]) for s in SMOOTHINGS_S
    }
    return max(s for s, share in right.items() if share >= max(right.values()) - 0.01)


def scores(film: Film, frames: Frames) -> tuple[float, float]:
    """Share of frames read right, and changes of answer a second."""
    shares = [answered(frame) for frame in frames]
    answers = np.array([max(each, key=lambda name: each[name]) for each in shares])[film.scored]
    seconds = film.time_s[-1] - REST_S
    return float(np.mean(answers == film.shown[film.scored])), float(
        (answers[1:] != answers[:-1]).sum() / seconds
    )


class Match(NamedTuple):
    """A true event that was found: errors in s, of the apex how far from the time for which it lasts."""

    right: bool
    onset_s: float
    apex_s: float
    offset_s: float


def matches(film: Film, frames: Frames) -> tuple[list[Match], int]:
    """The true events that were found, and how many events were."""
    found = events.find_events(frames)[0].events
    found = [event for event in found if event.offset_s > REST_S]
    pairs = sorted(
        (
            (overlap(event, moments), at, number)
            for number, event in enumerate(found)
            for at, moments in enumerate(film.moments_s)
        ),
        reverse=True,
    )
    matched: dict[int, int] = {}
    for share, at, number in pairs:
        if share >= OVERLAP and at not in matched and number not in matched.values():
            matched[at] = number
    return [
        Match(
            found[number].expression == film.expression[at],
            found[number].onset_s - film.moments_s[at, 0],
            max(
                film.moments_s[at, 1] - found[number].apex_s,
                found[number].apex_s - film.moments_s[at, 2],
                0.0,
            ),
            found[number].offset_s - film.moments_s[at, 3],
        )
        for at, number in matched.items()
    ], len(found)


def overlap(event: events.Event, moments_s: np.ndarray) -> float:
    begin, _, _, end = moments_s
    both = min(event.offset_s, end) - max(event.onset_s, begin)
    return float(both / (max(event.offset_s, end) - min(event.onset_s, begin)))


def choose_constants(films: Sequence[Film], way: Way) -> None:
    """Print which constants of `feroi.events` find the most events with the right expression, by F1."""
    seen = [(each, way(each)) for each in films]
    shipped = tuple(getattr(events, name) for name in GRID)
    result = {}
    for values in {*itertools.product(*GRID.values()), shipped}:
        for name, value in zip(GRID, values, strict=True):
            setattr(events, name, value)
        result[values] = f1([(*matches(*each), len(each[0].expression)) for each in seen], True)
    ranked = sorted(result.items(), key=lambda item: -item[1])
    for values, share in [*ranked[:5], ("shipped", result[shipped])]:
        print(f"{values}: F1 {100 * share:.1f}")
    for name, value in zip(GRID, shipped, strict=True):
        setattr(events, name, value)


def f1(counts: Sequence[tuple[list[Match], int, int]], named: bool) -> float:
    hits = sum(sum(match.right or not named for match in found) for found, _, _ in counts)
    return 2 * hits / sum(told + true for _, told, true in counts)


class Trained(NamedTuple):
    """A network, what its inputs are divided by, and which people it never saw."""

    network: Over
    spread: np.ndarray
    held_out: set[str]

    def way(self, film: Film) -> Frames:
        with torch.no_grad():
            seen = torch.tensor(features(film) / self.spread, dtype=torch.float32)
            return frames_of(film, self.network(seen[None])[0].softmax(-1).numpy())


def of_other_people(films: Sequence[Film], networks: Sequence[Trained]) -> Way:
    """Each person read by the network that never saw them."""
    return lambda film: next(each for each in networks if film.person in each.held_out).way(film)


def networks_of(films: Sequence[Film], kind: bool | None, seed: int) -> list[Trained]:
    """One of each fold over people."""
    order, found = np.random.default_rng(seed).permutation(len(films)), []
    for fold in range(FOLDS):
        held_out = {films[at].person for at in order[fold::FOLDS]}
        known = [each for each in films if each.person not in held_out]
        inputs = [features(each) for each in known]
        spread = np.concatenate(inputs).std(0) + 1e-3
        tensors = [torch.tensor(each / spread, dtype=torch.float32) for each in inputs]
        labels = [torch.tensor([EXPRESSIONS.index(name) for name in each.shown]) for each in known]
        found.append(Trained(trained(tensors, labels, kind, 1000 * seed + fold), spread, held_out))
        print(f"trained: {kind}, fold {fold}", file=sys.stderr, flush=True)
    return found


def features(film: Film) -> np.ndarray:
    logs = np.log(np.maximum(film.shares, FLOOR))
    seen = np.concatenate([film.focus, film.units, film.angles, logs], axis=1)
    first = film.time_s <= REST_S
    calm = np.argsort(film.units[first].sum(1), kind="stable")[: (first.sum() + 1) // 2]
    return seen - np.median(seen[first][calm], axis=0)


class Over(nn.Module):
    """Reads each frame; with those before (both_ways False), or also those behind (True). 8 or 29 thousand
    weights."""

    def __init__(self, size: int, both_ways: bool | None) -> None:
        super().__init__()
        self.both_ways = both_ways
        self.reduce = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(size, WIDTH), nn.ReLU())
        dilations = () if both_ways is None else DILATIONS
        self.over = nn.ModuleList(nn.Conv1d(WIDTH, WIDTH, 3, dilation=step) for step in dilations)
        self.head = nn.Sequential(nn.Dropout(DROPOUT / 2), nn.Linear(WIDTH, len(EXPRESSIONS)))

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        reduced = self.reduce(frames).transpose(1, 2)
        for step, layer in zip(DILATIONS, self.over, strict=False):
            around = (step, step) if self.both_ways else (2 * step, 0)
            reduced = reduced + nn.functional.relu(
                layer(nn.functional.pad(reduced, around, mode="replicate"))
            )
        return self.head(reduced.transpose(1, 2))


def trained(inputs: list[torch.Tensor], labels: list[torch.Tensor], kind: bool | None, seed: int) -> Over:
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = Over(inputs[0].shape[1], kind)
    batch, frames = 8, min(map(len, inputs)) * 2 // 3
    steps = EPOCHS * -(-len(inputs) // batch)
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for _ in range(EPOCHS):
        for part in np.array_split(rng.permutation(len(inputs)), -(-len(inputs) // batch)):
            starts = [rng.integers(len(inputs[at]) - frames + 1) for at in part]
            seen = torch.stack([inputs[at][s : s + frames] for at, s in zip(part, starts, strict=True)])
            true = torch.stack([labels[at][s : s + frames] for at, s in zip(part, starts, strict=True)])
            loss = nn.functional.cross_entropy(
                network(seen).flatten(0, 1), true.flatten(), label_smoothing=0.05
            )
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    return network.eval()


def show(films: Sequence[Film], ways: dict[str, Way], seed: int) -> None:
    people = [each.person for each in films]
    true = np.mean([(each.shown[1:] != each.shown[:-1]).sum() / (each.time_s[-1] - REST_S) for each in films])
    print(f"\n{len(films)} people; the truth changes {true:.2f} times a second")
    print(f"| way | {' | '.join(COLUMNS)} |")
    print("| --- " * (1 + len(COLUMNS)) + "|")
    by_frame = {}
    for name, way in ways.items():
        seen = [way(each) for each in films]
        by_frame[name] = np.array([scores(each, frames) for each, frames in zip(films, seen, strict=True)])
        counts = [(*matches(*pair), len(pair[0].expression)) for pair in zip(films, seen, strict=True)]
        right, changes = bootstrap_means(by_frame[name], people, seed)
        cells = [told(right, 100, 1), told(changes, 1, 2)]
        cells += [told_f1(counts, named, seed) for named in (False, True)]
        whose = [person for person, (found, _, _) in zip(people, counts, strict=True) for _ in found]
        errors = np.array([match[1:] for found, _, _ in counts for match in found])
        late = errors.mean(0)
        for error, mean in zip(bootstrap_means(np.abs(errors), whose, seed), late, strict=True):
            cells.append(f"{told(error, 1, 2)}" + ("" if (errors >= 0).all() else f"; mean {mean:+.2f}"))
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    names = list(ways)
    for later, earlier in ((7, 2), (7, 3), (6, 2), (6, 3), (6, 5), (7, 5), (5, 3)):
        gained = by_frame[names[later]] - by_frame[names[earlier]]
        right, changes = bootstrap_means(gained, people, seed)
        gain = f"{told(right, 100, 1)} points, {told(changes, 1, 2)} changes a second"
        print(f"{names[later]} less {names[earlier]}: {gain}")


def told(spread: Any, times: float, decimals: int) -> str:
    mean, low, high = (f"{times * value:.{decimals}f}" for value in spread)
    return f"{mean} ({low} to {high})"


def told_f1(counts: list[tuple[list[Match], int, int]], named: bool, seed: int) -> str:
    rng = np.random.default_rng(seed)
    drawn = [
        f1([counts[at] for at in rng.integers(len(counts), size=len(counts))], named) for _ in range(1000)
    ]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return f"{100 * f1(counts, named):.1f} ({100 * low:.1f} to {100 * high:.1f})"


if __name__ == "__main__":
    main()
