"""The paper's tables beside ours, on a few embedded faces under RaFD's names."""

from __future__ import annotations

import json
from contextlib import contextmanager, nullcontext
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from feroi.baselines.descriptors import BASELINES, SELECTING
from feroi.data.decoded import decode
from feroi.data.readers import embedded_folder, read_dataset
from feroi.data.samples import TRAINING, Sample, Samples, pipeline_of
from feroi.evaluation.metrics import score
from feroi.network.weights import load_network
from feroi.paper.datasets import Data, find_data, join_fer2013
from feroi.paper.published import PROTOCOLS, TABLE_5, TABLE_6
from feroi.paper.reproduce import ReproduceCallbacks, make
from feroi.paper.runs import Outcome, Plan
from feroi.paper.tables import NOT_RUN, table5_markdown, table5_rows, table6_markdown
from feroi.photo.align import crop_fixed
from feroi.photo.illumination import normalize_light
from feroi.training.callbacks import SILENT
from feroi.training.loop import METRICS

PLAN = Plan("onecycle", epochs=1, batch_size=8, size_hw=(48, 48))
CALLBACKS = ReproduceCallbacks(
    lambda epochs: nullcontext(SILENT), lambda name: nullcontext(lambda done, todo: None), print
)


@pytest.fixture
def front(tmp_path):
    """One embedded subject of each of the paper's folds, one gaze: 35 pictures of 125x160 px."""
    root = tmp_path / "RaFD"
    root.mkdir()
    for subject in ("01", "16", "30", "44", "58"):
        for path in embedded_folder().glob(f"Rafd090_{subject}_*_frontal.jpg"):
            (root / path.name).write_bytes(path.read_bytes())
    return root


def _outcome(accuracies, seconds=1.5):
    """A network that reads so many of 10 images right in each fold."""
    labels = np.array([0, 1, 2, 3, 4, 5, 6, 0, 1, 2])
    folds = []
    for right in accuracies:
        predicted = labels.copy()
        predicted[right:] = (labels[right:] + 1) % 7
        folds.append(score(labels, predicted))
    return Outcome(folds, seconds)


def test_table5_stands_beside_the_papers():
    outcomes = {("front", "paper-attention"): _outcome([10, 8, 9, 9, 9])}
    rows = {(row["key"], row["network"] or row["method"]): row for row in table5_rows(outcomes, PLAN)}
    row = rows["front", "paper-attention"]
    assert row["paper"] == [95.2, 2.0]
    # Mean of 100, 80, 90, 90, 90 and its standard deviation, sqrt((100 + 100) / 4).
    assert row["ours"] == pytest.approx([90.0, 50**0.5])
    assert rows["front", "lbp"]["ours"] is None
    assert len(rows) == sum(map(len, TABLE_5.values()))
    text = table5_markdown(outcomes, {"front": Data(Samples([]), "35 faces", True)}, PLAN)
    lines = [line for line in text.splitlines() if "(use Eq. (4))" in line and "RaFD-FRONT" in line]
    assert lines == [
        "| RaFD-FRONT | The CNN with Visual Attention (use Eq. (4)) | paper-attention | onecycle (ours), 1 "
        "of the paper's 10,000 epochs, batches of 8, 48x48 px (paper 112x144) | 95.2 ± 2.0 "
        "| 90.0 ± 7.1 (synthetic) | 1.5 |"
    ]
    not_run = [line for line in text.splitlines() if line.startswith("| RaFD-FRONT | LBP+SVM")]
    assert not_run == [f"| RaFD-FRONT | LBP+SVM | lbp |  | 86.5 | {NOT_RUN} |  |"]


def test_one_fold_has_no_spread_and_a_network_of_ours_no_number_of_the_papers():
    rows = table5_rows({("pose", "fine-attention"): _outcome([5])}, PLAN)
    row = next(row for row in rows if row["network"] == "fine-attention")
    assert row["ours"] == [50.0, None]
    assert row["paper"] is None
    assert row["key"] == "pose"


def test_the_papers_own_recipe_is_the_default_and_a_short_form_is_named():
    assert Plan().recipe_of("pose").epochs == 130
    assert Plan().words("pose") == "paper-pose, 130 epochs, 272x272 px"
    changed = Plan(settings=("batch_norm=true", "label_smoothing=0.1"))
    assert changed.network_of("pose", "paper-gap").batch_norm
    assert changed.recipe_of("pose") == replace(Plan().recipe_of("pose"), label_smoothing=0.1)
    assert changed.words("pose").endswith("272x272 px, batch_norm=true (ours), label_smoothing=0.1 (ours)")
    assert Plan(epochs=5).words("front") == "paper-front, 5 of the paper's 10,000 epochs, 112x144 px"


def test_table6_has_the_papers_rows_beside_ours():
    text = table6_markdown({("front", "paper-baseline"): _outcome([10])}, {}, PLAN)
    row = next(line for line in text.splitlines() if line.startswith("| fear |"))
    # The paper: 97.4 as fear, 2.6 as surprise; ours reads all right.
    assert (
        row == "| fear | "
        "0.0 | 0.0 | 97.4 | 0.0 | 0.0 | 0.0 | 2.6 | 0.0 | 0.0 | 100.0 | 0.0 | 0.0 | 0.0 | 0.0 |"
    )
    assert text.count("ours: not run") == 3


def test_the_papers_matrices_have_rows_of_100():
    for matrix in TABLE_6.values():
        for row in matrix:
            assert row is None or sum(row) == pytest.approx(100, abs=0.15)  # rounded by the paper


def test_pictures_cut_already_have_their_light_normalised_and_keep_the_papers_folds(tmp_path, front):
    found = find_data([front], tmp_path / "out", ["front", "pose"], 1, print)
    assert set(found) == {"front"}
    data = found["front"]
    assert pipeline_of(data.samples) == "front"
    assert data.what == "RaFD, 35 images of 5 subjects"
    original = decode(read_dataset(front), (160, 125)).pixels
    prepared = decode(data.samples, (160, 125)).pixels
    np.testing.assert_array_equal(prepared[3], normalize_light(original[3]))


def _grey(name, source, split, pipeline, value):
    attributes = {"source": source, "split": split, "pipeline": pipeline}
    image = np.full((48, 48), value, np.uint8)
    image[10:20, 5:30] = 255 - value
    return Sample(image, name, "happy", None, attributes)


def test_fer2013_joins_the_training_of_sfew_alone():
    sfew = Samples([_grey("a", "SFEW", "training", "front", 9), _grey("b", "SFEW", "validation", "front", 8)])
    fer = Samples(_grey(split, "FER-2013", split, "wild", 70) for split in ("training", "validation", "test"))
    joint = join_fer2013(sfew, fer, (160, 125))
    assert pipeline_of(joint) == "front"
    assert [row.name for row in joint.split(TRAINING)] == ["a", "training", "validation", "test"]
    assert len(joint.split("validation")) == 1
    box = crop_fixed(fer[0].image, (4.3, 3.2, 43.9, 53.9), (160, 125))
    np.testing.assert_array_equal(joint[2].image, normalize_light(box))
    with pytest.raises(ValueError, match="prepared by front"):
        join_fer2013(fer, fer, (160, 125))


@pytest.mark.parametrize(
    ("dot_xy_px", "place"),
    [((14.55, 18.24), (34, 48)), ((32.58, 18.07), (90, 48)), ((23.65, 36.95), (62, 107.9))],
)
def test_fer2013s_eyes_and_mouth_come_to_lie_where_front_puts_them(dot_xy_px, place):
    """Dots at the medians of docs/results/registration.md, against the places in the frontal frame."""
    x, y = np.meshgrid(np.arange(48), np.arange(48))
    dot = 120 * np.exp(-((x - dot_xy_px[0]) ** 2 + (y - dot_xy_px[1]) ** 2) / 8) + 60
    fer = Samples([replace(_grey("a", "FER-2013", "training", "wild", 0), image=dot.astype(np.uint8))])
    sfew = Samples([_grey("b", "SFEW", "training", "front", 9)])
    image = join_fer2013(sfew, fer, (160, 125))[1].image.astype(float)
    above = np.maximum(image - (image.max() + image.min()) / 2, 0)
    rows, columns = np.indices(image.shape)
    found = [(above * columns).sum() / above.sum(), (above * rows).sum() / above.sum()]
    np.testing.assert_allclose(found, place, atol=1)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"target": "table9"}, "cannot reproduce 'table9'; choose one of table1"),
        ({"networks": ["paper-x"]}, "unknown network"),
        (
            {"box_xyxy_px": (0, 0, 9, 9), "target": "fig5"},
            "--box is cut from photos for RaFD-POSE, which fig5",
        ),
        ({"target": "fig6"}, "nothing in .* serves pose"),
        ({"plan": Plan(folds=6)}, "first 1 to 5"),
        ({"plan": Plan(settings=("depth=3",))}, "unknown setting 'depth'"),
        ({"networks": ["paper-gap", "paper-gap"], "target": "fig7"}, "nothing in"),
        ({"networks": ["paper-baseline"], "target": "fig5"}, "paper-baseline has no map"),
        ({"networks": ["global-max"], "target": "fig5"}, "global-max has no map"),
        ({"networks": ["lbp"], "target": "table7"}, "unknown network 'lbp'"),
    ],
)
def test_what_cannot_be_is_said_clearly(tmp_path, front, change, says):
    settings = {
        "target": "table5",
        "paths": [front],
        "out": tmp_path / "out",
        "plan": PLAN,
        "callbacks": CALLBACKS,
    }
    with pytest.raises(ValueError, match=says):
        make(**{**settings, **change})


def test_a_missing_folder_and_another_data_set_are_refused(tmp_path, expression_folders):
    with pytest.raises(ValueError, match="does not exist"):
        find_data([tmp_path / "SFEW"], tmp_path, ["sfew"], 1, print)
    with pytest.raises(ValueError, match="none of RaFD, SFEW and FER-2013"):
        find_data([expression_folders], tmp_path, ["sfew"], 1, print)


def test_a_size_that_fits_no_two_protocols_is_refused_before_photos_are_prepared(tmp_path):
    photos = tmp_path / "RaFD"
    photos.mkdir()
    Image.new("L", (681, 1024)).save(photos / "Rafd090_01_Caucasian_female_angry_frontal.jpg")
    with pytest.raises(ValueError, match="front and pose have different proportions"):
        make("table5", [photos], tmp_path / "out", Plan(size_hw=(72, 56)), CALLBACKS)
    assert not (tmp_path / "out").exists()


def test_pictures_of_another_size_are_refused(tmp_path):
    Image.new("L", (50, 50)).save(tmp_path / "Rafd090_01_Caucasian_female_angry_frontal.jpg")
    with pytest.raises(ValueError, match="50x50 px; expected"):
        find_data([tmp_path], tmp_path / "out", ["front"], 1, print)


@pytest.mark.slow
def test_table5_goes_on_where_it_was_killed_and_table6_and_fig5_use_its_runs(tmp_path, front):
    out, trained, plan = tmp_path / "out", [], replace(PLAN, folds=2)

    @contextmanager
    def killed_in_the_second(epochs):
        trained.append(epochs)
        if len(trained) == 2:
            raise KeyboardInterrupt
        yield SILENT

    with pytest.raises(KeyboardInterrupt):
        make(
            "table5",
            [front],
            out,
            plan,
            CALLBACKS._replace(training=killed_in_the_second),
            ["paper-attention"],
        )
    runs = out / "runs" / "front" / "paper-attention"
    assert sorted(path.name for path in runs.iterdir()) == ["fold1"]
    first = (runs / "fold1" / METRICS).stat().st_mtime_ns

    text = make("table5", [front], out, plan, CALLBACKS, ["paper-attention"])
    assert (runs / "fold1" / METRICS).stat().st_mtime_ns == first
    assert text == (out / "table5.md").read_text()
    told = json.loads((out / "table5.json").read_text())
    row = next(row for row in told["rows"] if row["network"] == "paper-attention")
    assert len(row["folds"]) == 2
    assert row["ours"][0] == pytest.approx(np.mean(row["folds"]))
    assert load_network(runs / "fold2").config.pipeline == PROTOCOLS["front"].pipeline

    make("table6", [front], out, plan, CALLBACKS, ["paper-attention"])
    make("fig5", [front], out, plan, CALLBACKS, ["paper-attention"])
    assert (runs / "fold1" / METRICS).stat().st_mtime_ns == first
    matrix = json.loads((out / "table6.json").read_text())["matrices"][0]
    assert matrix["n"] == 7
    assert 100 * matrix["accuracy"] == pytest.approx(row["folds"][0])
    assert (out / "fig5.png").read_bytes().startswith(b"\x89PNG")
    assert (out / "table6-front-paper-attention.png").exists()


def test_every_svm_of_table5_can_be_run():
    named = [row.baseline for rows in TABLE_5.values() for row in rows if "SVM" in row.method]
    assert sorted(named) == sorted(set(BASELINES) - set(SELECTING))


def test_table5_runs_an_svm_beside_the_papers_number(tmp_path, front):
    text = make("table5", [front], tmp_path / "out", PLAN, CALLBACKS, ["ds"])
    line = next(line for line in text.splitlines() if "| DS+SVM |" in line)
    assert line.startswith("| RaFD-FRONT | DS+SVM | ds | SVM, 125x160 px | 79.0 | ")
    written = json.loads((tmp_path / "out" / "table5.json").read_text())
    row = next(row for row in written["rows"] if row["method"] == "DS+SVM")
    assert len(row["folds"]) == 5
    assert row["seconds_per_epoch"] is None
    with pytest.raises(ValueError, match="unknown network"):
        make("table6", [front], tmp_path / "out", PLAN, CALLBACKS, ["ds"])
