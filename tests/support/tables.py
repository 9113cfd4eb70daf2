"""Tables of readings, written as `feroi analyze` does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from feroi.analysis.journal import forgotten
from feroi.analysis.tables import Tables, TableWriter
from feroi.report.tables import COLUMNS, Row


@contextmanager
def table_writer(
    csv: Path | None, jsonl: Path | None, parquet: Path | None
) -> Iterator[Callable[[list[Row]], None]]:
    """A function that writes rows of photos to the tables of a run that cannot resume."""
    with forgotten() as journal, TableWriter(Tables(csv, jsonl, parquet), COLUMNS, journal) as tables:
        yield tables.write


@contextmanager
def growing(path: Path) -> Iterator[IO[bytes]]:
    """A file that grows in a run that cannot resume."""
    with forgotten() as journal:
        yield journal.open(path)
