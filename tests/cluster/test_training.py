from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ray")

from feroi.cluster.training import Job, Relay, train_on_ray
from feroi.config import NetworkConfig
from feroi.data.folds import divide
from feroi.data.readers import read_dataset
from feroi.recipe import RecipeConfig
from feroi.training.callbacks import Callbacks
from feroi.training.run import train_run

NETWORK = NetworkConfig("attention", (20, 20), dropout=0.2)
RECIPE = RecipeConfig(epochs=25, batch_size=7, learning_rate=1e-4)


def _job(data: Path | str, run: Path) -> Job:
    return Job(str(data), "auto", 1, None, NETWORK, RECIPE, run, 0, [], None)


@pytest.fixture
def cluster(monkeypatch):
    """A machine of one core, as far as Ray can tell, which this process is on; others can be added."""
    import ray
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_worker_niceness", "0")  # else anything else on the machine comes before them
    head = {"num_cpus": 1, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, connect=True, head_node_args=head)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


@pytest.mark.slow
def test_a_training_whose_machine_is_killed_ends_as_in_one_process(tmp_path, expression_folders, cluster):
    """In float32, where two ways of adding up part by a part in a million a step, and Adam makes more of it
    from step to step: three digits of the loss are the same for a dozen epochs, two to the end. Nine are in
    float64, in `tests/training/test_workers.py`. Then, on the same cluster, a job that cannot be done."""
    said, epochs = [], []
    second = cluster.add_node(num_cpus=1)

    def on_epoch(metrics):
        epochs.append(metrics["epoch"])
        if epochs == [1, 2]:
            cluster.remove_node(second, allow_graceful=False)
            cluster.add_node(num_cpus=1)

    job = _job(expression_folders, tmp_path / "many")
    train_on_ray(job, cluster.address, 2, Callbacks(say=said.append, on_epoch=on_epoch))
    train_run(divide(read_dataset(expression_folders), 0), NETWORK, RECIPE, tmp_path / "one", 0)
    one, many = (
        [json.loads(line) for line in (tmp_path / run / "metrics.jsonl").open()] for run in ("one", "many")
    )
    assert [row["epoch"] for row in many] == list(range(1, RECIPE.epochs + 1))
    for key in ("loss", "validation_loss"):
        found, wanted = [row[key] for row in many], [row[key] for row in one]
        np.testing.assert_allclose(found[:12], wanted[:12], rtol=1e-3)
        np.testing.assert_allclose(found, wanted, rtol=2e-2)
    assert {path.name for path in (tmp_path / "many").iterdir()} == {
        path.name for path in (tmp_path / "one").iterdir()
    }
    assert [line for line in said if "going on from the last epoch" in line]
    with pytest.raises(RuntimeError, match="nothing here"):
        train_on_ray(_job(tmp_path / "nothing here", tmp_path / "none"), cluster.address, 1)


def test_three_starts_within_an_epoch_are_enough():
    relay = Relay()
    for _ in range(2):
        assert relay.begin()
        relay.fail("out of memory", again=False)
    relay.tell("on_epoch", {"epoch": 1})
    for _ in range(2):
        assert relay.begin()
    relay.fail("out of memory", again=False)
    assert relay.failed() is None
    assert not relay.begin()
    assert relay.failed() == "a worker failed 3 times in the same epoch; the last time: out of memory"
    assert [what for what, _ in relay.take()] == ["say", "on_epoch", "say", "say"]
    assert relay.take() == []


def test_what_would_fail_again_is_not_tried_again():
    relay = Relay()
    assert relay.begin()
    relay.fail("no such data", again=True)
    relay.fail("another, later", again=True)
    assert relay.failed() == "no such data"
    assert not relay.begin()
