from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from feroi.data.samples import Sample, Samples
from feroi.evaluation.groups import check_attributes, measure_groups
from feroi.vocabulary import EXPRESSIONS

BLANK = np.zeros((2, 2), np.uint8)


def _case(rights, values, subjects=None, sure=0.9):
    """Faces that are read right or not, all with the probability `sure`."""
    subjects = subjects or [None] * len(rights)
    samples = Samples(
        Sample(BLANK, str(at), EXPRESSIONS[0], subject, {"kind": value} if value else {})
        for at, (value, subject) in enumerate(zip(values, subjects, strict=True))
    )
    logits = np.full((len(rights), 7), np.log((1 - sure) / 6))
    logits[np.arange(len(rights)), [0 if right else 1 for right in rights]] = np.log(sure)
    return logits, samples


def test_groups_by_hand():
    logits, samples = _case([1, 1, 1, 0, 1, 0, 0, 0], "aaaabbbb", list("ppqqrrss"))
    (kind,) = measure_groups(logits, samples, ["kind"])
    first, second = kind.groups
    assert (first.value, first.n, first.subjects) == ("a", 4, 2)
    assert (first.accuracy.mean, second.accuracy.mean) == (0.75, 0.25)
    assert first.overconfidence.mean == pytest.approx(0.9 - 0.75)
    assert second.calibration_error == pytest.approx(0.9 - 0.25)  # all in one bin
    assert kind.gap.mean == pytest.approx(0.5)
    # subjects are dealt: of the 6 ways to name two of the four people a, how many have as wide a gap
    shares = {"p": 1.0, "q": 0.5, "r": 0.5, "s": 0.0}
    gaps = [
        abs(sum(shares[x] for x in p[:2]) - sum(shares[x] for x in p[2:])) / 2 for p in permutations("pqrs")
    ]
    assert kind.p_value == pytest.approx(np.mean(np.array(gaps) >= 0.5), abs=0.04)


def test_a_difference_within_people_is_found_though_people_differ_more():
    # everybody is read better from the front; half of the people are read badly from everywhere
    rng = np.random.default_rng(0)
    rights, values, subjects = [], [], []
    for person in range(20):
        for pose in ("front", "side"):
            chance = (0.9 if person % 2 else 0.4) - (0.25 if pose == "side" else 0)
            rights += (rng.random(20) < chance).tolist()
            values += [pose] * 20
            subjects += [str(person)] * 20
    logits, samples = _case(rights, values, subjects)
    (kind,) = measure_groups(logits, samples, ["kind"])
    assert kind.p_value < 0.01
    assert kind.gap.low < kind.gap.mean < kind.gap.high


def test_lots_are_found_to_be_lots():
    found = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        logits, samples = _case((rng.random(60) < 0.7).tolist(), rng.choice(["a", "b", "c"], 60).tolist())
        found.append(measure_groups(logits, samples, ["kind"], seed)[0].p_value)
    assert np.mean(np.array(found) < 0.1) < 0.25  # a tenth expected, of 40
    assert 0.3 < np.mean(found) < 0.7


def test_several_attributes_are_corrected_and_unknown_ones_are_a_group():
    logits, samples = _case([1, 1, 0, 0] * 10, ["a", "a", "b", ""] * 10)
    both = measure_groups(logits, samples, ["kind", "kind"])
    assert [group.value for group in both[0].groups] == ["a", "b", "unknown"]
    assert both[0].p_holm == pytest.approx(min(1, 2 * both[0].p_value))
    assert both[0].groups[0].subjects is None


def test_an_attribute_nobody_has_is_refused():
    logits, samples = _case([1, 0], "ab")
    with pytest.raises(ValueError, match=r"no sample says its 'pose'; these have kind"):
        measure_groups(logits, samples, ["pose"])


def test_one_group_is_compared_with_nothing():
    logits, samples = _case([1, 0], "aa")
    (kind,) = measure_groups(logits, samples, ["kind"])
    assert (kind.gap, kind.p_value, kind.p_holm) == (None, None, None)
    assert kind.to_json()["gap"] is None


def test_few_people_have_no_interval_and_unknown_attributes_are_told_at_once():
    logits, samples = _case([1, 0] * 10, "a" * 8 + "b" * 12, [str(at // 2) for at in range(20)])
    (kind,) = measure_groups(logits, samples, ["kind"])
    few, enough = kind.groups
    assert (few.subjects, few.accuracy.low, few.overconfidence.high, kind.gap.low) == (4, None, None, None)
    assert (enough.subjects, enough.accuracy.low) == (6, 0.5)
    with pytest.raises(ValueError, match="no sample says its 'height'; these have kind"):
        check_attributes(samples, ["kind", "height"])
