"""Whether the maps of a network agree with Action Units: the paper's claim as figures.

The map B is brought to the pixels of the input (`explain.roi.project`), as people are shown it, and the
truth is cut as the picture was; `cosine_grid` alone compares on B's own locations. Each face is
measured, and means are taken over faces, with intervals over subjects.

N faces, T truths, C maps (the network's own and its controls), M measures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from feroi.config import NetworkConfig
from feroi.data.decoded import Rejected, decode
from feroi.data.samples import Samples
from feroi.evaluation.attention_targets import LeftOut, targets_of, truth_names
from feroi.evaluation.bootstrap import CONFIDENCE, RESAMPLES, Interval, bootstrap_means
from feroi.evaluation.evaluate import Readings, read
from feroi.evaluation.map_similarity import MEASURES, correlation, cosine, gain, iou, pointing, region
from feroi.explain.roi import average, blob, project, region_of_interest
from feroi.outputs import FloatArray, Forward
from feroi.progress import track
from feroi.vocabulary import EXPRESSIONS

OWN = "map"
MAPS = ("attention", "roi")
"""The attention, B of Eq. 1, or the region of interest that people are shown, made of the evidence."""
UNIFORM, CENTRE, OTHER, UNTRAINED = "uniform", "centre", "other_expression", "untrained"
TEMPLATE, ANSWER = "template", "answer"
"""Controls, which must lose: a uniform map; a round blob in the middle; the network's map of another face
with another expression in the same pose; the map of an untrained network of the same configuration; the mean
of the six expressions' regions of Table 4 on the face's landmarks; and those regions of what was answered,
which tell a map that only draws the textbook's picture of the answer: compare on misread faces."""

FRONTAL = "090"  # in RaFD's names

Figures = dict[str, Interval]
"""Measure -> mean and interval."""


class TruthFigures(NamedTuple):
    """Agreement with one truth.

    controls: by name, over all faces. ahead: for each control, how much the network's map is above it on
    the same face; a control has lost where the interval lies above 0. misread: the network's map and every
    control over the faces that were read as another expression; empty if none was.
    """

    all: Figures
    expressions: dict[str, Figures]
    poses: dict[str, Figures]
    controls: dict[str, Figures]
    ahead: dict[str, Figures]
    misread: dict[str, Figures]


class MeanMaps(NamedTuple):
    """Means over the n faces of one expression, (H, W) on the input: intensities, and maps of mean 1."""

    n: int
    face: FloatArray
    truth: FloatArray
    attention: FloatArray


class Agreement(NamedTuple):
    """Agreement of a network's attention with every truth there is of n faces.

    truths: by name (`evaluation.truths`), the one to report first. subjects: None if they are not known,
    and intervals are over images. left_out: reason to number of faces. pictures: of the first truth,
    and of `shown_pose` alone where there are several.
    """

    n: int
    subjects: int | None
    truths: dict[str, TruthFigures]
    left_out: dict[str, int]
    rejected: list[Rejected]
    seed: int
    pictures: dict[str, MeanMaps]
    shown_pose: str | None

    @property
    def truth(self) -> str:
        """The name of the truth reported first."""
        return next(iter(self.truths))

    @property
    def figures(self) -> TruthFigures:
        """Agreement with the truth reported first."""
        return self.truths[self.truth]

    def to_json(self) -> dict[str, Any]:
        """JSON-ready: the first truth at the top, the others under `other_truths`."""
        first, *others = self.truths
        return {
            "n": self.n,
            "subjects": self.subjects,
            "left_out": self.left_out,
            "rejected": [item._asdict() for item in self.rejected],
            "interval": {
                "over": "images" if self.subjects is None else "subjects",
                "confidence": CONFIDENCE,
                "resamples": RESAMPLES,
                "seed": self.seed,
            },
            "truth": first,
            **_plain(self.truths[first]._asdict()),
            "other_truths": {name: _plain(self.truths[name]._asdict()) for name in others},
        }


def measure_agreement(
    forward: Forward,
    config: NetworkConfig,
    samples: Samples,
    untrained: Forward | None = None,
    seed: int = 0,
    kind: str = "attention",
) -> Agreement:
    """Measure the maps of a network on `samples` against all truths known of them.

    kind: which map, one of MAPS; the region of interest is that of what the network reads.
    untrained: a network of the same configuration that never learned, for a control.
    seed: decides the bootstrap and which other face a face is compared with.
    Raises ValueError for networks without a map, or if no truth is known of any face; else as
    `evaluation.evaluate.read`.
    """
    readings = read(forward, config, samples)
    own = _maps(readings, config, kind)
    grids = {OWN: own, **_controls(readings.samples, own, seed)}
    if untrained is not None:
        grids[UNTRAINED] = _maps(read(untrained, config, samples), config, kind)
    stored = decode(readings.samples, config.stored_hw).pixels
    names = truth_names(readings.samples)
    measured, kept, left_out = [], [], dict[str, int]()
    pictures, shown_pose = _Pictures(), _shown_pose(readings.samples)
    faces = len(readings.samples)
    for i in track(range(faces), "comparing with Action Units", faces, faces):
        try:
            truths, textbook = targets_of(readings.samples[i], stored[i], config, names)
        except LeftOut as reason:
            left_out[str(reason)] = left_out.get(str(reason), 0) + 1
            continue
        maps = {name: project(grid[i][None], config.input_hw)[0] for name, grid in grids.items()}
        drawn = _drawn(textbook, int(readings.predicted[i]))
        cells = {name: grid[i] for name, grid in grids.items()}
        cells |= {name: average(each[None], own.shape[1:])[0] for name, each in drawn.items()}
        maps |= drawn
        measured.append([[_measure(maps[name], cells[name], t) for name in maps] for t in truths.values()])
        kept.append(i)
        if shown_pose in (None, readings.samples[i].attributes.get("pose")):
            pictures.add(readings.samples[i].expression, readings.faces[i], truths[names[0]], maps[OWN])
    if not kept:
        reasons = "; ".join(f"{number} {reason}" for reason, number in left_out.items())
        raise ValueError(f"no truth is known of any of {faces} faces: {reasons}")

    rows = readings.samples.take(kept)
    known = all(subject is not None for subject in rows.subjects)
    subjects = [str(subject) for subject in rows.subjects] if known else list(range(len(rows)))
    values = np.array(measured)  # (N, T, C, M)
    misread = readings.predicted[kept] != rows.labels
    return Agreement(
        n=len(rows),
        subjects=len(set(subjects)) if known else None,
        truths={
            name: _figures(values[:, t], list(maps), rows, subjects, misread, seed)
            for t, name in enumerate(names)
        },
        left_out=left_out,
        rejected=readings.rejected,
        seed=seed,
        pictures=pictures.means(),
        shown_pose=shown_pose,
    )


def _maps(readings: Readings, config: NetworkConfig, kind: str) -> FloatArray:
    """(N, h, w) on the locations; the region of interest averaged over each."""
    if kind not in MAPS:
        raise ValueError(f"unknown map {kind!r}; choose of {', '.join(MAPS)}")
    if kind == "roi" and readings.evidence is not None:
        grid_hw = readings.evidence.shape[1], readings.evidence.shape[2]
        return average(region_of_interest(readings.evidence, config.input_hw), grid_hw)
    if kind == "roi" and readings.attention is not None:
        raise ValueError("this model file was written without its evidence; export the network again")
    if readings.attention is None:
        raise ValueError(
            f"a {config.head} network weighs no location, so there is no map to compare with Action "
            f"Units; use a gap or attention network"
        )
    return readings.attention.astype(np.float64)


def _drawn(textbook: Mapping[str, FloatArray], answer: int) -> dict[str, FloatArray]:
    """The controls drawn from landmarks, (H, W): no network's map, and the last knows the answer alone."""
    template = np.mean(list(textbook.values()), axis=0)
    regions = textbook.get(EXPRESSIONS[answer])
    known = regions is not None and regions.any()
    return {TEMPLATE: template, ANSWER: regions if known else np.ones_like(template)}


def _shown_pose(samples: Samples) -> str | None:
    """Frontal, or else the first of several poses: a mean over poses shows no face."""
    poses = sorted({pose for pose in samples.attribute("pose") if pose})
    if len(poses) < 2:
        return None
    return FRONTAL if FRONTAL in poses else poses[0]


def _controls(samples: Samples, own: FloatArray, seed: int) -> dict[str, FloatArray]:
    """The controls made of nothing but the N maps themselves: name to (N, h, w)."""
    uniform = np.broadcast_to(1.0, own.shape)
    centre = np.broadcast_to(blob((own.shape[1], own.shape[2])), own.shape)
    others = _others(samples, seed)
    return {UNIFORM: uniform, CENTRE: centre} | ({} if others is None else {OTHER: own[others]})


def _others(samples: Samples, seed: int) -> NDArray[np.int64] | None:
    """For each face another in the same pose with another expression, neutral apart; None if one has none."""
    rng = np.random.default_rng(seed)
    labels = np.array([row.expression for row in samples])
    poses = np.array([str(pose) for pose in samples.attribute("pose")])
    others = np.arange(len(samples))
    for i in np.flatnonzero(labels != "neutral"):
        fitting = np.flatnonzero((labels != labels[i]) & (labels != "neutral") & (poses == poses[i]))
        if not len(fitting):
            return None
        others[i] = rng.choice(fitting)
    return others


def _measure(attention: FloatArray, grid: FloatArray, truth: FloatArray) -> list[float]:
    """One value for each of MEASURES. attention, truth: (H, W); grid: (h, w), the attention unprojected."""
    b, t = attention.ravel(), truth.ravel().astype(np.float64)
    inside = region(t)
    cells = average(truth[None].astype(np.float64), (grid.shape[0], grid.shape[1]))
    return [
        cosine(b, t),
        cosine(grid.ravel(), cells.ravel()),
        correlation(b, t),
        gain(b, inside),
        pointing(b, inside),
        iou(b, inside),
    ]


def _figures(
    values: NDArray[np.float64],
    maps: Sequence[str],
    rows: Samples,
    subjects: Sequence[str | int],
    misread: NDArray[np.bool_],
    seed: int,
) -> TruthFigures:
    """values: (N, C, M), the network's own map first. misread: (N,)."""
    labels, poses = [row.expression for row in rows], rows.attribute("pose")

    def means(of: NDArray[np.float64], chosen: Sequence[bool] | None = None) -> Figures:
        here = np.flatnonzero(np.ones(len(rows)) if chosen is None else chosen)
        found = bootstrap_means(of[here], [subjects[int(i)] for i in here], seed)
        return dict(zip(MEASURES, found, strict=True))

    return TruthFigures(
        all=means(values[:, 0]),
        expressions={
            name: means(values[:, 0], [label == name for label in labels])
            for name in EXPRESSIONS
            if name in labels
        },
        poses={
            pose: means(values[:, 0], [each == pose for each in poses])
            for pose in sorted({each for each in poses if each})
        },
        controls={name: means(values[:, c]) for c, name in enumerate(maps) if c},
        ahead={name: means(values[:, 0] - values[:, c]) for c, name in enumerate(maps) if c},
        misread={name: means(values[:, c], list(misread)) for c, name in enumerate(maps) if misread.any()},
    )


class _Pictures:
    """Sums of faces, truths and maps of each expression."""

    def __init__(self) -> None:
        self._sums: dict[str, list[FloatArray]] = {}
        self._counts: dict[str, int] = {}

    def add(self, expression: str, face: NDArray[np.uint8], truth: FloatArray, attention: FloatArray) -> None:
        new = [face.astype(np.float64), truth / truth.mean(), attention / attention.mean()]
        before = self._sums.get(expression, [0.0, 0.0, 0.0])
        self._sums[expression] = [a + b for a, b in zip(before, new, strict=True)]
        self._counts[expression] = self._counts.get(expression, 0) + 1

    def means(self) -> dict[str, MeanMaps]:
        return {
            name: MeanMaps(self._counts[name], *(each / self._counts[name] for each in self._sums[name]))
            for name in EXPRESSIONS
            if name in self._sums
        }


def _plain(value: Any) -> Any:
    if isinstance(value, Interval):
        return value._asdict()
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    return value
