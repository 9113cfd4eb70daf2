"""Data sets of made-up photos: embedded faces, enlarged and pasted where RaFD and others have them."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from feroi.cli.app import app
from feroi.data import contact
from feroi.data.decoded import Rejected, decode
from feroi.data.folds import divide, subject_folds
from feroi.data.prepare import PREPARATIONS, prepare_dataset, prepare_photo
from feroi.data.rafd import paper_fold
from feroi.data.readers import embedded_folder, read_dataset
from feroi.data.samples import TRAINING, VALIDATION, LayoutError, pipeline_of
from feroi.photo.crop import prepare
from feroi.photo.decode import read_photo, to_intensity
from feroi.photo.detect import biggest, detect
from feroi.photo.geometry import FRAME_EYES_PX, Camera, Pose, anchor_points, generic_face, rotation_of
from feroi.photo.illumination import normalize_light
from feroi.photo.landmarks import locate
from feroi.vocabulary import EXPRESSIONS
from support.faces import made_points


def _photo(subject: str, emotion: str, size=(681, 1024), scale=3) -> Image.Image:
    (path,) = embedded_folder().glob(f"Rafd090_{subject}_*_{emotion}_frontal.jpg")
    canvas = Image.new("RGB", size, (128, 128, 128))
    with Image.open(path) as face:
        large = face.convert("RGB").resize((125 * scale, 160 * scale), Image.Resampling.BICUBIC)
    canvas.paste(large, ((size[0] - large.width) // 2, (size[1] - large.height) // 2 - 40))
    return canvas


def _rafd(root: Path, subjects=("01", "16"), angles=("090",), emotions=("angry", "happy")) -> Path:
    root.mkdir()
    for subject in subjects:
        for emotion in emotions:
            photo = _photo(subject, emotion)
            for angle in angles:
                name = f"Rafd{angle}_{subject}_Caucasian_female_{emotion}_frontal.jpg"
                photo.save(root / name, quality=90)
    return root


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("Rafd*.png")}


@pytest.mark.slow
def test_rafd_front_takes_frontal_photos_and_says_what_it_left_out(tmp_path):
    src, dst = _rafd(tmp_path / "rafd"), tmp_path / "front"
    broken, faceless = "Rafd090_30_Kid_male_sad_left.jpg", "Rafd090_44_Kid_male_sad_left.jpg"
    (src / broken).write_bytes(b"broken")
    Image.new("RGB", (681, 1024), (90, 110, 130)).save(src / faceless)
    Image.new("RGB", (681, 1024)).save(src / "Rafd045_01_Kid_male_sad_left.jpg")
    result = prepare_dataset(src, dst, "rafd-front", workers=1)
    assert (len(result.samples), result.made) == (4, 4)
    assert result.rejected == [Rejected(broken, "not a picture"), Rejected(faceless, "no face")]
    assert _rows(dst / "rejected.csv") == [
        {"file": broken, "reason": "not a picture"},
        {"file": faceless, "reason": "no face"},
    ]
    first = _rows(dst / "samples.csv")[0]
    assert first == {
        "file": "Rafd090_01_Caucasian_female_angry_frontal.png", "expression": "angry", "subject": "01",
        "ethnicity": "Caucasian", "gaze": "frontal", "gender": "female", "pose": "090", "source": "RaFD",
        "pipeline": "front",
    }  # fmt: skip
    again = read_dataset(dst)
    assert [(s.name, s.subject) for s in again] == [(s.name, s.subject) for s in result.samples]
    for row in again:
        with Image.open(row.image) as image:
            assert (image.size, image.mode, image.format) == ((125, 160), "L", "PNG")


def test_a_frontal_crop_has_its_eyes_where_the_frame_has_them(tmp_path):
    photo = np.asarray(_photo("02", "neutral"))
    crop = prepare_photo(photo, PREPARATIONS["rafd-front"])
    larger = np.asarray(Image.fromarray(crop).resize((375, 480)))
    canvas = np.full((640, 560), 128, np.uint8)
    canvas[80:560, 90:465] = larger
    (marks,) = locate(canvas, [biggest(detect(canvas)).frame])
    marks = marks.landmarks_xy_px
    eyes = (anchor_points(marks)[:2] + 0.5 - [90, 80]) / 3 - 0.5
    assert np.abs(eyes - FRAME_EYES_PX).max() < 3


def test_papers_folds_apply_to_what_was_prepared(tmp_path):
    known = sorted({path.name.split("_")[1] for path in embedded_folder().glob("*.jpg")})
    src = _rafd(tmp_path / "rafd", known[::4], ("180",), ("sad",))  # one in each of the folds
    prepare_dataset(src, tmp_path / "pose", "rafd-pose", workers=1)
    samples = read_dataset(tmp_path / "pose")
    assert set(samples.attribute("source")) == {"RaFD"}
    for number, fold in enumerate(subject_folds(samples)):
        assert {paper_fold(s) for s in samples.take(fold.validation).subjects} == {number}


def test_rafd_pose_is_the_fixed_box_of_every_angle(tmp_path):
    src = _rafd(tmp_path / "rafd", ("01",), ("000", "090", "135"), ("happy",))
    Image.new("L", (340, 512)).save(src / "Rafd180_01_Caucasian_female_happy_frontal.jpg")
    result = prepare_dataset(src, tmp_path / "pose", "rafd-pose", workers=1)
    assert result.samples.attribute("pose") == ["000", "090", "135"]
    assert set(result.samples.attribute("pipeline")) == {"pose"}
    assert [item.reason for item in result.rejected] == ["340x512 px, and the box is for RaFD's 681x1024"]
    with Image.open(result.samples[0].image) as image:
        assert image.size == (284, 284)


def test_rafd_pose_can_be_cut_at_another_box(tmp_path):
    src = _rafd(tmp_path / "rafd", ("01",), ("045",), ("happy",))
    arguments = ["prepare", "rafd-pose", str(src), str(tmp_path / "pose"), "--box", "100,200,384,484"]
    result = CliRunner().invoke(app, [*arguments, "--workers", "1"])
    assert result.exit_code == 0, result.output
    (photo,) = src.iterdir()
    (row,) = read_dataset(tmp_path / "pose")
    cut = to_intensity(read_photo(photo))[200:484, 100:384]  # 284 px a side: nothing is interpolated
    np.testing.assert_array_equal(np.asarray(Image.open(row.image)), normalize_light(cut))


def test_sfew_keeps_a_face_turned_too_far_for_front_and_a_folder_does_not(monkeypatch):
    """A profile in the eyes of the 3D face: the landmarks of one turned by 60 degrees, on any photo."""
    turned = Camera(rotation_of(Pose(60, 0, 0)), 17.0, np.array([340.0, 400.0]))
    points = made_points(turned.project(generic_face().landmarks_cm))
    monkeypatch.setattr("feroi.data.prepare.locate", lambda *given: [points])
    photo = np.asarray(_photo("02", "neutral"))
    with pytest.raises(ValueError, match="turned by 60 degrees"):
        prepare_photo(photo, PREPARATIONS["folder"]._replace(pipeline="front"))
    kept = prepare_photo(photo, PREPARATIONS["sfew"])
    expected = prepare(to_intensity(photo), points, "front", (160, 125), keep_turned=True)
    np.testing.assert_array_equal(kept, expected.image)


def test_shipped_faces_are_prepared_by_their_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where nothing has that name
    result = prepare_dataset(Path("embedded-wild"), Path("out"), "rafd-front", workers=1)
    assert (len(result.samples), result.made) == (140, 140)
    assert pipeline_of(read_dataset("out")) == "front"


def _sfew(root: Path) -> Path:
    for split, emotion, subject in (("Train", "Happy", "01"), ("Val", "Angry", "16")):
        (root / split / emotion).mkdir(parents=True)
        photo = _photo(subject, {"Happy": "happy", "Angry": "angry"}[emotion], (500, 400), 2)
        photo.save(root / split / emotion / "video_000001.png")
    Image.new("RGB", (500, 400), (90, 110, 130)).save(root / "Val" / "Angry" / "video_000002.png")
    return root


def test_sfew_keeps_its_splits(tmp_path):
    result = prepare_dataset(_sfew(tmp_path / "sfew"), tmp_path / "out", "sfew", workers=1)
    assert result.rejected == [Rejected("Val/Angry/video_000002.png", "no face")]
    division = divide(read_dataset(tmp_path / "out"), seed=0)
    assert division.description == "official splits"
    assert [row.name for row in division.training] == ["Train/Happy/video_000001.png"]
    assert [row.name for row in division.validation] == ["Val/Angry/video_000001.png"]


@pytest.mark.slow
def test_of_two_faces_the_bigger_is_kept(tmp_path):
    photo = np.asarray(_photo("04", "happy"))
    group = Image.new("RGB", (1000, 1024), (128, 128, 128))
    group.paste(Image.fromarray(photo), (319, 0))
    group.paste(_photo("16", "angry").resize((340, 512)), (0, 0))
    alone, among = (
        prepare_photo(np.asarray(picture), PREPARATIONS["sfew"]).astype(float) for picture in (photo, group)
    )
    assert np.abs(alone - among)[:, 20:-20].mean() < 3


@pytest.mark.slow
@pytest.mark.parametrize("pipeline", ["front", "wild"])
def test_a_network_learns_from_what_it_is_shown_in_photos(tmp_path, pipeline):
    """The path of training (prepare, then decode) against that of reading (photo.prepare alone)."""
    src = tmp_path / "faces"
    (src / "happy").mkdir(parents=True)
    _photo("02", "happy", (500, 500), 2).save(src / "happy" / "a.png")
    prepare_dataset(src, tmp_path / "out", "folder", pipeline, workers=1)
    samples = read_dataset(tmp_path / "out")
    photo = read_photo(src / "happy" / "a.png")
    (marks,) = locate(photo, [biggest(detect(photo)).frame])
    for stored_hw in [(160, 125)] if pipeline == "front" else [(160, 125), (53, 53)]:
        learned = decode(samples, stored_hw).pixels[0].astype(float)
        shown = prepare(to_intensity(photo), marks, pipeline, stored_hw).image
        assert np.abs(learned - shown).mean() < 2, stored_hw


def test_what_is_there_is_not_made_again(tmp_path):
    src, dst = _rafd(tmp_path / "rafd", ("01", "16"), ("045",)), tmp_path / "pose"
    prepare_dataset(src, dst, "rafd-pose", workers=1)
    before = _times(dst)
    assert prepare_dataset(src, dst, "rafd-pose", workers=1).made == 0
    assert _times(dst) == before
    gone, changed = sorted(before)[:2]
    whole = (dst / gone).read_bytes()
    (dst / gone).unlink()
    later = time.time_ns() + 10**9
    os.utime((src / changed).with_suffix(".jpg"), ns=(later, later))
    assert prepare_dataset(src, dst, "rafd-pose", workers=1).made == 2
    assert (dst / gone).read_bytes() == whole
    assert {name for name, ns in _times(dst).items() if ns == before[name]} == set(sorted(before)[2:])


def test_a_broken_photo_that_was_mended_is_taken_in(tmp_path):
    src, dst = _rafd(tmp_path / "rafd", ("01",), ("045",)), tmp_path / "pose"
    broken = src / "Rafd045_16_Kid_male_sad_left.jpg"
    broken.touch()
    assert prepare_dataset(src, dst, "rafd-pose", workers=1).rejected == [Rejected(broken.name, "empty file")]
    _photo("16", "sad").save(broken)
    result = prepare_dataset(src, dst, "rafd-pose", workers=1)
    assert (len(result.samples), result.made, result.rejected) == (3, 1, [])
    assert _rows(dst / "rejected.csv") == []


@pytest.mark.slow
def test_two_workers_make_the_same_bytes_as_one(tmp_path):
    src = tmp_path / "faces"
    (src / "happy").mkdir(parents=True)
    for subject in ("01", "02", "16"):
        _photo(subject, "happy", (300, 300), 1).save(src / "happy" / f"{subject}.png")
    (src / "happy" / "broken.png").touch()
    told = []
    for workers in (1, 2):
        prepare_dataset(
            src, tmp_path / str(workers), "folder", None, workers, lambda *progress: told.append(progress)
        )
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)] * 2
    one, two = (
        {path.relative_to(tmp_path / n): path.read_bytes() for path in (tmp_path / n).rglob("*.*")}
        for n in "12"
    )
    assert one == two


@pytest.mark.slow
def test_a_preparation_killed_for_real_goes_on(tmp_path):
    src, dst = _rafd(tmp_path / "rafd", ("01", "02", "16", "20"), ("000", "045", "180")), tmp_path / "pose"
    command = [
        sys.executable,
        "-m",
        "feroi.cli.app",
        "prepare",
        "rafd-pose",
        str(src),
        str(dst),
        "--workers",
        "2",
    ]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while len(_times(dst)) < 3:
        assert process.poll() is None, "ended before it could be killed"
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(0.5)  # until the workers have noticed
    before = _times(dst)
    assert len(before) < 24
    with pytest.raises(LayoutError, match="not prepared to its end"):
        read_dataset(dst)
    result = prepare_dataset(src, dst, "rafd-pose", workers=1)
    assert (len(result.samples), result.made) == (24, 24 - len(before))
    assert before.items() <= _times(dst).items()


def test_the_contact_sheet_has_a_row_an_expression(tmp_path):
    src = _rafd(tmp_path / "rafd", ("01", "16", "02"), ("045",))
    result = prepare_dataset(src, tmp_path / "pose", "rafd-pose", workers=1)
    face, gap, label = contact.FACE_PX, contact.GAP_PX, contact.LABEL_PX
    with Image.open(tmp_path / "pose" / "contact.png") as image:
        sheet = np.asarray(image)
    assert sheet.shape == (7 * (face + gap), label + 3 * (face + gap))
    for line, expression in enumerate(EXPRESSIONS):
        top = line * (face + gap)
        assert (sheet[top : top + face, :label] < 128).any()  # its name
        here = [row for row in result.samples if row.expression == expression]
        for column in range(3):
            left = label + column * (face + gap)
            shown = sheet[top : top + face, left : left + face]
            if not here:
                assert (shown == 255).all()
                continue
            with Image.open(here[column].image) as image:
                assert (shown == np.asarray(image.resize((face, face), Image.Resampling.BICUBIC))).all()


def test_photos_of_one_name_but_for_the_suffix_stay_two(tmp_path):
    src = tmp_path / "faces"
    (src / "sad").mkdir(parents=True)
    for name in ("a.png", "a.jpg", "b.png"):
        _photo("01", "sad", (200, 240), 1).save(src / "sad" / name)
    result = prepare_dataset(src, tmp_path / "out", "folder", "front", workers=1)
    assert [row.name for row in result.samples] == ["sad/a.jpg.png", "sad/a.png.png", "sad/b.png"]
    assert all(row.image.is_file() for row in result.samples)


@pytest.mark.parametrize("file", ["../a.png", "/a.png", ""])
def test_a_table_cannot_write_outside_the_folder(tmp_path, file):
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces" / "samples.csv").write_text(f"file,expression\n{file},sad\n")
    with pytest.raises(ValueError, match="no file below the table's own folder"):
        prepare_dataset(tmp_path / "faces", tmp_path / "out", "folder")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("folder", "nowhere", "out"), "nowhere does not exist"),
        (("faces", "rafd", "out"), "choose one of rafd-front, rafd-pose, sfew, folder"),
        (("rafd-front", "rafd", "out"), "no frontal photo"),
        (("rafd-front", "rafd", "out", "--pipeline", "wild"), "rafd-front is always prepared by front"),
        (("folder", "rafd", "out", "--pipeline", "loose"), "choose one of front, pose, wild"),
        (("rafd-front", "rafd", "out", "--box", "0,0,9,9"), "a box is cut by rafd-pose alone"),
        (("rafd-pose", "rafd", "out", "--box", "0,0,9"), "--box is LEFT,TOP,RIGHT,BOTTOM in pixels"),
        (("rafd-pose", "rafd", "out", "--box", "9,0,9,9"), "x0 < x1 and y0 < y1"),
        (("rafd-pose", "rafd", "out", "--box", "700,0,800,9"), "lies outside the photo of 681x1024 px"),
        (("sfew", "rafd", "out"), "Expected SFEW 2.0"),
        (("rafd-pose", "rafd", "rafd"), "must not lie within each other"),
        (("rafd-pose", "rafd", "rafd/out"), "must not lie within each other"),
        (("rafd-pose", "rafd", "."), "must not lie within each other"),
        (("rafd-pose", "rafd", "full"), "holds something else already"),
        (("rafd-pose", "rafd", "full/x.txt"), "is a file"),
        (("rafd-pose", "rafd", "out"), "not one of 1 photos could be prepared"),
        (("folder", "fer", "out"), "holds faces prepared already (wild)"),
    ],
)
def test_what_cannot_be_is_said_clearly(tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    for path in ("rafd/Rafd045_01_Kid_male_sad_left.jpg", "full/x.txt", "fer/train/angry/1.png"):
        Path(path).parent.mkdir(parents=True)
        Path(path).touch()
    result = CliRunner().invoke(app, ["prepare", *arguments, "--workers", "1"])
    assert result.exit_code == 1
    assert says in result.output.replace("\n", " ")


def test_a_folder_prepared_in_another_way_is_left_alone(tmp_path):
    src, dst = _rafd(tmp_path / "rafd", ("01",), ("090",), ("happy",)), tmp_path / "out"
    prepare_dataset(src, dst, "rafd-pose", workers=1)
    with pytest.raises(ValueError, match=r"kind \('rafd-pose' -> 'rafd-front'\)"):
        prepare_dataset(src, dst, "rafd-front", workers=1)
    src.rename(tmp_path / "moved")
    with pytest.raises(ValueError, match="differs in source"):
        prepare_dataset(tmp_path / "moved", dst, "rafd-pose", workers=1)


def test_the_command_says_what_it_did(tmp_path):
    src = _rafd(tmp_path / "rafd", ("01",), ("045",), ("happy",))
    (src / "Rafd045_16_Kid_male_sad_left.jpg").touch()
    result = CliRunner().invoke(
        app, ["prepare", "rafd-pose", str(src), str(tmp_path / "out"), "--workers", "1"]
    )
    assert result.exit_code == 0
    said = result.output.replace("\n", "")
    assert "1 photos could not be prepared" in said
    assert "Rafd045_16_Kid_male_sad_left.jpg: empty file" in said
    assert "1 prepared faces are in" in said


def test_fer2013_is_prepared_as_wild_already(tmp_path):
    path = tmp_path / "fer2013.csv"
    values = " ".join(["7"] * 2304)
    path.write_text(f"emotion,pixels,Usage\n0,{values},Training\n3,{values},PublicTest\n")
    samples = read_dataset(path)
    assert set(samples.attribute("pipeline")) == {"wild"}
    assert samples.attribute("split") == [TRAINING, VALIDATION]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere such names cannot be")
def test_names_that_are_no_text_are_written_escaped(tmp_path):
    folder = tmp_path / "photos" / "happy"
    folder.mkdir(parents=True)
    _photo("01", "happy", (300, 300), 1).save(folder / os.fsdecode(b"lat\xff.jpg"))
    os.mkfifo(folder / os.fsdecode(b"pipe\xff.jpg"))
    result = prepare_dataset(tmp_path / "photos", tmp_path / "faces", "folder", workers=1)
    assert result.rejected == [Rejected("happy/pipe\\xff.jpg", "not a file")]
    (there,) = read_dataset(tmp_path / "faces")
    assert there.name == "happy/lat\\xff.png"
    assert read_photo(there.image).shape == (160, 160, 3)
