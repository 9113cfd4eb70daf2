"""Everything `feroi analyze` leaves behind: tables, overlays, the page."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

from feroi.files import atomic_path, cut_name
from feroi.report.overlay import draw_overlay
from feroi.report.photos import ReportWriter
from feroi.report.tables import rows, table_writer
from feroi.results import Photo

_JPEG_SUFFIXES = (".jpg", ".jpeg")
_NOT_ON_WINDOWS = re.compile(r'[<>:"/\\|?*]')


class Tables(NamedTuple):
    """Files to write tables to; None for those not wanted."""

    csv: Path | None = None
    jsonl: Path | None = None
    parquet: Path | None = None


class Counts(NamedTuple):
    """What was found in a run over photos.

    refused: faces found and not read. faceless: photos in which none was found.
    """

    photos: int = 0
    faces: int = 0
    refused: int = 0
    faceless: int = 0
    unreadable: int = 0

    @classmethod
    def of(cls, photo: Photo) -> Counts:
        """Those of one photo."""
        read = photo.pixels is not None
        faceless = read and not (photo.faces or photo.refused)
        return cls(1, len(photo.faces), len(photo.refused), int(faceless), int(not read))

    def plus(self, other: Counts) -> Counts:
        """Those of both."""
        return Counts(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


def write_analysis(
    photos: Iterable[Photo],
    model: str,
    tables: Tables,
    overlays: Path | None = None,
    report: Path | None = None,
) -> Counts:
    """Write what was asked for as photos come, holding none of them.

    overlays: folder for a picture of each photo with faces; see `write_overlay`.
    """
    counts = Counts()
    page = ReportWriter(report, model) if report else nullcontext()
    with table_writer(*tables) as write, page as shown:
        for photo in photos:
            try:
                write(rows(photo))
            except BrokenPipeError:  # the reader of the last table is gone; what else is wanted goes on
                if not (overlays or report):
                    raise
            if overlays and (photo.faces or photo.refused):
                write_overlay(photo, overlays, counts.photos)
            if shown:
                shown.add(photo)
            counts = counts.plus(Counts.of(photo))
    return counts


def write_overlay(photo: Photo, folder: Path, number: int) -> None:
    """Draw a photo into `folder`, numbered so that equal names do not collide: a JPEG for a JPEG, which is
    small and quick, else a PNG."""
    jpeg = Path(photo.name).suffix.lower() in _JPEG_SUFFIXES
    with atomic_path(folder / overlay_name(number, photo.name, ".jpg" if jpeg else ".png")) as temporary:
        if jpeg:
            draw_overlay(photo).save(temporary, "JPEG", quality=90)
        else:
            draw_overlay(photo).save(temporary, "PNG", compress_level=1)


def overlay_name(number: int, photo: str, ending: str) -> str:
    """What the picture drawn of the `number`-th photo or video is called; cut where it is too long."""
    stem = Path(photo).stem
    if os.name == "nt":  # a name as it is shown may hold what names cannot hold there
        stem = _NOT_ON_WINDOWS.sub("_", stem)
    return f"{number:05d}-{cut_name(stem, f'{number:05d}-', ending)}{ending}"
