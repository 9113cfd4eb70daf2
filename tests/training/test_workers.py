from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from feroi.cli.app import app
from feroi.network.weights import load_tensors
from feroi.training.callbacks import Callbacks
from feroi.training.workers import ALONE, Workers, torchrun_workers
from support.together import (
    batch,
    dropped,
    everything,
    in_double_precision,
    normalized,
    together,
    told,
    trained,
)

NUMBER = 3


class Killed(BaseException):
    pass


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """What three processes have done, by rank; the leader's is the one that counts."""
    folder = tmp_path_factory.mktemp("many")

    def on_step(epoch, step, steps):
        if (epoch, step) == (3, 2):
            raise Killed

    with in_double_precision(), pytest.raises(Killed):
        trained(folder / "killed", "residual", callbacks=Callbacks(on_step=on_step))
    return together(NUMBER, everything, folder)


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """What one process does of the same."""
    folder = tmp_path_factory.mktemp("one")
    with in_double_precision():
        found = {case: trained(folder / case, case) for case in ("paper", "residual")}
    return found | {"single": trained(folder / "single", "paper")}


def _assert_alike(found, expected, tolerance):
    for key in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
        np.testing.assert_allclose(
            [row[key] for row in found[0]], [row[key] for row in expected[0]], rtol=tolerance, err_msg=key
        )
    assert found[1].keys() == expected[1].keys()
    for name, value in expected[1].items():
        np.testing.assert_allclose(found[1][name], value, rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("case", ["paper", "residual"])
def test_three_processes_end_as_one_does(many, one, case):
    """In float64, where rounding (1e-16, and what Adam makes of it: it divides small gradients by small
    numbers) leaves ten digits. The last batch has two faces, so that one worker has none. `residual` is with
    batch normalisation, dropout, guidance, averaging and affine augmentation."""
    for found in many:
        _assert_alike(found[case], one[case], 1e-9)


@pytest.mark.slow
def test_three_processes_end_as_one_does_in_float32(many, one):
    """Adam's first steps have the size of the learning rate, 1e-3, however small a gradient is, so that
    weights whose gradient is rounding alone may part by as much; the loss curve does not notice."""
    found, expected = many[0]["single"], one["single"]
    for key in ("loss", "validation_loss"):
        np.testing.assert_allclose([r[key] for r in found[0]], [r[key] for r in expected[0]], rtol=1e-5)
    for name, value in expected[1].items():
        np.testing.assert_allclose(found[1][name], value, atol=1e-3, err_msg=name)


@pytest.mark.slow
def test_three_processes_go_on_with_what_one_began(many, one):
    _assert_alike(many[0]["resumed"], one["residual"], 1e-9)


@pytest.mark.slow
def test_all_workers_hold_the_same_metrics(many):
    for found in many[1:]:
        for row, leaders in zip(found["residual"][0], many[0]["residual"][0], strict=True):
            assert {key: row[key] for key in row if key not in ("seconds", "images_per_s")} == {
                key: leaders[key] for key in leaders if key not in ("seconds", "images_per_s")
            }


@pytest.mark.slow
@pytest.mark.parametrize(("at", "n"), [(0, 7), (1, 2)])
def test_batch_normalisation_is_torchs_of_the_whole_batch(many, at, n):
    """7 rows are 2, 2 and 3; of 2, one worker has none."""
    expected = normalized(ALONE, n)
    parts = [found["normalized"][at] for found in many]
    for name in ("out", "back"):
        np.testing.assert_allclose(np.concatenate([part[name] for part in parts]), expected[name], atol=1e-12)
    for name in ("0.weight", "0.bias"):
        np.testing.assert_allclose(sum(part[name] for part in parts), expected[name], atol=1e-12)
    for part in parts:
        for name in ("0.running_mean", "0.running_var", "0.num_batches_tracked"):
            np.testing.assert_allclose(part[name], expected[name], atol=1e-12)
    assert not np.allclose(expected["back"], batch(n)[1])


@pytest.mark.slow
def test_dropout_drops_what_one_process_would(many):
    with in_double_precision():
        expected = dropped(ALONE)
    np.testing.assert_array_equal(np.concatenate([found["dropped"] for found in many]), expected)
    assert 0 < (expected == 0).mean() < 1


@pytest.mark.slow
def test_totals_are_over_all_workers(many):
    assert [found["total"] for found in many] == [[31.5, NUMBER]] * NUMBER


@pytest.mark.slow
def test_others_wait_for_the_leader(many):
    assert [found["second"] for found in many] == ["written"] * NUMBER


@pytest.mark.slow
def test_workers_that_differ_and_a_leader_that_fails_are_told(many):
    for found in many:
        assert "worker 2 and worker 0 differ in versions" in found["refused"][0]
    assert [found["refused"][1] for found in many] == [
        "disk full", *["the first worker could not begin; it says why"] * (NUMBER - 1)
    ]  # fmt: skip


@pytest.mark.parametrize("whole", [0, 1, 2, 7, 64])
@pytest.mark.parametrize("number", [1, 3, 8])
def test_every_row_is_one_workers(whole, number):
    rows = [range(whole)[Workers(number, rank).rows(whole)] for rank in range(number)]
    assert [row for each in rows for row in each] == list(range(whole))
    assert max(map(len, rows)) - min(map(len, rows)) <= 1


def test_workers_go_with_ray(tmp_path):
    arguments = ["train", "--data", "embedded", "--run", str(tmp_path / "run"), "--workers", "3"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert "torchrun --nproc-per-node 3 -m -- feroi train" in result.output
    assert not (tmp_path / "run").exists()


def test_one_process_is_alone_and_changes_nothing():
    layer, loss = torch.nn.BatchNorm2d(3), torch.ones(1)
    with torchrun_workers() as workers:
        assert workers == ALONE
        assert workers.leads
        workers.prepare(layer)
        workers.check_alike({"a": 1})
        with workers.leader_first():
            assert workers.joined(layer) is layer
    assert workers.weighed(loss, 0.3) is loss
    assert workers.total(0.1, 3) == [0.1, 3]


@pytest.mark.slow
def test_a_run_of_torchrun_with_a_killed_worker_goes_on(tmp_path, expression_folders):
    words = [
        "train", "--data", str(expression_folders), "--network", "fine-attention", "--size", "20x20",
        "--epochs", "6", "--batch-size", "7", "--run",
    ]  # fmt: skip
    unbroken = together(2, told, *words, tmp_path / "unbroken")
    assert [status for status, _ in unbroken] == [0, 0], unbroken
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "--", "feroi"]
    command = [*launch, *words, str(tmp_path / "broken")]
    metrics = tmp_path / "broken" / "metrics.jsonl"
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not metrics.exists() or metrics.read_bytes().count(b"\n") < 2:
        assert process.poll() is None, "ended before it could be killed"
        time.sleep(0.002)
    workers = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True)
    os.kill(int(workers.stdout.split()[-1]), signal.SIGKILL)
    assert process.wait(timeout=100) != 0
    assert metrics.read_bytes().count(b"\n") < 6
    resumed = subprocess.run(command, check=True, capture_output=True, text=True)
    assert resumed.stderr.count("epoch 6/6") == 1, "one worker speaks"
    one, other = (load_tensors(tmp_path / run / "last.safetensors")[0] for run in ("unbroken", "broken"))
    assert all(
        torch.equal(value, other[key]) for key, value in one.items()
    )  # two numbers add up one way only
