"""A person's resting face: what is compared with it, by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from feroi import resting
from feroi.network.load import Model
from feroi.reading import analyze_photos
from feroi.report.tables import FROM_REST, VIDEO_COLUMNS, to_frame, video_rows
from feroi.resting import FLOOR, STAYS, RestingFace, RestingFaces, against_rest
from feroi.results import Photo
from feroi.vocabulary import EXPRESSIONS
from support.faces import astronaut
from support.network import CONFIG, ONE, forward


@pytest.fixture(scope="module")
def face():
    (photo,) = analyze_photos([astronaut()], Model(CONFIG, forward), ONE)
    return photo.faces[0]


def _face(face, au12=0.0, **shares):
    rest = (1 - sum(shares.values())) / (len(EXPRESSIONS) - len(shares))
    probabilities = {name: shares.get(name, rest) for name in EXPRESSIONS}
    return replace(face, probabilities=probabilities, action_units={"AU04": 0.1, "AU12": au12}, track=0)


def test_probabilities_are_divided_by_those_at_rest(face):
    rest = _face(face, sad=0.6, neutral=0.2)
    read = RestingFace.of([rest]).against(_face(face, au12=0.5, sad=0.3, neutral=0.2, happy=0.4))
    floor = (1 - 0.8) / 5
    others = (1 - 0.9) / 4
    raw = dict.fromkeys(EXPRESSIONS, others / floor)
    raw |= {"sad": 0.3 / 0.6, "neutral": math.exp(STAYS), "happy": 0.4 / floor}
    total = sum(raw.values())
    assert read.from_rest == pytest.approx({name: value / total for name, value in raw.items()})
    assert read.units_from_rest == pytest.approx({"AU04": 0.0, "AU12": 0.5})
    assert read.probabilities["sad"] == 0.3  # what was read stays


def test_the_resting_face_itself_is_neutral_whatever_it_reads_as(face):
    for name in EXPRESSIONS:
        rest = _face(face, **{name: 0.9})
        read = RestingFace.of([rest]).against(rest)
        assert read.from_rest["neutral"] == pytest.approx(math.exp(STAYS) / (math.exp(STAYS) + 6))


def test_how_far_below_the_floor_says_nothing(face):
    rest = _face(face, neutral=0.5, happy=FLOOR / 10)
    now = _face(face, neutral=0.5, happy=FLOOR / 1000)
    read = RestingFace.of([rest]).against(now)
    sadder = now.probabilities["sad"] / rest.probabilities["sad"]
    assert read.from_rest["sad"] / read.from_rest["happy"] == pytest.approx(sadder)


def test_half_of_the_faces_may_show_expressions(face):
    calm, smile = _face(face, neutral=0.7), _face(face, au12=0.9, happy=0.9)
    alone, among = RestingFace.of([calm]), RestingFace.of([smile, calm, smile, calm])
    assert among.against(smile).from_rest == pytest.approx(alone.against(smile).from_rest)
    with pytest.raises(ValueError, match="no resting face is known"):
        RestingFace().against(calm)


def test_a_long_time_is_remembered_thinned_out(face, monkeypatch):
    monkeypatch.setattr(resting, "_LONGEST_FRAMES", 10)
    assert len(RestingFace.of([face] * 11)) == 6


def _frames(face, seconds):
    for at, time_s in enumerate(seconds):
        shares = {"sad": 0.8} if time_s < 2 else {"happy": 0.8}
        yield Photo("film", "ok", None, [_face(face, **shares)], [], at, time_s)


def test_people_of_a_video_are_compared_once_their_rest_is_known(face):
    people = RestingFaces(rest_s=2.0)
    seconds = np.arange(0, 4, 0.5)
    compared = [people.compared(frame)[0].from_rest for frame in _frames(face, seconds)]
    assert compared[:2] == [None, None]  # three faces are the least
    assert [max(each, key=each.get) for each in compared[2:4]] == ["neutral"] * 2
    assert [max(each, key=each.get) for each in compared[5:]] == ["happy"] * 3
    # The smile at 2.0 s still counted, and what came later did not.
    assert len(people.state[0][2]) == 5


def test_it_goes_on_from_its_state_as_if_never_stopped(face):
    seconds = np.arange(0, 4, 0.5)
    whole = RestingFaces(rest_s=2.0)
    expected = [whole.compared(frame)[0].from_rest for frame in _frames(face, seconds)]
    people, found = RestingFaces(rest_s=2.0), []
    for frame in _frames(face, seconds):
        people = RestingFaces(2.0, json.loads(json.dumps(people.state)))
        found.append(people.compared(frame)[0].from_rest)
    assert found == expected


def test_faces_that_cannot_be_read_well_are_not_learned_from(face):
    blurred = replace(face, quality=face.quality._replace(problem="too blurred"), track=0)
    people = RestingFaces(rest_s=5.0)
    for at in range(4):
        (read,) = people.compared(Photo("film", "ok", None, [blurred], [], at, at / 10))
        assert read.from_rest is None
    assert RestingFaces(None).compared(Photo("film", "ok", None, [face], [], 0, 0.0)) == [face]


def test_tables_have_columns_for_it(face):
    read = RestingFace.of([_face(face, sad=0.8)]).against(_face(face, sad=0.8))
    frame = Photo("film", "ok", None, [read], [], 0, 0.0)
    (row,) = video_rows(frame, from_rest=True)
    assert tuple(row) == (*VIDEO_COLUMNS, *FROM_REST)
    assert row["from_rest_neutral"] == round(read.from_rest["neutral"], 6)
    assert (row["from_rest_AU12"], row["from_rest_AU25"]) == (0.0, None)
    assert tuple(video_rows(frame)[0]) == VIDEO_COLUMNS
    pytest.importorskip("pandas")
    assert tuple(to_frame(frame).columns) == (*VIDEO_COLUMNS, *FROM_REST)


def test_no_readings_make_no_resting_face():
    with pytest.raises(ValueError, match="no readings"):
        RestingFace.of([])
    with pytest.raises(TypeError, match="got str"):
        RestingFace.of("photo")


def test_each_named_person_is_compared_with_their_own_rest(face):
    """Anna smiles in one of four; Ben has two photos, too few; nobody is named in the last."""
    smile = _face(face, au12=0.9, happy=0.7)
    anna = [_face(face, sad=0.6), _face(face, sad=0.6), _face(face, sad=0.6), smile]
    photos = [Photo(f"anna/{at}.jpg", "ok", None, [each, smile], []) for at, each in enumerate(anna)]
    photos += [Photo(f"ben/{at}.jpg", "ok", None, [smile], []) for at in range(2)]
    photos += [Photo("anna/none.jpg", "no face", None, [], []), Photo("else.jpg", "ok", None, [smile], [])]
    compared = against_rest(iter(photos), lambda photo: photo.name.rpartition("/")[0] or None)
    assert [photo.name for photo in compared] == [photo.name for photo in photos]
    own = RestingFace.of(anna[:2])  # the calmer half of four
    assert compared[3].faces[0].from_rest == pytest.approx(own.against(smile).from_rest)
    assert compared[0].faces[0].from_rest == pytest.approx(own.against(anna[0]).from_rest)
    assert compared[0].faces[1].from_rest is None  # not the biggest
    assert all(face.from_rest is None for photo in compared[4:] for face in photo.faces)
