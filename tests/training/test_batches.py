from __future__ import annotations

import numpy as np
import pytest
import torch

from feroi.data.batches import (
    Labelled,
    balanced,
    centre_batches,
    centre_patches,
)
from feroi.training.batches import training_batches

N, SIDE = 37, 7
# The value of a pixel tells its image, row and column.
PIXELS = (np.arange(N)[:, None, None] + 40 * (np.arange(SIDE)[:, None] % 3) + 3 * np.arange(SIDE)).astype(
    np.uint8
)
LABELS = np.arange(N) % 7


def _epoch(seed=0, batch_size=8, pixels=PIXELS, hw=(5, 4)):
    rng = np.random.default_rng(seed)
    return list(training_batches(Labelled(pixels, LABELS[: len(pixels)]), hw, batch_size, "patches", rng))


def test_an_epoch_shows_every_image_once():
    batches = _epoch(pixels=np.repeat(np.arange(N, dtype=np.uint8), SIDE * SIDE).reshape(N, SIDE, SIDE))
    shown = np.concatenate([batch.faces[:, 0, 0, 0] * 255 for batch in batches]).round().astype(int)
    assert sorted(shown) == list(range(N))
    labels = np.concatenate([batch.labels for batch in batches])
    assert (labels == LABELS[shown]).all()


def test_patches_are_windows_of_their_image_or_its_mirror():
    mirrored = 0
    for batch in _epoch():
        assert batch.faces.dtype == torch.float32
        for face in (batch.faces[:, 0] * 255).round().numpy().astype(np.uint8):
            found = [
                flip
                for image in PIXELS
                for top in range(3)
                for left in range(4)
                for flip in (False, True)
                if np.array_equal(face[:, ::-1] if flip else face, image[top : top + 5, left : left + 4])
            ]
            assert found
            mirrored += all(found)
    assert 5 < mirrored < 32


def test_order_and_patches_follow_the_seed():
    def same(one, other):
        return all(np.array_equal(a.faces, b.faces) for a, b in zip(one, other, strict=True))

    assert same(_epoch(1), _epoch(1))
    assert not same(_epoch(1), _epoch(2))


def test_every_place_of_the_patch_occurs():
    image = np.arange(9, dtype=np.uint8).reshape(1, 3, 3).repeat(400, 0)
    batches = training_batches(
        Labelled(image, np.zeros(400, int)), (2, 2), 50, "patches", np.random.default_rng(0)
    )
    corners = {int(v) for batch in batches for v in (batch.faces[:, 0, 0, 0] * 255).round()}
    assert corners == {0, 1, 2, 3, 4, 5}  # the left corner of four places, and of their mirrors


@pytest.mark.parametrize("augmentation", ["patches", "affine", "degraded"])
@pytest.mark.parametrize("rows", [slice(0, 3), slice(3, 8), slice(2, 2)])
def test_a_share_of_a_batch_is_those_rows_of_the_whole(augmentation, rows):
    rng = np.random.default_rng(3)
    images = rng.integers(0, 256, (2, 21, 20, 20), dtype=np.uint8)
    data = Labelled(
        images[0], np.arange(21) % 7, images[1], rng.random((21, 7), np.float32), images[1][::-1].copy()
    )

    def epoch(*rows_of):
        rng = np.random.default_rng(4)
        return list(training_batches(data, (16, 16), 8, augmentation, rng, *rows_of))

    for whole, part in zip(epoch(), epoch(lambda n: rows), strict=True):
        assert part.size == whole.size == len(whole.labels)
        for name in ("faces", "labels", "truths", "soft"):
            np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[rows])


def test_a_last_single_image_is_dropped():
    assert [len(batch.labels) for batch in _epoch(batch_size=12)] == [12, 12, 12]
    assert [len(batch.labels) for batch in _epoch(batch_size=10)] == [10, 10, 10, 7]


def test_centre_patch_of_the_papers_sizes():
    image = np.zeros((1, 160, 125), np.uint8)
    image[0, 8:152, 6:118] = 1
    assert (centre_patches(image, (144, 112)) == 1).all()


def test_centre_batches_keep_order_and_scale():
    faces = np.concatenate(list(centre_batches(PIXELS, (7, 7), batch_size=10)))
    np.testing.assert_allclose(faces[:, 0] * 255, PIXELS, atol=1e-4)
    assert faces.shape == (N, 1, 7, 7)


def test_a_patch_larger_than_the_image_is_an_error():
    with pytest.raises(ValueError, match="cannot cut 8x8 px patches from images of 7x7"):
        centre_patches(PIXELS, (8, 8))


def test_a_truth_is_cut_as_its_face_is():
    data = Labelled(PIXELS, LABELS, PIXELS)  # a truth that equals the face shows any difference
    for batch in training_batches(data, (5, 4), 8, "patches", np.random.default_rng(0)):
        assert batch.truths is not None
        assert np.array_equal(batch.faces, batch.truths)


def test_rare_expressions_are_drawn_more_often():
    labels = np.repeat([3, 4, 1], [64, 32, 4])
    data = Labelled(np.repeat(np.arange(100, dtype=np.uint8), 16).reshape(100, 4, 4), labels)
    often = balanced(data, 0.5)
    assert often.mean() == pytest.approx(1)
    # by hand: frequency to the power of -1/2
    assert often[99] / often[0] == pytest.approx(4)
    np.testing.assert_allclose(balanced(data, 0.0), 1)
    evenly = balanced(data, 1.0)
    assert evenly[labels == 1].sum() == pytest.approx(evenly[labels == 3].sum())
    batches = list(training_batches(data, (4, 4), 10, "patches", np.random.default_rng(0), balance=0.5))
    shown = np.concatenate([batch.faces[:, 0, 0, 0] * 255 for batch in batches]).round().astype(int)
    times = np.bincount(shown, minlength=100)
    assert len(shown) == 100
    assert (np.floor(often) <= times).all()
    assert (times <= np.ceil(often)).all()


def test_an_image_of_two_expressions_counts_for_both():
    soft = np.eye(7, dtype=np.float32)[[0, 0, 0, 1]]
    soft[2] = (soft[0] + soft[3]) / 2
    often = balanced(Labelled(np.zeros((4, 4, 4), np.uint8), np.zeros(4, int), soft=soft), 1.0)
    # by hand: frequencies 2.5 / 4 and 1.5 / 4
    np.testing.assert_allclose(often / often[0], [1, 1, (1 + 2.5 / 1.5) / 2, 2.5 / 1.5], rtol=1e-6)


def test_epochs_go_round_in_cuts():
    cuts = np.arange(3, dtype=np.uint8).repeat(2 * 16).reshape(3, 2, 4, 4)
    soft = np.eye(7, dtype=np.float32)[[[0, 1], [2, 3], [4, 5]]]
    data = Labelled(np.full((2, 4, 4), 9, np.uint8), np.zeros(2, int), soft=soft, cuts=cuts)
    for epoch, turn in ((1, 0), (2, 1), (3, 2), (4, 0)):
        shown = data.of_epoch(epoch)
        assert (shown.pixels == turn).all()
        assert (shown.soft == soft[turn]).all()
    plain = data._replace(cuts=None)
    assert plain.of_epoch(2) is plain
