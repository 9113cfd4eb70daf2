from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn

from feroi.config import NetworkConfig, RecipeConfig
from feroi.network.model import Network
from feroi.network.weights import load_network, load_tensors
from feroi.training.loop import LAST_WEIGHTS, METRICS, Diverged, Labelled, learning_rate_at, train
from feroi.training.precision import choose_arithmetic
from feroi.training.voice import Voice

NETWORK = NetworkConfig("attention", (16, 16), dropout=0.3)
RECIPE = RecipeConfig(epochs=4, batch_size=8, schedule="onecycle")


def _data(n=28, seed=0):
    """Images whose brightness is their label."""
    labels = np.arange(n) % 7
    noise = np.random.default_rng(seed).integers(0, 20, (n, 18, 18))
    return Labelled((30 * labels[:, None, None] + noise).astype(np.uint8), labels)


def _weights(run):
    return load_tensors(run / LAST_WEIGHTS)[0]


def _train(run, recipe=RECIPE, seed=0, voice=None, network=NETWORK):
    return train(network, recipe, _data(), _data(seed=1), run, seed, voice or Voice())


def test_a_run_leaves_weights_and_a_line_an_epoch(tmp_path):
    history = _train(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / METRICS).read_text().splitlines()]
    assert lines == history
    assert [row["epoch"] for row in lines] == [1, 2, 3, 4]
    assert load_network(tmp_path).config == NETWORK
    assert load_network(tmp_path / LAST_WEIGHTS).config == NETWORK


def test_best_weights_are_those_of_the_best_epoch(tmp_path):
    kept = {}

    def on_epoch(metrics):
        kept[metrics["epoch"]] = load_network(tmp_path / LAST_WEIGHTS).state_dict()

    history = _train(tmp_path, voice=Voice(on_epoch=on_epoch))
    best = max(history, key=lambda row: row["validation_accuracy"])["epoch"]
    for name, value in load_network(tmp_path).state_dict().items():
        assert torch.equal(value, kept[best][name])


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("killed_at", [(1, 2), (2, 1), (3, 3), (4, 4)])
def test_a_killed_run_ends_in_the_same_weights_as_an_unbroken_one(tmp_path, killed_at, batch_norm):
    class Killed(BaseException):
        pass

    def on_step(epoch, step, steps):
        if (epoch, step) == killed_at:
            raise Killed

    network = NetworkConfig("attention", (16, 16), dropout=0.3, batch_norm=batch_norm)
    unbroken = _train(tmp_path / "unbroken", network=network)
    with pytest.raises(Killed):
        _train(tmp_path / "broken", network=network, voice=Voice(on_step=on_step))
    resumed = _train(tmp_path / "broken", network=network)
    assert [row["loss"] for row in resumed] == [row["loss"] for row in unbroken]
    for name in ("best.safetensors", LAST_WEIGHTS):
        one, other = load_tensors(tmp_path / "unbroken" / name), load_tensors(tmp_path / "broken" / name)
        assert one[1] == other[1]
        assert one[0].keys() == other[0].keys()
        assert all(torch.equal(value, other[0][key]) for key, value in one[0].items())


def test_a_line_of_metrics_without_its_checkpoint_is_written_again(tmp_path):
    _train(tmp_path)
    before = (tmp_path / METRICS).read_text()
    with (tmp_path / METRICS).open("a") as file:
        file.write('{"epoch": 5, "lo')
    _train(tmp_path)
    assert (tmp_path / METRICS).read_text() == before


def test_same_seed_same_weights_other_seed_others(tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        _train(tmp_path / name, RecipeConfig(1, 8), seed)
    a, b, c = (_weights(tmp_path / name) for name in "abc")
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert not all(torch.equal(a[key], c[key]) for key in a)


def test_the_first_epoch_is_adam_on_cross_entropy_step_by_step(tmp_path):
    """An independent loop: same start, same batches, plain torch calls."""
    network = NetworkConfig("gap", (16, 16), dropout=0.0)
    data, recipe = _data(8), RecipeConfig(epochs=1, batch_size=8, learning_rate=1e-2)
    train(network, recipe, data, data, tmp_path, seed=5)

    torch.manual_seed(5)
    reference = Network(network)
    adam = torch.optim.Adam(reference.parameters(), lr=1e-2)
    from feroi.data.batches import training_batches

    (batch,) = training_batches(*data, (16, 16), 8, np.random.default_rng([5, 1]))
    log_shares = torch.log_softmax(reference(torch.from_numpy(batch.faces)).logits, 1)
    loss = -log_shares[torch.arange(8), torch.from_numpy(batch.labels)].mean()
    loss.backward()
    adam.step()
    trained = load_network(tmp_path / LAST_WEIGHTS).state_dict()
    for name, value in reference.state_dict().items():
        torch.testing.assert_close(trained[name], value, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_brightness_is_learned(tmp_path, precision):
    recipe = RecipeConfig(15, 8, 3e-3, "onecycle", precision)
    network = NetworkConfig("attention", (16, 16), batch_norm=True)
    assert _train(tmp_path, recipe, network=network)[-1]["validation_accuracy"] > 0.8


def test_a_loss_that_is_no_number_stops_the_run(tmp_path):
    with pytest.raises(Diverged, match="lower the learning rate"):
        _train(tmp_path, RecipeConfig(epochs=9, batch_size=8, learning_rate=1e30))


def test_learning_rates():
    constant = RecipeConfig(10, learning_rate=0.1)
    assert {learning_rate_at(constant, p / 10) for p in range(11)} == {0.1}
    cycle = RecipeConfig(10, learning_rate=0.1, schedule="onecycle")
    assert learning_rate_at(cycle, 0) == pytest.approx(0.004)
    assert learning_rate_at(cycle, 0.15) == pytest.approx(0.052)
    assert learning_rate_at(cycle, 0.3) == pytest.approx(0.1)
    assert learning_rate_at(cycle, 0.65) == pytest.approx(0.05)
    assert learning_rate_at(cycle, 1) == pytest.approx(0)


def test_validation_does_not_disturb_training_randomness(tmp_path):
    """More validation images must not change the weights."""
    for name, n in (("few", 7), ("many", 300)):
        train(NETWORK, RecipeConfig(2, 8), _data(), _data(n), tmp_path / name, 0)
    few, many = _weights(tmp_path / "few"), _weights(tmp_path / "many")
    assert all(torch.equal(few[key], many[key]) for key in few)


def test_arithmetic_is_chosen_and_said():
    plain, short = choose_arithmetic("float32"), choose_arithmetic("bfloat16")
    assert not plain.bfloat16
    assert plain.description.startswith("float32 on ")
    assert short.description.startswith("bfloat16, channels-last on ")
    layer = nn.Conv2d(1, 2, 3).to(short.device)
    with short.autocast():
        assert layer(torch.zeros(1, 1, 4, 4, device=short.device)).dtype == torch.bfloat16
