"""Everything `feroi analyze` leaves behind: tables, overlays, timelines, the page."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from feroi.analysis.journal import Journal, forgotten
from feroi.analysis.tables import Tables, TableWriter, append, remove_partial
from feroi.events import Event, EventFinder
from feroi.files import atomic_path, beside, cut_name, display_name, partial, write_text
from feroi.photo.decode import EncodedPhoto, NoPhoto
from feroi.photo.video import is_video
from feroi.report.overlay import draw_overlay
from feroi.report.photos import photo_values, report_page
from feroi.report.tables import (
    COLUMNS,
    EVENT_COLUMNS,
    FROM_REST,
    SMOOTHED,
    VIDEO_COLUMNS,
    Row,
    event_row,
    rows,
    video_rows,
)
from feroi.report.timeline import Timelines, draw_timeline, video_values, videos_page
from feroi.report.video_overlay import VideoDrawer
from feroi.results import Photo
from feroi.streams import is_stream
from feroi.video import NO_FACE, Part

_NOTE_EVERY_S = 20.0
"""Seconds of work between notes of how far a run is: what a kill costs at most, with the part under way."""
_JPEG_SUFFIXES = (".jpg", ".jpeg")
_NOT_ON_WINDOWS = re.compile(r'[<>:"/\\|?*]')

State = dict[str, Any]
Source = Path | EncodedPhoto | NoPhoto


class Outputs(NamedTuple):
    """What is to be written; None for what is not wanted.

    overlays: folder for a video of each video with its timelines, and a picture of each photo with faces.
    smoothed, from_rest: whether the tables of videos have columns for smoothed probabilities, and for what is
        compared with people's resting faces.
    """

    tables: Tables = Tables()
    overlays: Path | None = None
    report: Path | None = None
    smoothed: bool = False
    from_rest: bool = False

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
    def can_resume(self) -> bool:
        """Whether a killed run over videos resumes: what went into a pipe cannot be taken back."""
        streams = any(map(is_stream, filter(None, (*self.tables, self.report))))
        return self.unfinished is not None and not streams


class Readers(NamedTuple):
    """photos: reads some, in order. video: reads one, behind a state if there is one, as
    `video.video_parts`."""

    photos: Callable[[Sequence[Source]], Iterable[Photo]]
    video: Callable[[Path, State | None], Iterable[Part]] = lambda path, state: ()


class Counts(NamedTuple):
    """What a run found.

    sources: photos and videos. faces: read. refused: faces found and not read. faceless: sources without a
    face. unreadable: sources of which nothing could be read. frames: read, of videos. people: in each video,
    those of another video being others.
    """

    sources: int = 0
    faces: int = 0
    refused: int = 0
    faceless: int = 0
    unreadable: int = 0
    frames: int = 0
    people: int = 0

    @classmethod
    def of(cls, photo: Photo) -> Counts:
        """Those of one photo."""
        read = photo.pixels is not None
        faceless = read and not (photo.faces or photo.refused)
        return cls(1, len(photo.faces), len(photo.refused), int(faceless), int(not read))

    def plus(self, other: Counts) -> Counts:
        """Those of both."""
        return Counts(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


class AnalysisCallbacks(NamedTuple):
    """Who is told of the work.

    photo: each photo or frame as it is read. video: name and timelines of each video that is done. resumed:
    name of the video that is resumed, and the number of the last frame that had been read.
    """

    photo: Callable[[Photo], None] = lambda photo: None
    video: Callable[[str, Timelines], None] = lambda name, timelines: None
    resumed: Callable[[str, int], None] = lambda name, frame: None


def write_analysis(
    sources: Sequence[Source],
    readers: Readers,
    outputs: Outputs,
    description: State,
    callbacks: AnalysisCallbacks = AnalysisCallbacks(),  # noqa: B008
) -> Counts:
    """Read photos and videos, and write what is wanted as they are read, in bounded memory.

    Tables have the columns of videos if there is one among the sources. Events are of videos alone.
    description: all that decides what is read, of JSON's kinds, with the `model`. A killed run over videos
    resumes when it is given the same sources, outputs and description; its tables end as those of an unbroken
    one. Of any other, tables and page stay at `files.partial` if it is stopped.
    Raises ValueError if an unfinished run of another description is in the way.
    """
    with_videos = any(map(is_video_file, sources))
    if not with_videos:
        outputs.check_free()
    folder = outputs.unfinished if with_videos and outputs.can_resume else None
    everything = {
        "sources": [_identity(path) for path in sources],
        "outputs": [path and str(path) for path in (*outputs.tables, outputs.overlays, outputs.report)],
        **json.loads(json.dumps(description)),
    }
    model = str(description.get("model", ""))
    with (
        Journal(folder, everything) if folder else forgotten() as journal,
        _Run(journal, outputs, model, with_videos) as run,
    ):
        for are_videos, some in groupby(sources[run.source :], is_video_file):
            if are_videos:
                for path in some:
                    assert isinstance(path, Path)
                    if run.begun:
                        callbacks.resumed(display_name(path), run.begun["frame"])
                    run.read_video(display_name(path), readers.video(path, run.begun), callbacks)
            else:
                for photo in readers.photos(list(some)):
                    run.add_photo(photo, callbacks)
    return run.counts


def write_live(
    name: str, parts: Iterable[Part], outputs: Outputs, model: str, callbacks: AnalysisCallbacks
) -> Counts:
    """Write what a camera shows, part by part, until there are no more; nothing resumes later."""
    with forgotten() as journal, _Run(journal, outputs, model, with_videos=True) as run:
        run.read_video(name, parts, callbacks)
    return run.counts


def is_video_file(source: Source) -> bool:
    """Whether a source is read as a video."""
    return isinstance(source, Path) and is_video(source)


class _Run:
    """The work on all sources, one after the other. source: the next one. begun: the state to go on with
    in it; None to begin it."""

    def __init__(self, journal: Journal, outputs: Outputs, model: str, with_videos: bool) -> None:
        state: State = journal.state or {"source": 0, "counts": {}, "video": None}
        self._journal, self._outputs, self._model = journal, outputs, model
        self.source: int = state["source"]
        self.counts = Counts(**state["counts"])
        self._video: State | None = state["video"]
        self._with_videos = with_videos
        video_columns = VIDEO_COLUMNS + (SMOOTHED if outputs.smoothed else ())
        video_columns += FROM_REST if outputs.from_rest else ()
        self._tables = TableWriter(outputs.tables, video_columns if with_videos else COLUMNS, journal)
        self._events = TableWriter(Tables(csv=outputs.tables.events), EVENT_COLUMNS, journal)
        self._entries = journal.folder / "page.jsonl"
        self._page = journal.open(self._entries) if outputs.report else None
        self._noted_s = time.monotonic()

    @property
    def begun(self) -> State | None:
        return self._video and self._video["reading"]

    def add_photo(self, photo: Photo, callbacks: AnalysisCallbacks) -> None:
        self._write(photo)
        callbacks.photo(photo)
        self.counts = self.counts.plus(Counts.of(photo))
        if self._outputs.overlays and (photo.faces or photo.refused):
            write_overlay(photo, self._outputs.overlays, self.source)
        if self._page:
            self._show(photo_values(photo))
        self.source += 1
        self._note_sometimes()

    def read_video(self, name: str, parts: Iterable[Part], callbacks: AnalysisCallbacks) -> None:
        begun = self._video or {}
        timelines, finder = Timelines(begun.get("timelines")), EventFinder(begun.get("events"))
        frames, status = begun.get("frames", 0), "ok"
        pieces = self._journal.folder / f"video-{self.source:05d}"
        drawer = VideoDrawer(pieces, begun.get("drawer")) if self._outputs.overlays else None
        for part in parts:
            for photo in part.frames:
                self._write(photo)
                callbacks.photo(photo)
                timelines.add(photo)
                self._tell_events(name, finder.add(photo), timelines)
                if drawer:
                    drawer.add(photo)
                is_frame = int(photo.frame is not None)
                frames += is_frame
                status = status if is_frame else photo.status
                self._count(faces=len(photo.faces), refused=len(photo.refused), frames=is_frame)
            self._video = {
                "reading": part.state,
                "timelines": timelines.state,
                "events": finder.state,
                "frames": frames,
            }
            self._note_sometimes(drawer)
        self._tell_events(name, finder.end(), timelines)
        faceless = int(bool(frames) and not timelines.known)
        self._count(sources=1, people=timelines.known, unreadable=int(not frames), faceless=faceless)
        pictures = {person.track: draw_timeline(person, timelines) for person in timelines.people}
        if drawer:
            drawer.join(self._overlay(name, ".mp4"))
            for track, picture in pictures.items():
                with atomic_path(self._overlay(name, f"-person-{track}.png")) as temporary:
                    picture.save(temporary, "PNG")
        if self._page:
            status = {"ok": "", NO_FACE: "no face in it"}.get(status, status)
            self._show(video_values(name, status, frames, timelines, pictures))
        callbacks.video(name, timelines)
        self.source, self._video = self.source + 1, None
        self._note()
        shutil.rmtree(pieces, ignore_errors=True)  # not before it is noted that they are joined

    def _tell_events(self, name: str, events: list[Event], timelines: Timelines) -> None:
        timelines.mark(events)
        self._fill(self._events, [event_row(name, event) for event in events])

    def __enter__(self) -> _Run:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        """Write what needs all of the run; if it fails and does not resume, what there is of it."""
        self._tables.__exit__(kind, *error)
        report = self._outputs.report
        if report and kind is None:
            write_text(report, self._report())
            remove_partial(report)
        elif report and not (self._journal.resumes or is_stream(report)) and self._entries.stat().st_size:
            with suppress(OSError):
                write_text(partial(report), self._report())
        if kind is None:
            self._note()

    def _report(self) -> str:
        with self._entries.open(encoding="utf-8") as lines:
            entries = [json.loads(line) for line in lines]
        if self._with_videos:
            return videos_page(entries, self.counts, self._model)
        return report_page(entries, self._model)

    def _write(self, photo: Photo) -> None:
        whether = self._outputs.smoothed, self._outputs.from_rest
        self._fill(self._tables, video_rows(photo, *whether) if self._with_videos else rows(photo))

    def _fill(self, tables: TableWriter, some: list[Row]) -> None:
        try:
            tables.write(some)
        except BrokenPipeError:  # the reader of the last table is gone; what else is wanted goes on
            if not (self._outputs.overlays or self._outputs.report):
                raise

    def _show(self, entry: State) -> None:
        if self._page:
            append(self._entries, self._page, json.dumps(entry) + "\n")

    def _count(self, **more: int) -> None:
        self.counts = self.counts.plus(Counts(**more))

    def _overlay(self, name: str, ending: str) -> Path:
        assert self._outputs.overlays is not None
        return self._outputs.overlays / overlay_name(self.source, name, ending)

    def _note_sometimes(self, drawer: VideoDrawer | None = None) -> None:
        if time.monotonic() - self._noted_s >= _NOTE_EVERY_S:
            if self._video and drawer:
                self._video |= {"drawer": drawer.close_piece()}
            self._note()

    def _note(self) -> None:
        state = {"source": self.source, "counts": self.counts._asdict(), "video": self._video}
        self._journal.note(state)
        self._noted_s = time.monotonic()


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


def _identity(source: Source) -> list[Any]:
    """A file's name, size and time of change, to tell whether it is the one a run was begun with."""
    if not isinstance(source, Path):
        return [str(source.name)]
    try:
        file = source.stat()
    except (OSError, ValueError):  # ValueError: a name with NUL in it
        return [str(source)]
    return [str(source), file.st_size, file.st_mtime_ns]
