"""Commands as people type them."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from feroi import __version__
from feroi.cli.app import app
from feroi.network.weights import load_calibration, load_network
from feroi.photo import landmarks
from feroi.training import crossval
from feroi.vocabulary import EXPRESSIONS

TINY = ["--size", "20x20", "--epochs", "1", "--recipe", "onecycle"]


def _run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def model(tmp_path, expression_folders):
    result = _run("train", "--data", expression_folders, "--run", tmp_path / "run", *TINY)
    assert result.exit_code == 0, result.output
    return tmp_path / "run"


def test_version():
    assert _run("--version").stdout.strip() == __version__


def test_evaluate_writes_the_scores_under_their_names(model, expression_folders, tmp_path):
    result = _run(
        "evaluate", model, "--data", expression_folders, "--json", tmp_path / "s.json",
        "--confusion", tmp_path / "c.png",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    scores = json.loads((tmp_path / "s.json").read_text())
    assert scores["n"] == 42
    assert scores["label_order"] == list(EXPRESSIONS)
    total = sum(scores["confusion_matrix"][i][i] for i in range(7))
    assert scores["accuracy"] == pytest.approx(total / 42)
    assert set(scores["per_class_recall"]) == set(EXPRESSIONS)
    assert (tmp_path / "c.png").exists()


def test_rois_are_drawn(model, expression_folders, tmp_path):
    result = _run("evaluate", model, "--data", expression_folders, "--rois", tmp_path / "r.png")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "r.png").read_bytes().startswith(b"\x89PNG")


CROSSVAL = ["crossval", "--data", "embedded", "--network", "paper-gap", "--size", "16x16", "--epochs", "1",
            "--folds", "5", "--run"]  # fmt: skip


@pytest.fixture(scope="module")
def crossvalidated(tmp_path_factory):
    """What the command says, and the folder it leaves."""
    run = tmp_path_factory.mktemp("crossvalidated") / "cv"
    result = _run(*CROSSVAL, run)
    assert result.exit_code == 0, result.output
    return result.output, run


@pytest.mark.slow
def test_crossval_reports_mean_and_spread(crossvalidated):
    said, run = crossvalidated
    values = json.loads((run / "crossval.json").read_text())
    assert [fold["n"] for fold in values["folds"]] == [84] * 5
    accuracies = [fold["accuracy"] for fold in values["folds"]]
    assert values["accuracy_mean"] == pytest.approx(sum(accuracies) / 5)
    assert values["together"]["n"] == 420
    assert "±" in said
    assert said.count("beware: nothing says how these faces were cropped and aligned") == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "--data", "nowhere", "--run", "x"], "nowhere does not exist"),
        (["train", "--data", "embedded", "--run", "x", "--size", "big"], "WIDTHxHEIGHT"),
        (["train", "--data", "embedded", "--run", "x", "--network", "vgg"], "paper-attention"),
        (["train", "--data", "embedded", "--run", "x", "--fold", "6"], "fold is 1 to 5"),
        (["evaluate", "nowhere", "--data", "embedded"], "no model at nowhere"),
        (
            ["crossval", "--data", "embedded", "--run", "x", "--folds", "50"],
            "need at least 50 subjects, found 20",
        ),
    ],
)
def test_errors_are_one_clear_message(arguments, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = _run(*arguments)
    assert result.exit_code == 1
    assert says in result.output.replace("\n", " ")
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []


def test_names_in_errors_do_not_command_the_terminal(tmp_path):
    folder = tmp_path / "\x1b[31mred\u202e" / "below"  # a folder that a data set lies in alone
    folder.mkdir(parents=True)
    (folder / "notes.jpg").touch()
    result = _run("evaluate", "default", "--data", tmp_path)
    assert result.exit_code == 1
    assert "\\x1b[31mred\\u202e" in result.stderr
    assert "\x1b" not in result.stderr
    assert "layouts known:\n- RaFD" in result.stderr


def test_options_that_do_not_fit_the_model_or_data_say_so(model, expression_folders, tmp_path):
    data = ["--data", expression_folders]
    assert "no poses" in _run("evaluate", model, *data, "--by-pose", "--rois", tmp_path / "r.png").output
    assert "no split 'test'" in _run("evaluate", model, *data, "--split", "test").output
    assert "--split is" in _run("evaluate", model, *data, "--split", "rest").output
    assert "training split" in _run("evaluate", model, *data, "--twins").output
    assert "give --rois FILE too" in _run("evaluate", model, *data, "--by-pose").output
    folds = ["crossval", *data, "--run", tmp_path / "svm"]
    assert "for a --classifier" in _run(*folds, "--limit", "9").output
    assert "an SVM has no epochs" in _run(*folds, "--classifier", "lbp", "--epochs", "2").output
    baseline = tmp_path / "baseline"
    _run("train", *data, "--run", baseline, "--network", "paper-baseline", *TINY)
    assert "no map" in _run("evaluate", baseline, *data, "--rois", tmp_path / "r.png").output


def test_evaluate_reads_the_validation_split_and_counts_twins(tmp_path, expression_folders):
    root = tmp_path / "fer"
    for split in ("train", "validation"):
        shutil.copytree(expression_folders, root / split)
    for number in range(3):  # three of the six angry images are new
        flat = np.full((24, 24), 5 + number, np.uint8)
        Image.fromarray(flat).save(root / "validation" / "angry" / f"{number}.png")
    run = tmp_path / "run"
    assert _run("train", "--data", root, "--run", run, *TINY).exit_code == 0
    result = _run("evaluate", run, "--data", root, "--twins", "--json", tmp_path / "s.json")
    assert result.exit_code == 0, result.output
    scores = json.loads((tmp_path / "s.json").read_text())
    assert (scores["n"], scores["without_twins"]["n"]) == (42, 3)
    assert "39 of these 42 images were trained on" in result.output
    result = _run("evaluate", run, "--data", root, "--split", "training", "--twins")
    assert "every image has a twin" in result.output


def test_a_calibrated_model_says_what_its_probabilities_are_worth(tmp_path, expression_folders):
    root = tmp_path / "fer"
    shutil.copytree(expression_folders, root / "train")
    shutil.copytree(expression_folders, root / "validation")
    run, file = tmp_path / "run", tmp_path / "calibrated.safetensors"
    part = ["--data", root, "--hold-out", "0.5"]
    assert _run("train", *part, "--run", run, *TINY).exit_code == 0
    result = _run("calibrate", run, *part, "--coverage", "0.6", "--out", file)
    assert result.exit_code == 0, result.output
    assert "trained on" not in result.output
    calibration = load_calibration(file)
    assert (calibration.mirror, calibration.coverage) == (True, 0.6)
    more = ["--also-layout", "fer2013", "--elsewhere", "2", "--out", tmp_path / "more.safetensors"]
    result = _run("calibrate", run, *part, "--coverage", "0.6", *more)
    assert result.exit_code == 0, result.output
    assert "from 150 faces" in " ".join(result.output.split())  # 25 under two layouts, each thrice
    result = _run("evaluate", file, *part, "--json", tmp_path / "held.json")
    assert json.loads((tmp_path / "held.json").read_text())["n"] == 25, result.output
    assert "--hold-out takes the place" in _run("evaluate", file, *part, "--split", "all").output
    drawn = tmp_path / "reliability.png"
    result = _run("evaluate", file, "--data", root, "--reliability", drawn, "--json", tmp_path / "s.json")
    assert result.exit_code == 0, result.output
    certainty = json.loads((tmp_path / "s.json").read_text())["certainty"]
    assert certainty["sets"]["coverage"] == 0.6
    assert sum(each["n"] for each in certainty["bins"]) == 42
    assert drawn.read_bytes().startswith(b"\x89PNG")
    # its validation images are twins of those trained on and those calibrated on; the file still knows both
    assert "17 of these 42 images were trained on" in result.output
    assert "25 of these 42 images were calibrated on" in result.output
    # promises are not for faces that were learned from
    result = _run("calibrate", run, "--data", root, "--split", "training", "--out", file)
    warning = "17 of the images it was calibrated on were trained on"
    assert f"beware: {warning}" in result.output
    assert f"beware: {warning}" in _run("evaluate", file, "--data", root).output
    photo = next(root.rglob("*.png"))
    result = _run("analyze", photo, photo, "--model", file, "--detector", "none", "--pipeline", "wild")
    assert result.stderr.count(f"beware: {warning}") == 1
    assert "beware" not in result.stdout
    assert load_calibration(file).trained_on == 17
    assert _run("export", file, "--folder", tmp_path / "hub").exit_code == 0
    assert f"**Beware: {warning}" in (tmp_path / "hub" / "README.md").read_text()


@pytest.mark.slow
def test_a_crossval_that_was_killed_scores_last_weights_and_does_not_repeat_finished_folds(
    crossvalidated, tmp_path, monkeypatch
):
    scored = []
    monkeypatch.setattr(crossval, "load_network", lambda path: scored.append(path) or load_network(path))
    run = tmp_path / "cv"
    shutil.copytree(crossvalidated[1], run)  # with its times
    first = (run / "fold1" / "last.safetensors").stat().st_mtime_ns
    before = (run / "crossval.json").read_text()
    shutil.rmtree(run / "fold5")
    (run / "crossval.json").unlink()
    assert _run(*CROSSVAL, run).exit_code == 0
    assert (run / "fold1" / "last.safetensors").stat().st_mtime_ns == first
    assert (run / "crossval.json").read_text() == before
    assert [path.name for path in scored] == ["last.safetensors"] * 5


@pytest.mark.slow
def test_the_demo_writes_a_page_of_its_own(tmp_path, monkeypatch):
    from feroi.paper import demo

    monkeypatch.setattr(demo, "EPOCHS", 1)
    monkeypatch.setattr(demo, "INPUT_HW", (48, 40))
    monkeypatch.setattr(demo, "NETWORK", "paper-attention")
    (tmp_path / "demo" / "run").mkdir(parents=True)
    (tmp_path / "demo" / "run" / "config.json").write_text("of an older version")
    result = _run("demo", "--out", tmp_path / "demo")
    assert result.exit_code == 0, result.output
    page = (tmp_path / "demo" / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 4
    scores = json.loads((tmp_path / "demo" / "scores.json").read_text())
    assert f"{100 * scores['accuracy']:.1f} % read right" in page
    assert scores["n"] == 84
    assert "of 23 faces read right" in page
    assert page.count("shows ") >= 20  # faces with what they are known to show
    assert page.count('class="photo"') == 4


def test_analyze_reads_a_real_photo_with_the_shipped_network(tmp_path):
    from skimage import data

    photo = tmp_path / "astronaut.png"
    Image.fromarray(data.astronaut()).save(photo)
    result = _run(
        "analyze", photo, tmp_path / "gone.jpg", "--csv", tmp_path / "t.csv", "--overlay", tmp_path / "o",
        "--report", tmp_path / "r.html",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    with (tmp_path / "t.csv").open() as file:
        first, second = csv.DictReader(file)
    assert (first["status"], first["expression"]) == ("ok", "happy")  # she smiles broadly
    assert float(first["happy"]) > 0.8
    assert second["status"] == "file not found"
    assert [path.name for path in (tmp_path / "o").iterdir()] == ["00000-astronaut.png"]
    page = (tmp_path / "r.html").read_text()
    assert page.count("data:image/jpeg;base64,") == 3
    assert "Cheek Raiser (6), Lip Corner Puller (12)" in page


def test_what_cannot_be_written_is_said_before_the_work(tmp_path):
    result = _run("evaluate", "default", "--data", "embedded", "--json", tmp_path)
    assert result.exit_code == 1
    assert "give the name of a file" in result.output
    assert "accuracy" not in result.output


def test_a_folder_is_made_for_a_file_but_its_name_is_no_file(tmp_path):
    Image.new("RGB", (60, 60)).save(tmp_path / "black.png")
    for option, ending in (("--csv", "/"), ("--jsonl", "/."), ("--report", "/..")):
        result = _run("analyze", tmp_path / "black.png", option, f"{tmp_path / 'new'}{ending}")
        assert result.exit_code == 1
        assert (
            result.stderr
            == f"error: {tmp_path / 'new'}{ending} is the name of a folder; give the name of a file\n"
        )
        assert not result.stdout
    assert _run("evaluate", "default", "--data", "embedded", "--json", f"{tmp_path / 'new'}/").exit_code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["black.png"]
    assert _run("analyze", tmp_path / "black.png", "--csv", tmp_path / "new" / "t.csv").exit_code == 0
    assert (tmp_path / "new" / "t.csv").is_file()


def test_analyze_without_photos_says_so(tmp_path):
    result = _run("analyze", tmp_path)
    assert result.exit_code == 1
    assert "no photos there" in result.output


def test_analyze_fails_where_not_a_single_photo_could_be_read(tmp_path):
    (tmp_path / "empty.jpg").touch()
    nothing, table = tmp_path / "*.webp", tmp_path / "t.csv"
    result = _run("analyze", tmp_path / "empty.jpg", tmp_path / "gone.jpg", nothing, "--csv", table)
    assert result.exit_code == 1
    assert "not a single photo could be read" in result.output
    with table.open() as file:
        statuses = [row["status"] for row in csv.DictReader(file)]
    assert statuses == ["empty file", "file not found", "nothing fits this pattern"]
    Image.new("RGB", (60, 60)).save(tmp_path / "black.png")
    assert _run("analyze", tmp_path / "gone.jpg", tmp_path / "black.png").exit_code == 0


@pytest.mark.parametrize(
    ("option", "name", "message"),
    [
        ("--detector", "eyes", "no detector 'eyes'; choose one of"),
        ("--landmarks", "big", "no landmark model 'big'; choose one of face-mesh, dlib-68"),
        ("--landmarks", "dlib-68", "pip install 'feroi[dlib68]'"),
    ],
)
def test_analyze_refuses_names_before_it_reads(option, name, message, tmp_path, monkeypatch):
    monkeypatch.setattr(landmarks, "find_spec", lambda package: None)
    landmarks._dlib_predictor.cache_clear()
    Image.new("RGB", (60, 60)).save(tmp_path / "black.png")
    result = _run("analyze", tmp_path, option, name)
    assert result.exit_code == 1
    assert message in result.stderr
    assert not result.stdout


def test_reading_needs_no_torch(tmp_path):
    from skimage import data

    Image.fromarray(data.astronaut()).save(tmp_path / "a.png")
    code = (  # not sys.modules["torch"] = None: scipy asks what is there whether it holds a Tensor
        "import sys\n"
        "class NoTorch:\n"
        "    def find_spec(name, *_):\n"
        "        assert name != 'torch', 'torch was asked for'\n"
        "sys.meta_path.insert(0, NoTorch)\n"
        f"import feroi; (face,) = feroi.analyze({str(tmp_path / 'a.png')!r})\n"
        "print(face.expression, face.attention.shape)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["happy", "(512,", "512)"]


def test_crossval_scores_an_svm_and_says_where_the_rest_is(tmp_path, expression_folders):
    result = _run(
        "crossval", "--classifier", "ds", "--data", expression_folders, "--run", tmp_path / "svm",
        "--size", "24x24",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    values = json.loads((tmp_path / "svm" / "crossval.json").read_text())
    assert values["together"]["n"] == 7  # a tenth of six, rounded to one, of each expression
    assert f"accuracy {100 * values['accuracy_mean']:.1f} % on one validation set" in result.output
    assert (tmp_path / "svm" / "confusion.png").exists()


def test_the_commands_are_where_they_were_when_they_were_one_module():
    line = "from feroi.cli import app; import sys; sys.argv[1:] = ['--version']; app()"
    told = subprocess.run(
        [sys.executable, "-c", line], capture_output=True, text=True, check=True, timeout=60
    )
    assert told.stdout.strip() == __version__


def test_calibrate_warns_of_faces_cropped_nobody_knows_how(tmp_path):
    out = tmp_path / "calibrated.safetensors"
    result = _run("calibrate", "default", "--data", "embedded", "--out", out)
    assert result.exit_code == 0, result.output
    assert "learned from those of wild, and reads others less well" in " ".join(result.output.split())


def test_onnx_is_not_written_under_another_name(tmp_path):
    result = _run("export", "default", "--out", tmp_path / "network.txt")
    assert result.exit_code == 1
    assert "ends in .onnx" in " ".join(result.output.split())
    assert not (tmp_path / "network.txt").exists()
