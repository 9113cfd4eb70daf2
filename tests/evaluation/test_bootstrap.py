from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap

from feroi.evaluation.bootstrap import bootstrap_means


def test_intervals_are_those_of_scipy():
    values = np.random.default_rng(0).normal(size=(12, 1))
    (found,) = bootstrap_means(values, list(range(12)), 0, resamples=20_000)
    expected = bootstrap(
        (values[:, 0],), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(expected.low, abs=0.02)
    assert found.high == pytest.approx(expected.high, abs=0.02)


def test_all_faces_of_a_subject_are_drawn_together():
    """Two subjects: a draw is one of them twice, or both, whatever their number of faces."""
    values = np.array([[0.0], [0.0], [0.0], [8.0]])
    (found,) = bootstrap_means(values, ["a", "a", "a", "b"], 0)
    assert found == (2.0, 0.0, 8.0)


def test_one_subject_gives_no_interval():
    assert bootstrap_means(np.array([[1.0], [3.0]]), ["a", "a"], 0) == [(2.0, None, None)]


def test_the_same_seed_gives_the_same_interval():
    values = np.random.default_rng(0).normal(size=(30, 2))
    assert bootstrap_means(values, list(range(30)), 3) == bootstrap_means(values, list(range(30)), 3)
