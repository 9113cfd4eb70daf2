"""YuNet's answers against a plain reading of the network's raw outputs, cell by cell."""

from __future__ import annotations

import math

import numpy as np
import pytest

from feroi.inference import shipped_session
from feroi.photo.yunet import find
from support.faces import astronaut

PICTURE = astronaut()[:200, 120:330]  # no multiple of 32 either way


def read_plainly(picture, least):
    """OpenCV's own decoding (FaceDetectorYN), in a loop over cells."""
    height, width, _ = picture.shape
    padded = np.zeros((1, 3, 32 * math.ceil(height / 32), 32 * math.ceil(width / 32)), np.float32)
    for colour in range(3):
        padded[0, colour, :height, :width] = picture[..., 2 - colour]
    session = shipped_session("photo/models/yunet.onnx")
    names = [output.name for output in session.get_outputs()]
    raw = dict(zip(names, session.run(names, {"input": padded}), strict=True))
    rows = []
    for stride in (8, 16, 32):
        columns = padded.shape[3] // stride
        assert raw[f"cls_{stride}"].shape[1] == columns * padded.shape[2] // stride
        for cell in range(raw[f"cls_{stride}"].shape[1]):
            row, column = cell // columns, cell % columns
            seen = min(max(float(raw[f"cls_{stride}"][0, cell, 0]), 0), 1)
            there = min(max(float(raw[f"obj_{stride}"][0, cell, 0]), 0), 1)
            score = math.sqrt(seen * there)
            if score > least:
                x, y, log_width, log_height = map(float, raw[f"bbox_{stride}"][0, cell])
                points = [float(value) for value in raw[f"kps_{stride}"][0, cell]]
                right, left = (
                    ((points[at] + column) * stride, (points[at + 1] + row) * stride) for at in (0, 2)
                )
                rows.append(
                    [
                        (column + x) * stride, (row + y) * stride,
                        math.exp(log_width) * stride, math.exp(log_height) * stride,
                        score, left[0] - right[0], left[1] - right[1],
                    ]
                )  # fmt: skip
    return np.array(rows).reshape(-1, 7)


@pytest.mark.parametrize("least", [0.05, 0.3, 0.9])
def test_answers_are_those_of_a_plain_loop(least):
    (found,) = find(PICTURE[None], least)
    expected = read_plainly(PICTURE, least)
    assert len(expected) > 0
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


def test_the_surest_is_her_face_with_her_eyes():
    """As marked by hand: eyes at (203.1, 101.4) and (246.3, 103.0), between hairline and chin."""
    (found,) = find(PICTURE[None], 0.3)
    x, y, width, height, score, across, down = found[found[:, 4].argmax()]
    assert (x + 120, y) == pytest.approx((224, 118), abs=5)
    assert (width, height) == pytest.approx((90, 113), rel=0.1)
    assert 0.9 < score <= 1
    assert (across, down) == pytest.approx((43.2, 1.6), abs=5)


def test_pictures_do_not_know_of_each_other():
    others = np.stack([PICTURE, PICTURE[:, ::-1], np.full_like(PICTURE, 90), PICTURE[::-1]])
    together = find(others, 0.2)
    assert [len(rows) > 0 for rows in together][:3] == [True, True, False]
    for rows, picture in zip(together, others, strict=True):
        (alone,) = find(picture[None], 0.2)
        assert rows.shape == alone.shape
        np.testing.assert_allclose(rows, alone, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("shape", [(1, 1), (32, 32), (33, 5)])
def test_pictures_of_any_size(shape):
    (found,) = find(np.full((1, *shape, 3), 90, np.uint8), 0.3)
    assert found.shape == (0, 7)
