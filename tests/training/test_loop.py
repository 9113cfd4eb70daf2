from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

from feroi.config import NetworkConfig
from feroi.data.batches import Labelled
from feroi.explain.roi import project
from feroi.network.model import Network
from feroi.network.weights import load_network, load_tensors
from feroi.recipe import RecipeConfig
from feroi.training.batches import training_batches
from feroi.training.callbacks import Callbacks
from feroi.training.loop import LAST_WEIGHTS, METRICS, Diverged, disagreement, learning_rate_at, train
from feroi.training.precision import choose_arithmetic
from support.room import little_room

NETWORK = NetworkConfig("attention", (16, 16), dropout=0.3)
RECIPE = RecipeConfig(epochs=4, batch_size=8, schedule="onecycle")


def _data(n=28, seed=0):
    """Images whose brightness is their label."""
    labels = np.arange(n) % 7
    noise = np.random.default_rng(seed).integers(0, 20, (n, 18, 18))
    return Labelled((30 * labels[:, None, None] + noise).astype(np.uint8), labels)


def _weights(run):
    return load_tensors(run / LAST_WEIGHTS)[0]


def _train(run, recipe=RECIPE, seed=0, callbacks=None, network=NETWORK):
    return train(network, recipe, _data(), _data(seed=1), run, seed, callbacks or Callbacks())


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

    history = _train(tmp_path, callbacks=Callbacks(on_epoch=on_epoch))
    best = max(history, key=lambda row: row["validation_accuracy"])["epoch"]
    for name, value in load_network(tmp_path).state_dict().items():
        assert torch.equal(value, kept[best][name])


@pytest.fixture(scope="module")
def unbroken_run(tmp_path_factory):
    """Network, recipe, metrics and folder of a run nobody killed, trained once for all moments of a kill."""

    @cache
    def run(batch_norm, averaging):
        network = NetworkConfig("attention", (16, 16), dropout=0.3, batch_norm=batch_norm)
        recipe = replace(RECIPE, averaging=averaging, weight_decay=averaging / 10, augmentation="affine")
        folder = tmp_path_factory.mktemp("unbroken")
        return network, recipe, _train(folder, recipe, network=network), folder

    return run


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("killed_at", [(1, 2), (2, 1), (3, 3), (4, 4)])
@pytest.mark.parametrize("averaging", [0.0, 0.9])
def test_a_killed_run_ends_in_the_same_weights_as_an_unbroken_one(
    tmp_path, unbroken_run, killed_at, batch_norm, averaging
):
    class Killed(BaseException):
        pass

    def on_step(epoch, step, steps):
        if (epoch, step) == killed_at:
            raise Killed

    network, recipe, unbroken, whole = unbroken_run(batch_norm, averaging)
    with pytest.raises(Killed):
        _train(tmp_path / "broken", recipe, network=network, callbacks=Callbacks(on_step=on_step))
    resumed = _train(tmp_path / "broken", recipe, network=network)
    assert [row["loss"] for row in resumed] == [row["loss"] for row in unbroken]
    for name in ("best.safetensors", LAST_WEIGHTS):
        one, other = load_tensors(whole / name), load_tensors(tmp_path / "broken" / name)
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


@pytest.mark.parametrize(
    ("most_bytes", "file"), [(100, METRICS), (1_000_000, "best"), (3_000_000, LAST_WEIGHTS)]
)
def test_a_full_disk_is_said_and_the_run_goes_on_when_there_is_room(tmp_path, most_bytes, file):
    unbroken = _train(tmp_path / "unbroken")
    with (
        little_room(most_bytes),
        pytest.raises(OSError, match=rf"{file}.* cannot be written: file too large"),
    ):
        _train(tmp_path / "full")
    resumed = _train(tmp_path / "full")
    assert [row["loss"] for row in resumed] == [row["loss"] for row in unbroken]
    assert {each.name for each in (tmp_path / "full").iterdir()} == {
        each.name for each in (tmp_path / "unbroken").iterdir()
    }
    full, whole = _weights(tmp_path / "full"), _weights(tmp_path / "unbroken")
    assert all(torch.equal(value, whole[name]) for name, value in full.items())


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
    reference = Network(network).to(memory_format=torch.channels_last)  # sums in the order of the loop
    adam = torch.optim.Adam(reference.parameters(), lr=1e-2)
    (batch,) = training_batches(data, (16, 16), 8, "patches", np.random.default_rng([5, 1]))
    log_shares = torch.log_softmax(reference(batch.faces).logits, 1)
    loss = -log_shares[torch.arange(8), batch.labels].mean()
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
    assert plain.description.startswith("float32, channels-last on ")
    assert short.description.startswith("bfloat16, channels-last on ")
    layer = nn.Conv2d(1, 2, 3).to(short.device)
    with short.autocast():
        assert layer(torch.zeros(1, 1, 4, 4, device=short.device)).dtype == torch.bfloat16


def test_a_shortened_list_of_metrics_is_refused(tmp_path):
    _train(tmp_path)
    lines = (tmp_path / METRICS).read_text().splitlines()
    (tmp_path / METRICS).write_text(lines[0] + "\n")
    with pytest.raises(ValueError, match="1 lines for 4 finished epochs"):
        _train(tmp_path)


def test_bfloat16_is_chosen_where_the_processor_has_it(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for has in (True, False):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda has=has: {"avx512_bf16": has})
        assert choose_arithmetic("auto").bfloat16 == has
        assert not choose_arithmetic("float32").bfloat16


def test_networks_and_faces_are_channels_last():
    arithmetic = choose_arithmetic("float32")
    network = Network(NETWORK)
    arithmetic.place(network)
    kernel = network.features[2].weight
    assert kernel.is_contiguous(memory_format=torch.channels_last)
    faces = arithmetic.send(torch.zeros(2, 3, 4, 4))
    assert faces.is_contiguous(memory_format=torch.channels_last)


def test_disagreement_is_one_minus_cosine_where_a_truth_is_known():
    attention = torch.tensor([[[1.0, 0.0], [0.0, 0.0]], [[0.3, 0.2], [0.4, 0.1]], [[0.3, 0.2], [0.4, 0.1]]])
    truths = torch.stack([torch.tensor([[1.0, 1.0], [0.0, 0.0]]), torch.zeros(2, 2), attention[2]])[:, None]
    # 1 - 1/sqrt(2) for the first, 0 for the second (nothing known) and the third (equal); their mean.
    assert disagreement(attention, truths).item() == pytest.approx((1 - 2**-0.5) / 3, abs=1e-6)


def test_disagreement_shows_the_map_as_people_see_it():
    attention = torch.rand(2, 3, 3, dtype=torch.float64)
    truths = torch.rand(2, 1, 12, 12, dtype=torch.float64)
    shown, truth = project(attention.numpy(), (12, 12)).reshape(2, -1), truths.numpy().reshape(2, -1)
    cosine = (shown * truth).sum(1) / np.linalg.norm(shown, axis=1) / np.linalg.norm(truth, axis=1)
    assert disagreement(attention, truths).item() == pytest.approx((1 - cosine).mean())


def test_what_is_saved_is_the_moving_average(tmp_path):
    """An independent loop over the same steps, averaging by hand."""
    network = NetworkConfig("gap", (16, 16), dropout=0.0)
    data = _data(24)
    recipe = RecipeConfig(epochs=2, batch_size=8, learning_rate=1e-2, averaging=0.6)
    train(network, recipe, data, data, tmp_path, seed=5)

    torch.manual_seed(5)
    reference = Network(network).to(memory_format=torch.channels_last)  # sums in the order of the loop
    adam = torch.optim.Adam(reference.parameters(), lr=1e-2)
    average = None
    for epoch in (1, 2):
        batches = training_batches(data, (16, 16), 8, "patches", np.random.default_rng([5, epoch]))
        for batch in batches:
            logits = reference(batch.faces).logits
            loss = torch.nn.functional.cross_entropy(logits, batch.labels)
            adam.zero_grad()
            loss.backward()
            adam.step()
            now = {name: value.detach().clone() for name, value in reference.state_dict().items()}
            average = now if average is None else {n: 0.6 * average[n] + 0.4 * now[n] for n in now}
    saved = load_network(tmp_path / LAST_WEIGHTS).state_dict()
    for name, value in average.items():
        torch.testing.assert_close(saved[name], value, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("head", ["flatten", "gap"])
def test_only_attention_can_be_guided(tmp_path, head):
    data = _data(8)._replace(truths=np.zeros((8, 20, 20), np.uint8))
    with pytest.raises(ValueError, match="attention"):
        train(NetworkConfig(head, (16, 16)), RecipeConfig(1, guidance=0.5), data, data, tmp_path, seed=0)


def test_guidance_draws_the_map_to_its_truth(tmp_path):
    data = _data(32)
    truths = np.zeros_like(data.pixels)
    truths[:, :, :8] = 255
    network = NetworkConfig("attention", (32, 32), margin=False, poolings=3, bounded=False, batch_norm=True)
    pixels = np.kron(data.pixels, np.ones((1, 2, 2), np.uint8))[:, :32, :32]
    pixels[:, :, :8] //= 2  # a place must look different to be chosen
    guided = Labelled(pixels, data.labels, np.kron(truths, np.ones((1, 2, 2), np.uint8))[:, :32, :32])
    recipe = RecipeConfig(12, 8, 3e-3, guidance=5.0)

    def left_half(run):
        look = load_network(run / LAST_WEIGHTS)(torch.from_numpy(pixels[:, None] / np.float32(255)))
        return look.attention[:, :, :2].sum((1, 2)).mean().item()

    train(network, recipe, guided, guided, tmp_path / "guided", seed=0)
    train(
        network,
        replace(recipe, guidance=0.0),
        guided._replace(truths=None),
        guided,
        tmp_path / "free",
        seed=0,
    )
    assert left_half(tmp_path / "guided") > left_half(tmp_path / "free") + 0.1


def test_the_head_learns_as_many_times_as_fast(tmp_path):
    # Adam's first step is the rate itself, whatever the slope.
    data = _data(8)
    steps = {}
    for times in (1.0, 3.0):
        recipe = RecipeConfig(epochs=1, batch_size=8, learning_rate=1e-3, head_rate=times)
        train(NETWORK, recipe, data, data, tmp_path / str(times), 0)
        torch.manual_seed(0)
        before, after = Network(NETWORK).state_dict(), _weights(tmp_path / str(times))
        steps[times] = {name: (after[name] - value).abs().max().item() for name, value in before.items()}
    for name in ("features.0.weight", "classifier.weight"):
        assert steps[1.0][name] == pytest.approx(1e-3, rel=0.01)
    assert steps[3.0]["features.0.weight"] == pytest.approx(1e-3, rel=0.01)
    assert steps[3.0]["classifier.weight"] == pytest.approx(3e-3, rel=0.01)
