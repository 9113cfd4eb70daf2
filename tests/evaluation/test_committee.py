from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax

from feroi.evaluation.committee import fit_weights, weights_of


def test_the_weights_are_accuracies_to_a_power():
    np.testing.assert_allclose(weights_of(np.array([0.6, 0.3]), 2), [0.8, 0.2])  # .36 to .09
    np.testing.assert_allclose(weights_of(np.array([0.6, 0.3]), 0), [0.5, 0.5])
    np.testing.assert_allclose(weights_of(np.array([0.0, 0.0]), 3), [0.5, 0.5])
    assert weights_of(np.array([0.01, 0.005]), 150)[0] == pytest.approx(1)  # no underflow


def test_the_power_is_that_of_the_least_cross_entropy():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 7, 400)
    right = np.eye(7)[labels]
    good, poor = 2 * right + rng.normal(size=(400, 7)), 0.3 * right + rng.normal(size=(400, 7))
    answers = log_softmax(np.stack([good, poor]), axis=2)
    power, weights = fit_weights(answers, labels)

    def entropy(q):  # anew, member by member, through probabilities
        accuracy = [(each.argmax(1) == labels).mean() ** q for each in (good, poor)]
        share = np.exp(answers[0]) ** (accuracy[0] / sum(accuracy))
        share = share * np.exp(answers[1]) ** (accuracy[1] / sum(accuracy))
        heats = [share ** (1 / temperature) for temperature in np.geomspace(0.2, 5, 100)]
        return min(-np.log(heat[np.arange(400), labels] / heat.sum(1)).mean() for heat in heats)

    assert entropy(power) <= min(map(entropy, range(0, 151, 10))) + 1e-4
    assert weights[0] > 0.9
    assert fit_weights(answers[[0, 0]], labels)[0] == 0  # twins weigh alike
