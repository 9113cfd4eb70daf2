"""A contact sheet: a data set seen at a glance, to find a wrong crop before a network learns from it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, zip_longest
from pathlib import Path
from typing import TypeVar

from PIL import Image, ImageDraw, ImageFont

from feroi.data.samples import Sample, Samples
from feroi.files import atomic_path
from feroi.vocabulary import EXPRESSIONS

COLUMNS = 12
FACE_PX = 128  # height of a face on the sheet
LABEL_PX = 90  # width of the column of names
GAP_PX = 2

_T = TypeVar("_T")
_FONT_PX = 15
_WHITE, _BLACK = 255, 0


def draw_contact_sheet(samples: Samples, path: Path) -> None:
    """Draw to `path` one row per expression, its name and count and up to COLUMNS of its faces.

    Faces are those of `evenly_over_subjects`; all have the proportions of the first, as prepared
    faces do. Images must be files that can be read.
    """
    width, columns = _face_width(samples[0]), min(COLUMNS, max(samples.counts().values()))
    sheet_wh = (LABEL_PX + columns * (width + GAP_PX), len(EXPRESSIONS) * (FACE_PX + GAP_PX))
    sheet = Image.new("L", sheet_wh, _WHITE)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(_FONT_PX)
    for line, expression in enumerate(EXPRESSIONS):
        rows = [row for row in samples if row.expression == expression]
        top = line * (FACE_PX + GAP_PX)
        draw.text((GAP_PX, top + FACE_PX / 2), f"{expression}\n{len(rows)}", _BLACK, font, anchor="lm")
        for column, row in enumerate(evenly_over_subjects(rows, COLUMNS)):
            left = LABEL_PX + column * (width + GAP_PX)
            sheet.paste(_opened(row).resize((width, FACE_PX), Image.Resampling.BICUBIC), (left, top))
    with atomic_path(path) as temporary:
        sheet.save(temporary)


def evenly_over_subjects(rows: Sequence[Sample], n: int) -> list[Sample]:
    """Up to `n` of `rows`: one of as many subjects as there are places, evenly among them in order,
    or where subjects are fewer, one of each in turn.

    A sample without a subject counts as a subject of its own.
    """
    of_subject: dict[str, list[Sample]] = {}
    for row in rows:
        of_subject.setdefault(row.subject or row.name, []).append(row)
    groups = [of_subject[subject] for subject in sorted(of_subject)]
    if len(groups) < n:
        in_turn = chain.from_iterable(zip_longest(*groups))
        return [row for row in in_turn if row is not None][:n]
    # From subject to subject another of their images, so that poses and gazes are seen as well.
    chosen = _evenly(groups, n)
    return [group[place * len(group) // n] for place, group in enumerate(chosen)]


def _evenly(items: Sequence[_T], n: int) -> list[_T]:
    return [items[place * len(items) // n] for place in range(n)]


def _face_width(row: Sample) -> int:
    width, height = _opened(row).size
    return round(FACE_PX * width / height)


def _opened(row: Sample) -> Image.Image:
    assert isinstance(row.image, Path)
    with Image.open(row.image) as image:
        return image.convert("L")
