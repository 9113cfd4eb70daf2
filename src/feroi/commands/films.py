"""What `feroi analyze` does with films and cameras, and says of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from feroi.screen import say, signals_handled, tell
from feroi.terminal import number_of, progress_bar

if TYPE_CHECKING:
    from feroi.film import FilmSettings, Part
    from feroi.reader import Reader
    from feroi.report.films import FilmCounts, Outputs
    from feroi.report.timeline import Timelines
    from feroi.results import Photo
    from feroi.terminal import Photograph


def read_films(
    files: Sequence[Photograph],
    reader: Reader,
    film: FilmSettings,
    outputs: Outputs,
    description: dict[str, Any],
) -> None:
    """Read films, and photos among them, with a line a person, or a face of a photo."""
    from feroi import __version__
    from feroi.photo.video import duration_s, is_film
    from feroi.report.films import Heard, Readers, write_films

    sources_done = 0
    lengths_s = [
        round(duration_s(path) or 0) if isinstance(path, Path) and is_film(path) else 0 for path in files
    ]
    with progress_bar("seconds of film read") as on_progress:

        def hear(photo: Photo) -> None:
            if photo.time_s is not None:
                on_progress(round(photo.time_s), lengths_s[sources_done])
            elif photo.status != "ok" or photo.faces:
                print_still(photo)

        def hear_film(name: str, timelines: Timelines) -> None:
            nonlocal sources_done
            sources_done += 1
            print_people(name, timelines)

        readers = Readers(
            lambda path, begun: reader.film_parts(path, film, begun),
            lambda path: next(reader.read_many([path])),
        )
        asked = {
            **description, "settings": list(reader.settings[:-1]), "film": [*film.pace, *film[1:]],
            "version": __version__,
        }  # fmt: skip
        counts = write_films(files, readers, outputs, asked, Heard(hear, hear_film, say_resumed))
    say_film_counts(counts)


def read_camera(
    camera: str, reader: Reader, film: FilmSettings, outputs: Outputs, model: str, seconds: float | None
) -> None:
    """Read what a camera shows, with a line a face, until Ctrl-C or so many seconds."""
    from feroi.report.films import Heard, write_live

    say("reading; Ctrl-C ends it" if seconds is None else f"reading for {seconds:g} s; Ctrl-C ends it sooner")
    tell(f"{'seconds':>8}  person  expression   sure")
    with until_interrupted() as stopped:
        parts = _until(stopped, reader.camera_parts(camera, film, seconds))
        counts = write_live(f"camera {camera}", parts, outputs, model, Heard(print_live))
    say_film_counts(counts)


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
    """A line a face of a photo among films, or what is said of the photo or film as a whole."""
    if photo.status != "ok":
        tell(f"{photo.name}  {photo.status}")
    for number, face in enumerate(photo.faces):
        tell(f"{photo.name}  face {number}: {face.answer} {100 * face.confidence:.0f} %")


def print_people(name: str, timelines: Timelines) -> None:
    """A line a person of a film: from when to when, and the two expressions shown most."""
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


def say_film_counts(counts: FilmCounts) -> None:
    """What was found. Raises ValueError if not one source could be read."""
    say(
        f"{number_of(counts.people, 'person', 'people')} in films, {number_of(counts.faces, 'face')} read in "
        f"{number_of(counts.frames, 'frame')} of films and all photos; {counts.refused} found and not read; "
        f"{number_of(counts.sources, 'film or photo', 'films and photos')}, {counts.faceless} without a "
        f"face, {counts.unreadable} unreadable"
    )
    if counts.unreadable == counts.sources:
        raise ValueError("not a single source could be read; the table says why")
