from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from feroi.data.decoded import image_marks
from feroi.data.folds import MARKED_HW, held_out
from feroi.data.samples import Sample, Samples

HALVES = ["training", "validation"] * 200


def _samples(number=400, first=0):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (number, *MARKED_HW), dtype=np.uint8)
    return Samples(Sample(image, f"{first + i}", "sad") for i, image in enumerate(images))


def test_a_share_is_held_out_and_everybody_stands_on_one_side():
    samples = _samples()
    division = held_out(samples, 0.2)
    assert sorted(row.name for side in division[:2] for row in side) == sorted(row.name for row in samples)
    assert 50 < len(division.validation) < 110  # 80 expected, standard deviation 8
    # the definition, by hand: the first 32 of the mark's bits below a fifth of 2^32
    (mark,) = image_marks(samples[0].image[None])
    held = int(mark, 16) >> 32 < 0.2 * 2**32
    assert ("0" in {row.name for row in division.validation}) == held


def test_twins_stay_together_and_other_images_change_nothing():
    samples, twins = _samples(), _samples(first=1000)
    held = {row.name for row in held_out(samples, 0.3).validation}
    both = {row.name for row in held_out(Samples([*samples, *twins]), 0.3).validation}
    assert both == held | {str(1000 + int(name)) for name in held}


def test_a_larger_share_holds_out_the_same_and_more():
    small, large = ({row.name for row in held_out(_samples(), share).validation} for share in (0.1, 0.4))
    assert small < large


def test_unreadable_images_stay_in_training(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"broken")
    broken = Sample(tmp_path / "broken.png", "broken.png", "sad")
    division = held_out(Samples([*_samples(), broken]), 0.9)
    assert "broken.png" in {row.name for row in division.training}


@pytest.mark.parametrize(
    ("number", "share", "says"), [(400, 1.0, "above 0 and below 1"), (1, 0.1, "too few")]
)
def test_what_cannot_be_held_out_is_refused(number, share, says):
    with pytest.raises(ValueError, match=says):
        held_out(_samples(number), share)


def test_only_the_training_split_is_divided_and_people_are_not():
    samples = _samples()
    halves = [replace(row, attributes={"split": split}) for row, split in zip(samples, HALVES, strict=True)]
    division = held_out(Samples(halves), 0.2)
    assert len(division.training) + len(division.validation) == 200
    assert {row.attributes["split"] for side in division[:2] for row in side} == {"training"}
    people = [replace(row, subject="01") for row in samples]
    with pytest.raises(ValueError, match=r"leave --hold-out out: .*--split fold1"):
        held_out(Samples(people), 0.2)
