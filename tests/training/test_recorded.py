"""Steps played back train as steps made one by one. Without a graphics card nothing is recorded, only run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from feroi.config import NetworkConfig
from feroi.data.batches import Labelled
from feroi.network.weights import load_tensors
from feroi.recipe import RecipeConfig
from feroi.training import loop
from feroi.training.callbacks import Callbacks
from feroi.training.precision import Arithmetic
from feroi.training.recorded import can_record
from feroi.training.workers import ALONE, Workers

NETWORK = NetworkConfig("attention", (16, 20), dropout=0.0)
RECIPE = RecipeConfig(epochs=3, batch_size=8, schedule="onecycle", label_smoothing=0.1, balance=0.5)
CARD = Arithmetic(torch.device("cuda"), bfloat16=True)


def _data(n=28, seed=0):
    labels = np.arange(n) ** 2 % 7
    noise = np.random.default_rng(seed).integers(0, 60, (n, 18, 24))
    return Labelled((25 * labels[:, None, None] + noise).astype(np.uint8), labels)


def _train(run, monkeypatch, recorded, recipe=RECIPE, callbacks=None, n=28):
    monkeypatch.setattr(loop, "can_record", lambda *_: recorded)
    history = loop.train(NETWORK, recipe, _data(n), _data(seed=1), run, 5, callbacks or Callbacks())
    return history, load_tensors(run / loop.LAST_WEIGHTS)[0]


@pytest.mark.parametrize("n", [28, 24, 25])  # a smaller last batch, none, and one of a single image
def test_epochs_end_as_those_made_step_by_step(tmp_path, monkeypatch, n):
    step_by_step, expected = _train(tmp_path / "steps", monkeypatch, recorded=False, n=n)
    played, weights = _train(tmp_path / "played", monkeypatch, recorded=True, n=n)
    for row, like in zip(played, step_by_step, strict=True):
        assert row["loss"] == pytest.approx(like["loss"], rel=1e-3)
        assert row["accuracy"] == like["accuracy"]
        assert row["learning_rate"] == like["learning_rate"]
    assert weights.keys() == expected.keys()
    for name, value in weights.items():
        # Rates are rounded to float32, which Adam's first steps make visible.
        assert torch.allclose(value, expected[name], rtol=1e-2, atol=1e-3), name


def test_a_run_that_was_killed_ends_as_an_unbroken_one(tmp_path, monkeypatch):
    class Killed(Exception):
        pass

    def kill(metrics):
        if metrics["epoch"] == 2:
            raise Killed

    _, expected = _train(tmp_path / "unbroken", monkeypatch, recorded=True)
    with pytest.raises(Killed):
        _train(tmp_path / "killed", monkeypatch, recorded=True, callbacks=Callbacks(on_epoch=kill))
    _, weights = _train(tmp_path / "killed", monkeypatch, recorded=True)
    assert all(torch.equal(value, expected[name]) for name, value in weights.items())


def test_steps_are_told_as_they_come(tmp_path, monkeypatch):
    steps = []
    _train(
        tmp_path, monkeypatch, recorded=True, callbacks=Callbacks(on_step=lambda *step: steps.append(step))
    )
    assert steps == [(epoch, step, 4) for epoch in (1, 2, 3) for step in (1, 2, 3, 4)]


def test_what_the_paper_trains_is_recorded_and_nothing_else(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (10**6, 10**6))
    data = _data()
    assert can_record(CARD, RECIPE, data, ALONE)
    assert not can_record(Arithmetic(torch.device("cpu"), bfloat16=False), RECIPE, data, ALONE)
    assert not can_record(CARD, RECIPE, data, Workers(2, 0))
    assert not can_record(CARD, RECIPE, data._replace(truths=data.pixels), ALONE)
    assert not can_record(CARD, RECIPE, data._replace(soft=np.eye(7, dtype=np.float32)[data.labels]), ALONE)
    for change in ({"augmentation": "affine"}, {"need": 1.0}, {"averaging": 0.9}, {"head_rate": 2.0}):
        assert not can_record(CARD, replace(RECIPE, **change), data, ALONE), change
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (10**4, 10**6))
    assert not can_record(CARD, RECIPE, data, ALONE)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a graphics card")
def test_a_graph_plays_what_was_recorded(tmp_path, monkeypatch):
    recipe = replace(RECIPE, precision="float32")
    step_by_step, _ = _train(tmp_path / "steps", monkeypatch, recorded=False, recipe=recipe)
    played, _ = _train(tmp_path / "played", monkeypatch, recorded=True, recipe=recipe)
    assert [row["loss"] for row in played] == pytest.approx([row["loss"] for row in step_by_step], rel=0.02)
