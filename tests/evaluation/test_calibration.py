from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax

from feroi.evaluation.calibration import fit_calibration, measure_certainty
from feroi.network.calibration import UNCALIBRATED, Calibration


def _logits(probabilities):
    return np.log(np.asarray(probabilities, float))


def _honest(number, seed=0):
    """Probabilities over seven expressions, and labels drawn from them."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(7, 0.4), number)
    return np.log(probabilities), np.array([rng.choice(7, p=row) for row in probabilities])


def test_four_faces_by_hand():
    # two sure ones, one of them right; two at .6, both right. Bins: (.6, .667] and (.933, 1]
    probabilities = [[0.98, 0.02], [0.94, 0.06], [0.4, 0.6], [0.61, 0.39]]
    labels = np.array([0, 1, 1, 0])
    found = measure_certainty(_logits(probabilities), labels, UNCALIBRATED)
    assert found.calibration_error == pytest.approx((2 * abs(0.96 - 0.5) + 2 * abs(0.605 - 1)) / 4)
    assert found.cross_entropy == pytest.approx(-np.log([0.98, 0.06, 0.6, 0.61]).mean())
    assert found.selective.tolist() == pytest.approx([1, 1 / 2, 2 / 3, 3 / 4])
    assert found.selected_accuracy == pytest.approx(3 / 4)  # 80 % of four, rounded up, are all
    assert found.sets is None
    assert [(each.n, each.accuracy) for each in found.bins] == [(2, 1.0), (2, 0.5)]


def test_sets_by_hand():
    probabilities = [[0.5, 0.3, 0.2], [0.7, 0.2, 0.1], [0.5, 0.1, 0.4]]
    calibration = Calibration(coverage=0.9, threshold=0.25)
    sets = measure_certainty(_logits(probabilities), np.array([1, 1, 2]), calibration).sets
    assert (sets.coverage, sets.covered, sets.size) == (0.9, pytest.approx(2 / 3), pytest.approx(5 / 3))


def test_honest_probabilities_have_no_calibration_error_and_heated_ones_are_cooled():
    logits, labels = _honest(20_000)
    assert measure_certainty(logits, labels, UNCALIBRATED).calibration_error < 0.015
    hot = 3 * logits
    assert measure_certainty(hot, labels, UNCALIBRATED).calibration_error > 0.1
    found = fit_calibration(hot, labels, False, 0.9)
    assert found.temperature == pytest.approx(3, rel=0.05)


def test_the_temperature_is_the_best_of_a_grid():
    logits, labels = _honest(500, seed=1)
    found = fit_calibration(2 * logits, labels, False, 0.9)
    grid = np.linspace(0.5, 5, 451)
    losses = [-log_softmax(2 * logits / t, 1)[np.arange(500), labels].mean() for t in grid]
    assert found.temperature == pytest.approx(grid[np.argmin(losses)], abs=0.01)


def test_likely_expressions_keep_their_promise_on_new_faces():
    covered = []
    for seed in range(20):
        logits, labels = _honest(1000, seed)
        found = fit_calibration(logits[:300], labels[:300], True, 0.9)
        assert found.mirror
        certainty = measure_certainty(logits[300:] / found.temperature, labels[300:], found)
        covered.append(certainty.sets.covered)
    # at least .9 promised; of 300 faces no more than 1/301 above, and the mean of 20 has an error of .005
    assert 0.89 < np.mean(covered) < 0.92


def test_the_threshold_by_hand():
    # nine faces, coverage .8: the 8th of the labels' probabilities from the highest
    of_label = [0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55]
    logits = _logits([[p, 1 - p] for p in of_label])
    found = fit_calibration(logits, np.zeros(9, int), False, 0.8)
    cooled = np.exp(np.log(0.6) / found.temperature)
    other = np.exp(np.log(0.4) / found.temperature)
    assert found.threshold == pytest.approx(cooled / (cooled + other))


@pytest.mark.parametrize(
    ("coverage", "says"), [(1.0, "above 0 and below 1"), (0.95, r"9 faces are too few .* takes 19")]
)
def test_promises_that_cannot_be_kept_are_refused(coverage, says):
    with pytest.raises(ValueError, match=says):
        fit_calibration(np.zeros((9, 7)), np.zeros(9, int), False, coverage)
    with pytest.raises(ValueError, match="no faces"):
        measure_certainty(np.zeros((0, 7)), np.zeros(0, int), UNCALIBRATED)
