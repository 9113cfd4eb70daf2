"""Photos to readings, with a made-up network that tells what it was shown."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import replace
from threading import Event

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage import data

import feroi
from faces import made_points, turned, turned_back
from feroi import reader as reader_module
from feroi import reading
from feroi.cli.results import photo_printer
from feroi.config import NetworkConfig
from feroi.data.groups import group_photos
from feroi.inference import Compute
from feroi.network.calibration import Calibration
from feroi.network.load import Model
from feroi.outputs import NetworkOutput
from feroi.photo import landmarks
from feroi.photo.action_units import WORDS
from feroi.photo.decode import cover, to_intensity
from feroi.photo.detect import Face
from feroi.photo.geometry import Camera, Pose, generic_face, rotation_of
from feroi.reading import ReadingOptions, analyze_photos
from feroi.report.overlay import draw_overlay, free_spot, heat, moved_inside
from feroi.report.photos import photo_values
from feroi.report.tables import COLUMNS, rows
from feroi.results import ANY_FACE, Photo, Refused
from feroi.shipped import shipped_path
from feroi.vocabulary import EXPRESSIONS, REGIONS
from room import little_room
from tables import table_writer

CONFIG = NetworkConfig("attention", (48, 48), pipeline="wild")
ONE = ReadingOptions(compute=Compute(threads=1))


def _forward(faces):
    """Happy for the first face of a call, sad for the others; all weight on the map's lower middle."""
    logits = np.zeros((len(faces), 7))
    logits[:, EXPRESSIONS.index("sad")] = 3.0
    logits[0] = np.eye(7)[EXPRESSIONS.index("happy")] * 3.0
    attention = np.zeros((len(faces), 3, 3))
    attention[:, 2, 1] = 1.0
    _forward.calls.append(len(faces))
    return NetworkOutput(logits, attention, logits)


@pytest.fixture(autouse=True)
def _count_calls():
    _forward.calls = []


@pytest.fixture(scope="module")
def astronaut():
    return data.astronaut()


@pytest.fixture
def files(tmp_path, astronaut):
    Image.fromarray(astronaut).save(tmp_path / "face.png")
    Image.fromarray(np.full((300, 300, 3), 120, np.uint8)).save(tmp_path / "grey.png")
    (tmp_path / "broken.jpg").write_bytes(b"")
    return [tmp_path / name for name in ("broken.jpg", "face.png", "grey.png", "gone.png")]


def test_every_photo_has_an_outcome_in_order(files):
    photos = list(analyze_photos(files, Model(CONFIG, _forward), ONE))
    assert [photo.name for photo in photos] == [str(path) for path in files]
    assert [photo.status for photo in photos] == ["empty file", "ok", "no face", "file not found"]
    assert [len(photo.faces) for photo in photos] == [0, 1, 0, 0]


def test_a_reading_is_whole(astronaut):
    (photo,) = analyze_photos([astronaut], Model(CONFIG, _forward), ONE)
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
        look = _forward(faces)
        look.logits[:, EXPRESSIONS.index("fear")] = 2.0
        return look

    calibration = Calibration(coverage=0.9, threshold=0.2)  # e^3, e^2, and five ones: .62, .23, .03
    (photo,) = analyze_photos([astronaut], Model(CONFIG, torn, calibration=calibration), ONE)
    assert photo.faces[0].likely == ("happy", "fear")
    assert photo.faces[0].phrase == "happy or fear (90 %)"
    assert rows(photo)[0]["likely"] == "happy|fear"


def test_attention_lies_on_the_photo_where_it_lay_on_the_crop(astronaut):
    (photo,) = analyze_photos([astronaut], Model(CONFIG, _forward), ONE)
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

    counts = [len(asked) for _ in analyze_photos(photos(), Model(CONFIG, _forward), ONE)]
    assert counts == [2, 3, 4, 5, 5]
    assert _forward.calls == [1] * 5


def test_what_was_given_is_read_though_the_giver_fails(astronaut):
    def photos():
        yield astronaut[:300, :400]
        yield b""
        raise OSError("the camera is gone")

    read = analyze_photos(photos(), Model(CONFIG, _forward), ONE)
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
    assert [photo.status for photo in analyze_photos(photos, Model(CONFIG, _forward), ONE)] == [
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
        return _forward(faces)

    real_find = reading._find
    monkeypatch.setattr(reading, "_find", find)
    first = next(analyze_photos([astronaut[:300, :400]] * 8, Model(CONFIG, busy), ONE))
    assert first.status == "ok"


def test_only_the_biggest_when_asked_for(astronaut):
    two = np.concatenate([astronaut, astronaut], axis=1)
    assert len(next(analyze_photos([two], Model(CONFIG, _forward), ONE)).faces) == 2
    only = ONE._replace(only_biggest=True)
    assert len(next(analyze_photos([two], Model(CONFIG, _forward), only)).faces) == 1


def test_images_in_memory_are_read_as_their_files_are(astronaut, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its left side
    Image.fromarray(astronaut).rotate(90, expand=True).save(tmp_path / "lying.png", exif=exif)
    with Image.open(tmp_path / "lying.png") as image:
        opened, array = analyze_photos([image, astronaut], Model(CONFIG, _forward), ONE)
    np.testing.assert_array_equal(opened.pixels, astronaut)
    assert opened.faces[0].box_xyxy_px == array.faces[0].box_xyxy_px


@pytest.mark.parametrize(
    ("photo", "error", "got"),
    [
        (np.zeros((8, 8), np.float32), TypeError, "an array of float32"),
        (np.zeros((8, 8, 5), np.uint8), ValueError, r"an array of shape \(8, 8, 5\)"),
        (np.zeros(8, np.uint8), ValueError, r"an array of shape \(8,\)"),
        (np.zeros((0, 8, 3), np.uint8), ValueError, r"an array of shape \(0, 8, 3\)"),
        ({"a": 1}, TypeError, "dict"),
        (7, TypeError, "int"),
    ],
)
def test_what_is_no_photo_is_refused_alone_and_a_row_among_others(photo, error, got, astronaut):
    said = rf"uint8 array \(H, W\), \(H, W, 3\) or \(H, W, 4\); got {got}"
    with pytest.raises(error, match=said):
        feroi.analyze(photo, detector="hog")
    before, row, after = analyze_photos([astronaut, photo, astronaut], Model(CONFIG, _forward), ONE)
    assert (before.status, row.name, after.status) == ("ok", "photo 1", "ok")
    assert re.search(said, row.status)
    assert (row.pixels, row.faces) == (None, [])


def test_analyze_takes_what_reader_takes(astronaut):
    two = Image.fromarray(np.concatenate([astronaut, astronaut], axis=1))
    assert [face.expression for face in feroi.analyze(two)] == ["happy", "happy"]
    assert len(feroi.analyze(two, only_biggest=True)) == 1
    poor = Image.fromarray(_beside_a_blurred_copy(astronaut))
    assert [len(feroi.analyze(poor, abstain=wish)) for wish in (False, True)] == [2, 1]
    with pytest.raises(ValueError, match="would misread those of 'front'"):
        feroi.analyze(two, pipeline="front")
    with pytest.raises(FileNotFoundError, match=r"gone\.onnx"):
        feroi.analyze(two, model="gone.onnx")


def test_the_landmark_model_is_the_one_chosen(astronaut, monkeypatch):
    """Another model in its place, ten px to the right of the shipped one; the mesh stays as it is."""
    shipped = landmarks.MODELS["face-mesh"]
    moved = {"face-mesh": shipped, "dlib-68": lambda photo, mesh: shipped(photo, mesh) + np.array([10, 0])}
    monkeypatch.setattr(landmarks, "MODELS", moved)
    monkeypatch.setattr(landmarks, "_dlib_predictor", lambda: None)
    plain, other = (
        feroi.Reader(threads=1, landmarks=name).read(astronaut)[0] for name in ("face-mesh", "dlib-68")
    )
    np.testing.assert_allclose(other.landmarks - plain.landmarks, [[10, 0]] * 68, atol=1e-6)
    assert np.abs(plain.crop.astype(int) - other.crop).mean() > 5


def test_the_detector_is_the_one_chosen(astronaut):
    pytest.importorskip("dlib")
    (yunet,), (hog,) = (feroi.Reader(detector=name, threads=1).read(astronaut) for name in ("yunet", "hog"))
    assert yunet.score < 1 < hog.score
    assert yunet.expression == hog.expression == "happy"


def test_a_picture_that_is_a_face_is_read_as_it_is(astronaut):
    """The network sees what `cover` makes of it, and says where the landmarks of it are."""
    tight = np.ascontiguousarray(astronaut[58:178, 162:282])
    (photo,) = analyze_photos([tight], Model(CONFIG, _forward), ONE._replace(detector="none"))
    (face,) = photo.faces
    assert face.box_xyxy_px == (0, 0, 120, 120)
    np.testing.assert_array_equal(face.crop, cover(to_intensity(tight), CONFIG.stored_hw)[2:-3, 2:-3])
    (known,) = next(analyze_photos([astronaut], Model(CONFIG, _forward), ONE)).faces
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
    (row,) = rows(next(analyze_photos([astronaut], Model(CONFIG, _forward))))
    assert row["AU12"] == round(face.action_units["AU12"], 6)
    assert row["yaw_deg"] == round(face.pose.yaw_deg, 1)
    assert (
        "lip corners raised (AU 12)"
        in photo_values(next(feroi.Reader().read_many([astronaut])))["faces"][0]["moved"]
    )


def test_a_network_that_does_not_know_its_pipeline_is_refused(astronaut):
    with pytest.raises(ValueError, match="does not say how the faces"):
        next(analyze_photos([astronaut], Model(NetworkConfig("gap", (48, 48)), _forward), ONE))


def test_tables_have_a_row_for_everything(files, tmp_path):
    found = list(analyze_photos(files, Model(CONFIG, _forward), ONE))
    paths = [tmp_path / name for name in ("t.csv", "t.jsonl", "t.parquet")]
    with table_writer(*paths) as write:
        for photo in found:
            write(rows(photo))
    lines = [json.loads(line) for line in paths[1].read_text().splitlines()]
    assert [line["status"] for line in lines] == ["empty file", "ok", "no face", "file not found"]
    assert lines[1]["expression"] == "happy"
    assert lines[1]["x1"] == pytest.approx(found[1].faces[0].box_xyxy_px[2], abs=0.05)
    assert lines[1]["happy"] == pytest.approx(lines[1]["confidence"])
    assert lines[0]["expression"] is None
    assert paths[0].read_text().splitlines()[0] == ",".join(COLUMNS)
    from pyarrow import parquet

    assert parquet.read_table(paths[2]).to_pylist() == lines


def test_a_face_turned_too_far_is_refused_by_name(astronaut, monkeypatch, capsys):
    camera = Camera(rotation_of(Pose(60, 0, 0)), 8.0, np.array([225.0, 140.0]))
    profile = camera.project(generic_face().landmarks_cm)
    monkeypatch.setattr("feroi.reading.locate", lambda photo, frames, model, compute: [made_points(profile)])
    monkeypatch.setattr("feroi.reading.head_pose", lambda mesh: Pose(60, 0, 0))
    front = NetworkConfig("attention", (144, 112), pipeline="front")
    (photo,) = analyze_photos([astronaut], Model(front, _forward), ONE)
    assert (photo.status, photo.faces, _forward.calls) == ("no face to read", [], [])
    (row,) = rows(photo)
    assert row["status"].startswith("the face is turned by 60 degrees (yaw), and front shows at most 45")
    assert row["expression"] is None
    assert row["x0"] < 225 < row["x1"]
    photo_printer(len(photo.name))(photo)
    assert "not read" in capsys.readouterr().out


def _beside_a_blurred_copy(photo):
    return np.concatenate([photo, gaussian_filter(photo, (5, 5, 0))], axis=1)


def test_poor_faces_are_marked_and_read(astronaut):
    (photo,) = analyze_photos([_beside_a_blurred_copy(astronaut)], Model(CONFIG, _forward), ONE)
    sharp, blurred = sorted(photo.faces, key=lambda face: face.box_xyxy_px)
    assert sharp.quality.score > 0.9 > 0.5 > blurred.quality.score
    by_place = sorted(rows(photo), key=lambda row: row["x0"])
    assert [row["quality_problem"] for row in by_place] == [None, "too blurred"]
    assert [row["quality"] for row in by_place] == [round(f.quality.score, 6) for f in (sharp, blurred)]
    assert sorted(card["remark"] for card in photo_values(photo)["faces"]) == ["", "blurred"]


def test_abstaining_leaves_a_row_and_loses_no_face(astronaut, capsys):
    two = _beside_a_blurred_copy(astronaut)
    (plain,) = analyze_photos([two], Model(CONFIG, _forward), ONE)
    (photo,) = analyze_photos([two], Model(CONFIG, _forward), ONE._replace(abstain=True))
    assert _forward.calls == [2, 1]
    (face,), (refused,) = photo.faces, photo.refused
    assert sorted([face.box_xyxy_px, refused.face.box_xyxy_px]) == sorted(f.box_xyxy_px for f in plain.faces)
    read, unread = rows(photo)
    assert (read["status"], read["quality_problem"]) == ("ok", None)
    assert unread["status"] == refused.reason == refused.quality.refusal
    assert unread["status"].startswith("too blurred to be read (quality .")
    assert (unread["expression"], unread["face"], unread["happy"]) == (None, None, None)
    assert unread["quality"] == pytest.approx(refused.quality.score, abs=1e-6)
    (none,) = analyze_photos([two[:, 512:]], Model(CONFIG, _forward), ONE._replace(abstain=True))
    assert (none.status, none.faces, len(rows(none))) == ("no face to read", [], 1)
    photo_printer(len(photo.name))(photo)
    assert "too blurred to be read" in capsys.readouterr().out


def test_the_terminal_names_the_region_that_holds_most_of_the_evidence(astronaut, capsys):
    (photo,) = analyze_photos([astronaut], Model(CONFIG, _forward), ONE)
    shares = dict.fromkeys(REGIONS, 0.1) | {"cheek": 0.3, "brow": 0.18}
    areas = dict.fromkeys(REGIONS, 0.1) | {"cheek": 0.25}
    face = replace(photo.faces[0], regions=shares, region_areas=areas)
    photo_printer(len(photo.name))(photo._replace(faces=[face]))
    assert capsys.readouterr().out.rstrip().endswith("cheek 30 %, 1.2x its area")


def test_a_killed_run_keeps_the_rows_it_wrote(tmp_path):
    path = tmp_path / "t.csv"
    run = table_writer(path, None, tmp_path / "t.parquet")
    run.__enter__()([dict.fromkeys(COLUMNS, None) | {"file": "a", "status": "no face"}])
    run.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert len((tmp_path / "t.csv.partial").read_text().splitlines()) == 2
    assert not path.exists()
    assert not (tmp_path / "t.parquet").exists()
    table = pytest.importorskip("pyarrow.parquet").read_table(tmp_path / "t.parquet.partial")
    assert table.column("file").to_pylist() == ["a"]


def test_an_earlier_table_stays_until_the_new_one_is_whole(tmp_path):
    path, row = tmp_path / "t.csv", dict.fromkeys(COLUMNS, None) | {"file": "a", "status": "no face"}
    path.write_text("earlier")
    with little_room(500), pytest.raises(OSError, match=r"t\.csv cannot be written: file too large"):
        _write_rows(path, [row] * 100)
    assert path.read_text() == "earlier"
    _write_rows(path, [row])
    assert len(path.read_text().splitlines()) == 2
    assert [each.name for each in tmp_path.iterdir()] == ["t.csv"]


def _write_rows(path, rows):
    with table_writer(path, None, None) as write:
        write(rows)


def test_heat_colours_only_where_the_weight_is_above_uniform():
    grey = np.full((4, 4), 100, np.uint8)
    roi = np.ones((4, 4))
    roi[0, 0] = 3.0
    coloured = heat(grey, roi)
    assert (coloured[1:] == 100).all()
    assert coloured[0, 0].tolist() == [168, 170, 129]  # 0.45 of the bright end of the scale, 0.55 of 100
    roi[0, 0] = 2.0
    assert 4 < np.abs(heat(grey, roi)[0, 0].astype(int) - 100).max() < 60  # half as opaque
    assert np.abs(heat(grey, roi, full=30)[0, 0].astype(int) - 100).max() < 4  # far from its end
    assert (heat(grey, roi, strength=0) == 100).all()
    assert (grey == 100).all()


def test_the_overlay_marks_the_box(astronaut):
    wide = np.concatenate([astronaut, np.zeros_like(astronaut)], axis=1)
    (photo,) = analyze_photos([wide], Model(CONFIG, _forward), ONE)
    picture = np.asarray(draw_overlay(photo))
    assert picture.shape == wide.shape
    x0, y0, _, y1 = (round(value) for value in photo.faces[0].box_xyxy_px)
    edge = picture[y0 + 20 : y1 - 20, x0].mean(0)
    assert edge[0] > 200
    assert edge[2] < 80
    assert (picture[:20, :20] == astronaut[:20, :20]).all()


def test_a_face_that_was_not_read_has_a_grey_box(astronaut):
    wide = np.concatenate([astronaut, np.zeros_like(astronaut)], axis=1)
    face = Face((600.0, 100.0, 700.0, 200.0), 1.0)
    photo = Photo("p", "no face to read", wide, [], [Refused(face, "too small to be read")])
    picture = np.asarray(draw_overlay(photo))
    changed = np.argwhere((picture != wide).any(2))
    assert changed.min(0).tolist() == [100, 600]
    assert changed.max(0).tolist() == [200, 700]
    assert picture[150, 600].tolist() == [170, 170, 170]
    assert (picture[101:200, 602:699] == 0).all()


def test_a_small_photo_is_drawn_larger(astronaut):
    (photo,) = analyze_photos([astronaut], Model(CONFIG, _forward), ONE)
    picture = np.asarray(draw_overlay(photo)).astype(int)
    assert picture.shape == (1024, 1024, 3)
    x0, y0, _, y1 = (2 * round(value) for value in photo.faces[0].box_xyxy_px)
    edge = picture[y0 + 40 : y1 - 40, x0 - 2 : x0 + 3].mean(0)  # the box is known to a part of a px
    assert edge[:, 0].max() > 200


def test_the_heat_fades_out_at_the_border_of_the_crop(astronaut):
    (photo,) = analyze_photos([astronaut], Model(CONFIG, _forward), ONE)
    hot = replace(photo.faces[0], crop_roi=np.full((48, 48), 3.0))
    plain = replace(hot, crop_roi=None)
    with_heat, without = (
        np.asarray(draw_overlay(photo._replace(faces=[face]))).astype(int) for face in (hot, plain)
    )
    change = np.abs(with_heat - without).max(2)
    patch = hot.on_photo(hot.crop_roi)
    middle = patch.columns.start + patch.columns.stop  # twice the middle: the picture is twice as large
    column = change[2 * patch.rows.start : 2 * patch.rows.stop, middle]
    assert column[len(column) // 2] > 20
    assert max(column[:4].max(), column[-4:].max()) < 8


def test_labels_go_where_they_are_whole_and_hide_nothing():
    box = (40.0, 0.0, 90.0, 50.0)  # touches the upper edge
    above, below = (40.0, -12.0), (40.0, 50.0)
    assert free_spot((60, 12), [above, below], [box], (100, 100)) == (40, 50, 100, 62)
    assert free_spot((61, 12), [above, below], [box], (100, 100)) is None
    assert free_spot((60, 12), [above, below], [box, (95, 60, 99, 70)], (100, 100)) is None
    assert moved_inside((61, 12), above, (100, 100)) == (39, 0, 100, 12)


def test_a_network_that_sees_depth_is_shown_that_of_each_face(astronaut):
    shown = []

    def forward(faces):
        shown.append(faces)
        return _forward(faces)

    (photo,) = analyze_photos([astronaut], Model(replace(CONFIG, inputs="intensity+depth"), forward), ONE)
    ((face, depth),) = shown[0]
    (found,) = photo.faces
    np.testing.assert_array_equal(np.round(255 * face), found.crop)
    row, column = np.unravel_index(depth.argmax(), depth.shape)
    nearest = found._places_xy_px[row, column]  # on the photo
    eyes = found.landmarks[36:42].mean(0) - found.landmarks[42:48].mean(0)
    assert np.hypot(*(nearest - found.landmarks[30])) < 0.3 * np.hypot(*eyes)  # the tip of the nose


def test_a_model_stays_loaded_until_its_file_changes(tmp_path):
    model = tmp_path / "own.onnx"
    shutil.copyfile(shipped_path("network/pretrained/ferplus.onnx"), model)
    blank = np.full((40, 40), 90, np.uint8)
    reader_module._kept_reader.cache_clear()
    for _ in range(2):
        assert feroi.analyze(blank, model=model) == []
    assert reader_module._kept_reader.cache_info().misses == 1
    os.utime(model, ns=(1, 1))
    feroi.analyze(blank, model=model)
    assert reader_module._kept_reader.cache_info().misses == 2


def test_what_people_import_is_listed():
    names = {"analyze", "Reader", "Reading", "PhotoReading", "UnreadableImage", "to_frame"}
    assert names <= set(dir(feroi))
    assert feroi.PhotoReading is Photo
    earlier = reading.Photo, reading.Reading, reading.Refused  # where they were before
    assert earlier == (Photo, feroi.Reading, Refused)
    assert all(getattr(feroi, name) is not None for name in feroi.__all__)
