"""Everything `feroi analyze` leaves behind where there are videos: tables, overlays, timelines, the page."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import IO, Any, NamedTuple

import feroi
from feroi.analysis.journal import Journal
from feroi.analysis.photos import Tables, overlay_name, write_overlay
from feroi.files import atomic_path, beside, display_name, name_path_in_errors
from feroi.photo.decode import EncodedPhoto, NoPhoto
from feroi.photo.video import is_video
from feroi.report.html import write_page
from feroi.report.photos import photo_values
from feroi.report.tables import SMOOTHED, VIDEO_COLUMNS, Row, as_csv, as_jsonl, jsonl_to_parquet, video_rows
from feroi.report.timeline import MOST_PEOPLE, Timelines, as_png, clock, draw_timeline
from feroi.report.video_overlay import VideoDrawer
from feroi.results import Photo
from feroi.streams import is_stream
from feroi.video import NO_FACE, Part
from feroi.vocabulary import EXPRESSIONS

_NOTE_EVERY_S = 20.0
"""Seconds of work between notes of how far a run is: what a kill costs at most, with the part under way."""

State = dict[str, Any]


class Outputs(NamedTuple):
    """What is to be written; None for what is not wanted.

    overlays: folder for a video of each video, a picture of each photo, and the timelines. smoothed: whether
    the tables have columns for smoothed probabilities.
    """

    tables: Tables = Tables()
    overlays: Path | None = None
    report: Path | None = None
    smoothed: bool = False

    @property
    def unfinished(self) -> Path | None:
        """The folder of a run under way, beside the first of the outputs; None if nothing is written."""
        first = next((path for path in (*self.tables, self.report, self.overlays) if path), None)
        return first and beside(first, ".unfinished")

    def check_free(self) -> None:
        """Raises ValueError if an unfinished run over videos has rows where these outputs grow."""
        if self.unfinished and self.unfinished.exists():
            raise ValueError(
                f"{self.unfinished} belongs to a run that was not finished, whose rows this one would "
                f"replace; give its command again to finish it, delete that folder, or name another file"
            )

    @property
    def can_go_on(self) -> bool:
        """Whether a killed run can be gone on with: what went into a pipe cannot be taken back."""
        return not any(map(is_stream, filter(None, (*self.tables, self.report))))


class Readers(NamedTuple):
    """video: reads one, going on behind a state if there is one, as `video.video_parts`. photo: reads one."""

    video: Callable[[Path, State | None], Iterable[Part]]
    photo: Callable[[Path | EncodedPhoto | NoPhoto], Photo]


class VideoCounts(NamedTuple):
    """What was found. people: in each video, those of another video being others. frames: read, of videos.

    refused: faces found and not read. faceless: sources without a face. unreadable: of which nothing could
    be read.
    """

    sources: int = 0
    frames: int = 0
    people: int = 0
    faces: int = 0
    refused: int = 0
    faceless: int = 0
    unreadable: int = 0


class VideoCallbacks(NamedTuple):
    """Who is told of the work.

    frame: each photo or frame as it is read. video: name and timelines of each video that is done. resumed:
    name of the video that is gone on with, and the number of the last frame that had been read.
    """

    frame: Callable[[Photo], None] = lambda photo: None
    video: Callable[[str, Timelines], None] = lambda name, timelines: None
    resumed: Callable[[str, int], None] = lambda name, frame: None


def write_videos(
    sources: Sequence[Path | EncodedPhoto | NoPhoto],
    readers: Readers,
    outputs: Outputs,
    description: State,
    callbacks: VideoCallbacks = VideoCallbacks(),  # noqa: B008
) -> VideoCounts:
    """Read videos, and photos among them, and write what is wanted as they are read, in bounded memory.

    description: all that decides what is read, of JSON's kinds. A killed run goes on where it was when it is
    given the same sources, outputs and description; its tables end as those of an unbroken one.
    Raises ValueError if an unfinished run of another description is in the way.
    """
    asked = {
        "sources": [_identity(path) for path in sources],
        "outputs": [path and str(path) for path in (*outputs.tables, outputs.overlays, outputs.report)],
        **description,
    }
    with _journal(outputs, asked) as journal:
        run = _Run(journal, outputs, str(description.get("model", "")))
        for at in range(run.source, len(sources)):
            path = sources[at]
            if isinstance(path, Path) and is_video(path):
                begun = run.begun
                if begun:
                    callbacks.resumed(display_name(path), begun["frame"])
                run.read_video(display_name(path), readers.video(path, begun), callbacks)
            else:
                run.read_photo(readers.photo(path), callbacks)
        run.finish()
        return run.counts


def write_live(
    name: str, parts: Iterable[Part], outputs: Outputs, model: str, callbacks: VideoCallbacks
) -> VideoCounts:
    """Write what a camera shows, part by part, until there are no more; nothing is gone on with later."""
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "run", {}) as journal:
        run = _Run(journal, outputs, model)
        run.read_video(name, parts, callbacks)
        run.finish()
        return run.counts


class _Run:
    """The work on all sources, one after the other. source: the next one. begun: the state to go on with
    in it; None to begin it."""

    def __init__(self, journal: Journal, outputs: Outputs, model: str) -> None:
        state: State = journal.state or {"source": 0, "counts": [0] * len(VideoCounts._fields), "video": None}
        self._journal, self._outputs, self._model = journal, outputs, model
        self.source: int = state["source"]
        self.counts = VideoCounts(*state["counts"])
        self._video: State | None = state["video"]
        tables = outputs.tables
        if tables.parquet:
            import_module("pyarrow.parquet")  # now, not when all is read
        self._columns = (*VIDEO_COLUMNS, *(SMOOTHED if outputs.smoothed else ()))
        self._csv = journal.open(tables.csv) if tables.csv else None
        self._rows_file = journal.folder / "rows.jsonl"
        jsonl = [path for path in (tables.jsonl, tables.parquet and self._rows_file) if path]
        self._jsonl: list[IO[bytes]] = [journal.open(path) for path in jsonl]
        self._page = journal.open(journal.folder / "page.jsonl") if outputs.report else None
        if self._csv and (is_stream(Path(str(tables.csv))) or not self._csv.tell()):
            self._csv.write(as_csv([], self._columns).encode())
        self._noted_s = time.monotonic()

    @property
    def begun(self) -> State | None:
        return self._video and self._video["reading"]

    def read_photo(self, photo: Photo, callbacks: VideoCallbacks) -> None:
        self._write(video_rows(photo, self._outputs.smoothed))
        callbacks.frame(photo)
        self._count(
            faces=len(photo.faces), refused=len(photo.refused), unreadable=photo.pixels is None,
            faceless=photo.pixels is not None and not (photo.faces or photo.refused), sources=1,
        )  # fmt: skip
        if self._outputs.overlays and photo.faces:
            write_overlay(photo, self._outputs.overlays, self.source)
        self._show(photo_values(photo) if self._page else {})
        self._done()

    def read_video(self, name: str, parts: Iterable[Part], callbacks: VideoCallbacks) -> None:
        begun = self._video or {}
        timelines = Timelines(begun.get("timelines"))
        frames, status = begun.get("frames", 0), "ok"
        pieces = self._journal.folder / f"video-{self.source:05d}"
        drawer = VideoDrawer(pieces, begun.get("drawer")) if self._outputs.overlays else None
        for part in parts:
            for photo in part.frames:
                self._write(video_rows(photo, self._outputs.smoothed))
                callbacks.frame(photo)
                timelines.add(photo)
                if drawer:
                    drawer.add(photo)
                frames += photo.frame is not None
                status = photo.status if photo.frame is None else status
                self._count(
                    faces=len(photo.faces), refused=len(photo.refused), frames=photo.frame is not None
                )
            self._video = {"reading": part.state, "timelines": timelines.state, "frames": frames}
            if time.monotonic() - self._noted_s >= _NOTE_EVERY_S:
                self._video |= {"drawer": drawer.close_piece()} if drawer else {}
                self._note()
        unreadable = not frames
        self._count(
            sources=1, people=timelines.known, unreadable=unreadable,
            faceless=not unreadable and not timelines.known,
        )  # fmt: skip
        pictures = {person.track: draw_timeline(person, timelines) for person in timelines.people}
        if drawer:
            drawer.join(self._overlay(name, ".mp4"))
            for track, picture in pictures.items():
                with atomic_path(self._overlay(name, f"-person-{track}.png")) as temporary:
                    picture.save(temporary, "PNG")
        if self._page:
            self._show(_video_values(name, status, frames, timelines, pictures))
        callbacks.video(name, timelines)
        self._done()
        shutil.rmtree(pieces, ignore_errors=True)  # not before it is noted that they are joined

    def finish(self) -> None:
        """Write what needs all of the run."""
        tables = self._outputs.tables
        if tables.parquet:
            jsonl_to_parquet(self._rows_file, tables.parquet, self._columns)
        if self._outputs.report:
            with (self._journal.folder / "page.jsonl").open(encoding="utf-8") as lines:
                entries = [json.loads(line) for line in lines]
            write_page(
                "videos.html", self._outputs.report, entries=entries, labels=EXPRESSIONS, counts=self.counts,
                videos=sum("people" in entry for entry in entries), most_people=MOST_PEOPLE,
                model=self._model, version=feroi.__version__,
            )  # fmt: skip

    def _write(self, rows: list[Row]) -> None:
        if self._csv and rows:
            _append(self._csv, as_csv(rows))
        for file in self._jsonl:
            _append(file, as_jsonl(rows))

    def _show(self, entry: State) -> None:
        if self._page:
            _append(self._page, json.dumps(entry) + "\n")

    def _count(self, **more: int) -> None:
        now = self.counts._asdict()
        self.counts = VideoCounts(**{name: value + int(more.get(name, 0)) for name, value in now.items()})

    def _overlay(self, name: str, ending: str) -> Path:
        assert self._outputs.overlays is not None
        return self._outputs.overlays / overlay_name(self.source, name, ending)

    def _done(self) -> None:
        """Go to the next source."""
        self.source, self._video = self.source + 1, None
        self._note()

    def _note(self) -> None:
        self._journal.note({"source": self.source, "counts": list(self.counts), "video": self._video})
        self._noted_s = time.monotonic()


def _append(file: IO[bytes], text: str) -> None:
    with name_path_in_errors(Path(str(file.name))):
        file.write(text.encode())
        file.flush()


def _video_values(
    name: str, status: str, frames: int, timelines: Timelines, pictures: dict[int, Any]
) -> State:
    """What `videos.html` shows of one video."""
    people = [
        {
            "track": person.track,
            "first": clock(person.first_s),
            "last": clock(person.last_s),
            "frames": person.frames,
            "picture": as_png(pictures[person.track]),
            "means": [[expression, share] for expression, share in person.means],
        }
        for person in timelines.people
    ]
    status = "" if status == "ok" else status
    status = "no face in it" if status == NO_FACE else status
    return {"name": name, "status": status, "frames": frames, "known": timelines.known, "people": people}


@contextmanager
def _journal(outputs: Outputs, asked: State) -> Iterator[Journal]:
    """That of the run under way; one that is forgotten if nothing is written that could be gone on with."""
    if outputs.unfinished and outputs.can_go_on:
        with Journal(outputs.unfinished, json.loads(json.dumps(asked))) as journal:
            yield journal
    else:
        with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "run", asked) as journal:
            yield journal


def _identity(path: Path | EncodedPhoto | NoPhoto) -> list[Any]:
    """A file's name, size and time of change, to tell whether it is the one a run was begun with."""
    if not isinstance(path, Path):
        return [str(path.name)]
    try:
        known = path.stat()
    except OSError:
        return [str(path)]
    return [str(path), known.st_size, known.st_mtime_ns]
