"""Faces from ICT-FaceKit itself; skipped without a clone of it."""

from __future__ import annotations

import numpy as np
import pytest

from feroi.synthetic.dataset import write_dataset
from feroi.synthetic.expressions import Strength, displacements
from feroi.synthetic.facekit import FaceModel
from feroi.synthetic.truth import read_truth

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def faces(real_model: FaceModel, tmp_path_factory):
    root = tmp_path_factory.mktemp("faces")
    write_dataset(root, real_model, subjects=1, angles=(90,), gazes=("left", "frontal"), seed=0)
    return root


def _truth(root, ending):
    return read_truth(root, next(iter(sorted(root.glob(f"Rafd090*{ending}.jpg")))).name)


def _cell(point):
    x, y = (point / 4).astype(int)
    return y, x


def test_the_face_lies_where_its_landmarks_are(faces):
    marks = _truth(faces, "neutral_frontal").landmarks
    assert 100 < np.ptp(marks[:17, 0]) < 200
    assert (np.diff(marks[[19, 37, 30, 51, 57, 8], 1]) > 0).all()  # brow above eye above nose ...
    np.testing.assert_allclose(marks[:17, 0] + marks[16::-1, 0], 2 * marks[27, 0], atol=20)


def test_an_opened_mouth_moves_inside(faces):
    truth = _truth(faces, "surprised_frontal")
    upper, lower = truth.landmarks[62], truth.landmarks[66]
    assert lower[1] - upper[1] > 8
    jaw = truth.movement_of[26]
    assert jaw[_cell((upper + lower) / 2)] > 0.9 * np.hypot(*(lower - upper)) * 0.3
    assert jaw[_cell(truth.landmarks[8] - [0, 6])] > 2  # the chin


def test_movement_stays_on_the_face(faces):
    for ending in ("surprised_frontal", "fearful_frontal", "happy_left"):
        truth = _truth(faces, ending)
        rows, columns = np.nonzero(truth.movement > 0.3)
        left, right = truth.landmarks[:, 0].min() / 4, truth.landmarks[:, 0].max() / 4
        assert rows.max() <= truth.landmarks[8, 1] / 4 + 3  # no neck, no clothes
        assert rows.min() >= truth.landmarks[17:27, 1].min() / 4 - 11  # no scalp
        assert left - 3 <= columns.min() < columns.max() <= right + 3


def test_expressions_move_their_own_regions(faces):
    brow = _truth(faces, "surprised_frontal").movement_of[1]
    smile = _truth(faces, "happy_frontal").movement_of[12]
    assert np.unravel_index(brow.argmax(), brow.shape)[0] < np.unravel_index(smile.argmax(), brow.shape)[0]
    assert _truth(faces, "neutral_left").movement.max() < 1.5  # gaze is no movement of the face


def test_a_frown_draws_the_brows_down_at_their_inner_ends(real_model):
    down = -displacements(real_model, {4: Strength(1, 1)})[4][real_model.landmarks, 1]
    for inner, outer in ((21, 17), (22, 26)):
        assert down[inner] > 0.3  # cm
        assert down[inner] > 1.5 * down[outer]
