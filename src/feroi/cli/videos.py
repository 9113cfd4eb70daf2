"""What `feroi analyze` does with videos and cameras, and says of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from feroi.cli.results import number_of, progress_bar
from feroi.cli.screen import say, signals_handled, tell

if TYPE_CHECKING:
    from feroi.analysis.videos import Outputs, VideoCounts
    from feroi.cli.results import Photograph
    from feroi.reader import Reader
    from feroi.report.timeline import Timelines
    from feroi.results import Photo
    from feroi.video import Part, VideoOptions


def read_videos(
    files: Sequence[Photograph],
    reader: Reader,
    video: VideoOptions,
    outputs: Outputs,
    model: str,
) -> None:
    """Read videos, and photos among them, with a line a person, or a face of a photo."""
    from feroi import __version__
    from feroi.analysis.videos import Readers, VideoCallbacks, write_videos
    from feroi.photo.video import duration_s, is_video

    sources_done = 0
    lengths_s = [
        round(duration_s(path) or 0) if isinstance(path, Path) and is_video(path) else 0 for path in files
    ]
    with progress_bar("seconds of video read") as on_progress:

        def hear(photo: Photo) -> None:
            if photo.time_s is not None:
                on_progress(round(photo.time_s), lengths_s[sources_done])
            elif photo.status != "ok" or photo.faces:
                print_still(photo)

        def hear_video(name: str, timelines: Timelines) -> None:
            nonlocal sources_done
            sources_done += 1
            print_people(name, timelines)

        readers = Readers(
            lambda path, begun: reader.video_parts(path, video, begun),
            lambda path: next(reader.read_many([path])),
        )
        asked = {
            "model": model, "options": list(reader.options[:-1]), "video": [*video.pace, *video[1:]],
            "version": __version__,
        }  # fmt: skip
        counts = write_videos(files, readers, outputs, asked, VideoCallbacks(hear, hear_video, say_resumed))
    say_video_counts(counts)


def read_camera(
    camera: str, reader: Reader, video: VideoOptions, outputs: Outputs, model: str, seconds: float | None
) -> None:
    """Read what a camera shows, with a line a face, until Ctrl-C or so many seconds."""
    from feroi.analysis.videos import VideoCallbacks, write_live

    say("reading; Ctrl-C ends it" if seconds is None else f"reading for {seconds:g} s; Ctrl-C ends it sooner")
    tell(f"{'seconds':>8}  person  expression   sure")
    with until_interrupted() as stopped:
        parts = _until(stopped, reader.camera_parts(camera, video, seconds))
        counts = write_live(f"camera {camera}", parts, outputs, model, VideoCallbacks(print_live))
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


def print_live(photo: Photo) -> None:
    """A line a face of a frame."""
    for face in photo.faces:
        if photo.time_s is not None:
            line = f"{photo.time_s:8.1f}  {face.track!s:>6}  {face.answer:11}  {100 * face.confidence:3.0f} %"
            tell(f"{line}  {face.quality.remark}".rstrip())


def print_still(photo: Photo) -> None:
    """A line a face of a photo among videos, or what is said of the photo or video as a whole."""
    if photo.status != "ok":
        tell(f"{photo.name}  {photo.status}")
    for number, face in enumerate(photo.faces):
        tell(f"{photo.name}  face {number}: {face.answer} {100 * face.confidence:.0f} %")


def print_people(name: str, timelines: Timelines) -> None:
    """A line a person of a video: from when to when, and the two expressions shown most."""
    from feroi.report.timeline import clock

    for person in timelines.people:
        shown_most = ", ".join(f"{what} {100 * share:.0f} %" for what, share in person.means[:2])
        when = f"{clock(person.first_s)} to {clock(person.last_s)}"
        tell(f"{name}  person {person.track}: {when}, {person.frames} frames; on average {shown_most}")
    others = timelines.known - len(timelines.people)
    if others > 0:
        tell(f"{name}  and {others} people seen for less long")


def say_resumed(name: str, frame: int) -> None:
    """That a run that was killed goes on."""
    say(f"{name}: going on behind frame {frame}")


def say_video_counts(counts: VideoCounts) -> None:
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
