"""Machines on groups of units: the formula of hidden probabilities, and what must be learned."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from feroi.baselines.boltzmann import HIDDEN, GroupMachines


@pytest.fixture
def units():
    return np.random.default_rng(3).gamma(2, 1.5, (50, 9)).astype(np.float32)


def test_the_layers_are_the_shares_of_each_group_and_hidden_probabilities(units):
    groups = np.array([[0, 2, 5], [2, 7, 8]])
    machines = GroupMachines(units, groups, seed=1)
    other = 2 * units[:4]
    found = np.split(machines.features(other), np.cumsum([3, HIDDEN, HIDDEN, 3, HIDDEN]), axis=1)
    for at, group in enumerate(groups):
        shares, first, second = found[3 * at : 3 * at + 3]
        np.testing.assert_allclose(shares, np.minimum(other[:, group] / units.max(0)[group], 1), rtol=1e-6)
        below = shares
        for machine, layer in zip(machines.stacks[at], (first, second), strict=True):
            expected = expit(below @ machine.components_.T + machine.intercept_hidden_)
            np.testing.assert_allclose(layer, expected, rtol=1e-4)
            below = layer


def test_a_machine_tells_faces_of_one_kind_from_those_of_the_other():
    """Two prototypes under noise: the pseudo-likelihood of both rises above that of their mixture."""
    rng = np.random.default_rng(4)
    kinds = rng.integers(0, 2, 400)
    prototypes = np.stack([np.tile([1, 1, 0, 0], 5), np.tile([0, 0, 1, 1], 5)])
    faces = np.where(rng.random((400, 20)) < 0.05, 1 - prototypes[kinds], prototypes[kinds])
    machines = GroupMachines(faces.astype(np.float32), np.arange(20)[None], seed=0)
    (first, _), mixed = machines.stacks[0], rng.permuted(faces, axis=0)
    assert first.score_samples(faces).mean() > first.score_samples(mixed).mean() + 3
    top = machines.features(faces.astype(np.float32))[:, 20 + HIDDEN :]
    between = np.linalg.norm(top[kinds == 0].mean(0) - top[kinds == 1].mean(0))
    assert between > 2 * np.linalg.norm(top[kinds == 0].std(0))


def test_a_unit_that_never_answers_and_the_seed(units):
    units[:, 4] = 0
    groups = np.array([[4, 1]])
    one, same, other = (GroupMachines(units, groups, seed).features(units) for seed in (1, 1, 2))
    assert np.isfinite(one).all()
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other)
