"""Commands as people type them."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from feroi import __version__
from feroi.cli import app
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


def test_rois_are_drawn_side_by_side(model, expression_folders, tmp_path):
    result = _run("rois", model, model, "--data", expression_folders, "--out", tmp_path / "r.png")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "r.png").read_bytes().startswith(b"\x89PNG")


def test_crossval_reports_mean_and_spread(tmp_path):
    result = _run(
        "crossval", "--data", "embedded", "--run", tmp_path / "cv", "--network", "paper-gap",
        "--size", "16x16", "--epochs", "1", "--folds", "5",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    values = json.loads((tmp_path / "cv" / "crossval.json").read_text())
    assert [fold["n"] for fold in values["folds"]] == [84] * 5
    accuracies = [fold["accuracy"] for fold in values["folds"]]
    assert values["accuracy_mean"] == pytest.approx(sum(accuracies) / 5)
    assert values["together"]["n"] == 420
    assert "±" in result.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "--data", "nowhere", "--run", "x"], "nowhere does not exist"),
        (["train", "--data", "embedded", "--run", "x", "--size", "big"], "WIDTHxHEIGHT"),
        (["train", "--data", "embedded", "--run", "x", "--network", "vgg"], "paper-attention"),
        (["train", "--data", "embedded", "--run", "x", "--fold", "6"], "fold is 1 to 5"),
        (["evaluate", "nowhere", "--data", "embedded"], "no model at nowhere"),
        (["crossval", "--data", "embedded", "--run", "x", "--folds", "50"], "found 20 subjects"),
    ],
)
def test_errors_are_one_clear_message(arguments, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = _run(*arguments)
    assert result.exit_code == 1
    assert says in result.output.replace("\n", " ")
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []


def test_options_that_do_not_fit_the_model_or_data_say_so(model, expression_folders, tmp_path):
    data = ["--data", expression_folders]
    assert "no poses" in _run("rois", model, *data, "--by-pose", "--out", tmp_path / "r.png").output
    assert "no split 'test'" in _run("evaluate", model, *data, "--split", "test").output
    assert "--split is" in _run("evaluate", model, *data, "--split", "rest").output
    assert "training split" in _run("evaluate", model, *data, "--twins").output
    baseline = tmp_path / "baseline"
    _run("train", *data, "--run", baseline, "--network", "paper-baseline", *TINY)
    assert "no map" in _run("rois", baseline, *data, "--out", tmp_path / "r.png").output
