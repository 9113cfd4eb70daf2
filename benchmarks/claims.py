"""Which head reads faces best, placed well or badly: the paper's main claim, at its geometry.

Trains each network on each set, fold by fold over subjects, until it reads so many of its training patches
right (the same for every head), and compares heads on the same faces. If interrupted, run the same command
again to resume; trainings that are done are not repeated.

    feroi synth placed --facekit ICT-FaceKit --gazes frontal --difficulty varied
    feroi synth jittered --facekit ICT-FaceKit --gazes frontal --difficulty varied --jitter 0.12
    python benchmarks/claims.py OUT placed jittered
    python benchmarks/claims.py OUT jittered --networks paper-baseline,paper-attention,paper-gap \\
        --size 272x272 --plain --most-epochs 130

Photographs of unknown people are drawn at random instead of divided into folds: --draw of them to train on
and 400 to be read, as SFEW has them; --beside adds so many others to the training.

    python benchmarks/claims.py OUT FER2013 --networks small-front-baseline,small-front-attention --draw 865
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from feroi.config import NetworkConfig, network_preset
from feroi.data.batches import Labelled, centre_batches
from feroi.data.decoded import Decoded, decode
from feroi.data.folds import subject_folds
from feroi.data.readers import read_dataset
from feroi.data.samples import TRAINING
from feroi.evaluation.bootstrap import Interval, bootstrap_means
from feroi.files import write_json, write_text
from feroi.network.model import Network
from feroi.network.weights import load_network
from feroi.recipe import RecipeConfig
from feroi.training.callbacks import Callbacks, Metrics
from feroi.training.loop import LAST_WEIGHTS, Diverged, train
from feroi.training.precision import choose_arithmetic

HEADS = (
    "set", "batch normalisation", "network", "trainings", "epochs", "training patches, %", "read right, %",
    "ahead of the first, points",
)  # fmt: skip
POSE = "small-pose-baseline,small-pose-attention,small-pose-gap"
READ_OF_A_DRAW = 400  # SFEW's validation set, without the images the paper rejects

SETS: dict[str, Decoded] = {}
"""Each data set by its name. Trainings run in forked processes, which share it."""


class Job(NamedTuple):
    """One training: the set by its name, the network by its preset, and the fold or draw, from 0."""

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
    parser.add_argument("--size", help="px of the input, as 272x272; the preset's if left out")
    parser.add_argument("--folds", type=int, default=5, help="how many of the five folds, or draws")
    parser.add_argument("--draw", type=int, help="so many images to train on, in place of folds")
    parser.add_argument("--beside", type=int, default=0, help="so many others beside those drawn")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--plain", action="store_true", help="without batch normalisation, as the paper")
    parser.add_argument("--until", type=float, default=0.97, help="of the training patches, read right")
    parser.add_argument("--most-epochs", type=int, default=60)
    # Small batches: a fold has 1,900 faces, and what is learned hangs on the number of steps.
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--processes", type=int, default=1, help="trainings at once, on one graphics card too"
    )
    asked = parser.parse_args()
    networks = asked.networks.split(",")
    waiting = [job for job in jobs(asked, networks) if not (job.folder(asked.out) / "read.json").is_file()]
    (stored_hw,) = {config_of(job, asked).stored_hw for job in waiting} or {(0, 0)}
    for path in asked.data if waiting else []:
        samples = read_dataset(path)
        SETS[set_name(path, asked)] = decode(samples.split(TRAINING) if asked.draw else samples, stored_hw)
    torch.set_num_threads(asked.threads)
    with multiprocessing.get_context("fork").Pool(asked.processes) as pool:
        ended = [pool.apply_async(run, (job, asked)) for job in waiting]
        for job, each in zip(waiting, ended, strict=True):
            try:
                each.get()
            except Diverged as error:
                print(f"{job}: {error}", flush=True)
    write_text(asked.out / "claims.md", table(asked.out, networks))
    print(table(asked.out, networks))


def set_name(path: Path, asked: argparse.Namespace) -> str:
    drawn = f"-{asked.draw}" if asked.draw else ""
    return path.name + drawn + (f"+{asked.beside}" if asked.beside else "")


def jobs(asked: argparse.Namespace, networks: Sequence[str]) -> list[Job]:
    """All trainings, those of one comparison one after the other."""
    return [
        Job(seed, set_name(path, asked), fold, not asked.plain, network)
        for seed in range(asked.seeds)
        for fold in range(asked.folds)
        for path in asked.data
        for network in networks
    ]


def config_of(job: Job, asked: argparse.Namespace) -> NetworkConfig:
    size = asked.size and tuple(int(px) for px in reversed(asked.size.split("x")))
    config = network_preset(job.network, batch_norm=job.batch_norm, input_hw=size)
    pipeline = "pose" if config.input_hw[0] == config.input_hw[1] else "front"
    return config if asked.draw else replace(config, pipeline=pipeline)


def run(job: Job, asked: argparse.Namespace) -> None:
    """Train, and write what was read on the faces that were kept back."""
    decoded, config, folder = SETS[job.data], config_of(job, asked), job.folder(asked.out)
    recipe = RecipeConfig(epochs=asked.most_epochs, batch_size=asked.batch_size, precision="auto")
    sides = divided(decoded, job.fold, asked)
    training, kept = (Labelled(decoded.pixels[rows], decoded.samples.labels[rows]) for rows in sides)
    folder.mkdir(parents=True, exist_ok=True)

    def heard(metrics: Metrics) -> None:
        if metrics["accuracy"] >= asked.until:
            raise Enough

    start = time.perf_counter()
    with suppress(Enough):
        train(config, recipe, training, kept, folder, job.seed, Callbacks(on_epoch=heard))
    answers = predicted(load_network(folder / LAST_WEIGHTS), kept)
    known = json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])
    samples = decoded.samples.take(sides[1])
    result = {
        **job._asdict(),
        "epochs": known["epoch"],
        "training_accuracy": known["accuracy"],
        "seconds": time.perf_counter() - start,
        "names": [row.name for row in samples],
        "subjects": [str(row.subject or row.name) for row in samples],
        "labels": kept.labels.tolist(),
        "read": answers.tolist(),
    }
    write_json(folder / "read.json", result)
    right = 100 * float(np.mean(answers == kept.labels))
    print(f"{job}: {right:.1f} % after {known['epoch']} epochs, {result['seconds']:.0f} s", flush=True)


def divided(
    decoded: Decoded, fold: int, asked: argparse.Namespace
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows to train on, and those to be read."""
    if not asked.draw:
        return list(subject_folds(decoded.samples))[fold]
    order = np.random.default_rng(fold).permutation(len(decoded.samples))
    return order[READ_OF_A_DRAW:][: asked.draw + asked.beside], order[:READ_OF_A_DRAW]


@torch.inference_mode()
def predicted(network: Network, faces: Labelled) -> NDArray[np.int64]:
    """(N,) index of the expression with the highest logit, of the middle of each face."""
    arithmetic = choose_arithmetic("float32")
    arithmetic.place(network.eval())
    batches = centre_batches(faces.pixels, network.config.input_hw)
    logits = [network(arithmetic.send(torch.from_numpy(batch))).logits.cpu() for batch in batches]
    return torch.cat(logits).argmax(1).numpy()


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
