from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from feroi.config import NetworkConfig
from feroi.data.readers import read_dataset
from feroi.data.samples import Sample, Samples
from feroi.evaluation.agreement import measure_agreement
from feroi.evaluation.attention_targets import (
    REAL_TRUTHS,
    as_stored,
    points_as_stored,
    textbook_regions,
    truth_names,
    truths_of,
)
from feroi.explain.roi import average
from feroi.outputs import NetworkOutput
from feroi.photo.decode import cover
from feroi.photo.geometry import FRAME_EYES_PX, FRAME_HW
from feroi.report.evaluations import draw_agreement
from feroi.synthetic.expressions import Strength
from feroi.synthetic.truth import Truth, write_truth
from feroi.vocabulary import TABLE_4

CONFIG = NetworkConfig("attention", (48, 48), poolings=3)  # stored at 53x53, a map of 6x6
# Row and column of what moved in the picture: each in the middle of a location of the map.
SPOTS = {"angry": (27, 40), "happy": (42, 70), "sad": (73, 55)}


def _spot(row, column, height, width):
    rows, columns = np.mgrid[:height, :width]
    return np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 72).astype(np.float32)


@pytest.fixture
def synthetic(tmp_path):
    """Pictures of 125 x 100 px that show a spot where their truth says that something moved."""
    rows = []
    for subject in ("01", "02", "03", "04"):
        for expression, (row, column) in {**SPOTS, "neutral": (50, 50)}.items():
            spot = _spot(row, column, 100, 125)
            name = f"{subject}_{expression}.png"
            Image.fromarray((255 * spot).astype(np.uint8)).save(tmp_path / name)
            cells = np.pad(spot, ((0, 0), (0, 3)))[:100].reshape(25, 4, 32, 4).mean((1, 3))
            units = {4: cells, 12: 3 * cells}
            write_truth(
                tmp_path,
                name,
                Truth({}, dict.fromkeys(units, Strength(1, 1)), np.ones((68, 2), np.float32), cells, units),
            )
            rows.append(Sample(tmp_path / name, name, expression, subject, {"pose": "090"}))
    return Samples(rows)


def _sees(faces):
    """Attends to what is bright, which is where the truth is."""
    maps = average(faces[:, 0].astype(np.float64), (6, 6)) + 1e-3
    return NetworkOutput(np.zeros((len(faces), 7)), maps / maps.sum((1, 2), keepdims=True), faces)


@pytest.fixture(autouse=True)
def _marks(monkeypatch):
    """The made-up pictures have no landmarks, so Table 4's regions are drawn as one block."""
    block = lambda points, size_hw: dict.fromkeys(TABLE_4, np.eye(*size_hw, dtype=np.float32))  # noqa: E731
    monkeypatch.setattr("feroi.evaluation.attention_targets.textbook_regions", block)


@pytest.mark.parametrize("picture_hw", [(100, 125), (284, 284), (211, 96)])
@pytest.mark.parametrize("stored_hw", [(53, 53), (160, 125), (284, 284)])
def test_the_truth_is_cut_as_the_picture_is(picture_hw, stored_hw):
    """A bright spot of the picture and the same spot of its truth end in the same place."""
    height, width = picture_hw
    row, column = 0.4 * height, 0.55 * width
    spot = _spot(row, column, height, width)
    rows, columns = -(-height // 4), -(-width // 4)
    padded = np.pad(spot, ((0, 4 * rows - height), (0, 4 * columns - width)), mode="edge")
    cells = padded.reshape(rows, 4, columns, 4).mean((1, 3))
    seen = cover((255 * spot).astype(np.uint8), stored_hw).astype(float)
    truth = as_stored(cells, picture_hw, stored_hw)
    assert truth.shape == stored_hw
    centres = []
    for each in (seen, truth):
        at = np.mgrid[: stored_hw[0], : stored_hw[1]]
        centres.append((at * each).sum((1, 2)) / each.sum())
    assert centres[0] == pytest.approx(centres[1], abs=0.15)
    marked = points_as_stored(np.array([[column, row]]), picture_hw, stored_hw)[0, ::-1]
    assert centres[0] == pytest.approx(marked, abs=0.15)


def test_a_map_on_the_truth_beats_every_control(synthetic, tmp_path):
    def untrained(faces):
        return NetworkOutput(np.zeros((len(faces), 7)), np.ones((len(faces), 6, 6)) / 36, faces)

    result = measure_agreement(_sees, CONFIG, synthetic, untrained)
    assert (result.n, result.subjects, result.truth) == (12, 4, "units")
    assert set(result.truths) == {"units", "movement", "regions"}
    figures = result.figures
    assert figures.all["cosine"].mean > 0.8
    assert figures.all["cosine_grid"].mean > 0.99
    assert figures.all["pointing"].mean == 1
    controls = {"uniform", "centre", "other_expression", "untrained", "template", "answer"}
    assert set(figures.controls) == controls
    assert set(figures.misread) == {"map", *controls}  # all is read as angry
    for name, ahead in figures.ahead.items():
        assert all(each.low > 0 for each in ahead.values()), name
    assert figures.controls["uniform"]["gain"].mean == pytest.approx(1)
    # the truth is one shape, so each unit alike and the movement itself are the same
    assert result.truths["movement"].all["cosine"].mean == pytest.approx(figures.all["cosine"].mean, abs=0.01)

    values = result.to_json()
    assert set(values["all"]["cosine"]) == {"mean", "low", "high"}
    assert list(values["expressions"]) == ["angry", "happy", "sad"]
    assert list(values["poses"]) == ["090"]
    assert values["left_out"] == {"neutral, which has no Action Units": 4}
    assert values["interval"]["over"] == "subjects"
    assert set(values["other_truths"]) == {"movement", "regions"}
    draw_agreement(result, tmp_path / "a.png")
    assert Image.open(tmp_path / "a.png").width > 500


def test_units_weigh_the_same_however_far_they_moved(tmp_path):
    left, right = np.zeros((12, 12), np.float32), np.zeros((12, 12), np.float32)
    left[6, 3], right[6, 8] = 8, 2
    units = {4: left, 12: right}
    truth = Truth({}, dict.fromkeys(units, Strength(1, 1)), np.ones((68, 2), np.float32), left + right, units)
    Image.fromarray(np.zeros((48, 48), np.uint8)).save(tmp_path / "x.png")
    write_truth(tmp_path, "x.png", truth)
    row = Sample(tmp_path / "x.png", "x.png", "sad")
    cut = truths_of(row, np.zeros((53, 53), np.uint8), CONFIG, ("units", "movement"))
    halves = {name: (each[:, :24].sum(), each[:, 24:].sum()) for name, each in cut.items()}
    assert halves["units"][0] == pytest.approx(halves["units"][1], rel=0.05)
    assert halves["movement"][0] == pytest.approx(4 * halves["movement"][1], rel=0.1)


def test_real_faces_have_the_regions_of_table_4(monkeypatch):
    monkeypatch.setattr("feroi.evaluation.attention_targets.textbook_regions", textbook_regions)
    faces = read_dataset("embedded").where(lambda row: row.subject == "01" and row.expression == "happy")
    pixels = [cover(np.asarray(Image.open(row.image).convert("L")), FRAME_HW) for row in faces]
    rows = [
        replace(row, image=image, attributes={"pipeline": "front"})
        for row, image in zip(faces, pixels, strict=True)
    ]
    assert truth_names(Samples(rows)) == REAL_TRUTHS
    cut = truths_of(rows[0], pixels[0], NetworkConfig("attention"), REAL_TRUTHS)["regions"]
    assert cut.shape == (144, 112)
    eyes = round(FRAME_EYES_PX[0][1]) - (FRAME_HW[0] - 144) // 2
    assert cut[: eyes - 5].sum() == 0  # a smile is cheeks and lips: nothing above the eyes
    assert 0.1 < cut[eyes:].mean() < 0.6


def test_faces_without_truth_are_counted(synthetic, tmp_path):
    (tmp_path / "truth" / "01_angry.npz").unlink()
    still = Truth(
        {}, {4: Strength(0, 0)}, np.ones((68, 2), np.float32), np.full((25, 32), 0.1, np.float32), {}
    )
    write_truth(tmp_path, "02_sad.png", replace(still, movement_of={4: still.movement}))
    result = measure_agreement(_sees, CONFIG, synthetic)
    assert result.left_out == {
        "neutral, which has no Action Units": 4,
        "no truth file": 1,
        "hardly moved": 1,
    }
    assert result.n == 10
    assert "untrained" not in result.figures.controls


def test_no_map_and_no_truth_are_clear_errors(synthetic):
    blind = lambda faces: NetworkOutput(np.zeros((len(faces), 7)), None, faces)  # noqa: E731
    with pytest.raises(ValueError, match=r"flatten network weighs no location.*gap or attention"):
        measure_agreement(blind, replace(CONFIG, head="flatten"), synthetic)
    with pytest.raises(ValueError, match=r"no truth is known of any of 4 faces: 4 neutral"):
        measure_agreement(_sees, CONFIG, synthetic.where(lambda row: row.expression == "neutral"))


def test_the_region_of_interest_is_measured_as_the_attention_is(synthetic):
    """Evidence where it is bright, for what is read, and level attention."""

    def sees(faces):
        bright = average(faces[:, 0].astype(np.float64), (6, 6)) + 1e-3
        evidence = np.zeros((len(faces), 7, 6, 6))
        evidence[:, 3] = bright
        logits = evidence.sum((2, 3))
        return NetworkOutput(logits, np.full((len(faces), 6, 6), 1 / 36), faces, evidence)

    level = measure_agreement(sees, CONFIG, synthetic).figures.all["cosine"].mean
    shown = measure_agreement(sees, CONFIG, synthetic, kind="roi").figures
    assert shown.all["cosine"].mean > level + 0.2
    assert shown.controls["uniform"]["cosine"].mean == pytest.approx(level)
    with pytest.raises(ValueError, match="written without its evidence"):
        measure_agreement(_sees, CONFIG, synthetic, kind="roi")
    with pytest.raises(ValueError, match="unknown map 'other'; choose of attention, roi"):
        measure_agreement(sees, CONFIG, synthetic, kind="other")
