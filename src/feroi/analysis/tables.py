"""Tables of readings in files: rows are written to every table that is wanted, as they come."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import IO, Any, NamedTuple

from feroi.analysis.journal import Journal
from feroi.files import atomic_path, name_path_in_errors, partial
from feroi.report.tables import COLUMNS, TEXT_COLUMNS, WHOLE_COLUMNS, Row
from feroi.streams import is_stream

_GROUP_ROWS = 10_000
_FORMATS = {
    "csv": ("CSV", ".csv"),
    "jsonl": ("JSON lines", ".jsonl"),
    "parquet": ("Parquet", ".parquet"),
    "events": ("CSV", ".csv"),
}
_OF_OTHER_FORMATS = {".csv", ".jsonl", ".json", ".parquet", ".xlsx", ".xls", ".ods", ".html", ".png", ".jpg"}


class Tables(NamedTuple):
    """Files to write tables to; None for those not wanted.

    csv, jsonl, parquet: of readings. events: CSV, of the events of videos.
    """

    csv: Path | None = None
    jsonl: Path | None = None
    parquet: Path | None = None
    events: Path | None = None

    def checked(self) -> Tables:
        """These tables. Raises ValueError for a name that promises another format, as .xlsx for CSV."""
        for option, path in self._asdict().items():
            name, ending = _FORMATS[option]
            if path is not None and path.suffix.lower() in _OF_OTHER_FORMATS - {ending}:
                raise ValueError(
                    f"--{option} writes {name}, but the name {path.name} promises another "
                    f"format; end it in {ending} (spreadsheet programs open .csv)"
                )
        return self


class TableWriter:
    """The tables of one run, which grow as files of its journal.

    Rows of a Parquet file wait in the journal, as JSON, for the end of the block: a Parquet file is of no use
    without its end. If the block fails, they are written to `files.partial` of it, unless the run resumes.
    Raises ModuleNotFoundError if Parquet is asked for without pyarrow, OSError if there is no space left, or
    another process is writing the same file.
    """

    def __init__(self, tables: Tables, columns: Sequence[str], journal: Journal) -> None:
        if tables.parquet:
            import_module("pyarrow.parquet")  # now, not when all is read
        self._parquet, self._columns, self._resumes = tables.parquet, columns, journal.resumes
        self._rows = journal.folder / "rows.jsonl"
        outputs: list[tuple[Path | None, Callable[[list[Row]], str]]] = [
            (tables.csv, as_csv),
            (tables.jsonl, as_jsonl),
            (self._rows if tables.parquet else None, as_jsonl),
        ]
        self._sinks = [(path, as_text, journal.open(path)) for path, as_text in outputs if path]
        for path, _, file in list(self._sinks):
            if path == tables.csv and (is_stream(path) or not file.tell()):
                self._append(path, file, as_csv([], columns))

    def write(self, rows: list[Row]) -> None:
        """Write rows to every table. One that nobody reads any more is left; raises BrokenPipeError when none
        is left."""
        for path, as_text, file in list(self._sinks):
            self._append(path, file, as_text(rows))

    def _append(self, path: Path, file: IO[bytes], text: str) -> None:
        try:
            append(path, file, text)
        except BrokenPipeError:
            self._sinks = [sink for sink in self._sinks if sink[2] is not file]
            if not self._sinks:
                raise

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._parquet and kind is None:
            self._write_parquet(self._parquet)
            remove_partial(self._parquet)
        elif self._parquet and not self._resumes and not is_stream(self._parquet):
            with suppress(OSError):
                self._write_parquet(partial(self._parquet))

    def _write_parquet(self, path: Path) -> None:
        with self._rows.open(encoding="utf-8") as lines, parquet_table(path, self._columns) as table:
            for line in lines:
                table.write([json.loads(line)])


def remove_partial(path: Path) -> None:
    """Remove what an earlier run that was stopped left of the file `path`, which is whole by now."""
    if not is_stream(path):
        partial(path).unlink(missing_ok=True)


def append(path: Path, file: IO[bytes], text: str) -> None:
    """Write text to the open file of `path`, through to the system."""
    with name_path_in_errors(path):
        file.write(text.encode())
        file.flush()


def as_csv(rows: list[Row], header: Sequence[str] = ()) -> str:
    """Rows as lines of CSV, below a line of `header` if there is one."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerows([header] if header else [])
    writer.writerows(row.values() for row in rows)
    return text.getvalue()


def as_jsonl(rows: list[Row]) -> str:
    """Rows as JSON, a line each."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


class ParquetRows:
    """Rows on their way into a Parquet file, which wait until they are many."""

    def __init__(self, writer: Any, schema: Any) -> None:
        self._writer, self._schema = writer, schema
        self._waiting: list[Row] = []

    def write(self, rows: list[Row]) -> None:
        self._waiting.extend(rows)
        if len(self._waiting) >= _GROUP_ROWS:
            self.flush()

    def flush(self) -> None:
        import pyarrow as pa

        if self._waiting:
            self._writer.write_table(pa.Table.from_pylist(self._waiting, schema=self._schema))
            self._waiting = []

    def note(self, key: str, text: str) -> None:
        """Keep a text in the file's metadata."""
        self._writer.add_key_value_metadata({key: text})


@contextmanager
def parquet_table(path: Path, columns: Sequence[str] = COLUMNS) -> Iterator[ParquetRows]:
    """A table of readings in the file `path`, which appears only when the block ends well."""
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {name: pa.string() if name in TEXT_COLUMNS else pa.float64() for name in columns}
    kinds |= {name: pa.int32() for name in WHOLE_COLUMNS & kinds.keys()}
    schema = pa.schema(list(kinds.items()))
    with atomic_path(path) as temporary, parquet.ParquetWriter(temporary, schema) as writer:
        rows = ParquetRows(writer, schema)
        yield rows
        rows.flush()
