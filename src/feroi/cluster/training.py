"""Training on the machines of a Ray cluster: the loop of `feroi.training`, a worker each.

Ray starts the workers, and starts them anew when one dies; they go on from the last finished epoch, which
lies in the run folder.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import ray
from ray.exceptions import RayError
from ray.train import FailureConfig, RunConfig, ScalingConfig, TrainingFailedError
from ray.train.torch import TorchConfig, TorchTrainer
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from feroi.cluster.cluster import LOCAL, connected
from feroi.config import NetworkConfig
from feroi.data.folds import divided
from feroi.data.readers import read_dataset
from feroi.recipe import RecipeConfig
from feroi.training.callbacks import SILENT, Callbacks
from feroi.training.loop import Diverged
from feroi.training.run import train_run
from feroi.training.workers import (
    PATIENCE,
    WorkerLost,
    Workers,
    backend,
    loss_noticed,
    present_workers,
)

_STARTS = 3
_HEARD_EVERY_S = 0.2


@dataclass(frozen=True)
class Job:
    """What `feroi train` is asked for: see there. Each worker reads the data itself."""

    data: str
    layout: str
    fold: int
    hold_out: float | None
    network: NetworkConfig
    recipe: RecipeConfig
    run: Path
    seed: int
    teachers: list[str]
    start: str | None


def train_on_ray(job: Job, address: str, number: int | None, callbacks: Callbacks = SILENT) -> None:
    """Train `job` on a Ray cluster, and end in the weights, but for rounding, that one process ends in.

    address: as for `cluster.connected`. number: of workers; by default one a graphics card, or one a core
    where there are none. When a worker or its machine dies, all start again from the last finished epoch. The
    run folder and the data lie where all machines see them, by the same absolute names or from the same
    working folder.
    Raises RuntimeError with what went wrong on a worker, if it would go wrong again or did so three times
    within an epoch; ConnectionError if there is no such cluster.
    """
    try:
        error = _run(job, address, number, callbacks)
    except (RayError, TrainingFailedError) as lost:
        raise RuntimeError(f"Ray ended the training: {str(lost).splitlines()[0]}") from lost
    if error is not None:
        raise RuntimeError(error)


def _run(job: Job, address: str, number: int | None, callbacks: Callbacks) -> str | None:
    """Why it did not end well, or None."""
    with connected(address):
        workers, on_cards = _room(address, number, callbacks)
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        relay: Any = ray.remote(Relay).options(num_cpus=0, scheduling_strategy=here).remote()
        settings = {"job": replace(job, run=job.run.absolute()), "relay": relay, "folder": str(Path.cwd())}
        with tempfile.TemporaryDirectory() as scratch:
            trainer = TorchTrainer(
                _work,
                train_loop_config=settings,
                torch_config=TorchConfig(backend(on_cards), timeout_s=int(PATIENCE.total_seconds())),
                scaling_config=ScalingConfig(num_workers=workers, use_gpu=on_cards),
                # Ray's own records; what a training leaves is in the run folder.
                run_config=RunConfig(storage_path=scratch, failure_config=FailureConfig(max_failures=-1)),
            )
            _fit(trainer, relay, callbacks)
        return cast(str | None, ray.get(relay.failed.remote()))


class Relay:
    """An actor beside the person at the terminal: what the leading worker says, and how starts went."""

    def __init__(self) -> None:
        self._said: list[tuple[str, tuple[Any, ...]]] = []
        self._error: str | None = None
        self._reason = "its process or machine ended"
        self._starts = 0

    def begin(self) -> bool:
        """Count a start; False if there were too many since the last finished epoch."""
        self._starts += 1
        if self._starts > _STARTS:
            self._error = f"a worker failed {_STARTS} times in the same epoch; the last time: {self._reason}"
        elif self._starts > 1:
            self.tell("say", f"a worker failed ({self._reason}); going on from the last epoch")
        return self._error is None

    def tell(self, what: str, *said: Any) -> None:
        """Pass on that `Callbacks.what` was called with `said`."""
        if what == "on_epoch":
            self._starts, self._reason = 1, "its process or machine ended"
        self._said.append((what, said))

    def fail(self, reason: str, again: bool) -> None:
        """Take down why a worker failed; `again` if another start would end in the same."""
        self._reason = reason
        if again and self._error is None:
            self._error = reason

    def failed(self) -> str | None:
        """Why the training ended, if it did not end well."""
        return self._error

    def take(self) -> list[tuple[str, tuple[Any, ...]]]:
        """What was said since the last time."""
        said, self._said = self._said, []
        return said


def _room(address: str, number: int | None, callbacks: Callbacks) -> tuple[int, bool]:
    """How many workers there will be, and whether each gets a graphics card.

    Raises ValueError if there is no room for them and none will be made.
    """
    there = ray.cluster_resources()  # type: ignore[no-untyped-call]
    cards, cores = int(there.get("GPU", 0)), int(there.get("CPU", 0))
    room = cards or cores
    if number is not None and number > room:
        short = f"{room} {'graphics cards' if cards else 'cores'} for {number} workers"
        if address == LOCAL:
            raise ValueError(f"this machine has {short}; give fewer, or another cluster")
        callbacks.say(f"waiting: the cluster has {short}")
    return number or room, cards > 0


def _fit(trainer: TorchTrainer, relay: Any, callbacks: Callbacks) -> None:
    """Run `trainer` and pass on what its workers say. In a thread, since Ray would keep Ctrl-C for itself."""
    errors: list[Exception] = []

    def fit() -> None:
        try:
            trainer.fit()
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=fit, daemon=True)
    thread.start()
    running = True
    while running:
        thread.join(_HEARD_EVERY_S)
        running = thread.is_alive()
        for what, said in ray.get(relay.take.remote()):
            getattr(callbacks, what)(*said)
    if errors:
        raise errors[0]


def _work(settings: dict[str, Any]) -> None:
    """One worker, from the first or the last finished epoch to the end."""
    job: Job = settings["job"]
    relay = settings["relay"]
    workers = present_workers()
    if ray.get(relay.failed.remote()):
        return
    if workers.leads and not ray.get(relay.begin.remote()):
        raise RuntimeError("too many starts")  # so that all are started once more, and return
    with contextlib.suppress(OSError):  # a machine where names are the same, or absolute
        os.chdir(settings["folder"])
    try:
        with loss_noticed():
            _train(job, _relayed(relay), workers)
    except WorkerLost:  # the one that is lost may have said why
        raise
    except (ValueError, OSError, Diverged) as error:
        ray.get(relay.fail.remote(str(error), True))
        raise
    except Exception as error:
        ray.get(relay.fail.remote(str(error), False))
        raise


def _relayed(relay: Any) -> Callbacks:
    """Callbacks that reach the driver through `relay`; of the steps, one a second."""
    last_s = 0.0

    def on_step(epoch: int, step: int, steps: int) -> None:
        nonlocal last_s
        if time.monotonic() > last_s + 1:
            last_s = time.monotonic()
            relay.tell.remote("on_step", epoch, step, steps)

    return Callbacks(
        say=lambda line: relay.tell.remote("say", line),
        on_step=on_step,
        on_epoch=lambda metrics: relay.tell.remote("on_epoch", metrics),
    )


def _train(job: Job, callbacks: Callbacks, workers: Workers) -> None:
    with workers.leader_first():
        division = divided(read_dataset(job.data, job.layout), job.seed, job.fold, job.hold_out)
    train_run(
        division, job.network, job.recipe, job.run, job.seed, callbacks, job.teachers, job.start, workers
    )
