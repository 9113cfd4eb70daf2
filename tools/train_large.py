"""Train large networks, and small ones that learn from them, on FER-2013's training images.

    python tools/pack_faces.py FER2013 faces.npz
    python tools/imagenet_start.py WHEEL imagenet.safetensors
    python tools/train_large.py faces.npz imagenet.safetensors OUT [--seeds 3] [--jobs 1]

Killed, the same command resumes. With a graphics card give it several --jobs: they share the card. First
come the large networks, each begun from ImageNet, on people's votes and on FER-2013's own labels; then what
the committee of each kind answers to several variants of each image; then the small networks, which learn
from these answers. OUT/STAGE-SEED/last.safetensors is to be calibrated (`feroi calibrate`).
PublicTest is not looked at.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from pack_faces import unpacked

from feroi.config import NETWORKS, NetworkConfig
from feroi.data.batches import Labelled
from feroi.network.weights import load_network
from feroi.recipe import RECIPES, RecipeConfig
from feroi.training.augment import varied
from feroi.training.callbacks import Callbacks
from feroi.training.loop import LAST_WEIGHTS, train
from feroi.training.precision import choose_arithmetic

VOTES, LABELS = "votes", "labels"
TOGETHER = 512  # faces a committee answers at once
LARGE = replace(NETWORKS["large-attention"], spacing=4, pipeline="wild")
SMALL = replace(NETWORKS["lateral-attention"], pipeline="wild")
# Networks whose locations see so many px of 48, for the curve of accuracy over field.
FIELDS = {
    px: replace(SMALL, lateral=False, convolutions=convolutions, width=2)
    for px, convolutions in ((26, (1, 1, 1, 1)), (32, (2, 2, 1, 1)), (40, (2, 2, 2, 1)))
}


class Work:
    """What all stages share: the faces, the folder, and how much of it all is to be done."""

    def __init__(
        self, faces: Path, imagenet: Path, out: Path, seeds: int, images: int | None, times: float
    ) -> None:
        self.faces, self.imagenet, self.out, self.seeds = faces, imagenet, out, seeds
        self.images, self.times = images, times

    def run(self, name: str, seed: int) -> Path:
        return self.out / f"{name}-{seed}"

    def weights(self, name: str, seed: int) -> Path:
        return self.run(name, seed) / LAST_WEIGHTS

    def answers(self, kind: str, seed: int) -> Path:
        return self.out / f"answers-{kind}-{seed}.npy"

    def labelled(self, kind: str) -> tuple[Labelled, Labelled]:
        """Faces to learn from and faces held out, as people voted on them or with FER-2013's labels."""
        packed = unpacked(self.faces)
        counted = packed["votes"].any(1)
        soft = packed["votes"] / np.maximum(packed["votes"].sum(1, keepdims=True), 1e-6)
        whole = Labelled(packed["pixels"], packed["labels"], soft=soft if kind == VOTES else None)
        held = packed["held"]
        learned = ~held & counted
        if self.images is not None:
            learned &= np.cumsum(learned) <= self.images
        return _rows(whole, learned), _rows(whole, held)

    def recipe(self, name: str) -> RecipeConfig:
        recipe = RECIPES[name]
        if self.images is None:
            return replace(recipe, epochs=max(1, round(self.times * recipe.epochs)))
        return replace(recipe, epochs=min(recipe.epochs, 3), cuts=min(recipe.cuts, 1))


def _rows(whole: Labelled, chosen: np.ndarray) -> Labelled:
    soft = None if whole.soft is None else whole.soft[chosen]
    return Labelled(whole.pixels[chosen], whole.labels[chosen], soft=soft)


def teach(
    work: Work, seed: int, *, stage: str, network: NetworkConfig, recipe: str, kind: str, start: str | None
) -> None:
    """One training. start: the stage begun from, or "imagenet"; None for random weights."""
    how = work.recipe(recipe)
    training, held = work.labelled(kind)
    if how.distillation:
        cuts = np.load(work.out / "cuts.npy", mmap_mode="r")
        said = np.mean([np.load(work.answers(kind, each)) for each in range(work.seeds)], 0, np.float32)
        soft = np.eye(7, dtype=np.float32)[training.labels] if training.soft is None else training.soft
        targets = how.distillation * said + (1 - how.distillation) * soft
        training = training._replace(cuts=cuts, soft=targets.astype(np.float32))
    begun = None
    if start is not None:
        begun = load_network(work.imagenet if start == "imagenet" else work.weights(start, seed))

    def told(metrics: dict[str, float]) -> None:
        print(
            f"{stage}-{seed} epoch {metrics['epoch']}/{how.epochs} loss {metrics['loss']:.4f} training "
            f"{metrics['accuracy']:.4f} held out {metrics['validation_accuracy']:.4f} "
            f"{metrics['images_per_s']:.0f} images/s {metrics['seconds']:.1f} s",
            flush=True,
        )

    train(network, how, training, held, work.run(stage, seed), seed, Callbacks(on_epoch=told), begun)


def vary_all(work: Work, _: int) -> None:
    """Variants of each image, for a committee to answer and for the epochs of a small network to go round."""
    recipe = work.recipe("taught")
    pixels = work.labelled(VOTES)[0].pixels
    device = choose_arithmetic("auto").device
    cuts = [
        varied(pixels, (48, 48), recipe.augmentation, np.random.default_rng([2013, turn]), device)
        for turn in range(recipe.cuts)
    ]
    np.save(work.out / "cuts.npy", np.stack(cuts))


@torch.inference_mode()
def answer(work: Work, seed: int, *, stage: str, kind: str) -> None:
    """What the network of `stage` says of each variant, (K, N, 7) float16."""
    arithmetic = choose_arithmetic("auto")
    cuts = np.load(work.out / "cuts.npy", mmap_mode="r")
    said = np.zeros((*cuts.shape[:2], 7), np.float16)
    network = load_network(work.weights(stage, seed)).eval()
    arithmetic.place(network)
    for cut, answers in zip(cuts, said, strict=True):
        for first in range(0, len(cut), TOGETHER):
            here = slice(first, first + TOGETHER)
            faces = torch.from_numpy(np.array(cut[here, None])).to(arithmetic.device).float() / 255
            with arithmetic.autocast():
                logits = network(arithmetic.send(faces)).logits
            answers[here] = logits.float().softmax(1).half().cpu().numpy()
    np.save(work.answers(kind, seed), said)


Stage = tuple[Callable[..., None], tuple[str, ...], bool]
"""What it does; the stages it waits for; whether each seed has its own."""


def _training(
    stage: str, network: NetworkConfig, recipe: str, kind: str, start: str | None, *needs: str
) -> Stage:
    job = partial(teach, stage=stage, network=network, recipe=recipe, kind=kind, start=start)
    return job, needs, True


STAGES: dict[str, Stage] = {
    "cuts": (vary_all, (), False),
    "large-first": _training("large-first", LARGE, "large", VOTES, "imagenet"),
    "large-labels": _training("large-labels", LARGE, "large-labels", LABELS, "large-first", "large-first"),
    "answers": (partial(answer, stage="large-first", kind=VOTES), ("cuts", "large-first"), True),
    "answers-labels": (partial(answer, stage="large-labels", kind=LABELS), ("cuts", "large-labels"), True),
    "small-first": _training("small-first", SMALL, "taught", VOTES, None, "answers"),
    "default": _training("default", SMALL, "taught-needed", VOTES, "small-first", "small-first"),
    "fer2013": _training("fer2013", SMALL, "taught", LABELS, None, "answers-labels"),
    "large": _training("large", LARGE, "large-needed", VOTES, "large-first", "large-first"),
    **{
        f"field-{px}": _training(f"field-{px}", network, "taught", VOTES, None, "answers")
        for px, network in FIELDS.items()
    },
}


def run_all(work: Work, jobs: int, only: list[str], deadline_s: float) -> int:
    """Run what is not done yet, `jobs` at a time. Returns how many stages failed."""
    began = time.monotonic()
    waiting = [(name, seed) for name in only for seed in range(work.seeds if STAGES[name][2] else 1)]
    done = {name_seed for name_seed in waiting if _mark(work, *name_seed).exists()}
    running: dict[tuple[str, int], subprocess.Popen[bytes]] = {}
    failed = 0
    waiting = [one for one in waiting if one not in done]
    while waiting or running:
        for one, process in list(running.items()):
            if process.poll() is not None:
                del running[one]
                failed += process.returncode != 0
                if process.returncode == 0:
                    done.add(one)
                    _mark(work, *one).touch()
                print(
                    f"{time.monotonic() - began:.0f} s: {one[0]}-{one[1]} ended ({process.returncode})",
                    flush=True,
                )
        for one in list(waiting):
            if len(running) < jobs and _ready(work, one, done, only):
                waiting.remove(one)
                command = [sys.executable, __file__, *sys.argv[1:], "--stage", one[0], "--seed", str(one[1])]
                running[one] = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})
        if not running or time.monotonic() - began > deadline_s:
            break
        time.sleep(0.2)
    for process in running.values():
        process.terminate()
    return failed + len(waiting)


def _ready(work: Work, one: tuple[str, int], done: set[tuple[str, int]], only: list[str]) -> bool:
    """Whether all that a stage waits for is done: of its own seed if both have seeds, else of every seed;
    so are the answers of a committee."""
    name, seed = one
    for need in STAGES[name][1]:
        if need not in only:
            continue
        own = STAGES[need][2] and not need.startswith("answers")
        seeds = [seed] if own else range(work.seeds if STAGES[need][2] else 1)
        if not all((need, each) in done for each in seeds):
            return False
    return True


def _mark(work: Work, name: str, seed: int) -> Path:
    return work.out / f"{name}-{seed}.done"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("faces", type=Path)
    parser.add_argument("imagenet", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time")
    parser.add_argument("--only", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--images", type=int, help="so many images and three epochs each, to try it out")
    parser.add_argument("--times", type=float, default=1.0, help="times the epochs of the recipes")
    parser.add_argument("--deadline", type=float, default=float("inf"), help="seconds after which it stops")
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    told = parser.parse_args()
    work = Work(told.faces, told.imagenet, told.out, told.seeds, told.images, told.times)
    told.out.mkdir(parents=True, exist_ok=True)
    if told.stage is None:
        return run_all(work, told.jobs, told.only, told.deadline)
    torch.backends.cudnn.benchmark = True
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    STAGES[told.stage][0](work, told.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
