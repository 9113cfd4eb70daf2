from __future__ import annotations

import json

import numpy as np
import pytest

from feroi.config import NetworkConfig
from feroi.data.corruptions import CORRUPTIONS
from feroi.data.readers import read_dataset
from feroi.evaluation.robustness import Cover, measure_robustness
from feroi.outputs import NetworkOutput
from feroi.report.evaluations import draw_robustness
from feroi.vocabulary import REGIONS

CONFIG = NetworkConfig("attention", (48, 48), margin=False)


def _looks_at_edges(faces):
    """A network that looks where the picture changes, and always says the same, surely."""
    logits = np.zeros((len(faces), 7))
    logits[:, 3] = 10
    down, across = np.gradient(faces[:, 0], axis=(1, 2))
    edges = np.hypot(down, across)
    return NetworkOutput(logits, edges / edges.sum((1, 2), keepdims=True), np.zeros((len(faces), 1)))


@pytest.fixture(scope="module")
def result():
    samples = read_dataset("embedded").where(
        lambda row: row.subject in ("01", "02") and row.attributes["gaze"] == "frontal"
    )
    return measure_robustness(_looks_at_edges, CONFIG, samples), samples


def test_every_level_is_measured_on_every_face(result):
    found, samples = result
    assert [level.corruption for level in found.levels] == [
        "intact",
        *(n for n, c in CORRUPTIONS.items() for _ in c.levels),
    ]
    happy = samples.counts()["happy"] / len(samples)
    for level in found.levels:
        assert (level.n, level.accuracy) == (len(samples), pytest.approx(happy))
        assert level.confidence == pytest.approx(np.exp(10) / (np.exp(10) + 6))
        assert level.calibration_error == pytest.approx(level.confidence - happy)


def test_attention_leaves_a_region_whose_edges_are_covered(result):
    found, samples = result
    assert [each.region for each in found.covered] == list(REGIONS)
    assert found.n_covered + found.n_unmarked == len(samples)
    brow = found.covered[0]
    assert 0 < brow.area < 0.3
    assert brow.shares["brow"] < 0.8 * brow.shares_before["brow"]  # what is left are the edges of the cover
    assert sum(brow.shares.values()) <= 1


def test_attention_falls_back_to_what_gains_a_hundredth_of_it():
    before = {"brow": 0.4, "lid": 0.2, "lip": 0.2}
    cover = Cover("brow", 0.1, 0.7, 0.6, 0.0, before, {"brow": 0.3, "lid": 0.22, "lip": 0.25})
    assert cover.falls_back_to == "lip"
    assert cover._replace(shares={"brow": 0.45, "lid": 0.205, "lip": 0.2}).falls_back_to is None
    assert cover._replace(shares={}, shares_before={}).falls_back_to is None


def test_the_result_is_drawn_and_kept(result, tmp_path):
    json.dumps(result[0].to_json(), allow_nan=False)
    draw_robustness(result[0], tmp_path / "r.png")
    assert (tmp_path / "r.png").stat().st_size > 10_000
