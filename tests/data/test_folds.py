from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feroi.data.folds import check_subjects_apart, divide, stratified_holdout, subject_folds
from feroi.data.samples import Sample, Samples

PIXELS = np.zeros((4, 4), np.uint8)


def _samples(subjects, source="mine", splits=None):
    splits = splits or [None] * len(subjects)
    return Samples(
        Sample(
            PIXELS, f"{i}", ("happy", "sad")[i % 2], subject, {"source": source} | ({"split": s} if s else {})
        )
        for i, (subject, s) in enumerate(zip(subjects, splits, strict=True))
    )


@given(st.lists(st.integers(0, 9).map(str), min_size=12), st.integers(2, 5), st.integers(0, 3))
def test_every_sample_is_validated_once_and_no_subject_crosses(subjects, folds, seed):
    samples = _samples(subjects + list("0123456789"))
    result = subject_folds(samples, folds, seed)
    validated = np.concatenate([fold.validation for fold in result])
    assert sorted(validated) == list(range(len(samples)))
    for fold in result:
        assert sorted([*fold.training, *fold.validation]) == list(range(len(samples)))
        inside = {samples[i].subject for i in fold.training}
        assert inside.isdisjoint({samples[i].subject for i in fold.validation})


def test_same_seed_same_folds():
    samples = _samples(list("abcdefghij"))
    one, other, third = (subject_folds(samples, 3, seed) for seed in (1, 1, 2))
    assert all((a.validation == b.validation).all() for a, b in zip(one, other, strict=True))
    assert any(a.validation.tolist() != b.validation.tolist() for a, b in zip(one, third, strict=True))


@pytest.mark.parametrize(
    ("subjects", "source", "folds", "says"),
    [
        (["a", "b", None], "mine", 2, r"1 of 3 samples have no subject \(the first: 2\)"),
        (["a", "b", "c"], "mine", 5, "5 folds need at least 5 subjects, found 3"),
        (["a", "b", "c"], "mine", 1, "at least 2, got 1"),
        (["01", "02", "03", "04", "73"], "RaFD", 5, "fold 2 of the paper's"),
        (["01", "16", "30", "44", "99"], "RaFD", 5, "1 to 73, got 99"),
    ],
)
def test_impossible_folds_are_refused(subjects, source, folds, says):
    with pytest.raises(ValueError, match=says):
        subject_folds(_samples(subjects, source), folds)


def test_a_subject_on_both_sides_is_an_error():
    with pytest.raises(ValueError, match="training and validation alike: b"):
        check_subjects_apart(_samples(["a", "b"]), _samples(["b", "c"]))
    check_subjects_apart(_samples([None]), _samples([None]))


def test_official_splits_come_before_folds():
    division = divide(_samples(list("aabb"), splits=["training", "training", "validation", "test"]), 0)
    assert (len(division.training), len(division.validation)) == (2, 1)


def test_a_fold_of_official_splits_is_refused():
    with pytest.raises(ValueError, match="no fold 2"):
        divide(_samples(list("ab"), splits=["training", "validation"]), 0, fold=2)


def test_rafd_is_divided_by_number():
    division = divide(_samples(["01", "16", "30", "44", "73"], "RaFD"), seed=9, fold=2)
    assert division.validation.subjects == ["16"]
    assert division.description == "fold 2 of 5 by subject"


def test_without_subjects_a_tenth_of_each_expression_is_held_out():
    samples = _samples([None] * 100)
    division = divide(samples, 0)
    assert division.validation.counts()["happy"] == division.validation.counts()["sad"] == 5
    held = stratified_holdout(samples, 0.1, 0)
    assert not set(held.training) & set(held.validation)


@pytest.mark.parametrize(
    ("splits", "says"),
    [(["training"] * 4, "no samples for validation"), (["validation"] * 4, "no samples for training")],
)
def test_an_empty_side_is_an_error(splits, says):
    with pytest.raises(ValueError, match=says):
        divide(_samples(list("abcd"), splits=splits), 0)


def test_one_sample_without_a_subject_is_named():
    with pytest.raises(ValueError, match=r"no subject \(the first: 3\)"):
        divide(_samples(["a", "b", "c", None, "d", "e"]), 0)


@pytest.mark.parametrize("fold", [0, 6, 99])
def test_an_impossible_fold_is_refused_whatever_the_data(fold):
    for samples in (_samples(list("abcdef")), _samples([None] * 20)):
        with pytest.raises(ValueError, match=f"fold is 1 to 5, got {fold}"):
            divide(samples, 0, fold)
