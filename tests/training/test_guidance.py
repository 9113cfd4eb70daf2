from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from feroi.config import NetworkConfig
from feroi.data.decoded import cache_folder, decode
from feroi.data.samples import Sample, Samples
from feroi.synthetic.expressions import Strength
from feroi.synthetic.truth import Truth, write_truth
from feroi.training.guidance import truth_maps
from feroi.vocabulary import TABLE_4

CONFIG = NetworkConfig("attention", (48, 48), poolings=3)  # stored at 53x53
SPOTS = {"angry": (20, 30), "sad": (70, 60), "neutral": (40, 40)}


@pytest.fixture
def decoded(tmp_path, monkeypatch):
    """Pictures of 100 px whose bright spot is what moved."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rows = []
    for expression, (row, column) in SPOTS.items():
        y, x = np.mgrid[:100, :100]
        spot = np.exp(-((y - row) ** 2 + (x - column) ** 2) / 72).astype(np.float32)
        name = f"{expression}.png"
        Image.fromarray((255 * spot).astype(np.uint8)).save(tmp_path / name)
        cells = spot.reshape(25, 4, 25, 4).mean((1, 3))
        sides = {4: Strength(1, 1), 9: Strength(1, 1)}
        known = Truth({}, sides, np.ones((68, 2), np.float32), 3 * cells, {4: cells, 9: 5 * cells})
        write_truth(tmp_path, name, known)
        rows.append(Sample(tmp_path / name, name, expression, "01"))
    monkeypatch.setattr(
        "feroi.evaluation.attention_targets.textbook_regions",
        lambda *_: dict.fromkeys(TABLE_4, np.ones((53, 53), np.float32)),
    )
    return decode(Samples(rows), CONFIG.stored_hw)


def test_maps_lie_on_the_whole_stored_image_where_something_moved(decoded):
    maps = truth_maps(decoded, CONFIG)
    assert maps.shape == decoded.pixels.shape == (3, 53, 53)
    for row, image, truth in zip(decoded.samples, decoded.pixels, maps, strict=True):
        if row.expression == "neutral":
            assert not truth.any()
        else:
            assert truth.max() == 255
            assert np.corrcoef(image.ravel(), truth.ravel())[0, 1] > 0.98


def test_maps_are_kept_and_belong_to_these_images(decoded):
    first = truth_maps(decoded, CONFIG)
    (kept,) = cache_folder().glob("truth-*.npy")
    np.save(kept, first // 2)
    assert np.array_equal(truth_maps(decoded, CONFIG), first // 2)
    brighter = decoded._replace(pixels=decoded.pixels | 1)
    assert np.array_equal(truth_maps(brighter, CONFIG), first)
