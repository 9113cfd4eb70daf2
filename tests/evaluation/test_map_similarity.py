"""Every measure against a hand computation on maps of 2 x 2 and 4 x 4."""

from __future__ import annotations

import numpy as np
import pytest

from feroi.evaluation.map_similarity import correlation, cosine, gain, iou, pointing, region

TRUTH = np.array([4.0, 2.0, 1.0, 0.0])
INSIDE = np.array([True, True, False, False])


def test_cosine_by_hand():
    assert cosine(np.array([3.0, 0, 0, 4.0]), TRUTH) == pytest.approx(12 / (5 * np.sqrt(21)))
    assert cosine(7 * TRUTH, TRUTH) == pytest.approx(1)


def test_correlation_by_hand_and_of_a_level_map():
    b = np.array([1.0, 2.0, 3.0, 6.0])
    assert correlation(b, TRUTH) == pytest.approx(np.corrcoef(b, TRUTH)[0, 1])
    # deviations (-2, -1, 0, 3) and (2.25, 0.25, -0.75, -1.75): sum of products -10
    assert correlation(b, TRUTH) == pytest.approx(-10 / np.sqrt(14 * 8.75))
    assert correlation(np.array([0.1, 0.1 + 1e-12, 0.1, 0.1]), TRUTH) == 0


def test_the_region_is_where_the_truth_reaches_half_its_maximum():
    assert region(TRUTH).tolist() == INSIDE.tolist()


def test_gain_by_hand():
    # 3 of 8 lie on half of the pixels
    assert gain(np.array([1.0, 2.0, 5.0, 0.0]), INSIDE) == pytest.approx((3 / 8) / (1 / 2))
    assert gain(np.ones(4), INSIDE) == pytest.approx(1)


def test_pointing_by_hand():
    assert pointing(np.array([0.0, 2.0, 1.0, 0.0]), INSIDE) == 1
    assert pointing(np.array([0.0, 2.0, 3.0, 0.0]), INSIDE) == 0
    assert pointing(np.array([3.0, 2.0, 3.0, 3.0]), INSIDE) == pytest.approx(1 / 3)


def test_iou_by_hand_on_4_by_4():
    inside = np.zeros((4, 4), bool)
    inside[1:3, 1:3] = True
    attention = np.arange(16.0).reshape(4, 4)  # the four largest are the last row: none shared
    assert iou(attention.ravel(), inside.ravel()) == 0
    attention[1, 1] = attention[2, 2] = 99  # with 15 and 14: two of four shared, six in the union
    assert iou(attention.ravel(), inside.ravel()) == pytest.approx(2 / 6)
    assert iou(inside.ravel() + 0.5, inside.ravel()) == 1


def test_a_level_map_gets_what_chance_would():
    inside = np.arange(16) < 4
    noisy = np.ones(16) + 1e-9 * np.random.default_rng(0).normal(size=16)
    for attention in (np.ones(16), noisy):
        assert pointing(attention, inside) == pytest.approx(4 / 16)
        # of 4 pixels chosen blindly 1 is shared, and 7 are in the union
        assert iou(attention, inside) == pytest.approx(1 / 7)
