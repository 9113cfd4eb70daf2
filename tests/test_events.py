"""Events of a video: onset, apex and offset of made-up series, by hand, and of a rendered person."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import feroi
from feroi.data.readers import read_dataset
from feroi.events import GAP_S, HIGH, LOW, SHORTEST_S, Event, EventFinder, find_events
from feroi.network.load import Model
from feroi.reading import analyze_photos
from feroi.results import Photo
from feroi.vocabulary import EXPRESSIONS
from support.faces import astronaut
from support.network import CONFIG, ONE, forward
from support.videos import write_video


@pytest.fixture(scope="module")
def face():
    (photo,) = analyze_photos([astronaut()], Model(CONFIG, forward), ONE)
    return photo.faces[0]


def _shares(intensity, name):
    """Probabilities of which `name` and neutral are nine tenths, `name` its share `intensity` of them."""
    others = dict.fromkeys(EXPRESSIONS, 0.02)
    return others | {name: 0.9 * intensity, "neutral": 0.9 * (1 - intensity)}


def _film(face, series, names="happy", fps=10, units=None, track=0):
    """A frame for each intensity. names: of the expression, one for all or one a frame."""
    names = [names] * len(series) if isinstance(names, str) else names
    for at, (intensity, name) in enumerate(zip(series, names, strict=True)):
        moved = intensity if units is None else units[at]
        seen = replace(
            face, probabilities=_shares(intensity, name), action_units={"AU12": moved}, track=track
        )
        yield Photo("film", "ok", None, [seen], [], at, at / fps)


def _events(film):
    return find_events(film)[0].events


def test_times_of_an_event_are_those_of_its_curve(face):
    """Up from 0.1 by 0.2 a frame from 1.0 s, at 0.9 from 1.4 to 1.8 s, and down by 0.1 a frame."""
    series = [0.1] * 11 + [0.3, 0.5, 0.7] + [0.9] * 5 + [0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1] + [0.1] * 9
    moved = list(series)
    moved[16] = 0.95  # the face moves most at 1.6 s, where the probability says no more than around it
    (person,) = find_events(_film(face, series, units=moved)).values()
    (event,) = person.events
    assert (event.track, event.expression, event.cut) == (0, "happy", "")
    rising = 1.0 + (LOW - 0.1) / 0.2 / 10
    falling = 1.8 + (0.9 - LOW) / 0.1 / 10
    assert (event.onset_s, event.apex_s, event.offset_s) == pytest.approx((rising, 1.6, falling))
    assert event.intensity == pytest.approx(0.9)
    assert person.seen_s == pytest.approx(3.5)
    assert person.a_minute == pytest.approx(60 / 3.5)


def test_an_event_reaches_high_lasts_and_outlives_a_gap(face):
    low, frames = LOW - 0.1, round(SHORTEST_S * 10)
    assert not _events(_film(face, [low] * 9 + [HIGH - 0.01] * 20 + [low] * 9))
    assert not _events(_film(face, [low] * 9 + [0.9] * (frames - 1) + [low] * 9))
    assert len(_events(_film(face, [low] * 9 + [0.9] * (frames + 1) + [low] * 9))) == 1
    shorter, longer = round(GAP_S * 10) - 1, round(GAP_S * 10) + 2
    for gap, events in ((shorter, 1), (longer, 2)):
        film = _film(face, [low] * 9 + [0.9] * 9 + [low] * gap + [0.9] * 9 + [low] * 9)
        assert len(_events(film)) == events
    assert not _events(_film(face, [low, 0.9, low], fps=1))  # one frame may be a slip


def test_one_expression_after_the_other_without_rest_is_two_events(face):
    names = ["happy"] * 14 + ["surprise"] * 16
    series = [0.1] * 4 + [0.9] * 20 + [0.1] * 6
    first, second = _events(_film(face, series, names))
    assert (first.expression, second.expression) == ("happy", "surprise")
    assert first.offset_s == second.onset_s == pytest.approx(1.35)  # between the frames at 1.3 and 1.4 s
    assert first.cut == second.cut == ""


def test_few_frames_of_another_expression_are_a_slip(face):
    series = [0.1] * 4 + [0.9] * 20 + [0.1] * 6
    for slip in (slice(4, 7), slice(12, 15), slice(21, 24)):  # at the start, in the middle, at the end
        names = np.array(["happy"] * 30, dtype=object)
        names[slip] = "fear"
        (event,) = _events(_film(face, series, list(names)))
        assert event.expression == "happy"
        assert event.onset_s == pytest.approx(0.3 + (LOW - 0.1) / 0.8 / 10)


def test_what_was_not_seen_to_begin_or_end_is_said(face):
    def cut(series):
        return [(each.cut, each.onset_s, each.offset_s) for each in _events(_film(face, series))]

    ((what, onset_s, _),) = cut([0.9] * 10 + [0.1] * 10)
    assert (what, onset_s) == ("start", 0.0)
    ((what, _, offset_s),) = cut([0.1] * 10 + [0.9] * 10)
    assert (what, offset_s) == ("end", 1.9)
    assert cut([0.9] * 10) == [("both", 0.0, 0.9)]


def test_who_is_away_for_long_begins_anew(face):
    frames = list(_film(face, [0.9] * 40))
    # Nobody is seen from 1.5 to 3.1 s, while frames go on.
    away = [frame._replace(faces=[]) if 15 <= frame.frame < 32 else frame for frame in frames]
    first, second = _events(away)
    assert (first.cut, first.offset_s) == ("both", 1.4)
    assert (second.cut, second.onset_s) == ("both", pytest.approx(3.2))


def test_rest_goes_before_smoothed_before_raw(face):
    def read(**known):
        frames = [
            frame._replace(faces=[replace(frame.faces[0], **known)]) for frame in _film(face, [0.9] * 10)
        ]
        return [event.expression for event in _events(frames)]

    assert read() == ["happy"]
    assert read(smoothed=_shares(0.9, "sad")) == ["sad"]
    assert read(smoothed=_shares(0.9, "sad"), from_rest=_shares(0.9, "fear")) == ["fear"]
    assert read(from_rest=_shares(0.1, "happy")) == []


def test_two_people_are_kept_apart_and_it_goes_on_from_its_state(face):
    rng = np.random.default_rng(3)
    names = [EXPRESSIONS[at] for at in rng.integers(0, 4, 20).repeat(15)]
    first = _film(face, rng.random(60).repeat(5), names)
    second = _film(face, rng.random(100).repeat(3), "sad", track=5)
    frames = [a._replace(faces=a.faces + b.faces) for a, b in zip(first, second, strict=True)]
    whole = find_events(frames)
    finder, found = EventFinder(), []
    for frame in frames:
        finder = EventFinder(json.loads(json.dumps(finder.state)))
        found += finder.add(frame)
    found += finder.end()
    assert len(whole[0].events) > 5
    assert len(whole[5].events) > 3
    for track, person in whole.items():
        assert [event for event in found if event.track == track] == person.events
    alone = find_events(frame._replace(faces=frame.faces[1:]) for frame in frames)
    assert alone == {5: whole[5]}


def test_photos_have_no_events(face):
    assert find_events([Photo("p", "ok", None, [face], [])]) == {}
    assert EventFinder().end() == []
    assert find_events(_film(face, [0.1]))[0].a_minute is None


@pytest.mark.slow
def test_a_rendered_person_who_smiles_does_so_when_the_film_says(tmp_path):
    """Rest for 1.5 s, smile within 0.4 s, smile for 1 s, rest within 0.4 s."""
    pictures = {
        row.expression: np.asarray(Image.open(row.image).convert("RGB"), dtype=np.float64)
        for row in read_dataset("embedded-poses")
        if row.subject == "01" and row.attributes["pose"] == "090"
    }
    smiling = np.interp(np.arange(46) / 10, [1.5, 1.9, 2.9, 3.3], [0, 1, 1, 0])
    frames = [
        ((1 - share) * pictures["neutral"] + share * pictures["happy"]).astype(np.uint8) for share in smiling
    ]
    film = write_video(tmp_path / "film.mkv", frames, codec="ffv1", rate=10)
    (person,) = find_events(feroi.Reader(threads=1).read_video(film, rest_s=1.2)).values()
    (event,) = person.events
    assert isinstance(event, Event)
    assert event.expression == "happy"
    assert 1.5 < event.onset_s < 1.95
    assert 1.8 < event.apex_s < 3.0
    assert 2.9 < event.offset_s < 3.4
