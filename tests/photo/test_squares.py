"""Turned squares against interpolation by SciPy, slices, quarter turns and averages."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest
from scipy import ndimage

from feroi.photo.squares import Frame, cut


@pytest.fixture(scope="module")
def photo():
    noise = np.random.default_rng(4).normal(0, 1, (160, 200, 3))
    return np.clip(128 + 300 * ndimage.gaussian_filter(noise, (3, 3, 0)), 0, 255).astype(np.uint8)


def places(frame, side_px):
    """Where in the photo the middles of the square's pixels lie, by the definition of a frame."""
    steps = (np.arange(side_px) + 0.5) / side_px - 0.5
    column, row = np.meshgrid(steps, steps)
    cos, sin = math.cos(frame.roll_rad), math.sin(frame.roll_rad)
    x = frame.centre.real + frame.side * (cos * column - sin * row)
    y = frame.centre.imag + frame.side * (sin * column + cos * row)
    return x, y


@pytest.mark.parametrize("roll_deg", [0, 12, 45, 90, -100, 180])
@pytest.mark.parametrize(("side", "side_px"), [(60.0, 64), (33.3, 64), (90.0, 64)])
def test_a_square_is_what_bilinear_interpolation_gives(photo, roll_deg, side, side_px):
    frame = Frame(101.3 + 77.8j, side, math.radians(roll_deg))
    x, y = places(frame, side_px)
    found = cut(photo, frame, side_px).astype(float)
    for channel in range(3):
        expected = ndimage.map_coordinates(photo[..., channel].astype(float), [y, x], order=1)
        assert np.abs(found[..., channel] - expected).max() < 1.5  # Pillow rounds down
        assert abs((found[..., channel] - expected).mean()) < 0.6


def test_a_square_of_whole_pixels_is_a_slice(photo):
    frame = Frame(complex(50 + 15.5, 40 + 15.5), 32.0, 0.0)
    np.testing.assert_array_equal(cut(photo, frame, 32), photo[40:72, 50:82])


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_quarter_turns_move_pixels_onto_pixels(photo, quarters):
    frame = Frame(complex(50 + 15.5, 40 + 15.5), 32.0, quarters * math.pi / 2)
    expected = np.rot90(photo[40:72, 50:82], quarters).astype(int)
    apart = cut(photo, frame, 32) - expected
    assert set(np.unique(apart)) <= {-1, 0}  # Pillow rounds down what is whole but for rounding
    assert (apart == 0).mean() > 0.7


@pytest.mark.parametrize("shrink", [2, 3, 5])
def test_where_the_photo_is_finer_pixels_are_averaged(shrink):
    """Of noise nothing is left but means, which are blocks' where these fall on the square's pixels."""
    noise = np.random.default_rng(0).integers(0, 256, (500, 500, 3)).astype(np.uint8)
    side = 16 * shrink
    first = 3 * side  # so that blocks begin at multiples of what is averaged, wherever the region begins
    frame = Frame(complex(first + (side - 1) / 2, first + (side - 1) / 2), float(side), 0.0)
    found = cut(noise, frame, 16).astype(float)
    assert found.std() < noise.std() / (0.6 * shrink)
    part = noise[first : first + side, first : first + side].astype(float)
    blocks = part.reshape(16, shrink, 16, shrink, 3).mean((1, 3))
    assert abs(found.mean() - blocks.mean()) < 3
    checks = np.indices((500, 500)).sum(0) % 2 * 255
    assert np.abs(cut(checks.astype(np.uint8), frame, 16).astype(float) - 127.5).max() < 128 / shrink


@pytest.mark.parametrize("roll_deg", [0, 33])
@pytest.mark.parametrize("side", [72.0, 250.0, 800.0])
def test_a_ramp_tells_where_each_pixel_came_from(side, roll_deg):
    """Whether it is shrunk first or not; half a pixel off would show."""
    frame = Frame(900.0 + 800.0j, side, math.radians(roll_deg))
    y, x = np.mgrid[0:1600, 0:1800]
    level_px = 2 * side / 255  # a grey level, so that the ramp spans the square
    for values, seen_at, middle in ((x, places(frame, 64)[0], 900), (y, places(frame, 64)[1], 800)):
        ramp = np.clip((values - middle) / level_px + 128, 0, 255)
        grey = cut(np.floor(ramp + 0.5).astype(np.uint8), frame, 64)[..., 0] + 0.45
        apart = (grey - 128) * level_px + middle - seen_at
        assert np.abs(apart).max() < 1.6 * level_px
        assert abs(apart.mean()) < 0.3 * level_px


def test_to_photo_is_where_cut_looked(photo):
    frame = Frame(90 + 70j, 40.0, 0.7)
    corners = frame.to_photo(np.array([0, 1, 0.5 + 0.5j, 1 + 1j, 1j]))
    half = frame.across / 2
    assert abs(half) == 20
    assert cmath.phase(half) == pytest.approx(0.7)
    expected = (
        np.array([-half - 1j * half, half - 1j * half, 0, half + 1j * half, 1j * half - half]) + 90 + 70j
    )
    np.testing.assert_allclose(corners, expected)


@pytest.mark.parametrize("place", [-500 - 500j, 500 + 70j, 90 + 700j, -70 + 70j])
def test_beyond_the_photo_it_is_black(photo, place):
    assert not cut(photo, Frame(place, 40.0, 0.3), 24).any()


def test_a_square_over_the_edge_is_black_beyond_it(photo):
    found = cut(np.full_like(photo, 200), Frame(-0.5 + 70j, 40.0, 0.0), 40)
    assert not found[:, :19].any()
    assert (found[:, 21:] == 200).all()


def test_grey_photos_are_cut_alike(photo):
    grey = np.ascontiguousarray(photo[..., 0])
    found = cut(grey, Frame(90 + 70j, 55.0, 0.4), 32)
    assert found.shape == (32, 32, 3)
    np.testing.assert_array_equal(found, np.repeat(found[..., :1], 3, axis=2))
    np.testing.assert_array_equal(found[..., 0], cut(photo, Frame(90 + 70j, 55.0, 0.4), 32)[..., 0])


def test_a_huge_square_costs_no_memory(photo):
    assert cut(photo, Frame(90 + 70j, 1e7, 0.1), 16).shape == (16, 16, 3)
