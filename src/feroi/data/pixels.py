"""Decoding a data set once: every image as one array of equal size, kept on disk for the next run."""

from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from feroi.data.samples import Sample, Samples
from feroi.files import atomic_path
from feroi.photo.pixels import UnreadableImage, cover, read_intensity

_THREADS = 4
_PROGRESS_FROM = 1000


class Rejected(NamedTuple):
    """An image that was left out, and why."""

    name: str
    reason: str


class Decoded(NamedTuple):
    """Images that could be read, and those that could not.

    pixels: (N, H, W) uint8 intensities, possibly a read-only view of a file.
    samples: the N samples they belong to.
    """

    pixels: NDArray[np.uint8]
    samples: Samples
    rejected: list[Rejected]


def decode(samples: Samples, stored_hw: tuple[int, int]) -> Decoded:
    """Read every image of `samples` at `stored_hw` (height, width in px), cropped to its proportions.

    Broken images are listed, not raised. Files are decoded once; later calls find the result
    below `cache_folder()` for as long as names, sizes and times of the files stay the same.
    Raises ValueError if no image at all could be read.
    """
    if all(isinstance(row.image, Path) for row in samples):
        decoded = _decode_cached(samples, stored_hw)
    else:
        decoded = _decode_all(samples, stored_hw)
    if not len(decoded.samples):
        first = decoded.rejected[0] if decoded.rejected else Rejected("", "no samples")
        raise ValueError(f"not one of {len(samples)} images could be read; {first.name} {first.reason}")
    return decoded


def cache_folder() -> Path:
    """Where decoded data sets are kept: $XDG_CACHE_HOME/feroi, or ~/.cache/feroi. Safe to delete."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "feroi"


def _decode_cached(samples: Samples, stored_hw: tuple[int, int]) -> Decoded:
    array_path = cache_folder() / f"{_key(samples, stored_hw)}.npy"
    errors_path = array_path.with_suffix(".json")
    try:
        errors = json.loads(errors_path.read_text())
        pixels = np.load(array_path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError):
        decoded = _decode_all(samples, stored_hw)
        try:
            with atomic_path(array_path) as temporary:
                np.save(temporary, decoded.pixels)
            with atomic_path(errors_path) as temporary:
                temporary.write_text(json.dumps(dict(decoded.rejected)))
        except OSError:
            pass  # a cache that cannot be written costs time, nothing else
        return decoded
    kept = samples.where(lambda row: row.name not in errors)
    return Decoded(pixels, kept, [Rejected(*item) for item in errors.items()])


def _decode_all(samples: Samples, stored_hw: tuple[int, int]) -> Decoded:
    pixels = np.empty((len(samples), *stored_hw), dtype=np.uint8)
    kept: list[Sample] = []
    rejected: list[Rejected] = []
    with ThreadPoolExecutor(_THREADS) as pool:
        images = track(
            pool.map(lambda row: _decode_one(row, stored_hw), samples),
            description="decoding",
            total=len(samples),
            disable=len(samples) < _PROGRESS_FROM,
            transient=True,
        )
        for row, image in zip(samples, images, strict=True):
            if isinstance(image, Rejected):
                rejected.append(image)
            else:
                pixels[len(kept)] = image
                kept.append(row)
    return Decoded(pixels[: len(kept)], Samples(kept), rejected)


def _decode_one(row: Sample, stored_hw: tuple[int, int]) -> NDArray[np.uint8] | Rejected:
    try:
        image = read_intensity(row.image) if isinstance(row.image, Path) else row.image
        return cover(image, stored_hw)
    except UnreadableImage as error:
        return Rejected(row.name, str(error))


def _key(samples: Samples, stored_hw: tuple[int, int]) -> str:
    digest = hashlib.sha256(f"1 {stored_hw}".encode())
    for row in samples:
        assert isinstance(row.image, Path)
        try:
            status = row.image.stat()
            mark = f"{status.st_size} {status.st_mtime_ns}"
        except OSError:
            mark = "missing"
        digest.update(f"{row.image.resolve()}\0{mark}\n".encode())
    return digest.hexdigest()[:32]
