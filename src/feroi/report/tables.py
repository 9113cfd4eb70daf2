"""Readings as tables: one row per face, read or not, and one for a photo without any or unreadable."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from feroi.files import atomic_path, growing
from feroi.photo.action_units import WORDS
from feroi.results import Photo, Reading
from feroi.vocabulary import EXPRESSIONS, REGIONS

Row = dict[str, Any]

_BOX = ("x0", "y0", "x1", "y1")
_SHOWN = ("score", "quality", "quality_problem")
_ANGLES = ("yaw_deg", "pitch_deg", "roll_deg", "gaze_yaw_deg", "gaze_pitch_deg")

COLUMNS = (
    "file",
    "status",
    "face",
    "expression",
    "confidence",
    "likely",
    *_BOX,
    *_SHOWN,
    *EXPRESSIONS,
    *(f"roi_{region}" for region in REGIONS),
    *WORDS,
    *_ANGLES,
)
"""file; status (ok, no face, or why it could not be read); face read, from 0, the biggest first; expression
and its probability; the likely ones, | between them; box in px; the detector's score; the quality, 0..1, and
what is below the limit of it, if anything; a probability an expression; the share of the region of interest
on each region; the strength of each Action Unit, 0..1; angles of the head, and of the eyes within it, in
degrees. Shares and scores have six decimals, angles one."""

VIDEO_COLUMNS = ("file", "frame", "time_s", "track", *COLUMNS[1:])
"""Those of videos: also the number of the frame, from 0; when the video shows it, in seconds; the person's
number, from 0. `score` is empty where a face was followed and not found by the detector."""
SMOOTHED = tuple(f"smooth_{name}" for name in EXPRESSIONS)
"""What `--smooth` adds."""

_TEXT = {"file", "status", "expression", "likely", "quality_problem"}
_WHOLE = {"face", "frame", "track"}
_COARSE = {*_BOX, *_ANGLES}  # told with one decimal
_OF_A_FACE = ("expression", "confidence", *_BOX, *_SHOWN, *_ANGLES)
_OF_A_REFUSED = ("status", *_BOX, *_SHOWN)
_GROUP_ROWS = 10_000


def rows(photo: Photo) -> list[Row]:
    """The rows of one photo, every column in each; None where there is nothing to say."""
    empty: Row = dict.fromkeys(COLUMNS)
    if not photo.faces and not photo.refused:
        return [{**empty, "file": photo.name, "status": photo.status}]
    result = []
    for number, face in enumerate(photo.faces):
        told = rounded(face.to_dict())
        result.append(
            {
                **empty,
                "file": photo.name,
                "status": photo.status,
                "face": number,
                **{name: told[name] for name in _OF_A_FACE},
                "likely": "|".join(face.likely),
                **told["probabilities"],
                **{f"roi_{name}": share for name, share in told["regions"].items()},
                **told["action_units"],
            }
        )
    for refused in photo.refused:
        told = rounded(refused.to_dict())
        result.append({**empty, "file": photo.name, **{name: told[name] for name in _OF_A_REFUSED}})
    return result


def video_rows(photo: Photo, smoothed: bool = False) -> list[Row]:
    """The rows of one frame of a video, none if it has no face; of what is said of the whole video, one.

    A photo among videos has the rows it has elsewhere, with nothing in the columns of videos.
    """
    if photo.frame is not None and not photo.faces and not photo.refused:
        return []
    time_s = None if photo.time_s is None else round(photo.time_s, 6)
    tracks = [face.track for face in photo.faces] + [refused.face.track for refused in photo.refused]
    result = []
    for row, track in zip(rows(photo), tracks or [None], strict=True):
        whole = row | {"frame": photo.frame, "time_s": time_s, "track": track}
        result.append({name: whole[name] for name in VIDEO_COLUMNS})
    if smoothed:
        for row in result:
            row |= dict.fromkeys(SMOOTHED)
        for row, face in zip(result, photo.faces, strict=False):
            row |= {f"smooth_{name}": round(share, 6) for name, share in (face.smoothed or {}).items()}
    return result


def to_frame(results: Any) -> Any:
    """A pandas DataFrame with one row per face that was read, of the columns and decimals of tables.

    results: of `Reader.read_many` or `read_video`: photos, or one of them; or what `analyze` gave, the faces
        of one photo or a list of those, whose `file` is "photo 0" and so on.
    Frames of videos have VIDEO_COLUMNS, and SMOOTHED where they were smoothed; photos COLUMNS.
    Raises ModuleNotFoundError if pandas is not installed.
    """
    try:
        import pandas
    except ModuleNotFoundError:
        raise ModuleNotFoundError("to_frame needs pandas: pip install pandas", name="pandas") from None
    found = [row for each in _photos(results) for row in video_rows(each, smoothed=True)[: len(each.faces)]]
    columns = VIDEO_COLUMNS if any(row["frame"] is not None for row in found) else COLUMNS
    columns += SMOOTHED if any(row[SMOOTHED[0]] is not None for row in found) else ()
    kinds = dict.fromkeys(columns, "float64") | dict.fromkeys(_WHOLE & {*columns}, "Int64")
    kinds |= dict.fromkeys(_TEXT, "string")
    return pandas.DataFrame(found, columns=list(columns)).astype(kinds)


def _photos(results: Any) -> Iterator[Photo]:
    faces = []
    for number, each in enumerate([results] if isinstance(results, Photo) else results):
        if isinstance(each, Photo):
            yield each
        elif isinstance(each, Reading):
            faces.append(each)
        else:
            yield Photo(f"photo {number}", "ok", None, each, [])
    if faces:
        yield Photo("photo 0", "ok", None, faces, [])


def rounded(told: dict[str, Any]) -> dict[str, Any]:
    """What `Reading.to_dict` and the like tell, with the decimals of tables."""
    return {name: _rounded(value, 1 if name in _COARSE else 6) for name, value in told.items()}


def _rounded(value: Any, decimals: int) -> Any:
    if isinstance(value, dict):
        return rounded(value)
    if isinstance(value, list):
        return [_rounded(each, decimals) for each in value]
    return round(value, decimals) if isinstance(value, float) else value


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
