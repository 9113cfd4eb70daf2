"""Where points fall on the picture."""

from __future__ import annotations

import numpy as np
import pytest

from feroi.synthetic.camera import YAW_DEG, aligned, rotation, whole_head


def test_frontal_and_profiles():
    nose = np.array([[0.0, 1.7, 10.5]])
    for angle, sign in ((0, -1), (45, -1), (90, 0), (135, 1), (180, 1)):
        camera = whole_head(rotation(YAW_DEG[angle], 0, 0), 284, np.random.default_rng(1))
        middle, _ = camera.project(np.array([[0.0, 1.7, 0.5]]))
        place, _ = camera.project(nose)
        assert np.sign(np.round(place[0, 0] - middle[0, 0])) == sign


def test_rotations_turn_and_do_not_stretch():
    turn = rotation(30, 20, -10)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(rotation(90, 0, 0) @ [0, 0, 1], [1, 0, 0], atol=1e-12)
    assert (rotation(0, 15, 0) @ [0, 0, 1])[1] > 0  # looks up


def test_alignment_undoes_roll_and_size():
    """A face whose eyes and mouth are similar to the form's own lands on it exactly."""
    marks = np.zeros((68, 3))
    marks[36:42], marks[42:48] = [-3.125, 3.0, 0.5], [3.125, 3.0, 0.5]
    marks[[48, 54]] = [[-2.0, 3.0 - 7.125, 0.5], [2.0, 3.0 - 7.125, 0.5]]
    for roll, scale in ((0, 1.0), (17, 1.1)):
        camera = aligned(rotation(0, 0, roll), marks * [scale, scale, 1])
        places, _ = camera.project(marks * [scale, scale, 1])
        np.testing.assert_allclose(places[36], [37.5, 58], atol=1e-9)
        np.testing.assert_allclose(places[42], [87.5, 58], atol=1e-9)
        np.testing.assert_allclose(places[[48, 54]].mean(0), [62.5, 115], atol=1e-9)


def test_a_misplaced_face_is_shifted_and_enlarged_about_the_middle():
    camera = whole_head(rotation(20, 5, 3), 200, np.random.default_rng(1))
    points = np.random.default_rng(2).uniform(-8, 8, (40, 3))
    before, _ = camera.project(points)
    for seed in range(30):
        moved = camera.misplaced(0.12, (200, 200), np.random.default_rng(seed))
        after, _ = moved.project(points)
        scale = np.ptp(after, axis=0) / np.ptp(before, axis=0)
        assert scale[0] == pytest.approx(scale[1])
        assert abs(np.log(scale[0])) <= 0.1
        shift = after - 100 - scale[0] * (before - 100)
        np.testing.assert_allclose(shift, shift[:1].repeat(40, 0), atol=1e-9)
        assert np.abs(shift).max() <= 0.12 * 200
    same = camera.misplaced(0.0, (200, 200), np.random.default_rng(0))
    np.testing.assert_array_equal(same.project(points)[0], before)
