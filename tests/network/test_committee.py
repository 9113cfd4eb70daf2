from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import log_softmax
from typer.testing import CliRunner

import feroi
from feroi.cli.app import app
from feroi.config import NetworkConfig
from feroi.network.calibration import UNCALIBRATED, Calibration
from feroi.network.committee import (
    Committee,
    committee_of,
    mean_forward,
    read_committee,
    shared_config,
    write_committee,
)
from feroi.network.description import model_file, named_members
from feroi.network.load import load_model
from feroi.network.torch_forward import untrained_network
from feroi.network.weights import load_network, save_network
from feroi.outputs import NetworkOutput
from feroi.results import ANY_FACE

CONFIG = NetworkConfig("attention", (24, 24), convolutions=(1, 1, 1, 1), margin=False, pipeline="wild")
FACES = np.random.default_rng(0).random((3, 1, 24, 24), dtype=np.float32)


def _network(path, seed=0, calibration=UNCALIBRATED, **changes):
    network = untrained_network(replace(CONFIG, **changes), seed)
    network.classifier.bias.data.copy_(network.classifier.weight.data[:, seed])
    save_network(network, path, calibration)
    return str(path)


@pytest.fixture
def two(tmp_path):
    one = _network(tmp_path / "one.safetensors", 0, Calibration(True, 2.0, 0.9, 0.2))
    return one, _network(tmp_path / "two.safetensors", 1, Calibration(False, 0.5, 0.8, 0.3))


def _says(logits, attention, evidence):
    return lambda faces: NetworkOutput(
        np.array([logits]), np.array([attention]), np.array([[logits[0]]]), np.array([evidence])
    )


def test_means_by_hand():
    one = _says([1.0, 2.0], [[1.0, 0.0]], [[[4.0, 0.0]], [[0.0, 8.0]]])
    other = _says([3.0, 6.0], [[0.0, 1.0]], [[[0.0, 8.0]], [[4.0, 4.0]]])
    look = mean_forward([one, other], [0.75, 0.25])(FACES)
    assert look.logits.tolist() == [[1.5, 3.0]]
    assert look.attention.tolist() == [[[0.75, 0.25]]]
    assert look.evidence.tolist() == [[[[3.0, 2.0]], [[1.0, 7.0]]]]
    assert look.focus.tolist() == [[1.0, 3.0]]
    blind = mean_forward([one, lambda faces: other(faces)._replace(evidence=None)], [0.5, 0.5])(FACES)
    assert blind.evidence is None  # an older file tells none


def test_a_committee_is_the_product_of_what_its_members_find_probable(two):
    """Independent of the logits' own zero: the normalised geometric mean of the members' probabilities."""
    probable = [np.exp(log_softmax(load_model(each).forward(FACES).logits, 1)) for each in two]
    product = np.sqrt(probable[0].astype(np.float64) * probable[1])
    together = load_model(",".join(two))
    assert together.config == CONFIG
    np.testing.assert_allclose(
        np.exp(log_softmax(together.forward(FACES).logits, 1)),
        product / product.sum(1, keepdims=True),
        rtol=1e-5,
    )
    np.testing.assert_allclose(together.forward(FACES).attention.sum((1, 2)), 1, rtol=1e-5)
    assert together.calibration == UNCALIBRATED  # nobody found out what it covers
    assert together.score is None


def test_the_evidence_sums_to_the_logits_but_for_the_mean_bias(two):
    look = load_model(",".join(two)).forward(FACES)
    said = look.logits - look.logits.mean(1, keepdims=True) - look.evidence.sum((2, 3))
    one, other = (load_network(each).classifier.bias.detach().numpy() for each in two)
    mean = (one / 2.0 + other / 0.5) / 2  # over their temperatures
    np.testing.assert_allclose(said, np.tile(mean - mean.mean(), (3, 1)), rtol=0, atol=1e-4)


@pytest.mark.slow
def test_why_sums_to_the_odds_and_keeps_the_bias_apart(astronaut):
    (face,) = feroi.Reader("default,ferplus", threads=1).read(astronaut)
    odds = face.probabilities["happy"] / face.probabilities["fear"]
    assert (face.expression, face.likely, face.coverage) == ("happy", (), None)
    assert sum(face.why("fear").values()) == pytest.approx(np.log(odds), abs=1e-3)
    alone = [feroi.Reader(each, threads=1).read(astronaut)[0] for each in ("default", "ferplus")]
    for region in (ANY_FACE, "lip"):
        mean = np.mean([each.why("fear")[region] for each in alone])
        assert face.why("fear")[region] == pytest.approx(mean, abs=1e-3)


def test_a_committee_file_is_read_as_it_was_written(two, tmp_path, monkeypatch):
    file = tmp_path / "sub" / "both.json"
    calibration = Calibration(False, 0.5, 0.9, 0.25, 3)
    write_committee(Committee((*two, "default"), (0.5, 0.25, 0.25), calibration), file)
    named = [each["model"] for each in json.loads(file.read_text())["members"]]
    assert named == ["../one.safetensors", "../two.safetensors", "default"]
    monkeypatch.chdir(tmp_path / "sub")
    there = read_committee(Path("both.json"))
    assert [Path(each).resolve() for each in there.members[:2]] == [Path(each) for each in two]
    assert (there.members[2], *there[1:]) == ("default", (0.5, 0.25, 0.25), calibration)


def test_weights_and_temperature_of_a_file_count(two, tmp_path):
    write_committee(Committee(two, (0.8, 0.2), Calibration(False, 0.5, 0.9, 0.25)), tmp_path / "c.json")
    one, other = (load_model(each).forward(FACES) for each in two)
    model = load_model(tmp_path / "c.json")
    assert model.calibration.threshold == 0.25
    expected = (0.8 * one.logits + 0.2 * other.logits) / 0.5
    np.testing.assert_allclose(model.forward(FACES).logits, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"input_hw": (32, 24)}, r"input size \(a: 24x24 px, b: 24x32 px\); size images"),
        ({"margin": True}, r"differ in size images are kept at \(a: 24x24 px, b: 27x27 px\)$"),
        ({"pipeline": "pose"}, r"differ in pipeline \(a: wild, b: pose\)$"),
        ({"pipeline": None}, r"differ in pipeline \(a: wild, b: None\)$"),
        ({"poolings": 2}, r"differ in map size \(a: 1x1, b: 6x6\)$"),
        ({"head": "max"}, r"differ in map size \(a: 1x1, b: no map\)$"),
        ({"inputs": "mapped-patterns"}, r"differ in inputs \(a: intensity, b: mapped-patterns\)$"),
    ],
)
def test_members_that_differ_are_refused_by_what_differs(changes, says):
    with pytest.raises(ValueError, match=says):
        shared_config({"a": CONFIG, "b": replace(CONFIG, **changes)})


def test_members_may_differ_in_what_nobody_else_sees():
    assert shared_config({"a": CONFIG, "b": replace(CONFIG, width=2, beta=3.0, head="gap")}) == CONFIG


def test_commas_part_models_unless_they_belong_to_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "run,1"
    folder.mkdir()
    comma = _network(folder / "a,b.safetensors")
    assert named_members(comma) == [comma]
    assert load_model(comma).config == CONFIG
    assert named_members(f"{comma},default") == [comma, "default"]
    assert named_members(f"default, {comma}") == ["default", comma]
    assert named_members("defalt,ferplus") == ["defalt", "ferplus"]
    with pytest.raises(FileNotFoundError, match="no model at defalt; give default, ferplus, fer2013, a"):
        load_model("defalt,ferplus")
    for text in ("default,", ",default", "default,,ferplus"):
        with pytest.raises(ValueError, match="names no model beside one of its commas"):
            load_model(text)
    with pytest.raises(ValueError, match="2 to 16 members, got 17"):
        load_model(",".join(["default"] * 17))


@pytest.mark.parametrize("use", [load_network, lambda model: model_file(model, ".onnx")])
def test_what_needs_one_network_says_so(use, two, tmp_path):
    write_committee(Committee(two, (0.5, 0.5)), tmp_path / "c.json")
    for model in (",".join(two), tmp_path / "c.json"):
        with pytest.raises(ValueError, match="is a committee of several networks, where one network is need"):
            use(model)


def _without(key):
    return lambda values: values.pop(key)


def _member(**changes):
    return lambda values: values["members"][0].update(changes)


@pytest.mark.parametrize(
    ("spoil", "error", "says"),
    [
        (_without("members"), ValueError, "it lacks 'members'"),
        (_without("calibration"), ValueError, "it lacks 'calibration'"),
        (lambda values: values.update(format="x"), ValueError, "it is of format 'x'"),
        (lambda values: values["members"].pop(), ValueError, "2 to 16 members, got 1"),
        (lambda values: values.update(members={}), ValueError, "no list of objects"),
        (lambda values: values["calibration"].update(temperature=0), ValueError, "the temperature is"),
        (lambda values: values["calibration"].update(heat=0), ValueError, "unexpected keyword"),
        (_member(weight=0.7), ValueError, "weights sum to 1"),
        (_member(weight=-0.5), ValueError, "weights are numbers from 0 to 1"),
        (_member(weight="1"), ValueError, "weights are numbers from 0 to 1"),
        (_member(model=3), ValueError, "are texts"),
        (_member(model="gone.onnx"), FileNotFoundError, r"names the member .*gone\.onnx, which is not there"),
        (_member(model="ferplus"), ValueError, "was made of another ferplus"),
        (_member(model="c.json"), ValueError, "is a committee of several"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(tmp_path, spoil, error, says):
    file = tmp_path / "c.json"
    write_committee(Committee(("default", "fer2013"), (0.5, 0.5)), file)
    values = json.loads(file.read_text())
    spoil(values)
    file.write_text(json.dumps(values))
    with pytest.raises(error, match=says):
        committee_of(file)
    file.write_text("[" * 100_000)
    with pytest.raises(ValueError, match=r"c\.json is not a committee that can be used"):
        load_model(file)


@pytest.mark.slow
def test_commands_read_by_a_committee(tmp_path, astronaut, monkeypatch):
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    Image.fromarray(astronaut).save("astronaut.png")
    both = CliRunner().invoke(app, ["analyze", "astronaut.png", "--model", "default,ferplus", "--jsonl", "f"])
    assert "happy" in both.output, both.output
    assert "not calibrated" in both.output
    whole = ["explain", "astronaut.png", "--model", "default,ferplus", "--whole", "w.png"]
    assert "default,ferplus is a committee of several" in CliRunner().invoke(app, whole).output


def test_a_kept_reader_is_loaded_anew_when_a_member_changes(two, tmp_path):
    pixels = np.zeros((24, 24), np.uint8)
    model = ",".join(two)
    before = feroi.analyze(pixels, model=model, detector="none")[0]
    again = feroi.analyze(pixels, model=model, detector="none")[0]
    assert before == again
    _network(Path(two[1]), 2)
    after = feroi.analyze(pixels, model=model, detector="none")[0]
    assert after.probabilities != before.probabilities
    reader = feroi.Reader(model)
    assert reader.name == "one.safetensors,two.safetensors"
    rebuilt, (file, _) = reader.__reduce__()
    assert (rebuilt.__name__, file) == ("reader_with", model)
