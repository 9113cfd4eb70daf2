r"""A small network that learns what teachers say of FER-2013's training images.

    python tools/taught.py faces.npz OUT --teacher TEACHER [--teacher ...] --start default
    python tools/taught.py faces.npz OUT2 --teacher TEACHER --start OUT/last.safetensors \
        --recipe taught-needed

    python tools/taught.py faces.npz OUT3 --teacher TEACHER --start OUT2/last.safetensors \
        --recipe taught-needed --epochs 2 --also PHOTOS

TEACHER is a folder of tools/face_teacher.py. Three quarters of a target are what the teachers say of the very
variant of an image that is learned from, the rest its people's votes and label. --labels is the share of
FER-2013's own labels in both, beside that which the mixed votes hold already; 1 for these labels alone.
PHOTOS are labelled faces as `feroi prepare folder` leaves them: few of another kind beside many of one, so
each is learned from 60 times an epoch, varied anew each time, under its label.
OUT/last.safetensors is to be calibrated (`feroi calibrate`). Killed, the same command resumes. PublicTest is
not looked at.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from face_teacher import TO_LEARN_FROM
from pack_faces import unpacked

from feroi.config import NETWORKS
from feroi.data.batches import Labelled
from feroi.data.decoded import decode
from feroi.data.readers import read_dataset
from feroi.network.weights import load_network
from feroi.recipe import RECIPES
from feroi.training.augment import varied
from feroi.training.callbacks import Callbacks
from feroi.training.loop import train
from feroi.vocabulary import EXPRESSIONS

TAUGHT = 0.75
TIMES, SURE = 60, 0.9


def targets(faces: Path, teachers: list[Path], labels: float) -> tuple[Labelled, Labelled]:
    """What is learned from, with the variants of each image and a target for each, and what is held out."""
    packed = unpacked(faces)
    own = np.eye(len(EXPRESSIONS), dtype=np.float32)[packed["labels"]]
    mixed = packed["votes"] / np.maximum(packed["votes"].sum(1, keepdims=True), 1e-6)
    learned = ~packed["held"]
    counted = packed["votes"][learned].any(1) | (labels == 1)
    said = np.mean([np.load(teacher / "answers.npy").astype(np.float32) for teacher in teachers], 0)
    said = (1 - labels) * said[:, counted, 0] + labels * said[:, counted, 1]
    true = ((1 - labels) * mixed + labels * own)[learned][counted]
    soft = TAUGHT * said / said.sum(-1, keepdims=True) + (1 - TAUGHT) * true
    cuts = np.load(teachers[0] / "cuts.npy", mmap_mode="r")
    if not counted.all():
        cuts = cuts[:, counted]
    rows = np.flatnonzero(learned)[counted]
    held = np.flatnonzero(packed["held"])
    training = Labelled(
        packed["pixels"][rows], packed["labels"][rows], soft=soft.astype(np.float32), cuts=cuts
    )
    return training, Labelled(packed["pixels"][held], packed["labels"][held])


def beside(training: Labelled, photos: Path) -> Labelled:
    """`training` with the faces in a folder of photographs, each TIMES, and its label SURE, the rest even."""
    assert training.cuts is not None
    assert training.soft is not None
    decoded = decode(read_dataset(photos, "auto"), training.pixels.shape[1:])
    rows = np.tile(np.arange(len(decoded.samples)), TIMES)
    pixels, labels = np.asarray(decoded.pixels)[rows], decoded.samples.labels[rows]
    cuts = [
        varied(pixels, (48, 48), TO_LEARN_FROM[turn % 2], np.random.default_rng([51, turn]))
        for turn in range(len(training.cuts))
    ]
    even = (1 - SURE) / len(EXPRESSIONS)
    soft = (SURE * np.eye(len(EXPRESSIONS))[labels] + even).astype(np.float32)
    return Labelled(
        np.concatenate([training.pixels, pixels]),
        np.concatenate([training.labels, labels]),
        soft=np.concatenate([training.soft, np.broadcast_to(soft, (len(cuts), *soft.shape))], 1),
        cuts=np.concatenate([training.cuts, np.stack(cuts)], 1),
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("faces", type=Path, help="as tools/pack_faces.py writes them")
    parser.add_argument("out", type=Path)
    parser.add_argument("--teacher", type=Path, action="append", required=True)
    parser.add_argument("--start", required=True, help="a shipped network's name or a file")
    parser.add_argument("--recipe", choices=("taught", "taught-needed"), default="taught")
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--rate", type=float, default=2e-3, help="the highest learning rate")
    parser.add_argument("--labels", type=float, default=0.0)
    parser.add_argument("--also", type=Path, metavar="PHOTOS", help="a folder of other prepared faces")
    parser.add_argument("--seed", type=int, default=0)
    told = parser.parse_args()
    training, held = targets(told.faces, told.teacher, told.labels)
    if told.also is not None:
        training = beside(training, told.also)
    assert training.cuts is not None
    recipe = replace(
        RECIPES[told.recipe],
        epochs=told.epochs,
        learning_rate=told.rate,
        batch_size=128,
        cuts=len(training.cuts),
    )
    if told.also is not None:
        recipe = replace(recipe, averaging=0.99)  # it is short
    network = replace(NETWORKS["lateral-attention"], pipeline="wild")

    def epoch_ended(metrics: dict[str, float]) -> None:
        shown = {
            name: round(metrics[name], 4) for name in ("epoch", "loss", "validation_accuracy", "seconds")
        }
        print(shown, flush=True)

    train(
        network,
        recipe,
        training,
        held,
        told.out,
        told.seed,
        Callbacks(on_epoch=epoch_ended),
        load_network(told.start),
    )


if __name__ == "__main__":
    main()
