"""Images are cropped to the proportions asked for, and resized."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feroi.photo.decode import (
    cover,
    is_image_name,
)


def test_cover_keeps_proportions_and_the_centre():
    wide = np.zeros((10, 30), np.uint8)
    wide[:, 10:20] = 200
    assert (cover(wide, (10, 10)) == 200).all()
    assert (cover(wide, (5, 5))[:, 1:-1] > 195).all()
    assert cover(wide, (20, 15)).shape == (20, 15)


def test_cover_of_the_right_size_changes_nothing():
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert cover(image, (3, 4)) is image


def test_image_names(tmp_path):
    assert is_image_name(tmp_path / "A.JPG")
    assert not is_image_name(tmp_path / ".hidden.png")
    assert not is_image_name(tmp_path / "Thumbs.db")


@given(st.tuples(*[st.integers(1, 400)] * 2), st.tuples(*[st.integers(16, 120)] * 2))
def test_cover_takes_every_size(image_hw, size_hw):
    image = np.full(image_hw, 77, np.uint8)
    assert cover(image, size_hw).shape == size_hw
    assert (cover(image, size_hw) == 77).all()


@pytest.mark.parametrize(("side", "size"), [(250, 48), (500, 48), (100, 40), (400, 40)])
def test_cover_is_not_thrown_by_rounding(side, size):
    stored = round(size * 10 / 9)
    assert cover(np.zeros((side, side), np.uint8), (stored, stored)).shape == (stored, stored)
