"""Everything `feroi analyze` leaves behind: tables, overlays, the page."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

from feroi.files import atomic_path
from feroi.reading import Photo
from feroi.report.overlay import draw_overlay
from feroi.report.photos import ReportWriter
from feroi.report.tables import rows, table_writer


class Tables(NamedTuple):
    """Files to write tables to; None for those not wanted."""

    csv: Path | None = None
    jsonl: Path | None = None
    parquet: Path | None = None


class Counts(NamedTuple):
    """What was found in a run over photos.

    refused: faces found and not read. faceless: photos in which none was found.
    """

    photos: int
    faces: int
    refused: int
    faceless: int
    unreadable: int


def write_analysis(
    photos: Iterable[Photo],
    model: str,
    tables: Tables,
    overlays: Path | None = None,
    report: Path | None = None,
) -> Counts:
    """Write what was asked for as photos come, holding none of them.

    overlays: folder for one PNG a photo with faces, numbered so that equal names do not collide.
    """
    total = faces = refused = faceless = unreadable = 0
    page = ReportWriter(report, model) if report else nullcontext()
    with table_writer(*tables) as write, page as shown:
        for photo in photos:
            write(rows(photo))
            if overlays and (photo.faces or photo.refused):
                target = overlays / f"{total:05d}-{Path(photo.name).stem}.png"
                with atomic_path(target) as temporary:
                    draw_overlay(photo).save(temporary, "PNG")
            if shown:
                shown.add(photo)
            total += 1
            faces += len(photo.faces)
            unreadable += photo.pixels is None
            refused += len(photo.refused)
            faceless += photo.pixels is not None and not (photo.faces or photo.refused)
    return Counts(total, faces, refused, faceless, unreadable)
