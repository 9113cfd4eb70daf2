"""Illumination: against a plain sparse solve, and by what it must leave unchanged."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.sparse.linalg import spsolve

from feroi.photo.illumination import (
    luminance,
    normalize_light,
    normalize_light_sliding,
)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def face_like(shape_hw=(64, 50)):
    """A smooth bright oval with darker eyes and mouth, 40..210, float."""
    y, x = np.mgrid[: shape_hw[0], : shape_hw[1]] / np.array(shape_hw)[:, None, None] - 0.5
    image = 40 + 170 * np.exp(-((4 * (x**2 + 0.7 * y**2)) ** 2))
    for cx, cy, wide in ((-0.2, -0.15, 0.08), (0.2, -0.15, 0.08), (0.0, 0.25, 0.13)):
        image *= 1 - 0.7 * np.exp(-(((x - cx) / wide) ** 2) - ((y - cy) / 0.05) ** 2)
    return image


def plain_luminance(image, smoothness):
    """The stationary point of the functional, assembled pair by pair."""
    height, width = image.shape
    rows, columns, values = [], [], []
    for i in range(height):
        for j in range(width):
            for k, m in ((i + 1, j), (i, j + 1)):
                if k < height and m < width:
                    a, b = i * width + j, k * width + m
                    rows += [a, b, a, b]
                    columns += [a, b, b, a]
                    values += [smoothness, smoothness, -smoothness, -smoothness]
    system = sparse.coo_array((values, (rows, columns)), shape=(image.size, image.size))
    system = (system + sparse.eye_array(image.size)).tocsc()
    return spsolve(system, image.ravel()).reshape(image.shape)


@pytest.mark.parametrize("shape", [(17, 12), (12, 17), (1, 9), (9, 1), (1, 1)])
@pytest.mark.parametrize("smoothness", [0.5, 100.0])
def test_luminance_is_the_plain_sparse_solution(rng, shape, smoothness):
    image = rng.uniform(0, 255, shape)
    expected = plain_luminance(image, smoothness)
    np.testing.assert_allclose(luminance(image, smoothness), expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("value", [0, 1, 128, 255])
def test_an_even_picture_becomes_mid_grey(value):
    assert (normalize_light(np.full((20, 15), value, np.uint8)) == 128).all()


@settings(max_examples=25, deadline=None)
@given(factor=st.floats(1e-3, 1e3), seed=st.integers(0, 99))
def test_the_unit_of_intensity_does_not_matter(factor, seed):
    image = np.random.default_rng(seed).uniform(0, 255, (24, 18))
    difference = normalize_light(image * factor).astype(int) - normalize_light(image)
    assert np.abs(difference).max() <= 1  # a value on the edge of rounding


def test_a_strong_gradient_of_light_is_removed():
    even = face_like((160, 125))
    lit = even * np.linspace(0.2, 1.0, even.shape[1])
    before = np.abs(even - lit).mean()
    after = np.abs(normalize_light(even).astype(float) - normalize_light(lit)).mean()
    assert before > 40
    assert after < before / 10


def test_black_regions_stay_quiet():
    image = np.zeros((60, 60), np.uint8)
    image[:20] = 200
    out = normalize_light(image, smoothness=10.0)
    assert np.abs(out[50:].astype(int) - 128).max() <= 1
    noise = np.random.default_rng(0).integers(0, 2, (60, 60)).astype(np.uint8)
    assert normalize_light(image + noise, smoothness=10.0)[50:].std() < 40


def test_black_and_white_are_kept_apart():
    board = np.kron(np.indices((4, 4)).sum(0) % 2, np.ones((5, 5))).astype(np.uint8) * 255
    out = normalize_light(board)
    assert out[board == 0].max() < 20
    assert out[board == 255].min() > 200


def test_one_window_is_the_whole():
    image = face_like()
    for window in (image.shape, (500, 500)):
        np.testing.assert_array_equal(
            normalize_light_sliding(image, window, 20.0), normalize_light(image, 20.0)
        )


def test_windows_leave_no_seams(rng):
    y, x = np.mgrid[:150, :190]
    image = 100 + 60 * np.sin(x / 31) * np.cos(y / 23)
    sliding = normalize_light_sliding(image, (40, 32), 10.0).astype(int)
    whole = normalize_light(image, 10.0).astype(int)
    assert np.abs(np.diff(sliding, axis=1)).max() <= np.abs(np.diff(whole, axis=1)).max() + 1
    assert np.abs(np.diff(sliding, axis=0)).max() <= np.abs(np.diff(whole, axis=0)).max() + 1
    assert np.abs(sliding - whole).mean() < 2


@pytest.mark.parametrize("shape", [(41, 100), (40, 33), (95, 32), (3, 200)])
def test_every_pixel_lies_in_a_window(rng, shape):
    out = normalize_light_sliding(rng.uniform(1, 255, shape), (40, 32))
    assert out.shape == shape
    assert out.min() >= 1


def test_inputs_are_left_alone():
    image = face_like().astype(np.uint8)
    before = image.copy()
    normalize_light(image)
    normalize_light_sliding(image, (20, 20))
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 4, 3), np.uint8), r"\(H, W\)"),
        (np.zeros((0, 4), np.uint8), r"\(H, W\)"),
        (np.array([[1.0, np.nan]]), "finite"),
        (np.array([[1.0, -2.0]]), "at least 0"),
    ],
)
def test_other_arrays_are_refused(image, message):
    with pytest.raises(ValueError, match=message):
        normalize_light(image)


def test_settings_are_checked():
    image = np.ones((4, 4))
    with pytest.raises(ValueError, match="smoothness must be above 0"):
        normalize_light(image, smoothness=0)
    with pytest.raises(ValueError, match="at least 2 px"):
        normalize_light_sliding(image, (1, 8))
