"""Whether a network reads some groups of people, or of pictures, better than others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from feroi.data.samples import Samples
from feroi.evaluation.bootstrap import Interval, bootstrap_means
from feroi.evaluation.calibration import calibration_error
from feroi.outputs import FloatArray

PERMUTATIONS = 2000
FEWEST = 5
"""Resamples of fewer people than these say little of any others, so no interval is made of them."""
UNKNOWN = "unknown"
"""The group of those whose attribute nobody noted."""


class Group(NamedTuple):
    """The faces that share a value of an attribute.

    subjects: how many people they are; None where the data set does not say.
    accuracy: with its interval, over subjects where they are known, if they are FEWEST or more, else over
        faces.
    overconfidence: mean probability of the answers minus accuracy, likewise; above 0, more is promised than
        kept. Unlike the calibration error it is no larger by chance for a small group.
    calibration_error: the expected calibration error, 0..1.
    """

    value: str
    n: int
    subjects: int | None
    accuracy: Interval
    overconfidence: Interval
    calibration_error: float


class Attribute(NamedTuple):
    """How an attribute divides the faces.

    gap: highest minus lowest accuracy of its groups, with its interval; None for a single group.
    p_value: how often a gap as wide comes about where the attribute is dealt out by lot; None for a single
        group. p_holm: the same, corrected for the number of attributes asked for (Holm 1979).
    """

    name: str
    groups: list[Group]
    gap: Interval | None
    p_value: float | None
    p_holm: float | None

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        groups = [
            {
                **each._asdict(),
                "accuracy": each.accuracy._asdict(),
                "overconfidence": each.overconfidence._asdict(),
            }
            for each in self.groups
        ]
        return {**self._asdict(), "groups": groups, "gap": self.gap and self.gap._asdict()}


def measure_groups(
    logits: FloatArray, samples: Samples, names: Sequence[str], seed: int = 0
) -> list[Attribute]:
    """How well N faces are read, by each attribute in `names`.

    logits: (N, 7), calibrated if they can be. samples: those N.

    A test deals the values of an attribute out anew, 2,000 times: among the subjects if it is theirs, as
    gender is, within each subject if it is the picture's, as pose is, among all faces where no subjects
    are known.
    Raises ValueError if no sample has the attribute.
    """
    probabilities = softmax(logits.astype(np.float64), axis=1)
    right = (probabilities.argmax(1) == samples.labels).astype(np.float64)
    confidence = probabilities.max(1)
    subjects = _subjects(samples)
    attributes = []
    for name in names:
        values = _values(samples, name)
        groups = [
            _group(value, values == value, right, confidence, subjects, seed) for value in np.unique(values)
        ]
        gap = p_value = None
        if len(groups) > 1:
            gap = _gap(values, right, subjects, seed)
            p_value = _p_value(values, right, subjects, np.random.default_rng(seed))
        attributes.append(Attribute(name, groups, gap, p_value, None))
    return _corrected(attributes)


def check_attributes(samples: Samples, names: Sequence[str]) -> None:
    """Raises ValueError if one of `names` is no sample's."""
    for name in names:
        _values(samples, name)


def _subjects(samples: Samples) -> NDArray[np.str_] | None:
    named = samples.subjects
    return None if None in named else np.array(named, dtype=np.str_)


def _values(samples: Samples, name: str) -> NDArray[np.str_]:
    values = samples.attribute(name)
    if not any(values):
        known = sorted({key for row in samples for key, value in row.attributes.items() if value})
        raise ValueError(
            f"no sample says its {name!r}; these have {', '.join(known) if known else 'no attributes'}"
        )
    return np.array([value or UNKNOWN for value in values], dtype=np.str_)


def _group(
    value: str,
    inside: NDArray[np.bool_],
    right: FloatArray,
    confidence: FloatArray,
    subjects: NDArray[np.str_] | None,
    seed: int,
) -> Group:
    people = _units(subjects, len(right))[inside]
    columns = np.stack([right[inside], confidence[inside] - right[inside]], axis=1)
    accuracy, overconfidence = bootstrap_means(columns, people.tolist(), seed)
    error = calibration_error(confidence[inside], right[inside] > 0)
    number = None if subjects is None else len(np.unique(people))
    if number is not None and number < FEWEST:
        accuracy, overconfidence = (Interval(each.mean, None, None) for each in (accuracy, overconfidence))
    return Group(str(value), int(inside.sum()), number, accuracy, overconfidence, error)


def _units(subjects: NDArray[np.str_] | None, n: int) -> NDArray[Any]:
    """What is resampled: subjects where they are known, else faces."""
    return np.arange(n) if subjects is None else subjects


def _gap(
    values: NDArray[np.str_], right: FloatArray, subjects: NDArray[np.str_] | None, seed: int
) -> Interval:
    """Highest minus lowest accuracy; percentile bootstrap over subjects, which bring all their faces.

    The interval is that of the two groups that are highest and lowest here: the gap of whichever two are
    furthest apart in each resample would be wider by chance.
    """
    names = np.unique(values)
    accuracies = [right[values == name].mean() for name in names]
    high, low = names[int(np.argmax(accuracies))], names[int(np.argmin(accuracies))]
    _, whose = np.unique(_units(subjects, len(right)), return_inverse=True)
    inside = np.stack([values == high, values == low]).astype(np.float64)  # (2, N)
    people = int(whose.max()) + 1
    sums, counts = np.zeros((2, people)), np.zeros((2, people))
    for each in range(2):
        np.add.at(sums[each], whose, inside[each] * right)
        np.add.at(counts[each], whose, inside[each])
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(people, np.full(people, 1 / people), size=PERMUTATIONS).astype(np.float64)
    totals = drawn @ counts.T  # (resamples, 2)
    whole = (totals > 0).all(1)  # a resample without anyone of a group says nothing of it
    means = (drawn @ sums.T)[whole] / totals[whole]
    known = subjects is None or min((counts > 0).sum(1)) >= FEWEST
    bounds = (
        np.percentile(means[:, 0] - means[:, 1], [2.5, 97.5])
        if known and people > 1 and whole.any()
        else None
    )
    gap = float(max(accuracies) - min(accuracies))
    return Interval(gap, None, None) if bounds is None else Interval(gap, *map(float, bounds))


def _p_value(
    values: NDArray[np.str_],
    right: FloatArray,
    subjects: NDArray[np.str_] | None,
    rng: np.random.Generator,
) -> float:
    """Permutation test of the gap, with the observed one among those counted (Phipson and Smyth 2010)."""
    codes = np.unique(values, return_inverse=True)[1]
    _, whose = np.unique(_units(subjects, len(right)), return_inverse=True)
    first = np.zeros(int(whose.max()) + 1, dtype=np.int64)
    first[whose] = codes  # a value of each subject; all of its own if the attribute is the subject's
    theirs = bool((first[whose] == codes).all())
    order = np.argsort(whose, kind="stable")
    observed, as_wide = _spread(codes, right), 1
    for _ in range(PERMUTATIONS):
        if theirs:
            dealt = rng.permutation(first)[whose]
        else:
            dealt = np.empty_like(codes)
            within = order[np.lexsort((rng.random(len(order)), whose[order]))]
            dealt[order] = codes[within]
        as_wide += _spread(dealt, right) >= observed - 1e-12
    return as_wide / (PERMUTATIONS + 1)


def _spread(codes: NDArray[np.int64], right: FloatArray) -> float:
    counts = np.bincount(codes)
    means = np.bincount(codes, right)[counts > 0] / counts[counts > 0]
    return float(means.max() - means.min())


def _corrected(attributes: list[Attribute]) -> list[Attribute]:
    tested = sorted((each.p_value, at) for at, each in enumerate(attributes) if each.p_value is not None)
    reached, corrected = 0.0, list(attributes)
    for rank, (p_value, at) in enumerate(tested):
        reached = max(reached, min(1.0, (len(tested) - rank) * p_value))
        corrected[at] = attributes[at]._replace(p_holm=reached)
    return corrected
