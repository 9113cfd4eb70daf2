"""Training the networks of a protocol, a run folder a fold."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from feroi.baselines.descriptors import BASELINES
from feroi.config import NetworkConfig, network_preset
from feroi.data.decoded import decode
from feroi.data.folds import Division, divide, subject_folds
from feroi.data.samples import Samples
from feroi.evaluation.baseline import validate_baseline
from feroi.evaluation.evaluate import Readings, read
from feroi.evaluation.metrics import Scores, score
from feroi.network.torch_forward import torch_forward
from feroi.network.weights import load_network
from feroi.outputs import FloatArray
from feroi.paper.datasets import Data, join_fer2013
from feroi.paper.published import PROTOCOLS
from feroi.photo.geometry import FRAME_HW
from feroi.recipe import RecipeConfig, recipe_preset
from feroi.settings import with_settings
from feroi.training.callbacks import Callbacks
from feroi.training.loop import LAST_WEIGHTS, METRICS
from feroi.training.run import train_run

TrainingCallbacks = Callable[[int], AbstractContextManager[Callbacks]]
"""The callbacks of a training of so many epochs."""


@dataclass(frozen=True)
class Plan:
    """What a reproduction changes of the paper; None keeps the paper's.

    recipe: preset instead of the protocol's own. size_hw: input, height and width in px.
    folds: only the first so many of the five. settings: of networks and recipe, as `settings.with_settings`
    takes them.
    """

    recipe: str | None = None
    epochs: int | None = None
    batch_size: int | None = None
    size_hw: tuple[int, int] | None = None
    folds: int | None = None
    seed: int = 0
    settings: tuple[str, ...] = ()

    def recipe_of(self, key: str) -> RecipeConfig:
        name = self.recipe or PROTOCOLS[key].recipe
        recipe = recipe_preset(name, epochs=self.epochs, batch_size=self.batch_size)
        return with_settings(NetworkConfig(), recipe, self.settings)[1]

    def network_of(self, key: str, preset: str) -> NetworkConfig:
        size = self.size_hw or PROTOCOLS[key].input_hw
        network = network_preset(preset, input_hw=size, pipeline=PROTOCOLS[key].pipeline)
        return with_settings(network, recipe_preset(PROTOCOLS[key].recipe), self.settings)[0]

    def words(self, key: str, name: str = "") -> str:
        """Recipe and input of a network, and where they are not the paper's; or those of a baseline."""
        if name in BASELINES:
            return f"SVM, {FRAME_HW[1]}x{FRAME_HW[0]} px"
        name, own = self.recipe or PROTOCOLS[key].recipe, PROTOCOLS[key].recipe
        recipe, preset = self.recipe_of(key), recipe_preset(name)
        paper_epochs = recipe_preset(own).epochs
        said = [name if name.startswith("paper-") else f"{name} (ours)"]
        cut = f" of the paper's {paper_epochs:,}" if recipe.epochs != paper_epochs else ""
        said.append(f"{recipe.epochs:,}{cut} epochs")
        if recipe.batch_size != preset.batch_size:
            said.append(f"batches of {recipe.batch_size}")
        height, width = self.size_hw or PROTOCOLS[key].input_hw
        shrunk = (height, width) != PROTOCOLS[key].input_hw
        paper_h, paper_w = PROTOCOLS[key].input_hw
        said.append(f"{width}x{height} px" + (f" (paper {paper_w}x{paper_h})" if shrunk else ""))
        said += [f"{setting} (ours)" for setting in self.settings]
        return ", ".join(said)


class Outcome(NamedTuple):
    """Scores of a network or baseline, one a fold.

    seconds: of an epoch of one fold, the median; None for a baseline, which has no epochs.
    attended: share of the map's locations that attention comes to, 0..1, 1 where it is uniform
        (`attended_share`), the mean over all faces; None for what has no map.
    """

    folds: list[Scores]
    seconds: float | None
    attended: float | None = None

    @property
    def mean(self) -> float:
        """Mean accuracy of the folds, 0..1."""
        return float(np.mean([fold.accuracy for fold in self.folds]))

    @property
    def std(self) -> float | None:
        """Standard deviation (n - 1) over the folds; None of one fold."""
        accuracies = [fold.accuracy for fold in self.folds]
        return float(np.std(accuracies, ddof=1)) if len(accuracies) > 1 else None


class Runs:
    """The trained networks of a reproduction, in the folder `out/runs`.

    Whatever is asked for is trained first, or taken from there if it was trained before; a killed
    training goes on after its last finished epoch.
    """

    def __init__(
        self, data: Mapping[str, Data], plan: Plan, out: Path, training_callbacks: TrainingCallbacks
    ) -> None:
        self.data, self.plan, self.out, self.training_callbacks = data, plan, out, training_callbacks
        self._decoded: tuple[str, Samples] | None = None

    def outcome(self, key: str, preset: str) -> Outcome:
        """Train a network by a protocol and score each fold with the weights of the last epoch."""
        folds, attended = [], []
        for each in self.readings(key, preset):
            folds.append(score(each.samples.labels, each.predicted))
            if each.attention is not None:
                attended.append(attended_share(each.attention))
        seconds = []
        for number in range(1, len(folds) + 1):
            lines = (self.folder(key, preset, number) / METRICS).read_text(encoding="utf-8").splitlines()
            seconds += [float(json.loads(line)["seconds"]) for line in lines]
        share = float(np.concatenate(attended).mean()) if attended else None
        return Outcome(folds, float(np.median(seconds)), share)

    def baseline(self, key: str, name: str) -> Outcome:
        """Learn features with an SVM on the training side of each fold, and score them."""
        with self.training_callbacks(0) as callbacks:
            callbacks.say(f"{PROTOCOLS[key].title}, {name} with an SVM")
            result = validate_baseline(
                self.data[key].samples,
                name,
                self.out / "runs" / key / name,
                self.plan.seed,
                say=callbacks.say,
            )
        return Outcome(result.folds[: self.plan.folds], None)

    def readings(self, key: str, preset: str) -> Iterator[Readings]:
        """What the network of each fold says of the images it was not trained on."""
        network, recipe = self.plan.network_of(key, preset), self.plan.recipe_of(key)
        for number, division in enumerate(self._divisions(key), 1):
            folder = self.folder(key, preset, number)
            with self.training_callbacks(recipe.epochs) as callbacks:
                callbacks.say(f"{PROTOCOLS[key].title}, {preset}: {self.plan.words(key)}")
                train_run(division, network, recipe, folder, self.plan.seed, callbacks)
            forward = torch_forward(load_network(folder / LAST_WEIGHTS))
            yield read(forward, network, division.validation)

    def folder(self, key: str, preset: str, fold: int) -> Path:
        return self.out / "runs" / key / preset / f"fold{fold}"

    def _divisions(self, key: str) -> list[Division]:
        samples = self._samples(key)
        folds = PROTOCOLS[key].folds
        if folds == 1:
            return [divide(samples, self.plan.seed)]
        return [
            Division(
                samples.take(fold.training), samples.take(fold.validation), f"fold {n} of {folds} by subject"
            )
            for n, fold in enumerate(subject_folds(samples, folds), 1)
            if n <= (self.plan.folds or folds)
        ]

    def _samples(self, key: str) -> Samples:
        """The samples of a protocol, decoded once for all its networks and folds."""
        if self._decoded is None or self._decoded[0] != key:
            stored_hw = self.plan.network_of(key, "paper-attention").stored_hw
            if key == "sfew-fer2013":
                samples = join_fer2013(self.data["sfew"].samples, self.data["fer2013"].samples, stored_hw)
            else:
                samples = self.data[key].samples
            self._decoded = key, decode(samples, stored_hw).shared
        return self._decoded[1]


def attended_share(attention: FloatArray) -> FloatArray:
    """How much of each of N maps (N, H, W) is attended to, (N,): e to the power of its entropy, the number of
    locations that a map uniform on them would have, over all H W."""
    weights = attention.reshape(len(attention), -1).astype(np.float64)
    weights = weights / weights.sum(1, keepdims=True)
    logarithms = np.log(weights, out=np.zeros_like(weights), where=weights > 0)
    return np.asarray(np.exp(-(weights * logarithms).sum(1)) / weights.shape[1])
