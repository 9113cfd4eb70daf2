"""Readings as tables: one row per face, read or not, and one for a photo without any or unreadable."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from feroi.files import atomic_path, growing
from feroi.photo.action_units import WORDS
from feroi.photo.quality import Quality
from feroi.results import Photo, Reading
from feroi.vocabulary import EXPRESSIONS, REGIONS

Row = dict[str, Any]

COLUMNS = (
    "file",
    "status",
    "face",
    "expression",
    "confidence",
    "likely",
    "x0",
    "y0",
    "x1",
    "y1",
    "score",
    "quality",
    "quality_problem",
    *EXPRESSIONS,
    *(f"roi_{region}" for region in REGIONS),
    *WORDS,
    *(f"{name}_deg" for name in ("yaw", "pitch", "roll", "gaze_yaw", "gaze_pitch")),
)
"""file; status (ok, no face, or why it could not be read); face read, from 0, the biggest first; expression
and its probability; the likely ones, | between them; box in px; the detector's score; the quality, 0..1, and
what is below the limit of it, if anything; a probability an expression; the share of attention on each
region; the strength of each Action Unit, 0..1; angles of the head, and of the eyes within it, in degrees.
Shares and scores have six decimals, angles one."""

FILM_COLUMNS = ("file", "frame", "time_s", "track", *COLUMNS[1:])
"""Those of films: also the number of the frame, from 0; when the film shows it, in seconds; the person's
number, from 0. `score` is empty where a face was followed and not found by the detector."""
SMOOTHED = tuple(f"smooth_{name}" for name in EXPRESSIONS)
"""What `--smooth` adds."""

_TEXT = {"file", "status", "expression", "likely", "quality_problem"}
_WHOLE = {"face", "frame", "track"}
_GROUP_ROWS = 10_000


def rows(photo: Photo) -> list[Row]:
    """The rows of one photo, every column in each; None where there is nothing to say."""
    empty: Row = dict.fromkeys(COLUMNS)
    if not photo.faces and not photo.refused:
        return [{**empty, "file": photo.name, "status": photo.status}]
    result = []
    for number, face in enumerate(photo.faces):
        numbers = {"confidence": face.confidence, "score": face.score, **face.probabilities}
        numbers |= {f"roi_{name}": share for name, share in face.regions.items()}
        numbers |= face.action_units
        result.append(
            {
                **empty,
                "file": photo.name,
                "status": photo.status,
                "face": number,
                "expression": face.expression,
                "likely": "|".join(face.likely),
                **_box(face.box_xyxy_px),
                **_quality(face.quality),
                **_angles(face),
                **{name: _number(value) for name, value in numbers.items()},
            }
        )
    for found, reason, quality in photo.refused:
        place = {**_box(found.box_xyxy_px), "score": _number(found.score), **_quality(quality)}
        result.append({**empty, "file": photo.name, "status": reason, **place})
    return result


def film_rows(photo: Photo, smoothed: bool = False) -> list[Row]:
    """The rows of one frame of a film, none if it has no face; of what is said of the whole film, one.

    A photo among films has the rows it has elsewhere, with nothing in the columns of films.
    """
    if photo.frame is not None and not photo.faces and not photo.refused:
        return []
    time_s = None if photo.time_s is None else round(photo.time_s, 6)
    tracks = [face.track for face in photo.faces] + [refused.face.track for refused in photo.refused]
    result = []
    for row, track in zip(rows(photo), tracks or [None], strict=True):
        whole = row | {"frame": photo.frame, "time_s": time_s, "track": track}
        result.append({name: whole[name] for name in FILM_COLUMNS})
    if smoothed:
        for row in result:
            row |= dict.fromkeys(SMOOTHED)
        for row, face in zip(result, photo.faces, strict=False):
            row |= {f"smooth_{name}": round(share, 6) for name, share in (face.smoothed or {}).items()}
    return result


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6)


def _box(box_xyxy_px: tuple[float, float, float, float]) -> Row:
    x0, y0, x1, y1 = (round(value, 1) for value in box_xyxy_px)
    return {"x0": x0, "y0": y0, "x1": x1, "y1": y1}


def _angles(face: Reading) -> Row:
    angles = {**face.pose._asdict(), **{f"gaze_{name}": angle for name, angle in face.gaze._asdict().items()}}
    return {name: round(angle, 1) for name, angle in angles.items()}


def _quality(quality: Quality | None) -> Row:
    if quality is None:
        return {}
    return {"quality": round(quality.score, 6), "quality_problem": quality.problem or None}


@contextmanager
def table_writer(
    csv_path: Path | None, jsonl_path: Path | None, parquet_path: Path | None
) -> Iterator[Callable[[list[Row]], None]]:
    """A function that writes rows to every file asked for, as they come.

    They grow as `files.growing`, and keep what was written whenever the run ends; Parquet needs its closing
    part, which it gets unless the process is killed. All have their names, and replace what was there, only
    when all is done. An output that nobody reads any more is left; the function raises BrokenPipeError when
    none is left.
    Raises ModuleNotFoundError if Parquet is asked for without pyarrow, OSError if there is no space left, or
    another process is writing the same file.
    """
    with ExitStack() as stack:
        sinks: list[Callable[[list[Row]], None]] = []
        for path, opener in ((csv_path, _csv), (jsonl_path, _jsonl), (parquet_path, _parquet)):
            if path is not None:
                sinks.append(stack.enter_context(opener(path)))

        def write(new: list[Row]) -> None:
            for sink in list(sinks):
                try:
                    sink(new)
                except BrokenPipeError:
                    sinks.remove(sink)
                    if not sinks:
                        raise

        yield write


@contextmanager
def _csv(path: Path) -> Iterator[Callable[[list[Row]], None]]:
    with growing(path) as file:
        file.write(as_csv([], COLUMNS).encode())
        file.flush()

        def write(new: list[Row]) -> None:
            file.write(as_csv(new).encode())
            file.flush()

        yield write


@contextmanager
def _jsonl(path: Path) -> Iterator[Callable[[list[Row]], None]]:
    with growing(path) as file:

        def write(new: list[Row]) -> None:
            file.write(as_jsonl(new).encode())
            file.flush()

        yield write


@contextmanager
def _parquet(path: Path) -> Iterator[Callable[[list[Row]], None]]:
    with parquet_table(path) as table:
        yield table.write


class ParquetRows:
    """Rows on their way into a Parquet file, which wait until they are many."""

    def __init__(self, writer: Any, schema: Any) -> None:
        self._writer, self._schema = writer, schema
        self._waiting: list[Row] = []

    def write(self, new: list[Row]) -> None:
        self._waiting.extend(new)
        if len(self._waiting) >= _GROUP_ROWS:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            self._writer.write_table(_table(self._waiting, self._schema))
            self._waiting = []

    def note(self, key: str, text: str) -> None:
        """Keep a text in the file's metadata."""
        self._writer.add_key_value_metadata({key: text})


@contextmanager
def parquet_table(path: Path) -> Iterator[ParquetRows]:
    """A table of readings in the file `path`, which appears only when the block ends well.

    Until then it is at `files.partial`, where a table of what was written stays if the run is stopped.
    """
    from pyarrow import parquet

    schema = _schema(COLUMNS)
    with growing(path) as file, parquet.ParquetWriter(file, schema) as writer:
        rows = ParquetRows(writer, schema)
        try:
            yield rows
        except KeyboardInterrupt:
            rows.flush()
            raise
        rows.flush()


def as_csv(new: list[Row], header: Sequence[str] = ()) -> str:
    """Rows as lines of CSV, below a line of `header` if there is one."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerows([header] if header else [])
    writer.writerows(row.values() for row in new)
    return text.getvalue()


def as_jsonl(new: list[Row]) -> str:
    """Rows as JSON, a line each."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in new)


def jsonl_to_parquet(source: Path, path: Path, columns: Sequence[str]) -> None:
    """The rows in `source` as Parquet, in bounded memory, whole or not at all."""
    from pyarrow import parquet

    schema = _schema(columns)
    with (
        source.open(encoding="utf-8") as lines,
        atomic_path(path) as temporary,
        parquet.ParquetWriter(temporary, schema) as writer,
    ):
        while some := [json.loads(line) for line in islice(lines, _GROUP_ROWS)]:
            writer.write_table(_table(some, schema))


def _schema(columns: Sequence[str]) -> Any:
    import pyarrow as pa

    kinds = {name: pa.string() if name in _TEXT else pa.float64() for name in columns}
    return pa.schema([(name, pa.int32() if name in _WHOLE else kind) for name, kind in kinds.items()])


def _table(new: list[Row], schema: Any) -> Any:
    import pyarrow as pa

    return pa.Table.from_pylist(new, schema=schema)
