"""FER+: FER-2013 with the votes of ten people on each image (Barsoum et al. 2016)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from feroi.data.folders import read_fer2013_folders
from feroi.data.samples import Broken, LayoutError, Sample, Samples
from feroi.data.sheets import sheet_rows
from feroi.data.tables import fer2013_csv_in, read_fer2013_csv
from feroi.vocabulary import EXPRESSIONS, FER_PLUS_OPTIONS

FER_PLUS_LAYOUT = """\
FER+: FER-2013 with the votes of ten people beside it, fer2013.csv with fer2013new.csv, its rows in the same
order, or folders with ferplus_votes.csv, which names the files, e.g.
    file,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF
    train/angry/Training_00000.png,4,0,0,1,3,2,0,0,0,0"""

_MOST_VOTES = 1_000_000
_VOTES = 0.7
_BY_ROW, _BY_FILE = "fer2013new.csv", "ferplus_votes.csv"


def read_ferplus(root: Path) -> Samples:
    """FER-2013's images under the expression most people voted for, with its official splits.

    Left out are images nobody voted on, those where two options share the most votes, and those most
    people took for contempt, for another or for no face. The attribute `votes` holds the votes for the
    seven expressions in label order, numbers with spaces between.
    Raises LayoutError if the votes are missing, or half of them no numbers.
    """
    counted, broken = _counted(root)
    rows = [voted for face, counts in counted if (voted := _voted(face, counts)) is not None]
    if not rows:
        raise LayoutError(f"{root}: no image has votes.\nExpected {FER_PLUS_LAYOUT}")
    return Samples([*rows, *broken])


def read_both(root: Path) -> Samples:
    """FER-2013's images under their own labels, with its official splits, to be learned both ways.

    The attribute `votes` mixes them, seven numbers that sum to 1: seven tenths are divided as people voted,
    less by the share of them who saw none of the seven expressions, and the rest is on the label. Left out
    are images that half of the people or more saw no face in.
    Raises LayoutError if the votes are missing, or half of them no numbers.
    """
    counted, broken = _counted(root)
    mixed = [both for face, counts in counted if (both := _mixed(face, counts)) is not None]
    return Samples([*mixed, *broken])


def _counted(root: Path) -> tuple[list[tuple[Sample, dict[str, int]]], list[Sample]]:
    """The images with their votes, and those whose votes are no numbers, with a `Broken` image.

    Raises LayoutError if these are half of them or more.
    """
    pairs = [(face, _counts(row)) for face, row in _pairs(root)]
    reason = Broken("the votes on it are no numbers of people")
    broken = [replace(face, image=reason) for face, counts in pairs if counts is None]
    if broken and 2 * len(broken) >= len(pairs):
        raise LayoutError(f"{root}: votes on {broken[0].name} are no numbers of people")
    return [(face, counts) for face, counts in pairs if counts is not None], broken


def _pairs(root: Path) -> list[tuple[Sample, dict[str, str]]]:
    """The images that have a row of votes, with it."""
    if (root / _BY_FILE).is_file():
        faces, votes = read_fer2013_folders(root), _votes(root / _BY_FILE)
        named = {row.get("file", ""): row for row in votes}
        return [(face, named[face.name]) for face in faces if face.name in named]
    elif (root / _BY_ROW).is_file() and (table := fer2013_csv_in(root)) is not None:
        faces, votes = read_fer2013_csv(table), _votes(root / _BY_ROW)
        if len(faces) != len(votes):
            raise LayoutError(f"{root}: votes on {len(votes)} images, and there are {len(faces)}")
        return list(zip(faces, votes, strict=True))
    raise LayoutError(f"{root} has no votes.\nExpected {FER_PLUS_LAYOUT}")


def _votes(path: Path) -> list[dict[str, str]]:
    return [row for _, row in sheet_rows(path, tuple(FER_PLUS_OPTIONS), FER_PLUS_LAYOUT)]


def _voted(face: Sample, counts: Mapping[str, int]) -> Sample | None:
    ranked = sorted(counts, key=lambda name: -counts[name])
    best = ranked[0]
    if best not in EXPRESSIONS or counts[best] == counts[ranked[1]]:
        return None
    votes = " ".join(str(counts[name]) for name in EXPRESSIONS)
    attributes = {**face.attributes, "source": "FER+", "votes": votes}
    return replace(face, expression=best, attributes=attributes)


def _mixed(face: Sample, counts: Mapping[str, int]) -> Sample | None:
    people = max(sum(counts.values()), 1)
    if 2 * counts["no face"] >= people:
        return None
    shares = {name: _VOTES * counts[name] / people for name in EXPRESSIONS}
    shares[face.expression] += 1 - sum(shares.values())
    votes = " ".join(f"{shares[name]:.6f}" for name in EXPRESSIONS)
    return replace(face, attributes={**face.attributes, "votes": votes})


def _counts(row: Mapping[str, str]) -> dict[str, int] | None:
    try:
        counts = {
            expression: int(row[option.lower()].removesuffix(".0"))
            for option, expression in FER_PLUS_OPTIONS.items()
        }
    except ValueError:
        return None
    return counts if all(0 <= votes <= _MOST_VOTES for votes in counts.values()) else None
