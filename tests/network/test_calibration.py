from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from feroi.network.calibration import UNCALIBRATED, Calibration, read_calibration, write_calibration
from feroi.outputs import NetworkOutput


def _left_half(faces):
    """A reader that sees the left half of 2x4 faces alone, and looks where it is bright."""
    left = faces[:, 0, :, :2].mean((1, 2))
    return NetworkOutput(
        np.stack([left, 2 * left], 1), faces[:, 0] / faces[:, 0].sum((1, 2), keepdims=True), left[:, None]
    )


FACES = np.array([[[[1, 1, 0, 0], [1, 1, 0, 2]]]], np.float32)


def test_mirror_images_and_temperature_by_hand():
    look = Calibration(mirror=True, temperature=4.0).forward(_left_half)(FACES)
    # left half 1, of the mirror image (0 + 0 + 2 + 0) / 4 = 0.5: mean 0.75, over 4
    np.testing.assert_allclose(look.logits, [[0.1875, 0.375]])
    np.testing.assert_allclose(look.focus, [[0.75]])
    # the map of the mirror image is turned back before the mean, so it is the map itself
    np.testing.assert_allclose(look.attention[0], FACES[0, 0] / 6)


def test_what_weighs_no_location_still_does_not():
    def blind(faces):
        return _left_half(faces)._replace(attention=None)

    assert Calibration(mirror=True).forward(blind)(FACES).attention is None


def test_an_uncalibrated_reader_is_left_alone():
    assert UNCALIBRATED.forward(_left_half) is _left_half


def test_likely_ones_by_hand():
    probabilities = np.array([[0.5, 0.3, 0.2], [0.2, 0.6, 0.2], [0.34, 0.33, 0.33]])
    calibrated = Calibration(coverage=0.9, threshold=0.3)
    assert calibrated.likely(probabilities).tolist() == [[1, 1, 0], [0, 1, 0], [1, 1, 1]]
    assert Calibration(coverage=0.9, threshold=0.9).likely(probabilities).sum(1).tolist() == [1, 1, 1]
    assert UNCALIBRATED.likely(probabilities[0]).tolist() == [1, 0, 0]


def test_a_calibration_survives_its_file():
    calibration = Calibration(True, 1.25, 0.9, 0.125)
    assert read_calibration(Path("m"), write_calibration(calibration)) == calibration
    assert read_calibration(Path("m"), write_calibration(UNCALIBRATED)) == UNCALIBRATED
    assert read_calibration(Path("m"), {}) == UNCALIBRATED


@pytest.mark.parametrize(
    "values",
    [
        {"temperature": 0},
        {"temperature": float("nan")},
        {"temperature": "1"},
        {"mirror": 1},
        {"coverage": 0.9},
        {"coverage": 0.9, "threshold": 2.0},
        {"heat": 1},
        [],
        "calibrated",
    ],
)
def test_a_broken_calibration_is_refused(values):
    with pytest.raises(ValueError, match=r"^model has a broken calibration"):
        read_calibration(Path("model"), {"calibration": json.dumps(values)})
