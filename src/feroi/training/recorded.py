"""Training steps recorded once and played back, for small networks on a graphics card.

Each of their kernels runs for microseconds, less than Python takes to start it. A CUDA graph starts those of
a whole step at once.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from feroi.data.batches import Labelled, check_size, shuffled
from feroi.network.model import Network
from feroi.recipe import RecipeConfig
from feroi.training.augment import cut, draw_patches
from feroi.training.precision import Arithmetic
from feroi.training.workers import ALONE, Workers

_WARM_UP_STEPS = 3  # what CUDA graphs ask for


class Sums(NamedTuple):
    """Of one epoch: the loss summed over its images, how many were read right, and how many they are."""

    loss: float
    correct: float
    images: float


def can_record(arithmetic: Arithmetic, recipe: RecipeConfig, training: Labelled, workers: Workers) -> bool:
    """Whether a training is of the kind the paper describes, on one graphics card that its images fit on."""
    beside_labels = (training.truths, training.soft, training.depth, training.cuts)
    return (
        arithmetic.device.type == "cuda"
        and workers is ALONE
        and all(each is None for each in beside_labels)
        and recipe.augmentation == "patches"
        and not (recipe.need or recipe.averaging)
        and recipe.head_rate == 1
        and training.pixels.nbytes < torch.cuda.mem_get_info()[0] / 4
    )


class Recorder:
    """Epochs of one training, the same as `training.loop` makes them step by step but for dropout's draws.

    All images lie on the device. Which are seen in an epoch, and which patches of them, is drawn as there and
    sent before it begins.
    optimizer: "capturable", with one group of parameters, whose rate is a tensor.
    """

    def __init__(
        self,
        network: Network,
        recipe: RecipeConfig,
        training: Labelled,
        optimizer: torch.optim.Optimizer,
        arithmetic: Arithmetic,
    ) -> None:
        check_size(training.pixels, network.config.input_hw)
        self._network, self._recipe, self._training = network, recipe, training
        self._optimizer, self._arithmetic = optimizer, arithmetic
        device, number = arithmetic.device, len(training.pixels)
        self._pixels = torch.from_numpy(np.ascontiguousarray(training.pixels)).to(device)
        self._labels = torch.from_numpy(training.labels).to(device)
        # Of each image of an epoch, in turn: its row, the corner of its patch, and whether it is mirrored.
        self._draws = torch.zeros((4, number), dtype=torch.int64, device=device)
        self._rates = torch.zeros(number, device=device)
        self._start = torch.zeros(1, dtype=torch.int64, device=device)
        self._sums = torch.zeros(2, dtype=torch.float64, device=device)
        self._graphs: dict[int, torch.cuda.CUDAGraph] = {}

    def epoch(
        self, rng: np.random.Generator, rates: list[float], on_step: Callable[[int, int], None]
    ) -> Sums:
        """Train on every image once, at each step's rate. `on_step` hears which is next, and of how many."""
        sizes = self._send(rng, rates)
        for size in set(sizes) - set(self._graphs):
            if self._arithmetic.device.type == "cuda":
                self._graphs[size] = self._recorded(size)
        self._start.zero_()
        self._sums.zero_()
        for step, size in enumerate(sizes, 1):
            on_step(step, len(rates))
            if size in self._graphs:
                self._graphs[size].replay()
            else:
                self._optimizer.zero_grad(set_to_none=True)
                self._step(size)
        loss, correct = self._sums.tolist()
        return Sums(loss, correct, sum(sizes))

    def _send(self, rng: np.random.Generator, rates: list[float]) -> list[int]:
        """Draw an epoch, and send it to the device; the sizes of its batches."""
        draws, rate_of, sizes = [], [], []
        stored_hw, size_hw = self._training.pixels.shape[1:], self._network.config.input_hw
        for rows, rate in zip(
            shuffled(self._training, self._recipe.batch_size, rng, self._recipe.balance), rates, strict=False
        ):
            draws.append(np.stack([rows, *draw_patches(rng, len(rows), stored_hw, size_hw)]))
            rate_of.append(np.full(len(rows), rate, np.float32))
            sizes.append(len(rows))
        total = sum(sizes)
        self._draws[:, :total] = torch.from_numpy(np.concatenate(draws, 1)).to(self._draws.device)
        self._rates[:total] = torch.from_numpy(np.concatenate(rate_of)).to(self._rates.device)
        return sizes

    def _step(self, size: int) -> None:
        """One step on the `size` images from `_start` on, which it moves behind them."""
        here = self._start + torch.arange(size, device=self._start.device)
        rows, top, left, mirrored = self._draws[:, here]
        faces = cut(
            self._pixels[rows][:, None].float(), self._network.config.input_hw, top, left, mirrored > 0
        )
        labels = self._labels[rows]
        with self._arithmetic.autocast():
            output = self._network(self._arithmetic.send(faces / 255))
        loss = nn.functional.cross_entropy(
            output.logits, labels, label_smoothing=self._recipe.label_smoothing
        )
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.param_groups[0]["lr"].copy_(self._rates[self._start].squeeze())
        self._optimizer.step()
        right = (output.logits.argmax(1) == labels).sum()
        self._sums += torch.stack([loss.detach().double() * size, right.double()])
        self._start += size

    def _recorded(self, size: int) -> torch.cuda.CUDAGraph:
        """A step on so many images as a graph. Weights and the optimizer are as before it was recorded."""
        before = deepcopy((self._network.state_dict(), self._optimizer.state_dict()))
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(_WARM_UP_STEPS):
                self._start.zero_()
                self._optimizer.zero_grad(set_to_none=True)
                self._step(size)
        torch.cuda.current_stream().wait_stream(side)
        self._start.zero_()
        self._optimizer.zero_grad(set_to_none=True)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._step(size)
        self._restore(*before)
        return graph

    def _restore(
        self, weights: dict[str, Tensor], optimizer: dict[str, dict[int, dict[str, Tensor]]]
    ) -> None:
        """In place: the graph knows these tensors by where they lie."""
        self._network.load_state_dict(weights)
        for index, (_, state) in enumerate(self._optimizer.state.items()):
            for name, value in state.items():
                known = optimizer["state"].get(index, {}).get(name)
                value.zero_() if known is None else value.copy_(known)
