"""What is left behind by reading videos, with a made-up network; also by runs that were killed."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from feroi import video as video
from feroi.analysis import run as run
from feroi.analysis.run import AnalysisCallbacks, Counts, Outputs, Readers, write_analysis
from feroi.analysis.tables import Tables
from feroi.cli.app import app
from feroi.config import NetworkConfig
from feroi.inference import Compute
from feroi.network.load import Model
from feroi.outputs import NetworkOutput
from feroi.photo.detect import Face
from feroi.photo.video import Frame
from feroi.reading import ReadingOptions, analyze_photos
from feroi.report.tables import SMOOTHED, VIDEO_COLUMNS
from feroi.report.timeline import MOST_PEOPLE, Timelines, clock, draw_timeline
from feroi.results import Photo, Refused
from feroi.video import Part, VideoOptions, video_parts
from support.videos import group_photo, write_sound, write_video

CONFIG = NetworkConfig("attention", (48, 48), pipeline="wild")
ONE = ReadingOptions(compute=Compute(threads=1))


class Killed(Exception):
    """What stands for a kill; nothing catches it."""


def _network(die_at=None):
    """Answers by the faces' own brightness; dies at that call."""
    calls = []

    def forward(faces):
        calls.append(1)
        if len(calls) == die_at:
            raise Killed
        logits = np.zeros((len(faces), 7))
        logits[:, 3] = 5 * faces.mean((1, 2, 3))
        attention = np.zeros((len(faces), 3, 3))
        attention[:, 2, 1] = 1
        return NetworkOutput(logits, attention, logits)

    return Model(CONFIG, forward)


def _readers(network):
    settings = VideoOptions(smooth_s=0.3)
    return Readers(
        lambda paths: analyze_photos(paths, network, ONE),
        lambda path, begun: video_parts(path, network, ONE, settings, begun),
    )


@pytest.fixture(scope="module")
def picture():
    pixels, faces = group_photo("library")
    x0, y0, x1, y1 = map(int, faces[0])
    return np.ascontiguousarray(pixels[y0 - 120 : y1 + 121, x0 - 110 : x1 + 110])


@pytest.fixture(scope="module")
def sources(picture, tmp_path_factory):
    """A video whose person moves and grows brighter, a photo, a video without pictures, and none at all."""
    folder = tmp_path_factory.mktemp("sources")
    frames = [
        np.clip(np.roll(picture, 5 * number, axis=1) * (0.6 + 0.05 * number), 0, 255).astype(np.uint8)
        for number in range(8)
    ]
    Image.fromarray(picture).save(folder / "photo.png")
    return [
        write_video(folder / "video.mkv", frames, codec="ffv1"),
        folder / "photo.png",
        write_sound(folder / "sound.mp4"),
        folder / "gone.mp4",
    ]


@pytest.fixture(autouse=True)
def _small_parts(picture, monkeypatch):
    monkeypatch.setattr(video, "_PART_PX", 2 * picture.shape[0] * picture.shape[1])
    monkeypatch.setattr(run, "_NOTE_EVERY_S", 0.0)


def _outputs(folder, **more):
    tables = Tables(folder / "t.csv", folder / "t.jsonl", folder / "t.parquet")
    return Outputs(tables, folder / "drawn", folder / "page.html", smoothed=True)._replace(**more)


@pytest.mark.slow
def test_everything_is_written(sources, picture, tmp_path):
    told = []
    heard = AnalysisCallbacks(video=lambda name, timelines: told.append((name, timelines.known)))
    counts = write_analysis(sources, _readers(_network()), _outputs(tmp_path), {"model": "m"}, heard)
    assert counts == Counts(sources=4, frames=8, people=1, faces=9, refused=0, faceless=0, unreadable=2)
    assert [known for _, known in told] == [1, 0, 0]
    lines = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    assert [line["status"] for line in lines[-3:]] == [
        "ok",
        "no pictures in it, only sound",
        "file not found",
    ]
    frames = lines[:8]
    assert [line["frame"] for line in frames] == list(range(8))
    assert [line["time_s"] for line in frames] == pytest.approx(np.arange(8) / 25, abs=1e-3)
    assert {line["track"] for line in frames} == {0}
    assert frames[0]["score"] > 0
    assert frames[1]["score"] is None  # followed, not found
    assert frames[7]["happy"] > frames[7]["smooth_happy"] > frames[0]["happy"] == frames[0]["smooth_happy"]
    assert (lines[8]["frame"], lines[8]["track"], lines[8]["face"], lines[8]["smooth_happy"]) == (
        None,
        None,
        0,
        None,
    )
    with (tmp_path / "t.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert tuple(table[0]) == VIDEO_COLUMNS + SMOOTHED == tuple(lines[0])
    assert [row["happy"] for row in table[:8]] == [str(line["happy"]) for line in frames]
    from pyarrow import parquet

    assert parquet.read_table(tmp_path / "t.parquet").to_pylist() == lines
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == [
        "00000-video-person-0.png", "00000-video.mp4", "00001-photo.png",
    ]  # fmt: skip
    assert not (tmp_path / "t.csv.unfinished").exists()
    page = (tmp_path / "page.html").read_text()
    assert "1 person in 3 videos" in page
    assert page.count('class="timeline"') == 1
    assert "no pictures in it, only sound" in page


@pytest.mark.parametrize("beside", [[], ["gone.mp4"]])
def test_a_photo_whose_faces_were_all_refused_is_drawn_alone_and_beside_videos(picture, tmp_path, beside):
    photo = next(analyze_photos([picture], _network(), ONE))
    refused = [Refused(Face(photo.faces[0].box_xyxy_px, 1.0), "too small", None)]
    readers = Readers(
        lambda paths: [photo._replace(name=path.name, faces=[], refused=refused) for path in paths],
        lambda path, begun: [Part([Photo(path.name, "file not found", None, [], [])], {})],
    )
    sources = [tmp_path / "photo.jpg", *(tmp_path / name for name in beside)]
    counts = write_analysis(sources, readers, Outputs(overlays=tmp_path / "drawn"), {})
    assert [path.name for path in (tmp_path / "drawn").iterdir()] == ["00000-photo.jpg"]
    assert counts == Counts(sources=1 + len(beside), refused=1, unreadable=len(beside))


@pytest.mark.slow
def test_the_drawn_video_shows_box_and_number_at_the_times_of_the_video(sources, picture, tmp_path):
    write_analysis(sources[:1], _readers(_network()), _outputs(tmp_path, tables=Tables()), {})
    with av.open(str(tmp_path / "drawn" / "00000-video.mp4")) as container:
        drawn = list(container.decode(video=0))
    assert [frame.time for frame in drawn] == pytest.approx(np.arange(8) / 25, abs=2e-3)
    (known,) = analyze_photos([picture], _network(), ONE)
    times = drawn[0].width // picture.shape[1]
    x0, y0, _, y1 = (round(times * value) for value in known.faces[0].box_xyxy_px)
    pixels = drawn[0].to_ndarray(format="rgb24")
    edge = pixels[y0 + 60 : y1 - 60, x0 - 3 : x0 + 4].mean(0)
    assert edge[:, 0].max() > 180 > 80 > edge[:, 2].min()  # yellow


@pytest.mark.slow
@pytest.mark.parametrize("die_at", [1, 3])
def test_a_killed_run_goes_on_and_ends_alike(sources, tmp_path, die_at):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    write_analysis(sources, _readers(_network()), _outputs(whole), {"model": "m"})
    with pytest.raises(Killed):
        write_analysis(sources, _readers(_network(die_at)), _outputs(broken), {"model": "m"})
    kept = (broken / "t.csv.partial").read_bytes()
    assert len(kept.splitlines()) == 1 + 2 * (die_at - 1)
    assert (whole / "t.csv").read_bytes().startswith(kept)
    with (broken / "t.csv.partial").open("ab") as file:
        file.write(b"half a li")  # what a kill may leave behind the last note
    resumed = []
    counts = write_analysis(
        sources, _readers(_network()), _outputs(broken), {"model": "m"},
        AnalysisCallbacks(resumed=lambda name, frame: resumed.append(frame)),
    )  # fmt: skip
    assert resumed == ([2 * (die_at - 1) - 1] if die_at > 1 else [])
    assert counts == Counts(sources=4, frames=8, people=1, faces=9, refused=0, faceless=0, unreadable=2)
    for name in ("t.csv", "t.jsonl", "page.html", "drawn/00000-video-person-0.png"):
        assert (broken / name).read_bytes() == (whole / name).read_bytes(), name
    with av.open(str(broken / "drawn" / "00000-video.mp4")) as container:
        assert [f.time for f in container.decode(video=0)] == pytest.approx(np.arange(8) / 25, abs=2e-3)


def test_another_command_does_not_take_up_an_unfinished_run(sources, tmp_path):
    outputs = _outputs(tmp_path, overlays=None)
    with pytest.raises(Killed):
        write_analysis(sources, _readers(_network(2)), outputs, {"model": "m"})
    with pytest.raises(ValueError, match="holds a run that differs in model"):
        write_analysis(sources, _readers(_network()), outputs, {"model": "other"})
    with pytest.raises(ValueError, match="holds a run that differs in sources"):
        write_analysis(sources[1:], _readers(_network()), outputs, {"model": "m"})
    (tmp_path / "t.csv.partial").write_text("")
    with pytest.raises(ValueError, match="has lost what was written"):
        write_analysis(sources, _readers(_network()), outputs, {"model": "m"})


def test_earlier_tables_stay_until_the_new_ones_are_whole(sources, tmp_path):
    (tmp_path / "t.csv").write_text("earlier")
    with pytest.raises(Killed):
        write_analysis(sources, _readers(_network(2)), _outputs(tmp_path, overlays=None), {"model": "m"})
    assert (tmp_path / "t.csv").read_text() == "earlier"
    write_analysis(sources, _readers(_network()), _outputs(tmp_path, overlays=None), {"model": "m"})
    assert len((tmp_path / "t.csv").read_text().splitlines()) > 8
    assert not list(tmp_path.glob("*.partial"))


def test_what_a_stopped_run_over_photos_left_is_gone_when_another_is_whole(sources, tmp_path):
    photo = next(path for path in sources if path.suffix == ".png")
    outputs = _outputs(tmp_path, overlays=None)
    with pytest.raises(Killed):
        write_analysis([photo] * 3, _readers(_network(3)), outputs, {})
    names = sorted(["t.csv", "t.jsonl", "t.parquet", "page.html"])
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{name}.partial" for name in names]
    write_analysis([photo], _readers(_network()), outputs, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == names


@pytest.mark.slow
def test_a_run_killed_after_its_video_was_joined_joins_it_again(sources, tmp_path, monkeypatch):
    def die(*arguments):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(run, "draw_timeline", lambda *arguments: SimpleNamespace(save=die))
        with pytest.raises(Killed):
            write_analysis(sources, _readers(_network()), _outputs(tmp_path), {"model": "m"})
    write_analysis(sources, _readers(_network()), _outputs(tmp_path), {"model": "m"})
    with av.open(str(tmp_path / "drawn" / "00000-video.mp4")) as container:
        assert len(list(container.decode(video=0))) == 8


def _person_photo(face, tracks, number, time_s):
    made = face.__class__
    faces = [made(**(vars(face) | {"track": track})) for track in tracks]
    return Photo("video", "ok", None, faces, [], number, time_s)


@pytest.fixture(scope="module")
def face(picture):
    (photo,) = analyze_photos([picture], _network(), ONE)
    return photo.faces[0]


def test_timelines_hold_means_whatever_the_length(face):
    timelines = Timelines()
    for number in range(5000):
        timelines.add(_person_photo(face, [0], number, number / 2))
    assert timelines.bin_s == 6.4  # 0.1 doubled until 600 bins hold 2500 s
    (person,) = timelines.people
    assert len(person.bins) <= 600
    assert sum(values[0] for values in person.bins.values()) == 5000
    assert dict(person.means)["happy"] == pytest.approx(face.probabilities["happy"])
    assert (person.first_s, person.last_s, person.frames) == (0, 2499.5, 5000)
    again = Timelines(json.loads(json.dumps(timelines.state)))
    assert again.state == timelines.state
    assert draw_timeline(person, timelines).tobytes() == draw_timeline(again.people[0], again).tobytes()


def test_of_many_people_those_seen_longest_are_kept(face):
    timelines = Timelines()
    for number in range(3 * MOST_PEOPLE):
        for step in range(3 if number == 5 else 1):
            timelines.add(_person_photo(face, [number], 3 * number + step, 3 * number + step))
    assert timelines.known == 3 * MOST_PEOPLE
    assert len(timelines.people) == MOST_PEOPLE
    assert 5 in {person.track for person in timelines.people}


def test_a_timeline_is_high_where_the_probability_is(face):
    timelines = Timelines()
    shares = dict.fromkeys(face.probabilities, 0.0)
    for number in range(100):
        name = "happy" if number >= 50 else "sad"
        now = vars(face) | {"probabilities": shares | {name: 1.0}, "expression": name, "confidence": 1.0}
        timelines.add(_person_photo(face.__class__(**now), [0], number, number / 10))
    picture = np.asarray(draw_timeline(timelines.people[0], timelines)).astype(int)
    plot = picture[138:338, 61:1069]
    for colour, left in (((230, 159, 0), False), ((0, 114, 178), True)):  # happy, sad
        rows, columns = np.nonzero(np.abs(plot - colour).sum(-1) < 12)
        top = columns[rows < 20]
        assert len(top) > 200
        assert (np.mean(top < plot.shape[1] / 2) > 0.95) == left
    assert set(timelines.people[0].peaks) == {"happy", "sad"}


def test_clock():
    assert [clock(time_s) for time_s in (0, 4.25, 59.9, 185, 3785)] == [
        "0 s",
        "4.2 s",
        "59.9 s",
        "3:05",
        "1:03:05",
    ]


def _run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.slow
def test_the_command_reads_videos_and_says_what_is_wrong(sources, tmp_path):
    result = _run("analyze", sources[0], "--every", "4", "--csv", tmp_path / "t.csv")
    assert result.exit_code == 0, result.output
    assert "person 0: 0 s to 0.2 s, 2 frames" in result.output
    assert "1 person in videos, 2 faces read in 2 frames" in result.output.replace("\n", " ")
    result = _run("analyze", sources[3], "--jsonl", tmp_path / "t.jsonl")
    assert result.exit_code == 1
    assert "not a single source could be read" in result.output
    assert "file not found" in (tmp_path / "t.jsonl").read_text()
    for wrong, says in (
        (["--fps", "0"], "above 0"),
        (["--smooth", "0"], "above 0"),
        (["--camera", "0"], "or a --camera"),
    ):
        result = _run("analyze", sources[0], *wrong)
        assert result.exit_code == 1
        assert says in result.output
    assert "cannot be opened" in _run("analyze", "--camera", "99").output


def test_the_command_reads_a_camera_until_it_is_stopped(picture, tmp_path, monkeypatch):
    """A camera that would go on for ever, and a person who presses Ctrl-C at its fourth frame."""

    def frames(camera, seconds):
        for number in range(1000):
            if number == 3:
                os.kill(os.getpid(), signal.SIGINT)
            yield Frame(number, number / 10, picture)

    monkeypatch.setattr(video, "camera_frames", frames)
    # Shells start what runs in the background deaf to Ctrl-C, and then so would be the command.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        result = _run("analyze", "--camera", "0", "--csv", tmp_path / "t.csv")
    finally:
        signal.signal(signal.SIGINT, before)
    assert result.exit_code == 0, result.output
    with (tmp_path / "t.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["file"], row["frame"], row["track"]) for row in rows] == [
        ("camera 0", str(number), "0") for number in range(4)
    ]
    assert "0.3       0" in result.output


_CHILD = """
import sys
from feroi import video as video
from feroi.analysis import run as run
video._PART_PX, run._NOTE_EVERY_S = int(sys.argv.pop(1)), 0.0
from feroi.cli.app import app
app()
"""


@pytest.mark.slow
def test_a_process_killed_for_good_goes_on(picture, tmp_path):
    """SIGKILL at any moment, twice, and the same command again; against a run that was left alone."""
    frames = [np.roll(picture, 3 * number, axis=1) for number in range(16)]
    path = write_video(tmp_path / "video.mkv", frames, codec="ffv1")
    part_px = str(4 * picture.shape[0] * picture.shape[1])

    def command(folder):
        words = [
            "analyze",
            path,
            "--csv",
            folder / "t.csv",
            "--jsonl",
            folder / "t.jsonl",
        ]
        return [sys.executable, "-c", _CHILD, part_px, *map(str, words), "--smooth", "0.5"]

    for lines in (2, 7):
        child = subprocess.Popen(
            command(tmp_path / "a"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        table = Path(tmp_path / "a" / "t.csv.partial")
        while child.poll() is None and not (table.exists() and len(table.read_bytes().splitlines()) > lines):
            time.sleep(0.01)
        assert child.poll() is None, "the run ended before it could be killed"
        child.kill()
        child.wait()
    rest = subprocess.run(command(tmp_path / "a"), capture_output=True, text=True, check=True)
    assert "going on behind frame" in rest.stderr
    subprocess.run(command(tmp_path / "b"), capture_output=True, check=True)
    for name in ("t.csv", "t.jsonl"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert len((tmp_path / "a" / "t.csv").read_bytes().splitlines()) == 17
