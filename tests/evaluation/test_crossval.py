from __future__ import annotations

import numpy as np
import pytest

from feroi.data.samples import Sample, Samples
from feroi.evaluation.crossval import cross_validate, in_percent

SUBJECTS = "abcdef"
SAMPLES = Samples(
    Sample(np.zeros((2, 2), np.uint8), f"{s}{i}", "happy" if i % 2 else "sad", s)
    for s in SUBJECTS
    for i in range(4)
)


def test_a_perfect_reader_has_no_spread():
    result = cross_validate(SAMPLES, lambda fold, division: division.validation.labels, folds=3)
    assert result.spread("accuracy") == (1.0, 0.0)
    assert result.together.n == len(SAMPLES)


def test_mean_and_spread_are_over_the_folds():
    # Right on all of fold 1, on half of fold 2, on none of fold 3: 1, 0.5, 0.
    def fit(fold, division):
        right = division.validation.labels
        wrong = np.where(right == 3, 5, 3)
        return right if fold == 1 else wrong if fold == 3 else np.full_like(right, 3)

    result = cross_validate(SAMPLES, fit, folds=3)
    assert [fold.accuracy for fold in result.folds] == [1.0, 0.5, 0.0]
    assert result.spread("accuracy") == (0.5, 0.5)
    assert result.to_json()["accuracy_std"] == 0.5
    assert in_percent(result.spread("accuracy")) == "50.0 ± 50.0"


def test_the_learner_never_sees_a_subject_it_is_scored_on():
    def fit(fold, division):
        assert set(division.training.subjects).isdisjoint(division.validation.subjects)
        assert len(division.training) + len(division.validation) == len(SAMPLES)
        return division.validation.labels

    cross_validate(SAMPLES, fit, folds=6)


def test_a_learner_that_answers_for_other_samples_is_refused():
    with pytest.raises(ValueError, match="cannot compare"):
        cross_validate(SAMPLES, lambda fold, division: division.training.labels, folds=3)
