"""Contact sheets of a synthetic data set, to look at before it is believed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feroi.data.rafd import read_rafd
from feroi.data.samples import Sample, Samples
from feroi.files import atomic_path
from feroi.photo.decode import read_intensity
from feroi.synthetic.truth import MOVEMENT_STEP, Truth, read_truth
from feroi.vocabulary import EXPRESSIONS

Tile = NDArray[np.uint8]


def draw_sheets(root: Path, folder: Path, subjects: int = 6) -> list[Path]:
    """Draw up to four PNG sheets of the data set at `root` into `folder`; returns their paths.

    expressions.png: a row for each of the first subjects, one column per expression, frontal.
    poses.png: one row per subject, each with another expression, one column per angle.
    movement.png: expressions, with where the face moved in heat, each map to its own maximum.
    action_units.png: the movement of each Action Unit, one row per expression of the first subject.
    """
    samples = read_rafd(root)
    people = sorted({str(subject) for subject in samples.subjects})[:subjects]
    frontal = samples.where(lambda row: row.attributes["pose"] == "090")
    faces = [_one_each(frontal, who, "expression", EXPRESSIONS) for who in people]
    heated = [[_heated(root, row, lambda truth: truth.movement) for row in line] for line in faces]
    sheets = {
        "expressions": [[_grey(row) for row in line] for line in faces],
        "movement": heated,
        "action_units": [_each_unit(root, row) for row in faces[0]],
    }
    angles = sorted({str(angle) for angle in samples.attribute("pose")})
    if len(angles) > 1:
        sheets["poses"] = []
        for place, who in enumerate(people):
            shown = EXPRESSIONS[place % len(EXPRESSIONS)]
            line = _one_each(_of_expression(samples, shown), who, "pose", angles)
            sheets["poses"].append([_grey(row) for row in line])
    return [_write(tiles, folder / f"{name}.png") for name, tiles in sheets.items()]


def _of_expression(samples: Samples, shown: str) -> Samples:
    return samples.where(lambda row: row.expression == shown)


def _one_each(samples: Samples, who: str, key: str, values: tuple[str, ...] | list[str]) -> Samples:
    """The first sample of a subject for each value of `key`, an attribute or the expression."""
    mine = samples.where(lambda row: row.subject == who)
    found = {row.attributes.get(key, row.expression): row for row in reversed(mine)}
    return Samples(found[value] for value in values if value in found)


def _grey(row: Sample) -> Tile:
    assert isinstance(row.image, Path)
    return np.repeat(read_intensity(row.image)[..., None], 3, axis=2)


def _heated(root: Path, row: Sample, chosen: Callable[[Truth], NDArray[np.float32]]) -> Tile:
    """The picture of `row` under its movement: black, red, yellow, white."""
    picture = _grey(row).astype(np.float32)
    movement = chosen(read_truth(root, row.name))
    cells = np.kron(movement, np.ones((MOVEMENT_STEP, MOVEMENT_STEP)))
    share = cells[: picture.shape[0], : picture.shape[1], None] / max(movement.max(), 1e-6)
    heat = 255 * np.clip(3 * share - [0, 1, 2], 0, 1)
    cover = np.clip(2 * share, 0, 0.75)
    return (picture * (1 - cover) + heat * cover).astype(np.uint8)


def _each_unit(root: Path, row: Sample) -> list[Tile]:
    units = read_truth(root, row.name).movement_of
    return [
        _heated(root, row, lambda truth, unit=unit: truth.movement_of[unit])  # type: ignore[misc]
        for unit in units
    ] or [_grey(row)]


def _write(rows: list[list[Tile]], path: Path) -> Path:
    """Tiles of one size in rows, black where a row is shorter."""
    height, width = rows[0][0].shape[:2]
    sheet = np.zeros((height * len(rows), width * max(map(len, rows)), 3), dtype=np.uint8)
    for i, row in enumerate(rows):
        for j, tile in enumerate(row):
            sheet[i * height : (i + 1) * height, j * width : (j + 1) * width] = tile
    with atomic_path(path) as temporary:
        Image.fromarray(sheet).save(temporary, "PNG")
    return path
