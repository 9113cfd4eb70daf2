from __future__ import annotations

import numpy as np
import pytest

from feroi.photo.cropped import cropped_landmarks
from feroi.photo.detect import biggest, detect
from feroi.photo.landmarks import landmarks
from feroi.photo.prepare import prepare


@pytest.fixture(scope="module")
def photo():
    from skimage import data

    return np.asarray(data.astronaut())


@pytest.mark.parametrize(
    ("pipeline", "size_hw"), [("wild", (96, 96)), ("wild", (53, 53)), ("pose", (284, 284))]
)
def test_landmarks_of_a_crop_are_those_of_its_photo(photo, pipeline, size_hw):
    points = landmarks(photo, biggest(detect(photo)))
    crop = prepare(photo.mean(2).astype(np.uint8), points, pipeline, size_hw)
    for known in (pipeline, None):
        found = cropped_landmarks(crop.image, known)
        eyes = np.hypot(*(crop.landmarks_xy_px[36] - crop.landmarks_xy_px[45]))
        assert np.hypot(*(found - crop.landmarks_xy_px)[17:].T).mean() < 0.08 * eyes


@pytest.mark.parametrize("pipeline", ["wild", None])
def test_what_is_no_face_has_no_landmarks(pipeline):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    assert cropped_landmarks(noise, pipeline) is None
