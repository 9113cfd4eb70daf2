"""Who is who, on videos of the shipped group photos whose faces are known."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from feroi.data.decoded import decode
from feroi.data.groups import KnownFace, match
from feroi.data.readers import read_dataset
from feroi.data.samples import Samples
from feroi.photo import tracks
from feroi.photo.detect import Face, detect
from feroi.photo.landmarks import locate
from feroi.photo.tracks import Tracker, alike, carried, is_cut
from feroi.photo.video import Frame
from support.faces import made_points, turned
from support.videos import group_photo, panned

HW = (420, 560)
SHAPE = np.random.default_rng(0).uniform(-0.3, 0.3, (68, 2))


@pytest.fixture(scope="module")
def library():
    return group_photo("library")


@pytest.fixture(scope="module")
def garden():
    return group_photo("garden")


def _run(tracker, pictures, step_s=0.04, start_s=0.0):
    return [
        {each.face.track: each for each in tracker.step(Frame(number, start_s + step_s * number, pixels))}
        for number, pixels in enumerate(pictures)
    ]


def _tracker(counts=None, **settings):
    def find(pixels):
        if counts is not None:
            counts.append(1)
        return detect(pixels)

    return Tracker(find, locate, **settings)


def _whom(tracked, faces, corner):
    """Which known face each track lies on, the video's window having its upper left at `corner`."""
    x, y = corner
    known = [
        KnownFace(str(number), (x0 - x, y0 - y, x1 - x, y1 - y))
        for number, (x0, y0, x1, y1) in enumerate(faces)
    ]
    order = list(tracked)
    meant = match([tracked[track].face.box_xyxy_px for track in order], known)
    return {track: face.expression for track, face in zip(order, meant, strict=True) if face}


@pytest.mark.slow
def test_people_keep_their_numbers_as_the_camera_moves(garden):
    photo, faces = garden
    corners = [(45 + 15 * n, 172 + 4 * (n % 3)) for n in range(10)]  # 375 px/s; three people are in all of it
    counts = []
    found = _run(_tracker(counts), panned(photo, (450, 620), corners))
    named = [_whom(tracked, faces, corner) for tracked, corner in zip(found, corners, strict=True)]
    whole = {}
    for frame in named:
        assert len(set(frame.values())) == len(frame)
        for track, who in frame.items():
            assert whole.setdefault(track, who) == who
    assert sum(len(frame) for frame in named) >= 3 * len(corners)
    assert len(set(whole.values())) == len(whole)  # nobody got a second number
    assert len(counts) <= 4  # the rest was followed


def test_a_still_video_has_the_faces_of_the_photo_in_each_frame(library):
    photo = library[0][: HW[0], : HW[1]]
    faces = detect(photo)
    assert faces
    marked = locate(photo, [face.frame for face in faces])
    first, *rest = _run(_tracker(), [photo] * 4)
    for each, face, points in zip(first.values(), faces, marked, strict=True):
        assert each.face == face._replace(track=each.face.track)
        np.testing.assert_array_equal(each.points.landmarks_xy_px, points.landmarks_xy_px)
    for tracked in rest:  # followed: the mesh begins where it ended, which moves it a little
        assert len(tracked) == len(faces)
        for each, face, points in zip(tracked.values(), faces, marked, strict=True):
            side = np.sqrt(face.area_px)
            assert each.face.box_xyxy_px == pytest.approx(face.box_xyxy_px, abs=0.02 * side)
            apart = np.linalg.norm(each.points.landmarks_xy_px - points.landmarks_xy_px, axis=1)
            assert apart.mean() < 0.015 * side
            assert each.face.roll_deg == pytest.approx(np.degrees(points.mesh_frame.roll_rad), abs=2)


def test_a_cut_gives_new_numbers(library, garden):
    """Faces of the second scene lie on the very place of those of the first."""
    (first, faces), (second, others) = library, garden
    x, y = int(faces[1][0]) - 200, int(faces[1][1]) - 150
    x_other, y_other = int(others[1][0]) - 200, int(others[1][1]) - 150
    before, after = (
        panned(photo, HW, [corner] * 3) for photo, corner in ((first, (x, y)), (second, (x_other, y_other)))
    )
    found = _run(_tracker(), [*before, *after])
    assert found[0].keys() == found[2].keys()
    assert found[3].keys() == found[5].keys()
    assert found[0]
    assert found[3]
    assert not found[2].keys() & found[3].keys()


def test_a_cut_to_somebody_framed_alike_gives_a_new_number():
    """Portraits before one wall, in an order in which the whole view never looks like another shot's."""
    order = ["58_Caucasian_female", "44_Moroccan_male", "30_Moroccan_female", "16_Moroccan_male"]
    portraits = [_portrait(f"Rafd090_{person}_neutral_frontal.jpg") for person in order]
    for before, after in itertools.pairwise(portraits):
        assert not is_cut(tracks._view(before), tracks._view(after))
    found = _run(_tracker(), [each for portrait in portraits for each in (portrait, portrait)], step_s=0.1)
    assert [list(tracked) for tracked in found] == [[0], [0], [1], [1], [2], [2], [3], [3]]


def test_a_change_of_expression_keeps_the_number():
    shown = ("neutral", "happy", "neutral")
    pictures = [_portrait(f"Rafd090_01_Caucasian_female_{name}_frontal.jpg") for name in shown]
    found = _run(_tracker(search_s=0.1), pictures, step_s=0.1)
    assert [list(tracked) for tracked in found] == [[0]] * 3


def _portrait(name):
    (sample,) = [each for each in read_dataset("embedded-poses") if each.name == name]
    grey = decode(Samples([sample]), (284, 284)).pixels[0]
    return np.repeat(np.asarray(grey)[..., None], 3, axis=2)


@pytest.fixture(scope="module")
def one(library):
    """A window with one face in its middle, and a picture of what would cover it."""
    photo, faces = library
    x0, y0, x1, y1 = map(int, faces[0])
    picture = photo[y0 - 120 : y1 + 120, x0 - 110 : x1 + 110]
    covered = picture.copy()
    covered[90:-60, 80:-80] = np.random.default_rng(0).integers(60, 90, 3)
    return picture, covered


@pytest.mark.parametrize("tilt_deg", [90, 45])
def test_a_tilted_face_is_followed(one, tilt_deg):
    """Its square turns with it, here by 2 degrees a frame on top of the tilt."""
    counts = []
    pictures = [turned(one[0], tilt_deg + 2 * number)[20:-20, 20:-20] for number in range(5)]
    found = _run(_tracker(counts), pictures)
    assert [list(tracked) for tracked in found] == [[0]] * 5
    assert len(counts) == 1
    last = [tracked[0].points.mesh_frame.roll_rad for tracked in found]
    np.testing.assert_allclose(np.degrees(np.diff(last)), -2, atol=1)


@pytest.mark.slow
def test_a_short_occlusion_keeps_the_number(one):
    picture, covered = one
    found = _run(_tracker(), [picture] * 5 + [covered] * 20 + [picture] * 5)
    assert [list(tracked) for tracked in found] == [[0]] * 5 + [[]] * 20 + [[0]] * 5


def test_a_long_one_does_not(one):
    picture, covered = one
    found = _run(_tracker(), [picture] * 2 + [covered] * 5 + [picture] * 2, step_s=0.5)
    assert [list(tracked) for tracked in found] == [[0]] * 2 + [[]] * 6 + [
        [1]
    ]  # the search that finds them is at 4 s


@pytest.mark.slow
def test_state_goes_through_json_and_ends_alike(garden):
    photo, _ = garden
    corners = [(60 + 12 * n, 130) for n in range(7)]
    pictures = panned(photo, HW, corners)
    whole = _run(_tracker(search_s=0.12), pictures)
    first = _tracker(search_s=0.12)
    _run(first, pictures[:4])
    second = _tracker(search_s=0.12)
    second.go_on(json.loads(json.dumps(first.state)))
    rest = _run(second, pictures[4:], start_s=4 * 0.04)
    assert [{track: each.face.box_xyxy_px for track, each in tracked.items()} for tracked in rest] == [
        {track: each.face.box_xyxy_px for track, each in tracked.items()} for tracked in whole[4:]
    ]


def _stub_tracker(boxes, **settings):
    """Faces are where `boxes` says, a list of them a search; all look alike but cannot be followed."""
    searches = iter(boxes)

    def find(pixels):
        return [Face(box, 1.0) for box in next(searches)]

    def mark(pixels, squares):
        return [made_points(square.centre.real + square.side * SHAPE) for square in squares]

    return Tracker(find, mark, **settings)


def test_found_faces_go_to_the_nearest_all_taken_together():
    """Each moved by 40 px: the second is nearer to where the first was, which greedy matching takes."""
    first, second = (0, 0, 100, 100), (100, 0, 200, 100)
    moved = [(45, 0, 145, 100), (145, 0, 245, 100)]
    tracker = _stub_tracker([[first, second], moved], search_s=0.04)
    empty = np.zeros((200, 300, 3), np.uint8)
    _run(tracker, [empty])
    found = {each.face.box_xyxy_px: each.face.track for each in tracker.step(Frame(1, 0.04, empty))}
    assert found == {moved[0]: 0, moved[1]: 1}


def test_a_box_goes_with_its_landmarks():
    before = np.random.default_rng(0).random((68, 2)) * 100
    box = (10.0, 20.0, 90.0, 110.0)
    after = 1.5 * before + [7, -3]
    assert carried(box, before, after) == pytest.approx((22, 27, 142, 162))
    assert carried(box, before, before) == pytest.approx(box)


def test_cuts_are_told_from_moves(library, garden):
    views = [tracks._view(photo) for photo, _ in (library, garden)]
    assert is_cut(*views)
    moved = tracks._view(np.roll(garden[0], 150, axis=1))
    darker = tracks._view((garden[0] * 0.6).astype(np.uint8))
    assert not is_cut(views[1], moved)
    assert not is_cut(views[1], darker)


def test_alike():
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, 100, (2, 24, 24)).astype(np.uint8)
    assert alike(one, (2 * one + 9).astype(np.uint8)) == pytest.approx(1)
    assert alike(one, 255 - one) == pytest.approx(-1)
    assert alike(one, other) == pytest.approx(np.corrcoef(one.ravel(), other.ravel())[0, 1])
    assert alike(one, np.full_like(one, 5)) == 0


@pytest.mark.parametrize("step_s", [2.0, 10.0, 600.0])
def test_frames_far_apart_keep_their_people(one, step_s):
    """Read at a slow pace, or from a video with gaps; the person moves by less than a face or not at all."""
    picture, _ = one
    pictures = [np.roll(picture, shift, axis=1) for shift in (0, 0, 40, 40, 0)]
    assert [list(tracked) for tracked in _run(_tracker(), pictures, step_s=step_s)] == [[0]] * 5


@pytest.mark.parametrize(
    ("after_s", "apart", "like", "same"),
    [
        (10.0, 0.0, 0.5, True),
        (10.0, 0.0, 0.3, False),  # somebody else sits there now
        (10.0, 5.0, 0.7, True),
        (10.0, 5.0, 0.5, False),
        (2.0, 5.0, 0.7, False),  # too far to have gone in that time
        (1.0, 0.5, 0.0, True),  # as in a video without gaps
        (1.0, 1.7, 0.7, False),
    ],
)
def test_in_a_gap_people_go_further_but_have_to_look_alike(monkeypatch, after_s, apart, like, same):
    monkeypatch.setattr(tracks, "_small", lambda intensity, points: np.zeros((24, 24), np.uint8))
    monkeypatch.setattr(tracks, "alike", lambda one, other: like if one.shape == (24, 24) else 1.0)
    boxes = [[(100 * at, 0, 100 * at + 100, 100)] for at in (0, apart)]
    tracker = _stub_tracker(boxes, search_s=0.5)
    empty = np.zeros((200, 900, 3), np.uint8)
    numbers = [
        each.face.track
        for at in (0.0, after_s)
        for each in tracker.step(Frame(0, at, empty))
        if each.face.score
    ]
    assert (numbers[-1] == 0) == same
