"""What was read, as data: as dictionaries, as tables, in sets and in pickles."""

from __future__ import annotations

import builtins
import io
import json
import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from skimage import data

import feroi
from feroi.analysis.tables import as_csv
from feroi.photo.detect import Face
from feroi.report.tables import COLUMNS, SMOOTHED, VIDEO_COLUMNS, rows, video_rows
from feroi.results import Photo, Refused
from feroi.vocabulary import EXPRESSIONS


@pytest.fixture(scope="module")
def read():
    """Reads the same photo of two faces, the second cut smaller, anew each time."""
    photo = np.hstack([data.astronaut()[:300, 50:400], np.full((300, 60, 3), 90, np.uint8)])
    photo = np.hstack([photo, data.astronaut()[:300:2, 50:400:2].repeat(2, 0)])
    reader = feroi.Reader(threads=1)
    return lambda: next(reader.read_many([photo]))


@pytest.fixture(scope="module")
def photo(read):
    found = read()
    assert len(found.faces) == 2
    refused = [Refused(Face((1, 2, 30.25, 40), math.nan, track=3), "too small to be read")]
    return found._replace(refused=refused)


def test_a_dictionary_holds_the_values_of_the_reading(photo):
    face = replace(photo.faces[0], track=4, smoothed=dict.fromkeys(EXPRESSIONS, 1 / 7))
    told = json.loads(json.dumps(face.to_dict(), allow_nan=False))
    for name in ("expression", "confidence", "coverage", "probabilities", "evidence", "regions"):
        assert told[name] == getattr(face, name)
    assert (told["action_units"], told["smoothed"], told["track"]) == (face.action_units, face.smoothed, 4)
    assert tuple(told["likely"]) == face.likely
    assert (told["x0"], told["y0"], told["x1"], told["y1"]) == face.box_xyxy_px
    assert (told["score"], told["quality"]) == (face.score, face.quality.score)
    sides = {name: tuple(strengths) for name, strengths in told["action_unit_sides"].items()}
    assert sides == face.action_unit_sides
    assert (told["yaw_deg"], told["pitch_deg"], told["roll_deg"]) == face.pose
    assert (told["gaze_yaw_deg"], told["gaze_pitch_deg"]) == face.gaze


def test_what_is_no_number_is_none_in_a_dictionary(photo):
    assert replace(photo.faces[0], score=math.nan).to_dict()["score"] is None
    (refused,) = json.loads(json.dumps(photo.to_dict(), allow_nan=False))["refused"]
    assert refused == {
        "status": "too small to be read", "x0": 1, "y0": 2, "x1": 30.25, "y1": 40,
        "score": None, "quality": None, "quality_problem": None, "track": 3,
    }  # fmt: skip


def test_the_dictionary_of_a_photo_holds_those_of_its_faces(photo):
    told = json.loads(json.dumps(photo.to_dict()))
    assert (told["file"], told["status"], told["frame"], told["time_s"]) == ("photo 0", "ok", None, None)
    assert (told["height"], told["width"]) == photo.pixels.shape[:2]
    assert [face.pop("face") for face in told["faces"]] == [0, 1]
    assert told["faces"] == [face.to_dict() for face in photo.faces]
    unreadable = Photo("gone.png", "file not found", None, [], [])
    assert (unreadable.to_dict()["width"], unreadable.to_dict()["faces"]) == (None, [])


def test_the_same_photo_read_twice_is_one_result(read):
    one, other = read(), read()
    assert one.faces[0] is not other.faces[0]
    assert one.faces == other.faces
    assert len({*one.faces, *other.faces}) == 2
    assert one == other
    assert (one != other) is False
    assert len({one, other}) == 1
    changed = other.pixels.copy()
    changed[0, 0] += 1
    assert one != other._replace(pixels=changed)
    brighter = replace(other.faces[0], crop=other.faces[0].crop + 1)
    assert one.faces[0] != brighter
    assert one != other._replace(faces=[brighter, other.faces[1]])


def test_pickles_hold_all_of_it(photo):
    again = pickle.loads(pickle.dumps(photo))
    assert again == photo  # with a score in it that is no number
    assert hash(again) == hash(photo)
    assert pickle.loads(pickle.dumps(photo.faces[0])) == photo.faces[0]


def test_readings_are_told_in_one_short_line(photo):
    face = replace(photo.faces[0], expression="happy", confidence=0.971, box_xyxy_px=(12.2, 30, 87.6, 120))
    assert repr(face) == "Reading(happy 97 %, box=(12, 30, 88, 120))"
    assert repr(replace(face, track=2)) == "Reading(happy 97 %, box=(12, 30, 88, 120), track=2)"
    assert repr(photo) == "PhotoReading('photo 0', 'ok', 2 faces, 1 refused)"
    one = Photo("video.mp4", "ok", None, [face], [], 12, 0.48)
    assert repr(one) == "PhotoReading('video.mp4', 'ok', frame 12, 1 face)"
    long = repr(Photo("/a\n" * 99 + "party.jpg", "no\n" * 99, None, [face] * 99, [None] * 99, 1234567))
    assert "\n" not in long
    assert "party.jpg'" in long
    assert len(long) < 120


def test_a_frame_of_data_is_the_table_of_the_faces(photo):
    pandas = pytest.importorskip("pandas")
    frame = feroi.to_frame([photo, Photo("gone.png", "file not found", None, [], [])])
    table = pandas.read_csv(io.StringIO(as_csv(rows(photo), COLUMNS)))
    assert list(frame.columns) == list(table.columns)
    pandas.testing.assert_frame_equal(frame, table[table["face"].notna()].astype(frame.dtypes))
    pandas.testing.assert_frame_equal(frame, feroi.to_frame(photo))
    pandas.testing.assert_frame_equal(frame, feroi.to_frame(photo.faces))
    lists = feroi.to_frame([photo.faces, [], photo.faces[:1]])
    assert list(lists["file"]) == ["photo 0", "photo 0", "photo 2"]
    assert list(feroi.to_frame([]).columns) == list(COLUMNS)


def test_a_frame_of_data_of_a_video_has_its_columns(photo):
    pandas = pytest.importorskip("pandas")
    faces = [replace(face, track=n, smoothed=face.probabilities) for n, face in enumerate(photo.faces)]
    video = [photo._replace(name="video", faces=faces, refused=[], frame=n, time_s=n / 25) for n in (3, 4)]
    header = (*VIDEO_COLUMNS, *SMOOTHED)
    lines = [row for each in video for row in video_rows(each, smoothed=True)]
    table = pandas.read_csv(io.StringIO(as_csv(lines, header)))
    frame = feroi.to_frame(video)
    pandas.testing.assert_frame_equal(frame, table.astype(frame.dtypes))
    plain = [each._replace(faces=[replace(face, smoothed=None) for face in each.faces]) for each in video]
    assert list(feroi.to_frame(plain).columns) == list(VIDEO_COLUMNS)


def test_without_pandas_it_is_said_how_to_have_it(photo, monkeypatch):
    found = builtins.__import__

    def without(name, *rest):
        if name == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name=name)
        return found(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ModuleNotFoundError, match="pip install pandas"):
        feroi.to_frame(photo)
