"""One table of labelled faces, whatever data set they come from."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from feroi.config import PIPELINES, Pipeline
from feroi.files import atomic_path
from feroi.vocabulary import EXPRESSIONS

TRAINING, VALIDATION, TEST = "training", "validation", "test"
SPLITS = (TRAINING, VALIDATION, TEST)
"""Values of the attribute `split`, where a data set has official splits."""

_SPLIT_WORDS = {
    TRAINING: ("train", "training"),
    VALIDATION: ("val", "valid", "validation", "dev", "publictest"),  # of FER-2013's two tests the public one
    TEST: ("test", "testing", "privatetest"),
}


def split_named(word: str) -> str | None:
    """The split that folders and tables call so, in any case; None if it is none."""
    plain = word.replace(" ", "").lower()
    return next((split for split, words in _SPLIT_WORDS.items() if plain in words), None)


class LayoutError(ValueError):
    """A folder or file is not laid out as its data set is. The message shows the layout expected."""


class Broken(NamedTuple):
    """What stands where pixels should, and why they are none; it is left out when images are decoded."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True)
class Sample:
    """One labelled face.

    image: a file, or the pixels themselves, (H, W) uint8, if they are any.
    name: how tables and errors call it; unique within its table.
    subject: who it is, or None where the data set does not say.
    attributes: what else is known: `source`, `split`, `pose`, `gaze`, `gender`, `ethnicity`,
        `pipeline` (how the face was prepared, a name of `photo.prepare`).
    depth: its estimated depth (H, W) on the pixels of `image`, where it is known already (`data.channels`).
    """

    image: Path | NDArray[np.uint8] | Broken
    name: str
    expression: str
    subject: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    depth: NDArray[np.uint8] | None = None


class Samples(Sequence[Sample]):
    """An immutable table of samples."""

    def __init__(self, rows: Iterable[Sample]) -> None:
        self._rows = tuple(rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Sample]:
        return iter(self._rows)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return Samples(self._rows[index]) if isinstance(index, slice) else self._rows[index]

    @property
    def labels(self) -> NDArray[np.int64]:
        """(N,) index of each expression in `vocabulary.EXPRESSIONS`."""
        return np.array([EXPRESSIONS.index(row.expression) for row in self._rows], dtype=np.int64)

    @property
    def subjects(self) -> list[str | None]:
        return [row.subject for row in self._rows]

    @property
    def votes(self) -> NDArray[np.float64] | None:
        """(N, 7) share of the votes for each expression, rows summing to 1; None if some sample has none.

        Raises ValueError if the attribute `votes` of one is not seven numbers.
        """
        texts = [row.attributes.get("votes") for row in self._rows]
        if not texts or None in texts:
            return None
        votes = np.array([_seven_numbers(row) for row in self._rows], dtype=np.float64)
        return np.asarray(votes / votes.sum(1, keepdims=True))

    def attribute(self, name: str) -> list[str | None]:
        """The attribute `name` of every sample, None where it has none."""
        return [row.attributes.get(name) for row in self._rows]

    def where(self, keep: Callable[[Sample], bool]) -> Samples:
        """The samples for which `keep` is true, in order."""
        return Samples(row for row in self._rows if keep(row))

    def take(self, indices: Iterable[int]) -> Samples:
        """The samples at `indices`, in that order."""
        return Samples(self._rows[i] for i in indices)

    def split(self, name: str) -> Samples:
        """The samples of the official split `name`."""
        return self.where(lambda row: row.attributes.get("split") == name)

    def with_images(self, images: NDArray[np.uint8]) -> Samples:
        """The same samples, holding N `images` in place of their own."""
        return Samples(replace(row, image=image) for row, image in zip(self, images, strict=True))

    def counts(self) -> dict[str, int]:
        """Samples of each expression, zeros included."""
        found = Counter(row.expression for row in self._rows)
        return {name: found[name] for name in EXPRESSIONS}


def pipeline_of(samples: Samples) -> Pipeline | None:
    """The pipeline all `samples` were prepared by; None if some do not say.

    Raises ValueError if they name more than one, or one that is unknown.
    """
    named = sorted({name for name in samples.attribute("pipeline") if name})
    for name in named:
        if name not in PIPELINES:
            raise ValueError(
                f"unknown pipeline {name!r:.60} of the samples; it is one of {', '.join(PIPELINES)}"
            )
    if len(named) > 1:
        raise ValueError(
            f"faces prepared in different ways: {', '.join(named)}; prepare all photos by one pipeline, "
            f"for example with feroi prepare folder SRC DST --pipeline {named[-1]}"
        )
    if not named or not all(samples.attribute("pipeline")):
        return None
    (pipeline,) = (known for known in PIPELINES if known == named[0])
    return pipeline


def fingerprint(samples: Samples, pixels: NDArray[np.uint8]) -> str:
    """SHA-256 over what a network learns from: pixels (N, H, W), labels, subjects and votes, in order."""
    digest = hashlib.sha256(repr(pixels.shape).encode())
    for start in range(0, len(pixels), 1024):
        digest.update(np.ascontiguousarray(pixels[start : start + 1024]).tobytes())
    for row in samples:
        votes = row.attributes.get("votes")
        digest.update(
            f"{row.expression}\0{row.subject}{'' if votes is None else f'{chr(0)}{votes}'}\n".encode()
        )
    return digest.hexdigest()


def _seven_numbers(row: Sample) -> list[float]:
    try:
        numbers = [float(word) for word in row.attributes["votes"].split()]
        if len(numbers) != len(EXPRESSIONS) or min(numbers) < 0 or not 0 < sum(numbers) < np.inf:
            raise ValueError
    except ValueError:
        raise ValueError(
            f"{row.name}: votes are seven numbers in label order, not all 0, "
            f"got {row.attributes['votes']!r:.60}"
        ) from None
    return numbers


def write_table(samples: Samples, path: Path) -> None:
    """Write the table as CSV: file, expression, subject, then every attribute that occurs."""
    extra = sorted({key for row in samples for key in row.attributes})
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "expression", "subject", *extra])
        for row in samples:
            values = [row.attributes.get(key, "") for key in extra]
            writer.writerow([row.name, row.expression, row.subject or "", *values])
