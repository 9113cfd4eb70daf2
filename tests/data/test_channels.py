from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from feroi.config import NetworkConfig
from feroi.data import channels
from feroi.data.batches import Labelled, centre_batches
from feroi.data.channels import depth_of, with_depth
from feroi.data.decoded import decode
from feroi.data.readers import read_dataset
from feroi.data.samples import Sample, Samples
from feroi.recipe import RecipeConfig
from feroi.training.batches import training_batches
from feroi.training.callbacks import SILENT
from feroi.training.crossval import cross_validate_network

INTENSITY = NetworkConfig("attention", (16, 16))
DEPTH = replace(INTENSITY, inputs="intensity+depth")
RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (20, 24, 22)).astype(np.uint8)
LABELS = np.arange(20) % 7


@pytest.fixture
def asked(monkeypatch):
    """How many images each estimation of depth is asked for; the depth is the negative of the image."""
    numbers = []

    def negatives(samples):
        numbers.append(len(samples))
        return np.stack([255 - row.image for row in samples])

    monkeypatch.setattr(channels, "depth_pictures", negatives)
    return numbers


def test_depth_is_estimated_once_for_who_sees_it(asked, expression_folders):
    decoded = decode(read_dataset(expression_folders), (18, 18))
    assert depth_of(decoded, INTENSITY) is None
    assert asked == []
    for _ in range(2):
        assert np.array_equal(depth_of(decoded, DEPTH), 255 - decoded.pixels)
    assert asked == [42]
    brighter = decoded._replace(pixels=decoded.pixels + 1)
    assert np.array_equal(depth_of(brighter, DEPTH), 254 - decoded.pixels)
    named = Samples(replace(row, attributes={"pipeline": "wild"}) for row in decoded.samples)
    depth_of(decoded._replace(samples=named), DEPTH)
    assert asked == [42, 42, 42]  # other pixels, another place to look for the face


def test_depth_that_is_known_is_not_estimated_again(asked):
    rows = Samples(Sample(image, str(i), "sad") for i, image in enumerate(PIXELS))
    known = with_depth(rows, PIXELS // 2)
    assert with_depth(rows, None) is rows
    assert np.array_equal(depth_of(decode(known, (24, 22)), DEPTH), PIXELS // 2)
    assert asked == []


@pytest.mark.parametrize("augmentation", ["patches", "affine"])
def test_depth_is_cut_as_its_face_is(augmentation):
    data = Labelled(PIXELS, LABELS, truths=255 - PIXELS, depth=PIXELS)
    batches = list(training_batches(data, (16, 16), 8, augmentation, np.random.default_rng(0)))
    plain = Labelled(PIXELS, LABELS, truths=255 - PIXELS)
    for batch, alone in zip(
        batches, training_batches(plain, (16, 16), 8, augmentation, np.random.default_rng(0)), strict=True
    ):
        face, depth = batch.faces[:, 0], batch.faces[:, 1]
        assert np.array_equal(face, alone.faces[:, 0])  # depth changes nothing else
        np.testing.assert_allclose(depth, 1 - batch.truths[:, 0], atol=1.01 / 255)  # interpolated
        assert np.array_equal(face, depth) == (augmentation == "patches")  # light and covers are the face's
    assert len(batches) == 3


def test_centres_are_of_face_and_depth():
    (faces,) = centre_batches(PIXELS, (16, 16), depth=255 - PIXELS)
    assert faces.shape == (20, 2, 16, 16)
    np.testing.assert_allclose(faces.sum(1), 1, atol=1e-6)
    np.testing.assert_array_equal(faces[:, 0] * 255, PIXELS[:, 4:20, 3:19])


@pytest.mark.slow
def test_folds_share_one_estimate_and_a_network_reads_what_depth_alone_shows(monkeypatch, tmp_path):
    """Faces are noise, and the depth tells happy from sad."""
    asked = []

    def telling(samples):
        asked.append(len(samples))
        return np.stack([np.full((18, 18), 220 * (row.expression == "sad"), np.uint8) for row in samples])

    monkeypatch.setattr(channels, "depth_pictures", telling)
    rows = Samples(
        Sample(RNG.integers(0, 256, (18, 18)).astype(np.uint8), f"{person} {name}", name, str(person))
        for person in range(10)
        for name in ("happy", "sad")
    )
    recipe = RecipeConfig(epochs=12, batch_size=8)
    found = cross_validate_network(rows, DEPTH, recipe, tmp_path / "run", 0, 2, SILENT)
    assert found.together.accuracy == 1
    assert asked == [20]
