"""Groups of a made-up head: everyone stands where they were told to, and the nearer hides the farther."""

from __future__ import annotations

import numpy as np
import pytest

from feroi.synthetic.groups import BACKDROPS, Group, Person, photograph_group
from feroi.synthetic.skin import canvas

SIZE_HW = (120, 180)
LEFT = Person(3, "happy", 0.25, 0.4, 0.3)
RIGHT = Person(4, "sad", 0.75, 0.5, 0.5, roll_deg=20.0)


@pytest.fixture(scope="module")
def shoot(made_up_model):
    paper = canvas(made_up_model)

    def run(*people):
        return photograph_group(made_up_model, paper, Group("library", people), SIZE_HW, seed=1)

    return run


@pytest.mark.slow
def test_people_stand_where_and_as_large_as_they_were_told(shoot):
    photo = shoot(LEFT, RIGHT)
    assert photo.image.shape == SIZE_HW
    for person, points in zip((LEFT, RIGHT), photo.landmarks, strict=True):
        middle = points[27:36].mean(0) / SIZE_HW[::-1]  # the nose
        assert np.abs(middle - [person.x, person.y]).max() < 0.06
    small, large = (np.linalg.norm(points[8] - points[27]) for points in photo.landmarks)  # chin to nose
    assert large / small == pytest.approx(0.5 / 0.3, rel=0.15)  # people differ
    eyes = photo.landmarks[1][42:48].mean(0) - photo.landmarks[1][36:42].mean(0)
    assert np.degrees(np.arctan2(*eyes[::-1])) == pytest.approx(-20, abs=4)  # to their right, y downwards


@pytest.mark.slow
def test_the_nearer_hides_the_farther_and_the_picture_is_repeatable(shoot):
    near = RIGHT._replace(x=0.25, y=0.4)
    alone, both = shoot(near), shoot(LEFT, near)
    x, y = both.landmarks[1][30].astype(int)
    face = np.s_[y - 8 : y + 8, x - 8 : x + 8]
    assert np.abs(alone.image[face].astype(int).mean() - both.image[face].mean()) < 40
    np.testing.assert_array_equal(shoot(LEFT).image, shoot(LEFT).image)
    assert not np.array_equal(shoot(LEFT).image, shoot(RIGHT).image)


@pytest.mark.parametrize("name", BACKDROPS)
def test_backdrops_are_out_of_focus_and_never_black(name):
    light = BACKDROPS[name]((200, 300), np.random.default_rng(0))
    assert light.shape == (200, 300)
    assert light.min() >= 0.005
    assert light.std() > 0.03
    assert np.abs(np.diff(light, axis=1)).max() < 0.5 * np.ptp(light)
