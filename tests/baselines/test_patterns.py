"""Local codes, against the definitions written out pixel by pixel."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest

from feroi.baselines.patterns import GRID, LBP_LABELS, grid_histograms, lbp, lpq, lpq_codes

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (17, 14), dtype=np.uint8)
FREQUENCIES = [(1 / 7, 0), (0, 1 / 7), (1 / 7, 1 / 7), (1 / 7, -1 / 7)]  # across, down


def _coefficients(image, row, column):
    """Four real and four imaginary parts of F(u, x), summed over the window one pixel at a time."""
    found = []
    for across, down in FREQUENCIES:
        total = 0j
        for dy in range(-3, 4):
            for dx in range(-3, 4):
                wave = cmath.exp(-2j * math.pi * (across * dx + down * dy))
                total += float(image[row - dy, column - dx]) * wave
        found.append(total)
    return [each.real for each in found] + [each.imag for each in found]


def test_lpq_codes_are_the_signs_of_the_windows_fourier_coefficients():
    codes = lpq_codes(NOISE, decorrelate=False)
    assert codes.shape == (11, 8)
    for row in range(11):
        for column in range(8):
            parts = _coefficients(NOISE, row + 3, column + 3)
            assert codes[row, column] == sum(2**j for j, part in enumerate(parts) if part >= 0)


def test_lpq_decorrelates_by_the_axes_of_the_covariance_of_its_model():
    # The covariance once more: between each two coefficients, summed over each two pixels of the window.
    window = [(dy, dx) for dy in range(-3, 4) for dx in range(-3, 4)]
    rows = []
    for part in (math.cos, lambda angle: -math.sin(angle)):
        for across, down in FREQUENCIES:
            rows.append([part(2 * math.pi * (across * -dx + down * -dy)) for dy, dx in window])
    model = [[0.9 ** math.dist(one, other) for other in window] for one in window]
    covariance = np.array(rows) @ np.array(model) @ np.array(rows).T
    values, axes = np.linalg.eigh(covariance)
    alone = [k for k in range(8) if np.isclose(values, values[k], rtol=1e-9).sum() == 1]
    assert len(alone) == 4  # the others lie in planes of equally long axes, which the definition leaves open

    samples = np.array([_coefficients(NOISE, r, c) for r in range(3, 14) for c in range(3, 11)])
    codes = lpq_codes(NOISE).reshape(-1)
    signs = np.array([[1 if code >> bit & 1 else -1 for bit in range(8)] for code in codes])
    agree = np.abs(np.sign(samples @ axes[:, alone]).T @ signs) / len(codes)  # (4, 8), 1 where bit = sign
    assert (agree.max(1) == 1).all()


def test_flat_ground_has_one_lpq_code_whatever_its_brightness():
    for value in (0, 77, 255):
        assert np.unique(lpq_codes(np.full((9, 9), value, np.uint8))).tolist() == [255]


def test_lpq_does_not_change_with_the_light():
    dim = NOISE // 2
    np.testing.assert_array_equal(lpq_codes(dim), lpq_codes(dim + 100))


def test_cells_hold_the_shares_of_their_own_codes():
    codes = np.array([[[0, 1, 2, 2], [1, 1, 2, 0]]])
    # Two cells of 2x2: codes 0, 1, 1, 1 and 2, 2, 2, 0.
    expected = [[0.25, 0.75, 0, 0.25, 0, 0.75]]
    np.testing.assert_allclose(grid_histograms(codes, 3, (1, 2)), expected)


def test_lbp_counts_uniform_patterns_in_each_cell():
    flat = lbp(np.full((1, 40, 40), 9, np.uint8)).reshape(42, LBP_LABELS)
    # On flat ground all eight neighbours are as bright as the middle: one uniform pattern.
    assert (flat.max(1) == 1).all()
    noise = RNG.integers(0, 256, (46, 40), dtype=np.uint8)  # 42x36 px have a code: cells of 6x6
    shares = lbp(noise[None]).reshape(42, LBP_LABELS)
    np.testing.assert_allclose(shares.sum(1), 1, rtol=1e-5)
    assert shares[:, -1].mean() == pytest.approx(_share_not_uniform(noise.astype(float)), abs=1e-3)


def _share_not_uniform(image):
    """Of the pixels at least 2 from the rim, those whose circle turns more than twice."""
    turns = []
    for row in range(2, image.shape[0] - 2):
        for column in range(2, image.shape[1] - 2):
            brighter = []
            for point in range(8):
                y = row - 2 * math.sin(point * math.pi / 4)
                x = column + 2 * math.cos(point * math.pi / 4)
                y, x = round(y, 9), round(x, 9)
                top, left = math.floor(y), math.floor(x)
                down, across = y - top, x - left
                bottom, right = math.ceil(y), math.ceil(x)
                above = (1 - across) * image[top, left] + across * image[top, right]
                below = (1 - across) * image[bottom, left] + across * image[bottom, right]
                brighter.append((1 - down) * above + down * below >= image[row, column])
            turns.append(
                sum(one != other for one, other in zip(brighter, brighter[1:] + brighter[:1], strict=True))
            )
    return float(np.mean(np.array(turns) > 2))


def test_images_are_described_one_by_one():
    images = RNG.integers(0, 256, (3, 30, 25), dtype=np.uint8)
    for descriptor in (lbp, lpq):
        np.testing.assert_array_equal(descriptor(images)[1:2], descriptor(images[1:2]))
    assert lpq(images).shape == (3, math.prod(GRID) * 256)
    assert lpq(images).sum() == pytest.approx(3 * 42, rel=1e-4)
