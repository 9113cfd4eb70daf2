"""Photos to readings, with a made-up network that tells what it was shown."""

from __future__ import annotations

from dataclasses import replace
from threading import Event

import numpy as np
import pytest
from PIL import Image

import feroi
from feroi import reading
from feroi.cli.tables import photo_printer
from feroi.config import NetworkConfig
from feroi.data.groups import group_photos
from feroi.network.calibration import Calibration
from feroi.network.load import Model
from feroi.outputs import NetworkOutput
from feroi.photo.action_units import WORDS
from feroi.photo.decode import cover, to_intensity
from feroi.photo.geometry import Camera, Pose, generic_face, rotation_of
from feroi.reading import analyze_photos
from feroi.report.photos import in_words_decided, in_words_why, photo_values
from feroi.report.tables import rows
from feroi.results import ANY_FACE
from feroi.vocabulary import EXPRESSIONS, REGIONS
from support.faces import beside_a_blurred_copy, made_points, turned, turned_back
from support.network import CONFIG, ONE, forward


@pytest.fixture(autouse=True)
def _no_calls_yet():
    forward.calls.clear()


def test_every_photo_has_an_outcome_in_order(files):
    photos = list(analyze_photos(files, Model(CONFIG, forward), ONE))
    assert [photo.name for photo in photos] == [str(path) for path in files]
    assert [photo.status for photo in photos] == ["empty file", "ok", "no face", "file not found"]
    assert [len(photo.faces) for photo in photos] == [0, 1, 0, 0]


def test_a_reading_is_whole(astronaut):
    (photo,) = analyze_photos([astronaut], Model(CONFIG, forward), ONE)
    (face,) = photo.faces
    assert face.expression == "happy"
    assert face.confidence == pytest.approx(np.exp(3) / (np.exp(3) + 6))
    assert sum(face.probabilities.values()) == pytest.approx(1)
    x0, y0, x1, y1 = face.box_xyxy_px
    assert x0 < 225 < x1  # the middle of the astronaut's face
    assert y0 < 120 < y1
    assert face.landmarks.shape == (68, 2)
    assert face.crop.shape == (48, 48)
    assert set(face.regions) == set(REGIONS)
    assert face.answer == "happy"
    assert replace(face, confidence=0.49).answer == "happy?"
    assert (face.likely, face.coverage, face.phrase) == ((), None, "happy")
    uniform = replace(face, regions=face.region_areas)
    assert uniform.region_gains == pytest.approx(dict.fromkeys(REGIONS, 1.0))


def test_likely_expressions_are_named_the_most_probable_first(astronaut):
    def torn(faces):
        look = forward(faces)
        look.logits[:, EXPRESSIONS.index("fear")] = 2.0
        return look

    calibration = Calibration(coverage=0.9, threshold=0.2)  # e^3, e^2, and five ones: .62, .23, .03
    (photo,) = analyze_photos([astronaut], Model(CONFIG, torn, calibration=calibration), ONE)
    assert photo.faces[0].likely == ("happy", "fear")
    assert photo.faces[0].phrase == "happy or fear (90 %)"
    assert rows(photo)[0]["likely"] == "happy|fear"


def test_attention_lies_on_the_photo_where_it_lay_on_the_crop(astronaut):
    (photo,) = analyze_photos([astronaut], Model(CONFIG, forward), ONE)
    (face,) = photo.faces
    assert face.attention.shape == (512, 512)
    row, column = np.unravel_index(face.attention.argmax(), face.attention.shape)
    mouth = face.landmarks[48:68].mean(0)
    assert abs(column - mouth[0]) < 25  # the map's lower middle is about the mouth
    assert abs(row - mouth[1]) < 35
    assert face.attention[0, 0] == 0  # outside the crop
    patch = face.on_photo(face.crop_attention)
    np.testing.assert_array_equal(face.attention[patch.rows, patch.columns], patch.roi)
    assert face.attention.sum() == pytest.approx(patch.roi.sum())
    assert face.regions["lip"] + face.regions["jaw"] > 0.5
    assert face.crop_roi is face.crop_attention  # of a file that tells no evidence
    assert face.why() == {}


def test_evidence_decides_the_region_shown_and_sums_to_the_answer(astronaut):
    """The lower middle speaks for happy, the upper middle against it; attention lies in between."""
    evidence = np.zeros((1, 7, 3, 3))
    happy, fear = EXPRESSIONS.index("happy"), EXPRESSIONS.index("fear")
    evidence[0, happy, 2, 1], evidence[0, happy, 0, 1], evidence[0, fear, 0, 1] = 3.0, -1.0, 0.5
    look = NetworkOutput(evidence.sum((2, 3)), np.full((1, 3, 3), 1 / 9), np.zeros((1, 1)), evidence)
    (photo,) = analyze_photos([astronaut], Model(CONFIG, lambda faces: look), ONE)
    (face,) = photo.faces
    assert (face.expression, face.runner_up) == ("happy", "fear")
    np.testing.assert_allclose(face.crop_attention, 1)
    assert face.roi.shape == (512, 512)
    row, column = np.unravel_index(face.crop_roi.argmax(), (48, 48))
    assert row > 36
    assert 18 < column < 30
    assert face.crop_roi[:16].max() == 0  # what speaks against the answer is no part of its region
    why = face.why()
    assert list(why.values()) == sorted(why.values(), reverse=True)
    assert sum(why.values()) == pytest.approx(2.0 - 0.5)  # the difference of their logits
    assert sum(face.why("sad").values()) == pytest.approx(2.0)
    assert min(why, key=why.get) in ("elsewhere", "brow")  # the forehead
    assert face.decided_by == max(why, key=why.get)
    assert face.decided_by in ("lip", "jaw")
    for other in ("neutral", "sad"):  # with what is the same for any face, the odds themselves
        odds = face.probabilities["happy"] / face.probabilities[other]
        assert sum(face.why(other).values()) == pytest.approx(np.log(odds))
    with pytest.raises(ValueError, match="unknown expression 'joy'; choose of angry"):
        face.why("joy")
    with pytest.raises(ValueError, match="'happy' is the answer"):
        face.why("happy")


def test_what_the_network_leans_to_whatever_the_face_is_told_apart(astronaut):
    evidence, logits = np.zeros((1, 7, 3, 3)), np.zeros((1, 7))
    logits[0, EXPRESSIONS.index("sad")] = 2.0
    look = NetworkOutput(logits, np.full((1, 3, 3), 1 / 9), np.zeros((1, 1)), evidence)
    (photo,) = analyze_photos([astronaut], Model(CONFIG, lambda faces: look), ONE)
    assert photo.faces[0].decided_by == ANY_FACE
    assert "does not decide: the network leans to it" in in_words_decided(photo.faces[0])
    why = photo.faces[0].why("fear")
    assert why.pop(ANY_FACE) == pytest.approx(2.0)
    assert set(why.values()) == {0.0}


def test_each_photo_is_passed_on_as_soon_as_it_is_read(astronaut):
    """No photo is asked for that is more than one ahead of what was passed on."""
    asked = []

    def photos():
        for number in range(5):
            asked.append(number)
            yield astronaut[:300, :400]

    counts = [len(asked) for _ in analyze_photos(photos(), Model(CONFIG, forward), ONE)]
    assert counts == [2, 3, 4, 5, 5]
    assert forward.calls == [1] * 5


def test_what_was_given_is_read_though_the_giver_fails(astronaut):
    def photos():
        yield astronaut[:300, :400]
        yield b""
        raise OSError("the camera is gone")

    read = analyze_photos(photos(), Model(CONFIG, forward), ONE)
    assert [next(read).status for _ in range(2)] == ["ok", "empty file"]
    with pytest.raises(OSError, match="the camera is gone"):
        next(read)


def test_a_photo_too_large_for_the_memory_is_a_row(astronaut, monkeypatch):
    def find(name, photo, *rest):
        if photo.shape[0] == 301:
            raise MemoryError
        return real_find(name, photo, *rest)

    real_find = reading._find
    monkeypatch.setattr(reading, "_find", find)
    photos = [astronaut[:301, :400], astronaut[:300, :400]]
    assert [photo.status for photo in analyze_photos(photos, Model(CONFIG, forward), ONE)] == [
        "not enough memory to read it",
        "ok",
    ]


def test_photos_are_decoded_while_the_network_is_busy(astronaut, monkeypatch):
    found, meanwhile = [], Event()

    def find(name, *rest):
        found.append(name)
        if len(found) == 2:
            meanwhile.set()
        return real_find(name, *rest)

    def busy(faces):
        assert meanwhile.wait(5), "no photo was decoded beside the network's work"
        return forward(faces)

    real_find = reading._find
    monkeypatch.setattr(reading, "_find", find)
    first = next(analyze_photos([astronaut[:300, :400]] * 8, Model(CONFIG, busy), ONE))
    assert first.status == "ok"


def test_only_the_biggest_when_asked_for(astronaut):
    two = np.concatenate([astronaut, astronaut], axis=1)
    assert len(next(analyze_photos([two], Model(CONFIG, forward), ONE)).faces) == 2
    only = ONE._replace(only_biggest=True)
    assert len(next(analyze_photos([two], Model(CONFIG, forward), only)).faces) == 1


def test_a_picture_that_is_a_face_is_read_as_it_is(astronaut):
    """The network sees what `cover` makes of it, and says where the landmarks of it are."""
    tight = np.ascontiguousarray(astronaut[58:178, 162:282])
    (photo,) = analyze_photos([tight], Model(CONFIG, forward), ONE._replace(detector="none"))
    (face,) = photo.faces
    assert face.box_xyxy_px == (0, 0, 120, 120)
    np.testing.assert_array_equal(face.crop, cover(to_intensity(tight), CONFIG.stored_hw)[2:-3, 2:-3])
    (known,) = next(analyze_photos([astronaut], Model(CONFIG, forward), ONE)).faces
    apart = np.hypot(*(face.landmarks + np.array([162, 58]) - known.landmarks).T)
    assert apart.mean() < 0.03 * np.hypot(*(known.landmarks[45] - known.landmarks[36]))


@pytest.mark.parametrize("tilt_deg", [90, 180, 270, 30, 45, -60])
def test_a_tilted_photo_is_read_as_the_upright_one(astronaut, tilt_deg):
    reader = feroi.Reader(threads=1)
    (upright,) = reader.read(astronaut)
    (tilted,) = reader.read(turned(astronaut, tilt_deg))
    assert tilted.expression == upright.expression == "happy"
    assert tilted.confidence == pytest.approx(upright.confidence, abs=0.1)
    assert np.abs(tilted.crop.astype(int) - upright.crop).mean() < 6


@pytest.mark.slow
@pytest.mark.parametrize("path", group_photos(), ids=lambda path: path.stem)
def test_group_photos_on_their_sides_are_read_as_upright(path):
    reader, pixels = feroi.Reader(threads=1), np.asarray(Image.open(path).convert("RGB"))
    upright = reader.read(pixels)
    assert len(upright) == len(group_photos()[path])
    for tilt_deg in (90, 270):
        seen = turned(pixels, tilt_deg)
        found = reader.read(seen)
        noses = turned_back(
            np.array([face.landmarks[30] @ [1, 1j] for face in found]), tilt_deg, seen, pixels
        )
        for face in upright:
            apart = np.abs(noses - face.landmarks[30] @ [1, 1j])
            assert apart.min() < 4
            assert found[apart.argmin()].probabilities == pytest.approx(face.probabilities, abs=0.1)


def test_a_reading_says_how_the_face_moves_and_is_held(astronaut):
    """She smiles, nearly frontal; her mirror image turns and looks the other way."""
    (face,) = feroi.analyze(astronaut)
    (mirrored,) = feroi.analyze(np.ascontiguousarray(astronaut[:, ::-1]))
    assert list(face.action_units) == list(WORDS)
    assert face.action_units["AU12"] > 0.7 > 0.3 > face.action_units["AU43"]
    assert all(0 <= strength <= 1 for strength in face.action_units.values())
    left, right = face.action_unit_sides["AU12"]
    assert mirrored.action_unit_sides["AU12"] == pytest.approx((right, left), abs=0.1)
    assert max(map(abs, face.pose)) < 20
    assert mirrored.pose.yaw_deg == pytest.approx(-face.pose.yaw_deg, abs=4)
    assert mirrored.gaze.yaw_deg == pytest.approx(-face.gaze.yaw_deg, abs=8)
    assert face.mesh.shape == (478, 3)
    (row,) = rows(next(analyze_photos([astronaut], Model(CONFIG, forward))))
    assert row["AU12"] == round(face.action_units["AU12"], 6)
    assert row["yaw_deg"] == round(face.pose.yaw_deg, 1)
    assert (
        "lip corners raised (AU 12)"
        in photo_values(next(feroi.Reader().read_many([astronaut])))["faces"][0]["moved"]
    )


@pytest.mark.parametrize(
    ("input_hw", "fitting"),
    [
        ((48, 48), r"48x48 px fits pose \(.*\), wild \(.*\)\."),
        ((144, 112), r"112x144 px fits front \(.*\), pose \(.*\), wild \(.*\)\."),
        ((72, 56), r"56x72 px fits front \("),  # the small-front networks'
    ],
)
def test_a_network_that_does_not_know_its_pipeline_is_refused(astronaut, input_hw, fitting):
    with pytest.raises(ValueError, match=f"does not say how .* with --pipeline NAME; .* {fitting}"):
        next(analyze_photos([astronaut], Model(NetworkConfig("gap", input_hw), forward), ONE))


def test_a_face_turned_too_far_is_refused_by_name(astronaut, monkeypatch, capsys):
    camera = Camera(rotation_of(Pose(60, 0, 0)), 8.0, np.array([225.0, 140.0]))
    profile = camera.project(generic_face().landmarks_cm)
    monkeypatch.setattr("feroi.reading.locate", lambda photo, frames, model, compute: [made_points(profile)])
    monkeypatch.setattr("feroi.reading.head_pose", lambda mesh: Pose(60, 0, 0))
    front = NetworkConfig("attention", (144, 112), pipeline="front")
    (photo,) = analyze_photos([astronaut], Model(front, forward), ONE)
    assert (photo.status, photo.faces, forward.calls) == ("no face to read", [], [])
    (row,) = rows(photo)
    assert row["status"].startswith("the face is turned by 60 degrees (yaw), and front shows at most 45")
    assert row["expression"] is None
    assert row["x0"] < 225 < row["x1"]
    photo_printer(len(photo.name))(photo)
    assert "not read" in capsys.readouterr().out


def test_poor_faces_are_marked_and_read(astronaut):
    (photo,) = analyze_photos([beside_a_blurred_copy(astronaut)], Model(CONFIG, forward), ONE)
    sharp, blurred = sorted(photo.faces, key=lambda face: face.box_xyxy_px)
    assert sharp.quality.score > 0.9 > 0.5 > blurred.quality.score
    by_place = sorted(rows(photo), key=lambda row: row["x0"])
    assert [row["quality_problem"] for row in by_place] == [None, "too blurred"]
    assert [row["quality"] for row in by_place] == [round(f.quality.score, 6) for f in (sharp, blurred)]
    assert sorted(card["remark"] for card in photo_values(photo)["faces"]) == ["", "blurred"]


def test_abstaining_leaves_a_row_and_loses_no_face(astronaut, capsys):
    two = beside_a_blurred_copy(astronaut)
    (plain,) = analyze_photos([two], Model(CONFIG, forward), ONE)
    (photo,) = analyze_photos([two], Model(CONFIG, forward), ONE._replace(abstain=True))
    assert forward.calls == [2, 1]
    (face,), (refused,) = photo.faces, photo.refused
    assert sorted([face.box_xyxy_px, refused.face.box_xyxy_px]) == sorted(f.box_xyxy_px for f in plain.faces)
    read, unread = rows(photo)
    assert (read["status"], read["quality_problem"]) == ("ok", None)
    assert unread["status"] == refused.reason == refused.quality.refusal
    assert unread["status"].startswith("too blurred to be read (quality .")
    assert (unread["expression"], unread["face"], unread["happy"]) == (None, None, None)
    assert unread["quality"] == pytest.approx(refused.quality.score, abs=1e-6)
    (none,) = analyze_photos([two[:, 512:]], Model(CONFIG, forward), ONE._replace(abstain=True))
    assert (none.status, none.faces, len(rows(none))) == ("no face to read", [], 1)
    assert not capsys.readouterr().out
    printed = photo_printer(len(photo.name))
    assert not capsys.readouterr().out  # an error may come before the first row
    printed(photo)
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.startswith("photo  ")
    assert head.endswith("also likely")
    assert first.endswith("not calibrated")  # this network
    assert "too blurred to be read" in second
    printed(photo)
    assert "also likely" not in capsys.readouterr().out


def test_the_terminal_and_cards_name_what_speaks_most_against_the_runner_up(astronaut, capsys):
    (photo,) = analyze_photos([astronaut], Model(CONFIG, forward), ONE)
    (face,) = photo.faces
    evidence = {name: {"lip": 0.0, "brow": 0.0, ANY_FACE: 0.0} for name in EXPRESSIONS}
    evidence[face.expression] = {"lip": 1.25, "brow": -0.15, ANY_FACE: 3.0}
    face = replace(face, evidence=evidence)
    assert face.why() == {ANY_FACE: 3.0, "lip": 1.25, "brow": -0.15}
    photo_printer(len(photo.name))(photo._replace(faces=[face]))
    assert "  lip +1.2" in capsys.readouterr().out
    assert in_words_why(face).endswith(f"For {face.expression}: any face +3.0, lip +1.2; the rest -0.1")
    evidence[face.expression] |= {"lip": 0.1}  # the brow says more against it
    photo_printer(len(photo.name))(photo._replace(faces=[face]))
    assert "  no part: leans to it" in capsys.readouterr().out
    evidence[face.expression] |= {ANY_FACE: 0.0}
    assert in_words_why(face).endswith("? No part says more than a little for either")


def test_a_network_that_sees_depth_is_shown_that_of_each_face(astronaut):
    shown = []

    def keeping(faces):
        shown.append(faces)
        return forward(faces)

    (photo,) = analyze_photos([astronaut], Model(replace(CONFIG, inputs="intensity+depth"), keeping), ONE)
    ((face, depth),) = shown[0]
    (found,) = photo.faces
    np.testing.assert_array_equal(np.round(255 * face), found.crop)
    row, column = np.unravel_index(depth.argmax(), depth.shape)
    nearest = found._places_xy_px[row, column]  # on the photo
    eyes = found.landmarks[36:42].mean(0) - found.landmarks[42:48].mean(0)
    assert np.hypot(*(nearest - found.landmarks[30])) < 0.3 * np.hypot(*eyes)  # the tip of the nose
