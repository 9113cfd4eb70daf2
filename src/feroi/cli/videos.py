"""What `feroi analyze` does with photos, videos and cameras, and says of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from feroi.cli.results import number_of, progress_bar, say_counts
from feroi.cli.screen import kept_when_stopped, say, signals_handled, tell
from feroi.cli.tables import printed_as_read
from feroi.files import display_name

if TYPE_CHECKING:
    from feroi.analysis.run import AnalysisCallbacks, Counts, Outputs
    from feroi.cli.results import Photograph
    from feroi.reader import Reader
    from feroi.report.timeline import Timelines
    from feroi.results import Photo
    from feroi.video import Part, VideoOptions


def read_files(
    files: Sequence[Photograph], reader: Reader, video: VideoOptions, outputs: Outputs, model: str
) -> None:
    """Read photos, with one line per face, or videos and photos, with one line per person or face."""
    from feroi import __version__
    from feroi.analysis.run import AnalysisCallbacks, Readers, is_video_file, write_analysis

    with_videos = any(map(is_video_file, files))
    description = {
        "model": model,
        "options": dict(zip(reader.options._fields[:-1], reader.options, strict=False)),
        "video": {**video.pace._asdict(), **dict(zip(video._fields[1:], video[1:], strict=True))},
        "version": __version__,
    }
    written = (*outputs.tables, outputs.report)
    with (
        kept_when_stopped(*written, resumes=with_videos and outputs.can_resume),
        progress_bar("seconds of video read" if with_videos else "reading") as on_progress,
    ):
        if with_videos:
            readers = Readers(reader.read_many, lambda path, begun: reader.video_parts(path, video, begun))
            callbacks = _video_callbacks(files, on_progress)
        else:
            readers = Readers(lambda photos: printed_as_read(reader.read_many(photos), files, on_progress))
            callbacks = AnalysisCallbacks()
        counts = write_analysis(files, readers, outputs, description, callbacks)
    (say_video_counts if with_videos else say_counts)(counts)


def _video_callbacks(
    files: Sequence[Photograph], on_progress: Callable[[int, int], None]
) -> AnalysisCallbacks:
    from feroi.analysis.run import AnalysisCallbacks, is_video_file
    from feroi.photo.video import duration_s

    lengths_s = {
        display_name(path): round(duration_s(path) or 0)
        for path in files
        if isinstance(path, Path) and is_video_file(path)
    }

    def on_photo(photo: Photo) -> None:
        if photo.time_s is not None:
            on_progress(round(photo.time_s), lengths_s[photo.name])
        elif photo.status != "ok" or photo.faces:
            print_still(photo)

    return AnalysisCallbacks(on_photo, print_people, say_resumed)


def read_camera(
    camera: str, reader: Reader, video: VideoOptions, outputs: Outputs, model: str, seconds: float | None
) -> None:
    """Read what a camera shows, with one line per face, until Ctrl-C or until `seconds` are over."""
    from feroi.analysis.run import AnalysisCallbacks, write_live

    say("reading; Ctrl-C ends it" if seconds is None else f"reading for {seconds:g} s; Ctrl-C ends it sooner")
    with until_interrupted() as stopped:
        parts = _until(stopped, reader.camera_parts(camera, video, seconds))
        counts = write_live(f"camera {camera}", parts, outputs, model, AnalysisCallbacks(live_printer()))
    say_video_counts(counts)


def _until(stopped: Event, parts: Iterator[Part]) -> Iterator[Part]:
    for part in parts:
        yield part
        if stopped.is_set():
            return


@contextmanager
def until_interrupted() -> Iterator[Event]:
    """Ctrl-C, SIGTERM and SIGHUP set the event; what is under way is then written whole."""
    stopped = Event()
    with signals_handled(lambda *_: stopped.set()):
        yield stopped


def live_printer() -> Callable[[Photo], None]:
    """A table on standard output that grows by one line per face of a frame."""
    header = iter([f"{'seconds':>8}  person  expression   sure"])

    def print_live(photo: Photo) -> None:
        for face in photo.faces:
            if photo.time_s is None:
                continue
            for line in header:  # once, with the first row: an error may come before it
                tell(line)
            line = f"{photo.time_s:8.1f}  {face.track!s:>6}  {face.answer:11}  {100 * face.confidence:3.0f} %"
            tell(f"{line}  {face.quality.remark}".rstrip())

    return print_live


def print_still(photo: Photo) -> None:
    """One line per face of a photo among videos, or what is said of the photo or video as a whole."""
    if photo.status != "ok":
        tell(f"{photo.name}  {photo.status}")
    for number, face in enumerate(photo.faces):
        tell(f"{photo.name}  face {number}: {face.answer} {100 * face.confidence:.0f} %")


def print_people(name: str, timelines: Timelines) -> None:
    """One line per person of a video: from when to when, what was shown most, and how many events."""
    from feroi.report.timeline import clock

    for person in timelines.people:
        shown_most = ", ".join(f"{what} {100 * share:.0f} %" for what, share in person.means[:2])
        when = f"{clock(person.first_s)} to {clock(person.last_s)}, {number_of(person.frames, 'frame')}"
        rate = person.events_a_minute
        often = number_of(person.events, "event") + ("" if rate is None else f", {rate:.1f} a minute")
        tell(f"{name}  person {person.track}: {when}; on average {shown_most}; {often}")
    others = timelines.known - len(timelines.people)
    if others > 0:
        tell(f"{name}  and {others} people seen for less long")


def say_resumed(name: str, frame: int) -> None:
    """That a run that was killed goes on."""
    say(f"{name}: going on behind frame {frame}")


def say_video_counts(counts: Counts) -> None:
    """What was found. Raises ValueError if not one source could be read."""
    say(
        f"{number_of(counts.people, 'person', 'people')} in videos, {number_of(counts.faces, 'face')} "
        f"read in {number_of(counts.frames, 'frame')} of videos and all photos; "
        f"{counts.refused} found and not read; "
        f"{number_of(counts.sources, 'video or photo', 'videos and photos')}, {counts.faceless} without a "
        f"face, {counts.unreadable} unreadable"
    )
    if counts.unreadable == counts.sources:
        raise ValueError("not a single source could be read; the table says why")
