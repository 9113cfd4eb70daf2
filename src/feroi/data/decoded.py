"""Decoding a data set once: every image as one array of equal size, kept on disk for the next run."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from feroi.data.samples import Broken, Sample, Samples
from feroi.files import atomic_path
from feroi.photo.decode import NO_PERMISSION, NOT_FOUND, UnreadableImage, cover, read_intensity
from feroi.progress import track

_THREADS = 4

_Array = TypeVar("_Array", bound=NDArray[Any])


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

    @property
    def shared(self) -> Samples:
        """The samples holding their pixels, for folds to share: else each would decode its own part again."""
        return self.samples.with_images(self.pixels)


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
        raise ValueError(f"not one of {len(samples)} images could be read; {first.name:.300} {first.reason}")
    return decoded


def image_marks(pixels: NDArray[np.uint8]) -> list[str]:
    """A short mark (64 bits of BLAKE2) of each of N images; equal images have equal marks."""
    return [hashlib.blake2b(image.tobytes(), digest_size=8).hexdigest() for image in pixels]


def write_rejected(rejected: Iterable[Rejected], path: Path) -> None:
    """Write CSV with the columns file and reason."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "reason"])
        writer.writerows(rejected)


def cache_folder() -> Path:
    """Where decoded data sets are kept: $XDG_CACHE_HOME/feroi, or ~/.cache/feroi. Safe to delete."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "feroi"


def cached_array(name: str, key: str, make: Callable[[], _Array]) -> _Array:
    """What `make` gives, kept beside the decoded images for the next call with this `name` and `key`."""
    path = cache_folder() / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:32]}.npy"
    try:
        return cast(_Array, np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError, EOFError):  # not there, or damaged
        pass
    made = make()
    try:
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.save(file, made)
    except OSError:
        pass  # a cache that cannot be written costs time, nothing else
    return made


def _decode_cached(samples: Samples, stored_hw: tuple[int, int]) -> Decoded:
    array_path = cache_folder() / f"{_key(samples, stored_hw)}.npy"
    reasons_path = array_path.with_suffix(".json")
    try:
        reasons = {int(row): reason for row, reason in json.loads(reasons_path.read_text()).items()}
        pixels = np.load(array_path, mmap_mode="r", allow_pickle=False)
        if pixels.shape != (len(samples) - len(reasons), *stored_hw):
            raise ValueError("they belong to other images")
    except (OSError, ValueError, EOFError, AttributeError):  # not there, or damaged
        decoded = _decode_all(samples, stored_hw)
        _keep(samples, decoded, array_path, reasons_path)
        return decoded
    kept = samples.take(row for row in range(len(samples)) if row not in reasons)
    rejected = [Rejected(samples[row].name, reason) for row, reason in reasons.items()]
    return Decoded(pixels, kept, rejected)


def _keep(samples: Samples, decoded: Decoded, array_path: Path, reasons_path: Path) -> None:
    """Put what was decoded into the cache, unless it may come out better next time."""
    reasons = dict(decoded.rejected)
    if {NOT_FOUND, NO_PERMISSION} & set(reasons.values()):
        return
    rows = {row: reasons[sample.name] for row, sample in enumerate(samples) if sample.name in reasons}
    try:
        with atomic_path(array_path) as temporary:
            np.save(temporary, decoded.pixels)
        with atomic_path(reasons_path) as temporary:
            temporary.write_text(json.dumps(rows))
    except OSError:
        pass  # a cache that cannot be written costs time, nothing else


def _decode_all(samples: Samples, stored_hw: tuple[int, int]) -> Decoded:
    pixels = np.empty((len(samples), *stored_hw), dtype=np.uint8)
    kept: list[Sample] = []
    rejected: list[Rejected] = []
    with ThreadPoolExecutor(_THREADS) as pool:
        images = pool.map(lambda row: _decode_one(row, stored_hw), samples)
        images = track(images, "decoding", len(samples), len(samples))
        for row, image in zip(samples, images, strict=True):
            if isinstance(image, Rejected):
                rejected.append(image)
            else:
                pixels[len(kept)] = image
                kept.append(row)
    return Decoded(pixels[: len(kept)], Samples(kept), rejected)


def _decode_one(row: Sample, stored_hw: tuple[int, int]) -> NDArray[np.uint8] | Rejected:
    if isinstance(row.image, Broken):
        return Rejected(row.name, row.image.reason)
    try:
        image = read_intensity(row.image) if isinstance(row.image, Path) else row.image
        return cover(image, stored_hw)
    except UnreadableImage as error:
        return Rejected(row.name, str(error))


def _key(samples: Samples, stored_hw: tuple[int, int]) -> str:
    digest = hashlib.sha256(f"2 {stored_hw}".encode())
    for row in samples:
        assert isinstance(row.image, Path)
        try:
            status = row.image.stat()
            mark = f"{status.st_size} {status.st_mtime_ns}"
        except OSError:
            mark = "missing"
        digest.update(f"{row.name}\0{row.image.resolve()}\0{mark}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()[:32]
