"""A whole set from a made-up head: names, bytes, resuming, truth."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from feroi.data.rafd import paper_fold, read_rafd
from feroi.synthetic.camera import YAW_DEG
from feroi.synthetic.dataset import write_dataset
from feroi.synthetic.difficulty import DIFFICULTIES
from feroi.synthetic.expressions import Strength
from feroi.synthetic.sheet import draw_sheets
from feroi.synthetic.subject import resting_head
from feroi.synthetic.traits import draw_traits, subject_numbers
from feroi.synthetic.truth import Truth, read_truth, write_truth

SMALL = {"angles": (90, 180), "gazes": ("frontal", "left"), "size": 64}


def _bytes_of(root):
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def small_set(made_up_model, tmp_path_factory):
    root = tmp_path_factory.mktemp("synth")
    told = []
    count = write_dataset(
        root,
        made_up_model,
        subjects=2,
        seed=4,
        on_progress=lambda *each: told.append(each),
        **SMALL,
    )
    assert count == 2 * 2 * 2 * 8
    assert told == [(32, 64), (64, 64)]
    return root


def test_folds_are_those_of_the_paper():
    counts = Counter(paper_fold(str(number)) for number in subject_numbers(67))
    assert [counts[fold] for fold in range(5)] == [13, 13, 13, 14, 14]
    for few in (5, 10, 25):
        assert set(Counter(paper_fold(str(n)) for n in subject_numbers(few)).values()) == {few // 5}
    with pytest.raises(ValueError, match="1 to 67"):
        subject_numbers(68)


def test_people_vary_and_stay_who_they_are():
    people = [draw_traits(number, 0) for number in subject_numbers(67)]
    assert draw_traits(30, 0) == people[subject_numbers(67).index(30)]
    assert 20 < sum(each.gender == "female" for each in people) < 47
    assert sum(each.is_kid for each in people) >= 4
    assert sum(each.age > 55 for each in people) >= 6
    assert len({each.style for each in people}) >= 8
    assert not any(each.beard for each in people if each.gender == "female" or each.is_kid)


def test_gender_and_age_move_bones(made_up_model):
    man = replace(draw_traits(3, 0), masculine=1.0, age=30)
    woman, elder = replace(man, masculine=-1.0), replace(man, age=75)
    jaw = made_up_model.landmarks[[4, 12]]
    width = [np.ptp(resting_head(made_up_model, who, 0)[jaw, 0]) for who in (man, woman)]
    assert width[0] > 1.05 * width[1]
    change = resting_head(made_up_model, elder, 0) - resting_head(made_up_model, man, 0)
    assert np.abs(change).max() > 0.2


@pytest.mark.slow
def test_names_are_rafd_s(small_set):
    samples = read_rafd(small_set)
    assert len(samples) == 2 * 2 * 2 * 7
    assert set(samples.attribute("pose")) == {"090", "180"}
    assert set(samples.subjects) == {"01", "16"}
    with Image.open(samples[0].image) as picture:
        assert picture.size == (64, 64)
        assert picture.mode == "L"


@pytest.mark.slow
def test_truth_belongs_to_its_picture(small_set):
    happy = read_truth(small_set, _one(small_set, "happy_frontal"))
    assert {6, 12} <= set(happy.action_units)
    assert set(happy.movement_of) == set(happy.action_units)
    assert happy.movement.shape == (16, 16)
    assert happy.landmarks.shape == (68, 2)
    assert happy.movement.max() > 0
    neutral = read_truth(small_set, _one(small_set, "neutral_frontal"))
    assert neutral.movement.max() < 0.2 * happy.movement.max()


def _one(root, ending):
    return next(iter(sorted(root.glob(f"Rafd090*{ending}.jpg")))).name


@pytest.mark.slow
def test_gazes_have_their_own_strengths_and_angles_share_them(small_set):
    name = _one(small_set, "angry_frontal")
    frontal = read_truth(small_set, name)
    assert read_truth(small_set, name.replace("Rafd090", "Rafd180")).sides == frontal.sides
    assert read_truth(small_set, name.replace("_frontal.", "_left.")).sides != frontal.sides


@pytest.mark.slow
def test_a_killed_run_resumes(small_set, made_up_model):
    before = _bytes_of(small_set)
    lost = [_one(small_set, "sad_frontal"), f"truth/{_one(small_set, 'sad_left')[:-4]}.npz"]
    kept = small_set / _one(small_set, "happy_frontal")
    written = kept.stat().st_mtime_ns
    for name in lost:
        (small_set / name).unlink()
    write_dataset(small_set, made_up_model, subjects=2, seed=4, **SMALL)
    assert _bytes_of(small_set) == before
    assert kept.stat().st_mtime_ns == written


@pytest.mark.slow
def test_provenance_grows_with_the_set(small_set, made_up_model):
    before = json.loads((small_set / "provenance.json").read_text())
    write_dataset(small_set, made_up_model, subjects=1, seed=4, **SMALL | {"gazes": ("left",)})
    assert json.loads((small_set / "provenance.json").read_text()) == before
    assert [each["number"] for each in before["subjects"]] == [1, 16]


@pytest.mark.slow
def test_sheets_show_every_expression_and_angle(small_set, tmp_path):
    sizes = {}
    for path in draw_sheets(small_set, tmp_path):
        with Image.open(path) as sheet:
            sizes[path.stem] = sheet.size
    assert sizes["expressions"] == sizes["movement"] == (7 * 64, 2 * 64)
    assert sizes["poses"] == (2 * 64, 2 * 64)
    assert sizes["action_units"][1] == 7 * 64


@pytest.mark.slow
def test_another_set_is_not_mixed_in(small_set, made_up_model):
    with pytest.raises(ValueError, match=r"differs in seed \(4 -> 5\)"):
        write_dataset(small_set, made_up_model, subjects=2, seed=5, **SMALL)


@pytest.mark.slow
def test_workers_do_not_change_a_byte(small_set, made_up_model, tmp_path):
    write_dataset(tmp_path, made_up_model, subjects=2, seed=4, workers=2, **SMALL)
    assert _bytes_of(tmp_path) == _bytes_of(small_set)


@pytest.mark.slow
@pytest.mark.parametrize("difficulty", ["clean", "wild"])
def test_aligned_form(made_up_model, tmp_path, difficulty):
    count = write_dataset(
        tmp_path, made_up_model, subjects=1, gazes=("frontal",), crop="front", difficulty=difficulty
    )
    assert count == 8
    name = _one(tmp_path, "surprised_frontal")
    with Image.open(tmp_path / name) as picture:
        assert picture.size == (125, 160)
    truth = read_truth(tmp_path, name)
    assert truth.movement.shape == (40, 32)
    eyes = truth.landmarks[36:42].mean(0), truth.landmarks[42:48].mean(0)
    np.testing.assert_allclose(eyes, [[37.5, 58], [87.5, 58]], atol=4)
    assert json.loads((tmp_path / "provenance.json").read_text())["size_wh_px"] == [125, 160]
    assert "MIT License" in (tmp_path / "LICENSE-ICT-FaceKit").read_text()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"angles": (30,)}, "unknown angle 30"),
        ({"gazes": ("up",)}, "unknown gaze up"),
        ({"difficulty": "hard"}, "clean, wild, varied, turned"),
        ({"jitter": 0.3}, "0 to 0.2, got 0.3"),
        ({"crop": "front", "angles": (0, 90)}, "frontal"),
        ({"size": 10}, "48 or more"),
    ],
)
def test_wrong_settings_are_named(made_up_model, tmp_path, wrong, words):
    with pytest.raises(ValueError, match=words):
        write_dataset(tmp_path / "set", made_up_model, **wrong)
    assert not (tmp_path / "set").exists()


def test_jitter_moves_the_same_heads_and_their_truth_with_them(made_up_model, tmp_path):
    for name, jitter in (("placed", 0.0), ("jittered", 0.1)):
        write_dataset(tmp_path / name, made_up_model, subjects=1, seed=4, jitter=jitter, **SMALL)
    names = sorted(path.name for path in (tmp_path / "placed").glob("*.jpg"))
    assert names == sorted(path.name for path in (tmp_path / "jittered").glob("*.jpg"))
    shifts = []
    for name in names:
        placed, jittered = (read_truth(tmp_path / folder, name) for folder in ("placed", "jittered"))
        assert jittered.action_units == placed.action_units
        scale = np.ptp(jittered.landmarks, axis=0) / np.ptp(placed.landmarks, axis=0)
        assert scale[0] == pytest.approx(scale[1], rel=1e-3)
        shift = jittered.landmarks - 32 - scale[0] * (placed.landmarks - 32)
        np.testing.assert_allclose(shift, shift[:1].repeat(68, 0), atol=0.01)
        shifts.append(shift[0] / 64)
    assert 0.05 < np.abs(shifts).max() <= 0.1
    assert len({tuple(np.round(each, 4)) for each in shifts}) == len(names)
    with pytest.raises(ValueError, match="differs in jitter"):
        write_dataset(tmp_path / "placed", made_up_model, subjects=1, seed=4, jitter=0.1, **SMALL)


def test_turned_heads_leave_no_yaw_out():
    angles = sorted(YAW_DEG.values())
    reach = DIFFICULTIES["turned"].yaw_deg
    assert all(low + reach > high - reach for low, high in pairwise(angles))


def test_truth_survives_storage(tmp_path):
    rng = np.random.default_rng(0)
    whole, part = rng.uniform(0, 9, (2, 5, 4)).astype(np.float32)
    marks = rng.uniform(0, 99, (68, 2)).astype(np.float32)
    truth = Truth({12: 0.75}, {12: Strength(0.5, 0.75)}, marks, whole, {12: part})
    write_truth(tmp_path, "face.jpg", truth)
    back = read_truth(tmp_path, "face.jpg")
    assert back.action_units == {12: 0.75}
    assert back.sides == truth.sides
    np.testing.assert_array_equal(back.landmarks, marks)
    np.testing.assert_allclose(back.movement, whole, atol=whole.max() / 510 + 1e-6)
    np.testing.assert_allclose(back.movement_of[12], part, atol=part.max() / 510 + 1e-6)
    with pytest.raises(FileNotFoundError, match="feroi synth"):
        read_truth(tmp_path, "other.jpg")
