"""Readers on made-up files with the real names and numbers of each data set."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from feroi.cli.app import app
from feroi.data.decoded import decode
from feroi.data.folds import subject_folds
from feroi.data.rafd import paper_fold
from feroi.data.readers import embedded_folder, read_dataset
from feroi.data.samples import TEST, TRAINING, VALIDATION, LayoutError, write_table
from feroi.progress import Note
from feroi.vocabulary import EXPRESSIONS

RAFD_EMOTIONS = (
    "angry", "contemptuous", "disgusted", "fearful", "happy", "neutral", "sad", "surprised"
)  # fmt: skip
# 67 numbers within 1..73, thirteen of them in 1..15 as Table 6 implies.
RAFD_SUBJECTS = [n for n in range(1, 74) if n not in (6, 13, 17, 34, 50, 66)]


def _rafd(root: Path, angles=("000", "045", "090", "135", "180")) -> Path:
    root.mkdir()
    for subject in RAFD_SUBJECTS:
        for angle in angles:
            for emotion in RAFD_EMOTIONS:
                for gaze in ("frontal", "left", "right"):
                    name = f"Rafd{angle}_{subject:02d}_Caucasian_female_{emotion}_{gaze}.jpg"
                    (root / name).touch()
    return root


@pytest.mark.slow
def test_rafd_has_the_papers_counts(tmp_path):
    samples = read_dataset(_rafd(tmp_path / "rafd"))
    assert len(samples) == 7035
    frontal = samples.where(lambda row: row.attributes["pose"] == "090")
    assert len(frontal) == 1407
    assert set(samples.counts().values()) == {1005}
    for rows, per_class in ((frontal, 39), (samples, 195)):  # Table 6, fold 1
        fold = subject_folds(rows)[0]
        assert set(rows.take(fold.validation).counts().values()) == {per_class}
        assert {int(s) for s in rows.take(fold.validation).subjects} <= set(range(1, 16))


def test_rafd_names_are_read(tmp_path):
    name = "Rafd045_07_Moroccan_male_disgusted_left.jpg"
    (tmp_path / name).touch()
    (tmp_path / "readme.txt").touch()
    (sample,) = read_dataset(tmp_path)
    assert (sample.expression, sample.subject, sample.name) == ("disgust", "07", name)
    assert sample.attributes == {
        "source": "RaFD", "pose": "045", "gaze": "left", "gender": "male", "ethnicity": "Moroccan"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("subject", "fold"),
    [(1, 0), (15, 0), (16, 1), (29, 1), (30, 2), (43, 2), (44, 3), (57, 3), (58, 4), (73, 4)],
)
def test_paper_folds_have_the_papers_borders(subject, fold):
    assert paper_fold(f"{subject:02d}") == fold


def test_a_wrong_rafd_name_shows_the_right_one(tmp_path):
    (tmp_path / "Rafd090_1_female_angry.jpg").touch()
    with pytest.raises(LayoutError, match="Rafd090_01_Caucasian_female_angry_frontal"):
        read_dataset(tmp_path, "rafd")


def _expression_files(root: Path, names: dict[str, int]) -> None:
    for name, count in names.items():
        (root / name).mkdir(parents=True)
        for number in range(count):
            (root / name / f"video_{number:09d}.png").touch()


def test_sfew_has_the_papers_counts(tmp_path):
    emotions = ("Angry", "Disgust", "Fear", "Happy", "Neutral", "Sad", "Surprise")
    _expression_files(tmp_path / "Train", dict(zip(emotions, (165, 60, 80, 180, 140, 155, 85), strict=True)))
    _expression_files(tmp_path / "Val", dict(zip(emotions, (70, 20, 40, 70, 80, 70, 50), strict=True)))
    samples = read_dataset(tmp_path)
    assert set(samples.attribute("source")) == {"SFEW"}
    assert (len(samples.split(TRAINING)), len(samples.split(VALIDATION))) == (865, 400)


def test_sfew_without_val_shows_the_layout(tmp_path):
    _expression_files(tmp_path / "Train", {"Angry": 1})
    with pytest.raises(LayoutError, match=r"no folder val.*\n.*SFEW 2.0: folders Train and Val"):
        read_dataset(tmp_path, "sfew")


RAF_DB = {1: "surprise", 2: "fear", 3: "disgust", 4: "happy", 5: "sad", 6: "angry", 7: "neutral"}
AFFECTNET = {0: "neutral", 1: "happy", 2: "sad", 3: "surprise", 4: "fear", 5: "disgust", 6: "angry"}


@pytest.mark.parametrize(
    ("order", "numbers", "meant", "said"),
    [
        ("RAF-DB", range(1, 8), RAF_DB, "1 surprise, 2 fear, 3 disgust, 4 happy, 5 sad, 6 angry, 7 neutral"),
        (
            "AffectNet",
            range(8),
            AFFECTNET,
            "0 neutral, 1 happy, 2 sad, 3 surprise, 4 fear, 5 disgust, 6 angry",
        ),
    ],
)
@pytest.mark.parametrize("splits", [{"": None}, {"train": TRAINING, "valid": VALIDATION, "Test": TEST}])
def test_numbered_folders_are_read_in_an_order_that_is_said(tmp_path, order, numbers, meant, said, splits):
    for split in splits:
        _expression_files(tmp_path / split, {str(number): 2 for number in numbers})
    with pytest.warns(Note, match=f"{order} numbers them: {said}"):
        samples = read_dataset(tmp_path)
    assert len(samples) == 14 * len(splits)
    for sample in samples:
        *before, folder, _ = sample.name.split("/")
        assert sample.expression == meant[int(folder)]
        assert sample.attributes.get("split") == splits["/".join(before)]
    result = CliRunner().invoke(app, ["evaluate", "default", "--data", str(tmp_path), "--split", "all"])
    assert f"folders are read as {order} numbers them: {said}" in result.output.replace("\n", " ")


def test_numbers_that_may_be_either_are_asked_for(tmp_path):
    _expression_files(tmp_path, {str(number): 1 for number in range(7)})
    with pytest.raises(LayoutError, match=r"0, 1, .* say which: --layout rafdb for .*--layout affectnet for"):
        read_dataset(tmp_path)
    with pytest.warns(Note, match="AffectNet"):
        assert [row.expression for row in read_dataset(tmp_path, "affectnet")] == list(AFFECTNET.values())
    with pytest.raises(LayoutError, match=r"folder .*0: RAF-DB has the numbers 1 to 7"):
        read_dataset(tmp_path, "rafdb")


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="needs to be root, to be nobody")
def test_a_folder_of_a_data_set_that_may_not_be_opened_is_named():
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "data"
        _expression_files(root, {"angry": 1, "happy": 1})
        Path(place).chmod(0o755)
        (root / "happy").chmod(0)
        os.seteuid(65534)
        try:
            with pytest.raises(LayoutError, match=r"no permission to read the folder .*happy; open it"):
                read_dataset(root)
        finally:
            os.seteuid(0)


def test_fer2013_folders(tmp_path):
    _expression_files(tmp_path / "train", {"angry": 3, "happy": 2})
    _expression_files(tmp_path / "validation", {"angry": 1})
    _expression_files(tmp_path / "test", {"surprise": 4})
    samples = read_dataset(tmp_path)
    assert Counter(samples.attribute("split")) == {TRAINING: 5, VALIDATION: 1, TEST: 4}
    assert samples[0].name == "train/angry/video_000000000.png"


@pytest.mark.parametrize(
    "names",
    [("train", "val", "test"), ("Train", "valid", "TEST"), ("training", "dev", "testing"),
     ("Training", "PublicTest", "PrivateTest")],
)  # fmt: skip
def test_no_split_is_lost_whatever_it_is_called(tmp_path, names):
    for count, name in enumerate(names, 1):
        _expression_files(tmp_path / name, {"angry": count, "Happiness": count})
    samples = read_dataset(tmp_path)
    assert Counter(samples.attribute("split")) == {TRAINING: 2, VALIDATION: 4, TEST: 6}


def test_folders_that_are_left_out_beside_splits_are_said(tmp_path):
    _expression_files(
        tmp_path, {"Train/Angry": 1, "Val/Angry": 1, "Test": 2, "extra/happy": 1, "__MACOSX": 1}
    )
    with pytest.warns(Note, match="left out are the folders extra, Test, which are no splits with labels"):
        samples = read_dataset(tmp_path)
    assert set(samples.attribute("source")) == {"SFEW"}
    assert len(samples) == 2


def test_what_archives_carry_along_and_wrap_is_of_no_concern(tmp_path):
    for root, folders in {
        "faces": ("angry", "happy"),
        "raf": [str(number) for number in range(1, 8)],
    }.items():
        _expression_files(tmp_path / root / "archive" / root, dict.fromkeys([*folders, "__MACOSX"], 2))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Note)
            samples = read_dataset(tmp_path / root)
        assert len(samples) == 2 * len(folders)


def test_pictures_in_folders_of_people_below_an_expression_are_read(tmp_path):
    _expression_files(tmp_path, {"angry": 1, "angry/s01": 2, "happy/s01": 1, "happy/.trash": 1})
    assert read_dataset(tmp_path).counts()["angry"] == 3
    assert len(read_dataset(tmp_path)) == 4


def test_any_folder_of_folders(expression_folders):
    (expression_folders / "contempt").mkdir()
    (expression_folders / ".cache").mkdir()
    (expression_folders / "angry" / "notes.txt").touch()
    samples = read_dataset(expression_folders)
    assert samples.counts() == dict.fromkeys(EXPRESSIONS, 6)
    assert samples.subjects == [None] * 42


def test_a_folder_that_is_no_expression_is_named(expression_folders):
    (expression_folders / "bored").mkdir()
    with pytest.raises(LayoutError, match=r"bored.*unknown expression"):
        read_dataset(expression_folders)


def test_an_unknown_layout_shows_them_all(tmp_path):
    with pytest.raises(
        LayoutError, match=r"(?s)RaFD.*SFEW.*FER-2013 as CSV.*as folders.*folder of folders.*table"
    ):
        read_dataset(tmp_path)


def test_a_missing_path_says_so(tmp_path):
    with pytest.raises(LayoutError, match="does not exist"):
        read_dataset(tmp_path / "nowhere")


def test_a_table_keeps_subjects_and_attributes(tmp_path):
    (tmp_path / "samples.csv").write_text(
        "file,expression,subject,gender,split\na.png,Happiness,s1,female,training\nb.png,contempt,s2,male,\n"
    )
    (sample,) = read_dataset(tmp_path)
    assert (sample.image, sample.expression, sample.subject) == (tmp_path / "a.png", "happy", "s1")
    assert sample.attributes == {"source": tmp_path.name, "gender": "female", "split": "training"}


def test_a_table_written_is_the_table_read(tmp_path, expression_folders):
    samples = read_dataset(expression_folders)
    write_table(samples, expression_folders / "samples.csv")
    again = read_dataset(expression_folders)
    assert [(s.image, s.expression) for s in again] == [(s.image, s.expression) for s in samples]


@pytest.mark.parametrize(
    ("text", "says"),
    [("file,expression\na.png,bored\n", "line 2: unknown"), ("file,label\na,b\n", "no column expression"),
     ("file,expression\n", "has no rows")],
)  # fmt: skip
def test_broken_tables_are_named(tmp_path, text, says):
    (tmp_path / "samples.csv").write_text(text)
    with pytest.raises(LayoutError, match=says):
        read_dataset(tmp_path)


def test_a_row_without_a_known_expression_is_left_out_by_its_line(tmp_path, expression_folders):
    names = ["angry/0.png", "happy/0.png", "sad/0.png", "fear/0.png", "neutral/0.png"]
    words = ["angry", "bored", "", "fear", "neutral"]
    table = [f"{name},{word}" for name, word in zip(names, words, strict=True)]
    (expression_folders / "samples.csv").write_text("\n".join(["file,expression", *table]))
    decoded = decode(read_dataset(expression_folders), (24, 24))
    assert [row.name for row in decoded.samples] == [names[0], names[3], names[4]]
    assert [row.name for row in decoded.rejected] == names[1:3]
    assert decoded.rejected[0].reason.startswith("line 3: unknown expression 'bored'")


def test_embedded_faces_fill_the_papers_five_folds():
    samples = read_dataset("embedded")
    assert samples.counts() == dict.fromkeys(EXPRESSIONS, 60)
    assert Counter(samples.attribute("gaze")) == {"frontal": 140, "left": 140, "right": 140}
    folds = subject_folds(samples)
    assert [len(fold.validation) for fold in folds] == [84] * 5
    with Image.open(samples[0].image) as image:
        assert (image.size, image.mode) == ((125, 160), "L")


@pytest.mark.parametrize(
    ("name", "size", "pictures", "people", "poses"),
    [
        ("embedded-wild", (125, 160), 140, 20, {"090"}),
        ("embedded-poses", (142, 142), 175, 5, {"000", "045", "090", "135", "180"}),
        ("embedded-poses-wild", (142, 142), 175, 5, {"000", "045", "090", "135", "180"}),
    ],
)
def test_other_embedded_faces_fill_the_folds_too(name, size, pictures, people, poses):
    samples = read_dataset(name)
    assert samples.counts() == dict.fromkeys(EXPRESSIONS, pictures // 7)
    assert set(samples.attribute("pose")) == poses
    assert len(set(samples.subjects)) == people
    assert {len(fold.validation) for fold in subject_folds(samples)} == {pictures // 5}
    with Image.open(samples[0].image) as image:
        assert (image.size, image.mode) == (size, "L")


def test_embedded_faces_and_their_truth_are_the_files_rendered():
    root = embedded_folder().parent
    assert "MIT License" in (root / "LICENSE-ICT-FaceKit").read_text()
    listed = dict(reversed(line.split("  ")) for line in (root / "SHA256SUMS").read_text().splitlines())
    there = [path for path in root.rglob("*.*") if path.suffix in (".jpg", ".npz", ".json")]
    assert {path.relative_to(root).as_posix() for path in there} == set(listed)
    for path in there:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == listed[path.relative_to(root).as_posix()]
    pictures = {path.stem for path in root.rglob("*.jpg")}
    assert {path.stem for path in root.rglob("*.npz")} == pictures
    assert sum(path.stat().st_size for path in root.rglob("*.*")) < 10e6


def test_a_path_that_is_not_there_names_the_faces_shipped():
    with pytest.raises(LayoutError, match="embedded, embedded-wild, embedded-poses, embedded-poses-wild"):
        read_dataset("embeded")


def test_pixels_of_a_broken_table_image_do_not_stop_the_rest(tmp_path):
    from feroi.data.decoded import decode

    Image.fromarray(np.full((20, 20), 9, np.uint8)).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"")
    (tmp_path / "samples.csv").write_text("file,expression\nbad.png,sad\ngood.png,sad\ngone.png,sad\n")
    for _ in range(2):  # the second time from the cache
        decoded = decode(read_dataset(tmp_path), (20, 20))
        assert [row.name for row in decoded.samples] == ["good.png"]
        assert dict(decoded.rejected) == {"bad.png": "empty file", "gone.png": "file not found"}
        assert (decoded.pixels == 9).all()


def test_a_table_is_read_for_what_people_mean(tmp_path):
    (tmp_path / "samples.csv").write_text("File, Expression ,Subject\na.png, sad ,s1 \nb.png,sad,s1\n")
    samples = read_dataset(tmp_path)
    assert samples.subjects == ["s1", "s1"]


def test_an_unknown_split_is_named(tmp_path):
    (tmp_path / "samples.csv").write_text("file,expression,split\na.png,sad,holiday\n")
    with pytest.raises(LayoutError, match="line 2: split is training, validation, test, got 'holiday'"):
        read_dataset(tmp_path)
    (tmp_path / "samples.csv").write_text("file,expression,split\na.png,sad,Train\nb.png,sad,val\n")
    assert read_dataset(tmp_path).attribute("split") == [TRAINING, VALIDATION]


def test_rafd_names_are_seen_within_folders_of_expressions(tmp_path):
    (tmp_path / "angry").mkdir()
    (tmp_path / "angry" / "Rafd090_07_Moroccan_male_angry_left.jpg").touch()
    assert read_dataset(tmp_path).subjects == ["07"]
