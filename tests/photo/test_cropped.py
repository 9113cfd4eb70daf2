from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from feroi.photo.crop import prepare
from feroi.photo.cropped import cropped_landmarks, usual_landmarks
from feroi.photo.decode import to_intensity
from feroi.photo.detect import detect
from feroi.photo.geometry import anchor_points, frame_px, generic_face
from feroi.photo.landmarks import locate
from support.faces import astronaut


@pytest.fixture(scope="module")
def points():
    (face,) = detect(astronaut())
    return locate(astronaut(), [face.frame])[0]


def error(found, crop):
    """Mean distance of the landmarks that are not jaw, over that of the outer eye corners."""
    eyes = np.hypot(*(crop.landmarks_xy_px[36] - crop.landmarks_xy_px[45]))
    return np.hypot(*(found - crop.landmarks_xy_px)[17:].T).mean() / eyes


@pytest.mark.parametrize(
    ("pipeline", "size_hw", "bound"),
    [
        ("wild", (96, 96), 0.02),
        ("wild", (53, 53), 0.03),
        ("wild", (48, 48), 0.03),
        ("pose", (284, 284), 0.02),
        ("front", (160, 125), 0.1),  # where the landmarks of the frame are those of the generic face
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_landmarks_of_a_crop_are_those_of_its_photo(points, pipeline, size_hw, bound, known):
    crop = prepare(to_intensity(astronaut()), points, pipeline, size_hw)
    found = cropped_landmarks(crop.image, pipeline if known else None)
    assert found.shape == (68, 2)
    assert error(found, crop) < bound


def test_the_usual_landmarks_are_the_generic_faces_in_the_frontal_frame():
    expected = frame_px(generic_face().landmarks_cm)
    np.testing.assert_allclose(usual_landmarks("front", (160, 125)), expected, atol=1e-9)


def test_the_usual_landmarks_are_those_of_fer_2013s_faces_on_average():
    """Medians of eyes and mouth over 373 training images, of docs/results/registration.md."""
    measured = [(14.55, 18.24), (32.58, 18.07), (23.65, 36.95)]
    found = anchor_points(usual_landmarks("wild", (48, 48)))
    np.testing.assert_allclose(found, measured, atol=1.5)


@pytest.mark.parametrize("growth", [0.85, 1.15])
@pytest.mark.parametrize("shift", [(-0.08, 0.05), (0.08, -0.05)])
def test_a_crop_of_fer_2013_that_is_framed_otherwise(points, growth, shift):
    """As loose, as tight and as far from the middle as FER-2013's own are, at 48 px."""
    crop = prepare(to_intensity(astronaut()), points, "wild", (480, 480))
    low = 240 * (1 - growth) + 480 * np.array(shift)
    box = (*low, *(low + 480 * growth))
    small = Image.fromarray(crop.image).resize((48, 48), Image.Resampling.BICUBIC, box=_inside(box))
    left, top, right, bottom = _inside(box)
    step = np.array([right - left, bottom - top]) / 48
    expected = (crop.landmarks_xy_px + 0.5 - [left, top]) / step - 0.5
    found = cropped_landmarks(np.asarray(small), "wild")
    assert error(found, crop._replace(landmarks_xy_px=expected)) < 0.04


def _inside(box):
    return tuple(float(np.clip(value, 0, 480)) for value in box)


def test_a_crop_of_another_pipeline_than_said_is_found_by_the_detector(points):
    crop = prepare(to_intensity(astronaut()), points, "pose", (284, 284))
    half = crop._replace(
        image=np.pad(crop.image, ((0, 284), (0, 284)), mode="edge"), landmarks_xy_px=crop.landmarks_xy_px
    )
    assert error(cropped_landmarks(half.image, "wild"), half) < 0.02


@pytest.mark.parametrize("pipeline", ["wild", "pose", "front", None])
def test_what_is_no_face_has_no_landmarks(pipeline):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    assert cropped_landmarks(noise, pipeline) is None
    assert cropped_landmarks(np.full((48, 48), 90, np.uint8), pipeline) is None
