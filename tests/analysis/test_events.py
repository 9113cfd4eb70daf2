"""Events of videos in their table, on the timeline and in what is printed, of made-up films."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from feroi import video
from feroi.analysis import run
from feroi.analysis.run import AnalysisCallbacks, Outputs, Readers, write_analysis
from feroi.analysis.tables import Tables
from feroi.cli.app import app
from feroi.cli.videos import print_people
from feroi.events import Event
from feroi.network.load import Model
from feroi.photo.video import Frame
from feroi.reading import analyze_photos
from feroi.report import timeline
from feroi.report.timeline import Timelines, draw_timeline
from feroi.results import Photo
from feroi.video import Part
from support.faces import astronaut
from support.network import CONFIG, ONE, forward


@pytest.fixture(scope="module")
def face():
    (photo,) = analyze_photos([astronaut()], Model(CONFIG, forward), ONE)
    return photo.faces[0]


def _film(face):
    """10 frames a second: rest, happy from 1 to 2.9 s, rest, sad from 4 s to the end at 5.9 s."""
    shown = ["neutral"] * 10 + ["happy"] * 20 + ["neutral"] * 10 + ["sad"] * 20
    for at, name in enumerate(shown):
        shares = dict.fromkeys(face.probabilities, 0.0) | {"neutral": 0.1, name: 0.9}
        seen = replace(face, probabilities=shares, track=0)
        yield Photo("film.mp4", "ok", None, [seen], [], at, at / 10)


def _readers(face, die_at=None):
    frames = list(_film(face))

    def parts(path, begun):
        for start in range(begun["frame"] + 1 if begun else 0, len(frames), 4):
            if start == die_at:
                raise KeyboardInterrupt
            yield Part(frames[start : start + 4], {"frame": start + 3})

    return Readers(lambda paths: [], parts)


def _rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_each_event_of_a_video_is_a_row(face, tmp_path, capsys):
    outputs = Outputs(Tables(events=tmp_path / "events.csv"), report=tmp_path / "page.html")
    heard = AnalysisCallbacks(video=print_people)
    write_analysis([tmp_path / "film.mp4"], _readers(face), outputs, {"model": "m"}, heard)
    happy, sad = _rows(tmp_path / "events.csv")
    assert list(happy) == [
        "file", "track", "expression", "onset_s", "apex_s", "offset_s", "duration_s", "intensity", "cut",
    ]  # fmt: skip
    assert (happy["track"], happy["expression"], happy["cut"]) == ("0", "happy", "")
    assert 0.9 < float(happy["onset_s"]) < 1.0 <= float(happy["apex_s"]) < 2.95
    lasted_s = float(happy["offset_s"]) - float(happy["onset_s"])
    assert float(happy["duration_s"]) == pytest.approx(lasted_s, abs=2e-3)
    assert (sad["expression"], sad["offset_s"], sad["cut"]) == ("sad", "5.9", "end")
    assert {happy["intensity"], sad["intensity"]} == {"0.9"}
    assert "2 events, 20.3 a minute" in capsys.readouterr().out
    assert "2 events, 20.3 a minute" in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize("die_at", [4, 28, 32, 56])
def test_a_stopped_run_ends_with_the_same_events(face, tmp_path, die_at, monkeypatch):
    monkeypatch.setattr(run, "_NOTE_EVERY_S", 0.0)
    for folder, readers in (
        ("whole", [_readers(face)]),
        ("broken", [_readers(face, die_at), _readers(face)]),
    ):
        outputs = Outputs(
            Tables(events=tmp_path / folder / "events.csv"), report=tmp_path / folder / "p.html"
        )
        for each in readers[:-1]:
            with pytest.raises(KeyboardInterrupt):
                write_analysis([tmp_path / "film.mp4"], each, outputs, {"model": "m"})
        write_analysis([tmp_path / "film.mp4"], readers[-1], outputs, {"model": "m"})
    for name in ("events.csv", "p.html"):
        assert (tmp_path / "broken" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_the_timeline_shows_events_where_they_are(face, monkeypatch):
    timelines = Timelines()
    for frame in _film(face):
        timelines.add(frame)
    event = Event(0, "happy", 1.0, 2.0, 2.9, 0.9)
    timelines.mark([event, event._replace(track=7)])  # the second's person has no timeline
    (person,) = timelines.people
    assert (person.events, person.drawn) == (1, [event])
    assert person.events_a_minute == pytest.approx(60 / 5.9)
    picture = np.asarray(draw_timeline(person, timelines)).astype(int)
    bar = np.abs(picture[130, 60:1070] - (230, 159, 0)).sum(1) < 12  # between thumbnails and plot
    assert np.flatnonzero(bar)[[0, -1]] / 1010 * 5.9 == pytest.approx([1.0, 2.9], abs=0.02)
    monkeypatch.setattr(timeline, "_MOST_EVENTS", 2)
    timelines.mark([event._replace(offset_s=2.5), event._replace(offset_s=9.0)])
    assert person.events == 3
    assert [each.offset_s for each in person.drawn] == [2.9, 9.0]


def test_the_timeline_is_of_what_events_are_made_of(face):
    timelines = Timelines()
    known = dict.fromkeys(face.probabilities, 0.0)
    for number in range(20):
        raw, rest = known | {"sad": 0.9, "neutral": 0.1}, known | {"sad": 0.2, "neutral": 0.8}
        if number >= 10:
            raw, rest = known | {"happy": 0.6, "sad": 0.4}, known | {"happy": 0.9, "neutral": 0.1}
        first = max(raw, key=raw.__getitem__)
        seen = replace(
            face, probabilities=raw, from_rest=rest, expression=first, confidence=raw[first], track=0
        )
        timelines.add(Photo("film.mp4", "ok", None, [seen], [], number, number / 10))
    (person,) = timelines.people
    assert dict(person.means) == pytest.approx(known | {"sad": 0.1, "neutral": 0.45, "happy": 0.45})
    assert [(name, share) for name, (share, _, _) in person.peaks.items()] == [("happy", 0.9)]


def test_the_command_takes_a_table_of_events_of_videos_alone(face, tmp_path, monkeypatch):
    monkeypatch.setattr(video, "camera_frames", lambda *_: iter([Frame(0, 0.0, astronaut())]))
    table = tmp_path / "events.csv"
    result = CliRunner().invoke(app, ["analyze", "--camera", "0", "--events", str(table)])
    assert result.exit_code == 0, result.output
    assert len(table.read_text().splitlines()) == 1
    (tmp_path / "a.png").write_bytes(b"")
    for more, says in (
        ([tmp_path / "a.png", "--events", table], "no video was given"),
        (["--camera", "0", "--events", "e.parquet"], "writes CSV"),
    ):
        result = CliRunner().invoke(app, ["analyze", *map(str, more)])
        assert result.exit_code == 1
        assert says in result.output.replace("\n", " ")
