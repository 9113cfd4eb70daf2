from __future__ import annotations

import numpy as np
import pytest

from feroi.evaluation.faithfulness import (
    MEASURES,
    area,
    blurred,
    curves,
    hidden,
    places,
    sameness,
    try_method,
)
from feroi.outputs import NetworkOutput

# Four pixels in a row; the mean is .5, so what is removed lies at .5.
FACE = np.array([0.9, 0.7, 0.3, 0.1], np.float32).reshape(1, 1, 1, 4)
WEIGHTS = np.array([1.0, 3.0, -2.0, 0.5])
ORDER = np.array([[[4.0, 3.0, 2.0, 1.0]]])


def _linear(faces):
    """Two classes: the logit of 1 is a weighted sum of four pixels, that of 0 is 0."""
    logit = faces.reshape(len(faces), -1).astype(np.float64) @ WEIGHTS
    return NetworkOutput(np.stack([np.zeros_like(logit), logit], axis=1), None, faces)


def deletion(forward, faces, maps, labels, rng, steps):
    """To the mean of the face."""
    blank = np.broadcast_to(faces.mean((1, 2, 3), keepdims=True), faces.shape)
    return curves(forward, faces, blank, places(maps, rng), labels, steps)


def insertion(forward, faces, maps, labels, rng, steps):
    return curves(forward, blurred(faces), faces, places(maps, rng), labels, steps)


def _probability(*pixels):
    return 1 / (1 + np.exp(-np.dot(WEIGHTS, pixels)))


def test_deletion_by_hand():
    found = deletion(_linear, FACE, ORDER, np.array([1]), np.random.default_rng(0), steps=4)
    expected = [
        _probability(0.9, 0.7, 0.3, 0.1),
        _probability(0.5, 0.7, 0.3, 0.1),
        _probability(0.5, 0.5, 0.3, 0.1),
        _probability(0.5, 0.5, 0.5, 0.1),
        _probability(0.5, 0.5, 0.5, 0.5),
    ]
    np.testing.assert_allclose(found, [expected], atol=1e-6)
    by_hand = (expected[0] / 2 + sum(expected[1:4]) + expected[4] / 2) / 4
    assert area(found)[0] == pytest.approx(by_hand)


def test_two_pixels_a_step_and_the_other_class():
    found = deletion(_linear, FACE, ORDER, np.array([0]), np.random.default_rng(0), steps=2)
    expected = [_probability(0.9, 0.7, 0.3, 0.1), _probability(0.5, 0.5, 0.3, 0.1), _probability(*[0.5] * 4)]
    np.testing.assert_allclose(found, [1 - np.array(expected)], atol=1e-6)


def test_insertion_ends_with_the_face_and_begins_with_less_of_it():
    face = np.zeros((1, 1, 16, 16), np.float32)
    face[0, 0, 4, 4] = 1

    def brightest(faces):
        logit = 10 * faces.max((1, 2, 3))
        return NetworkOutput(np.stack([np.zeros_like(logit), logit], axis=1), None, faces)

    rng = np.random.default_rng(0)
    first = insertion(brightest, face, face[:, 0], np.array([1]), rng, steps=4)[0]
    last = insertion(brightest, face, 1 - face[:, 0], np.array([1]), rng, steps=4)[0]
    whole = 1 / (1 + np.exp(-10.0))
    less = 1 / (1 + np.exp(-10.0 * blurred(face).max()))
    assert less < 0.7
    assert first[0] == pytest.approx(less)
    np.testing.assert_allclose(first[1:], whole)  # the one pixel that counts comes with the first quarter
    np.testing.assert_allclose(last[-1], whole)
    np.testing.assert_allclose(last[:-1], less, rtol=1e-5)


def test_the_right_order_beats_the_wrong_one_and_level_maps_have_none():
    rng = np.random.default_rng(0)
    face = rng.random((1, 1, 1, 4)).astype(np.float32)
    effect = WEIGHTS * (face.ravel() - face.mean())
    areas = [
        float(area(deletion(_linear, face, order.reshape(1, 1, 4), np.array([1]), rng, 4))[0])
        for order in (effect, -effect)
    ]
    assert areas[0] < areas[1]
    level = np.ones((1, 1, 4))
    seen = {tuple(deletion(_linear, face, level, np.array([1]), rng, 4)[0]) for _ in range(30)}
    assert len(seen) > 5


def test_answers_stay_and_fall_by_what_is_shown():
    """Read by its brightest pixel alone: shown, the answer stays; hidden, it falls."""
    face = np.zeros((1, 1, 20, 20), np.float32)
    face[0, 0, 4, 4] = 1

    def brightest(faces):
        logit = faces.max((1, 2, 3)) - 0.5
        return NetworkOutput(np.stack([-logit, logit], axis=1), None, faces)

    rng = np.random.default_rng(0)
    found = hidden(brightest, face, places(face[:, 0], rng), np.array([1]), 0.2)
    assert [float(each[0]) for each in found] == [1, 1]
    found = hidden(brightest, face, places(-face[:, 0], rng), np.array([1]), 0.2)
    assert [float(each[0]) for each in found] == [0, 0]


def test_sameness_is_a_correlation_of_ranks():
    one = np.arange(6.0).reshape(2, 3)
    assert sameness(one, one**3) == pytest.approx(1)
    assert sameness(one, one.max() - one) == pytest.approx(-1)
    # Ranks 1 2 3 4 against 2 1 4 3: 1 - 6 (1 + 1 + 1 + 1) / (4 (16 - 1)).
    assert sameness(np.array([[1.0, 2, 3, 4]]), np.array([[2.0, 1, 4, 3]])) == pytest.approx(0.6)
    level = np.ones((2, 3))
    assert sameness(level, one) == 0
    assert sameness(level, 2 * level) == 1


def test_a_method_is_asked_for_the_expression_that_is_read():
    faces = np.concatenate([FACE, -FACE])  # read as 1 and as 0
    asked = []

    def trained(faces, labels):
        asked.append(list(labels))
        return np.abs(faces[:, 0]).astype(np.float64)

    def redrawn(faces, labels):
        return np.ones(faces[:, 0].shape)

    truths = np.abs(faces[:, 0]).astype(np.float64)
    found = try_method(_linear, trained, redrawn, faces, truths, (1, 2))
    assert asked == [[1], [1], [0]]  # the first is not timed
    values = dict(zip(MEASURES, found.values.T, strict=True))
    np.testing.assert_allclose(values["cosine"], 1)
    np.testing.assert_allclose(values["cosine_grid"], 1)
    np.testing.assert_allclose(values["gain"], (0.9 + 0.7) / 2 / 0.5)
    np.testing.assert_array_equal(values["sameness"], 0)
    np.testing.assert_allclose(values["deletion"].mean(), area(found.deletion[None])[0])
    assert (values["seconds"] >= 0).all()
