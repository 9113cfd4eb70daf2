from __future__ import annotations

import numpy as np
import pytest

from feroi.baselines.descriptors import DESCRIPTORS, describe, ds
from feroi.data.decoded import decode
from feroi.data.readers import read_dataset

RNG = np.random.default_rng(3)


def test_down_sampling_takes_means_of_boxes():
    image = RNG.integers(0, 256, (24, 30), dtype=np.uint8)
    boxes = image.reshape(12, 2, 10, 3).mean((1, 3))
    np.testing.assert_allclose(ds(image[None])[0], boxes.ravel(), rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "length"), [("lbp", 2478), ("gabor", 1200), ("lpq", 10752), ("ds", 120), ("phog-lpq", 11432)]
)
def test_features_are_finite_and_repeatable_and_leave_images_alone(name, length):
    images = decode(read_dataset("embedded").take(range(0, 420, 210)), (48, 40)).pixels.copy()
    before = images.copy()
    found = describe(images, DESCRIPTORS[name])
    assert found.shape == (2, length)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert not np.array_equal(found[0], found[1])
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(found[1:], DESCRIPTORS[name](images[1:]))
