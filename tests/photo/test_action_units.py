"""Action Units, gaze and closed eyes: cases by hand, and faces moved point by point."""

import numpy as np
import pytest
from skimage import data

from feroi.photo import action_units as module
from feroi.photo.action_units import UNTOLD, WORDS, ActionUnits, action_units, eyes_closed, gaze, in_words
from feroi.photo.detect import detect
from feroi.photo.face_mesh import Mesh, coefficients, fit_meshes
from feroi.photo.face_mesh_points import COEFFICIENTS
from feroi.photo.pose import mean_mesh

MOUTH_CORNERS = {"left": 291, "right": 61}
LIDS = {
    "left": ([386, 385, 387, 384, 388, 398, 466], [374, 380, 373, 381, 390, 382, 249]),
    "right": ([159, 158, 160, 157, 161, 173, 246], [145, 153, 144, 154, 163, 155, 7]),
}
"""Upper and lower, from the middle outwards."""
IRISES = slice(468, 478)
PX_PER_CM = 12


def resting_mesh():
    """The mean face in a photo."""
    return mean_mesh().points_cm * [PX_PER_CM, -PX_PER_CM, -PX_PER_CM] + [300, 300, 0]


def read(points):
    return coefficients([Mesh(points, 10.0)])[0]


def given_coefficients(**values):
    found = np.zeros(52)
    for name, value in values.items():
        found[COEFFICIENTS.index(name)] = value
    return found


def test_the_table_in_the_docstring_is_what_is_computed():
    for line in module.__doc__.splitlines():
        if line.startswith("    AU"):
            name, row = line.split()[0], module._ROWS[line.split()[0]]
            numbers = ", ".join(f"{term} {weight:.2f}" for term, weight in row.weights.items())
            assert line.endswith(f" {row.rest:.2f}  {numbers}"), name
    assert module.__doc__.count("\n    AU") == len(module._ROWS)
    assert set(module._ROWS) == set(WORDS)
    assert not set(WORDS) & set(UNTOLD)


def test_strengths_by_hand():
    units = action_units(given_coefficients(mouthSmileLeft=0.5, mouthSmileRight=0.8, jawOpen=0.25))
    assert units.sides["AU12"] == pytest.approx((1 / (1 + np.exp(-0.04)), 0.8 / (0.8 + 0.2 * np.exp(-0.04))))
    assert units.both["AU12"] == max(units.sides["AU12"])
    assert units.both["AU26"] == pytest.approx(1 / (1 + np.exp(-1.93) * 3**1.08))
    assert "AU26" not in units.sides
    assert set(units.both) == set(WORDS)
    assert all(0 <= value <= 1 for value in units.both.values())


def test_exact_0_and_1_are_read_as_near_to_them():
    assert action_units(np.zeros(52)) == action_units(np.full(52, 1e-4))
    assert action_units(np.ones(52)) == action_units(np.full(52, 0.9999))


def test_swapped_sides_of_a_face_swap_the_sides_of_what_is_told():
    found = np.random.default_rng(0).uniform(0, 1, 52)
    names = [name[:-4] + "Right" if name.endswith("Left") else name for name in COEFFICIENTS]
    names = [
        name[:-5] + "Left" if name.endswith("Right") else other
        for name, other in zip(COEFFICIENTS, names, strict=True)
    ]
    mirrored = found[[COEFFICIENTS.index(name) for name in names]]
    units, swapped = action_units(found), action_units(mirrored)
    assert swapped.both == pytest.approx(units.both)
    assert swapped.sides == {name: pytest.approx(pair[::-1]) for name, pair in units.sides.items()}


def test_the_mean_face_rests():
    found = read(resting_mesh())
    units = action_units(found)
    assert max(units.both.values()) < 0.15
    assert in_words(units.both) == []
    assert eyes_closed(found) < 0.1
    assert gaze(found) == pytest.approx((0, 0), abs=6)
    assert abs(gaze(found).yaw_deg) < 1  # as symmetric as the face


@pytest.mark.parametrize(("side", "outwards"), [("left", 1), ("right", -1)])
def test_a_mouth_corner_pulled_up_is_told_on_its_side(side, outwards):
    points = resting_mesh()
    apart = np.linalg.norm((points - points[MOUTH_CORNERS[side]])[:, :2], axis=1)
    points += np.exp(-((apart / 14) ** 2))[:, None] * [6 * outwards, -12, 0]
    smile = action_units(read(points)).sides["AU12"]
    moved, still = smile if side == "left" else smile[::-1]
    assert moved > 0.5 > 0.3 > still


@pytest.mark.parametrize("side", ["left", "right"])
def test_an_eye_that_closes_is_told_on_its_side(side):
    points = resting_mesh()
    upper, lower = LIDS[side]
    points[upper, 1] = points[lower, 1] - 1
    found = read(points)
    closed, opened = action_units(found).sides["AU43"][:: 1 if side == "left" else -1]
    assert closed > 0.9 > 0.1 > opened
    assert eyes_closed(found) < 0.1  # that asks for both
    upper, lower = LIDS["right" if side == "left" else "left"]
    points[upper, 1] = points[lower, 1] - 1
    assert eyes_closed(read(points)) > 0.9


@pytest.mark.parametrize(("right_px", "down_px"), [(6, 0), (-6, 0), (0, 4), (0, -4)])
def test_gaze_follows_the_irises(right_px, down_px):
    points = resting_mesh()
    points[IRISES, :2] += [right_px, down_px]
    looking = gaze(read(points))
    if right_px:
        # an eye of 1.2 cm radius whose iris moves by half a cm has turned by 25 degrees
        assert looking.yaw_deg == pytest.approx(np.sign(right_px) * 25, abs=8)
        assert abs(looking.pitch_deg) < 8
    else:
        assert looking.pitch_deg == pytest.approx(-np.sign(down_px) * 20, abs=8)
        assert abs(looking.yaw_deg) < 4


@pytest.mark.parametrize("right_px", [-5, -2, 0, 2, 5])
def test_a_mirrored_face_looks_the_other_way(right_px):
    points = resting_mesh()
    points[IRISES, 0] += right_px
    mirrored = (points * [-1, 1, 1] + [600, 0, 0])[mean_mesh().mirror_order]
    assert gaze(read(mirrored)).yaw_deg == pytest.approx(-gaze(read(points)).yaw_deg, abs=2)


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_smile_in_a_photograph(mirrored):
    photo = data.astronaut()
    photo = np.ascontiguousarray(photo[:, ::-1]) if mirrored else photo
    (mesh,) = fit_meshes(photo, [detect(photo)[0].frame])
    (found,) = coefficients([mesh])
    words = in_words(action_units(found).both)
    assert words[0] == "lip corners raised (AU 12) .9"
    assert {word.split(" (")[0] for word in words[1:]} == {"cheeks raised", "lips parted"}
    assert eyes_closed(found) < 0.1
    assert abs(gaze(found).yaw_deg) < 8


def test_words_are_the_strongest_above_a_limit():
    units = ActionUnits({"AU04": 0.72, "AU25": 0.51, "AU12": 0.3, "AU26": 0.31, "AU01": 1.0, "AU02": 0.1}, {})
    assert in_words(units.both) == [
        "inner brows raised (AU 1) 1.0",
        "brows lowered (AU 4) .7",
        "lips parted (AU 25) .5",
    ]
    assert in_words(units.both, at_least=0.6, most=9) == [
        "inner brows raised (AU 1) 1.0",
        "brows lowered (AU 4) .7",
    ]
    assert in_words(units.both, most=0) == []


@pytest.mark.parametrize("function", [action_units, gaze, eyes_closed])
@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (np.zeros(51), "52 numbers"),
        (np.zeros((1, 52)), "52 numbers"),
        (np.full(52, 1.01), "within 0 and 1"),
        (np.full(52, np.nan), "within 0 and 1"),
    ],
)
def test_what_is_no_coefficients_is_refused(function, given, complaint):
    with pytest.raises(ValueError, match=complaint):
        function(given)
