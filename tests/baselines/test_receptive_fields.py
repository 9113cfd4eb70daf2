from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy.signal import correlate2d

from feroi.baselines import receptive_fields
from feroi.baselines.receptive_fields import CELLS, AuAwareFields, Filters, groups, small_faces


@pytest.fixture
def rng():
    return np.random.default_rng(8)


def _faces(n, rng):
    """Noise of the fineness of skin."""
    return rng.normal(120, 20, (n, 48, 48)).astype(np.float32)


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(receptive_fields, "FILTERS", 8)
    monkeypatch.setattr(receptive_fields, "_SAMPLED", 1500)
    monkeypatch.setattr(receptive_fields, "GROUP", 6)


def test_small_faces_are_means_of_boxes(rng):
    image = rng.integers(0, 256, (96, 144), dtype=np.uint8)
    found = small_faces(image[None])[0].reshape(48, 48)
    expected = image.reshape(48, 2, 48, 3).mean((1, 3))
    np.testing.assert_allclose(found, expected, atol=1)
    assert Image.fromarray(image).size == (144, 96)


def test_units_are_the_largest_responses_in_each_cell(few, rng):
    faces = _faces(40, rng)
    filters = Filters(faces.reshape(40, -1), seed=0)
    units = filters.units(faces[:2].reshape(2, -1)).reshape(2, 16, CELLS, CELLS)
    # By another way: correlate, and normalise each window through the sums of pixels and of their squares.
    face = faces[1].astype(np.float64)
    ones = np.ones((7, 7))
    mean = correlate2d(face, ones, "valid") / 49
    spread = np.sqrt(correlate2d(face**2, ones, "valid") / 49 - mean**2) + 10
    for k in (0, 5):
        kernel = filters.kernels[:, k].astype(np.float64)
        whole = correlate2d(face, kernel.reshape(7, 7), "valid") - kernel.sum() * mean
        response = whole / spread - filters.mean @ kernel
        cells = response.reshape(CELLS, 6, CELLS, 6)
        np.testing.assert_allclose(units[1, k], np.maximum(cells.max((1, 3)), 0), atol=1e-3)
        np.testing.assert_allclose(units[1, 8 + k], np.maximum(-cells.min((1, 3)), 0), atol=1e-3)


def test_groups_are_those_of_a_slow_search(rng):
    labels = np.array([0, 0, 2, 2, 2, 5, 5, 5, 5, 5])
    units = rng.normal(size=(10, 30))
    units[:, 3] = 4.0  # a unit that never changes says nothing
    units[:, 7] = units[:, 8] + 1e-3 * rng.normal(size=10)
    with np.errstate(divide="ignore", invalid="ignore"):
        correlations = np.abs(np.nan_to_num(np.corrcoef(units.T)))
        for expression, found in zip((0, 2, 5), groups(units, labels, 6), strict=True):
            chosen: list[int] = []
            for _ in range(6):
                merits = []
                for unit in range(30):
                    relevance = abs(np.nan_to_num(np.corrcoef(units[:, unit], labels == expression)[0, 1]))
                    redundancy = np.mean(correlations[unit, chosen]) if chosen else 0
                    merits.append(-np.inf if unit in chosen else relevance - redundancy)
                chosen.append(int(np.argmax(merits)))
            assert found.tolist() == chosen


@pytest.mark.filterwarnings("error")
def test_a_planted_movement_is_found_where_it_is(few, rng):
    labels = np.arange(60) % 2
    faces = _faces(60, rng)
    stripes = 80 * np.sin(np.arange(8))[:, None]
    faces[labels == 1, 26:34, 8:16] += stripes  # windows that see it begin in rows 20..33, columns 2..15
    chosen = AuAwareFields(0).fit(faces.reshape(60, -1), labels)
    assert chosen.where.sum() == pytest.approx(1)
    assert chosen.where[3:6, 0:3].sum() >= 0.5  # a fifth of the face
    most = np.unravel_index(chosen.where.argmax(), chosen.where.shape)
    assert most[0] in (3, 4, 5)
    assert most[1] in (0, 1, 2)
    assert chosen.transform(faces[:3].reshape(3, -1)).shape == (3, 2 * (6 + 2 * 60))


def test_filters_follow_from_the_seed(few, rng):
    faces = _faces(12, rng).reshape(12, -1)
    one, same, other = (Filters(faces, seed).kernels for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other)
