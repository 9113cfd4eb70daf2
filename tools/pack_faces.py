"""FER-2013's training images, their labels and people's votes in one file, small enough to carry.

    python tools/pack_faces.py FER2013 OUT.npz

FER2013 holds train/ with one folder per expression, and ferplus_votes.csv. The images stand in one picture,
coded as WebP of quality 92: 24 MB where PNG files take 54, and 1.8 grey levels off in the root mean square.
Which of them are held out of training is told from the pixels before that, as `feroi train --hold-out 0.05`
tells it.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from feroi.data.decoded import decode
from feroi.data.ferplus import read_both
from feroi.data.folders import read_fer2013_folders
from feroi.data.folds import held_out
from feroi.data.samples import TRAINING
from feroi.vocabulary import EXPRESSIONS

SIDE = 48
ACROSS = 170
HELD_OUT = 0.05


def main(root: Path, out: Path) -> None:
    decoded = decode(read_fer2013_folders(root).split(TRAINING), (SIDE, SIDE))
    names = [sample.name for sample in decoded.samples]
    held = {sample.name for sample in held_out(decoded.samples, HELD_OUT).validation}
    both = read_both(root).split(TRAINING)
    votes = dict(zip((sample.name for sample in both), np.asarray(both.votes), strict=True))
    nobody = np.zeros(len(EXPRESSIONS))
    np.savez(
        out,
        sheet=np.frombuffer(_sheet(np.asarray(decoded.pixels)), np.uint8),
        labels=decoded.samples.labels.astype(np.int8),
        votes=np.array([votes.get(name, nobody) for name in names], np.float16),
        held=np.array([name in held for name in names]),
    )


def _sheet(pixels: np.ndarray) -> bytes:
    down = -(-len(pixels) // ACROSS)
    grid = np.zeros((down * ACROSS, SIDE, SIDE), np.uint8)
    grid[: len(pixels)] = pixels
    sheet = grid.reshape(down, ACROSS, SIDE, SIDE).transpose(0, 2, 1, 3).reshape(down * SIDE, ACROSS * SIDE)
    coded = io.BytesIO()
    Image.fromarray(sheet).convert("RGB").save(coded, "WEBP", quality=92)
    return coded.getvalue()


def unpacked(file: Path) -> dict[str, np.ndarray]:
    """pixels (N, 48, 48) uint8, labels (N,) int64, votes (N, 7) float32, all zero where none count, and held
    (N,) bool."""
    packed = np.load(file)
    Image.MAX_IMAGE_PIXELS = None  # our own file
    sheet = np.asarray(Image.open(io.BytesIO(packed["sheet"].tobytes())).convert("L"))
    grid = sheet.reshape(-1, SIDE, ACROSS, SIDE).transpose(0, 2, 1, 3).reshape(-1, SIDE, SIDE)
    return {
        "pixels": np.ascontiguousarray(grid[: len(packed["labels"])]),
        "labels": packed["labels"].astype(np.int64),
        "votes": packed["votes"].astype(np.float32),
        "held": packed["held"],
    }


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
