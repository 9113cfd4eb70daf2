"""The processes that train one network together.

Each takes its rows of the very batches one process would see; gradients, and whatever else is a mean over a
batch, become means over all of its rows. So their number decides how long a training takes, not its end.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from feroi.training.sync_layers import see_whole_batches

PATIENCE = timedelta(days=1)
"""How long a worker waits for another. The first one may decode a data set meanwhile; the end of a process is
noticed at once, by its closed connection."""


class WorkerLost(RuntimeError):
    """Another worker has ended."""


class Workers(NamedTuple):
    """The `number` of processes at work, of which this one is number `rank`, from 0. Rank 0 leads: it alone
    writes files and speaks."""

    number: int = 1
    rank: int = 0

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def rows(self, total: int) -> slice:
        """Which of `whole` rows are this worker's; none if there are fewer than workers."""
        return slice(total * self.rank // self.number, total * (self.rank + 1) // self.number)

    def prepare(self, network: nn.Module) -> None:
        """Let the layers of `network` see whole batches, before it is placed and optimised."""
        if self.number > 1:
            see_whole_batches(network)

    def joined(self, network: nn.Module) -> nn.Module:
        """`network`, with the leader's weights, such that gradients are averaged over the workers."""
        if self.number == 1:
            return network
        return DistributedDataParallel(network)

    def weighed(self, loss: Tensor, share: float) -> Tensor:
        """A mean over this worker's share (0..1) of a batch, so weighed that the average over all workers is
        the mean over the batch."""
        return loss if self.number == 1 else loss * (share * self.number)

    def total(self, *values: float) -> list[float]:
        """The sums of `values` over all workers."""
        if self.number == 1:
            return list(values)
        sums = torch.tensor(values, dtype=torch.float64)
        distributed.all_reduce(sums)
        return sums.tolist()

    @contextmanager
    def leader_first(self) -> Iterator[None]:
        """The others enter the block when the leader has left it, and find what it has written.

        Raises WorkerLost in the others if the leader's block raises.
        """
        if self.number == 1:
            yield
            return
        failed = torch.zeros(1)
        if not self.leads:
            distributed.broadcast(failed, 0)
            if failed:
                raise WorkerLost("the first worker could not begin; it says why")
            yield
            return
        try:
            yield
        except BaseException:
            failed.fill_(1)
            raise
        finally:
            distributed.broadcast(failed, 0)

    def check_alike(self, values: Mapping[str, Any]) -> None:
        """Raises ValueError, on all workers, if one of the `values`, ready for JSON, differs between them."""
        if self.number == 1:
            return
        digests = [hashlib.sha256(json.dumps(value).encode()).digest() for value in values.values()]
        own = torch.tensor([list(digest) for digest in digests], dtype=torch.uint8)
        every = [torch.empty_like(own) for _ in range(self.number)]
        distributed.all_gather(every, own)
        for rank, theirs in enumerate(every):
            alike = (theirs == every[0]).all(1)
            differing = [name for name, same in zip(values, alike, strict=True) if not same]
            if differing:
                raise ValueError(
                    f"worker {rank} and worker 0 differ in {', '.join(differing)}; give all of them the same "
                    f"data, versions and hardware, and one run folder that all of them see"
                )


ALONE = Workers()


def present_workers() -> Workers:
    """Those of the process group this process has joined already, or this process alone."""
    if not distributed.is_initialized():
        return ALONE
    return Workers(distributed.get_world_size(), distributed.get_rank())


def backend(on_cards: bool) -> str:
    """What workers talk by: gloo, and NCCL for what lies on graphics cards."""
    return "cpu:gloo,cuda:nccl" if on_cards else "gloo"


@contextmanager
def loss_noticed() -> Iterator[None]:
    """Raises WorkerLost in place of the errors of a connection whose other end is gone."""
    try:
        yield
    except RuntimeError as error:
        if "gloo" in str(error) or isinstance(error, distributed.DistError):
            raise WorkerLost("another worker ended; give the same command again to go on") from error
        raise


@contextmanager
def torchrun_workers() -> Iterator[Workers]:
    """The processes that torchrun has started, as it says in their environment; else this one alone.

    Raises WorkerLost when one of the others ends.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    on_cards = torch.cuda.is_available()
    if on_cards:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group(backend(on_cards), timeout=PATIENCE)
    try:
        with loss_noticed():
            yield present_workers()
    finally:
        distributed.destroy_process_group()
