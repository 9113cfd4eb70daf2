"""Which head reads faces best, placed well or badly: the paper's main claim, at its geometry.

Trains each network on each set, fold by fold over subjects, until it reads so many of its training patches
right (the same for every head), and compares heads on the same faces. If interrupted, run the same command
again to resume; trainings that are done are not repeated.

    feroi synth placed --facekit ICT-FaceKit --gazes frontal --size 96 --difficulty varied
    feroi synth jittered --facekit ICT-FaceKit --gazes frontal --size 96 --difficulty varied --jitter 0.12
    python benchmarks/claims.py OUT placed jittered
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from feroi.config import NetworkConfig, network_preset
from feroi.data.batches import Labelled
from feroi.data.decoded import decode
from feroi.data.folds import subject_folds
from feroi.data.readers import read_dataset
from feroi.data.samples import Samples
from feroi.evaluation.bootstrap import Interval, bootstrap_means
from feroi.evaluation.evaluate import read
from feroi.files import write_json, write_text
from feroi.network.torch_forward import torch_forward
from feroi.network.weights import load_network
from feroi.recipe import RecipeConfig
from feroi.training.callbacks import Callbacks, Metrics
from feroi.training.loop import LAST_WEIGHTS, train

HEADS = (
    "set", "batch normalisation", "network", "trainings", "epochs", "training patches, %", "read right, %",
    "ahead of the first, points",
)  # fmt: skip
POSE = "small-pose-baseline,small-pose-attention,small-pose-gap"


class Job(NamedTuple):
    """One training: the set by the name of its folder, the network by its preset, and the fold, from 0."""

    seed: int
    data: str
    fold: int
    batch_norm: bool
    network: str

    def folder(self, out: Path) -> Path:
        norm = "norm" if self.batch_norm else "plain"
        return out / "runs" / self.data / norm / self.network / f"seed{self.seed}-fold{self.fold + 1}"


class Enough(Exception):
    """A network reads as much of its training patches as was asked for."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("data", type=Path, nargs="+", help="folders of `feroi synth`, or other data sets")
    parser.add_argument("--networks", default=POSE, help="presets, the first being the one to compare with")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--plain", action="store_true", help="without batch normalisation, as the paper")
    parser.add_argument("--until", type=float, default=0.97, help="of the training patches, read right")
    parser.add_argument("--most-epochs", type=int, default=60)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    networks = asked.networks.split(",")
    sets = {path.name: read_dataset(path) for path in asked.data}
    for job in jobs(list(sets), networks, asked.folds, asked.seeds, not asked.plain):
        if not (job.folder(asked.out) / "read.json").is_file():
            run(job, sets[job.data], asked.out, asked.folds, asked.until, asked.most_epochs)
            write_text(asked.out / "claims.md", table(asked.out, networks))
    print(table(asked.out, networks))


def jobs(
    data: Sequence[str], networks: Sequence[str], folds: int, seeds: int, batch_norm: bool
) -> Iterator[Job]:
    """All trainings, those of one comparison one after the other."""
    for seed in range(seeds):
        for fold in range(folds):
            for name in data:
                for network in networks:
                    yield Job(seed, name, fold, batch_norm, network)


def run(job: Job, samples: Samples, out: Path, folds: int, until: float, most_epochs: int) -> None:
    """Train, and write what was read on the fold that was kept back."""
    network = network_preset(job.network, batch_norm=job.batch_norm, pipeline="pose")
    # Small batches: a fold has 1,900 faces, and what is learned hangs on the number of steps.
    recipe = RecipeConfig(epochs=most_epochs, batch_size=16, precision="auto")
    fold = list(subject_folds(samples, folds))[job.fold]
    training, held = samples.take(fold.training), samples.take(fold.validation)
    folder = job.folder(out)
    folder.mkdir(parents=True, exist_ok=True)

    def heard(metrics: Metrics) -> None:
        if metrics["accuracy"] >= until:
            raise Enough

    start = time.perf_counter()
    sides = labelled(training, network), labelled(held, network)
    with suppress(Enough):
        train(network, recipe, *sides, folder, job.seed, Callbacks(on_epoch=heard))
    readings = read(torch_forward(load_network(folder / LAST_WEIGHTS)), network, held)
    known = json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])
    found = {
        **job._asdict(),
        "epochs": known["epoch"],
        "training_accuracy": known["accuracy"],
        "seconds": time.perf_counter() - start,
        "names": [row.name for row in readings.samples],
        "subjects": [str(row.subject) for row in readings.samples],
        "labels": readings.samples.labels.tolist(),
        "read": readings.predicted.tolist(),
    }
    write_json(folder / "read.json", found)
    right = float(np.mean(readings.predicted == readings.samples.labels))
    print(f"{job}: {100 * right:.1f} % after {known['epoch']} epochs, {found['seconds']:.0f} s", flush=True)


def labelled(samples: Samples, network: NetworkConfig) -> Labelled:
    decoded = decode(samples, network.stored_hw)
    return Labelled(decoded.pixels, decoded.samples.labels)


def table(out: Path, networks: Sequence[str]) -> str:
    """Of each set the share each network reads right, and its lead over the first on the same faces."""
    found: dict[tuple[str, bool], list[dict[str, Any]]] = {}
    for path in sorted(out.glob("runs/*/*/*/*/read.json")):
        one = json.loads(path.read_text())
        if one["network"] in networks:
            found.setdefault((one["data"], one["batch_norm"]), []).append(one)
    lines = ["| " + " | ".join(HEADS) + " |", "| " + " | ".join(["---"] * len(HEADS)) + " |"]
    for (data, norm), runs in sorted(found.items()):
        for network in networks:
            mine = [each for each in runs if each["network"] == network]
            if mine:
                lines.append(
                    row(data, norm, network, mine, [each for each in runs if each["network"] == networks[0]])
                )
    return "\n".join(lines) + "\n"


def row(data: str, norm: bool, network: str, mine: list[dict[str, Any]], first: list[dict[str, Any]]) -> str:
    """One line of the table. Intervals are over subjects, of the trainings both networks have."""
    right, whose = pooled(mine)
    accuracy = bootstrap_means(right[:, None], whose, 0)[0]
    keys = {(each["seed"], each["fold"]) for each in mine} & {(each["seed"], each["fold"]) for each in first}
    both = [[each for each in runs if (each["seed"], each["fold"]) in keys] for runs in (mine, first)]
    ahead = ""
    if mine[0]["network"] != first[0]["network"] and keys:
        (ours, people), (theirs, _) = pooled(both[0]), pooled(both[1])
        ahead = spoken(bootstrap_means((ours - theirs)[:, None], people, 0)[0])
    epochs, learned = (np.mean([each[name] for each in mine]) for name in ("epochs", "training_accuracy"))
    cells = [
        data,
        "yes" if norm else "no",
        f"`{network}`",
        str(len(mine)),
        f"{epochs:.0f}",
        f"{100 * learned:.1f}",
    ]
    return "| " + " | ".join([*cells, spoken(accuracy), ahead]) + " |"


def pooled(runs: list[dict[str, Any]]) -> tuple[NDArray[np.float64], list[str]]:
    """Whether each face was read right (N,), and whose it is, in the order of seeds and folds."""
    ordered = sorted(runs, key=lambda each: (each["seed"], each["fold"]))
    right = [np.equal(each["read"], each["labels"]) for each in ordered]
    return np.concatenate(right).astype(np.float64), [name for each in ordered for name in each["subjects"]]


def spoken(value: Interval) -> str:
    return f"{100 * value.mean:.1f} ({100 * (value.low or 0):.1f} to {100 * (value.high or 0):.1f})"


if __name__ == "__main__":
    main()
