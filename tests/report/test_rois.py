from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from feroi.cli.app import app
from feroi.config import NetworkConfig
from feroi.data.readers import embedded_folder
from feroi.explain.whole_photo import GroupLook
from feroi.network.model import Network
from feroi.network.weights import save_network
from feroi.report.figures import GroupColumn, draw_groups

CONFIG = NetworkConfig("attention", input_hw=(48, 48), pipeline="wild")


def _model(path, config=CONFIG):
    torch.manual_seed(0)
    save_network(Network(config), path)
    return path


def _run(*arguments):
    words = ["--whole" if argument == "--out" else str(argument) for argument in arguments]
    return CliRunner().invoke(app, ["explain", *words])


@pytest.fixture
def photo(tmp_path):
    """A piece of wall, and a rendered face on it."""
    wall = np.full((240, 220), 120, np.uint8)
    (path,) = embedded_folder().glob("Rafd090_01_*_happy_frontal.jpg")
    with Image.open(path) as face:
        wall[40:200, 50:175] = np.asarray(face)
    Image.fromarray(wall).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_the_weight_is_drawn_where_it_is(tmp_path):
    attention = np.full((6, 8), 1e-3)
    attention[1, 6] = 1
    suppressed = np.zeros((6, 8))
    suppressed[4, 1] = 1
    green = np.full((60, 80, 3), (10, 200, 30), np.uint8)  # no other pixel of the figure is
    draw_groups(
        [GroupColumn("a.jpg", green, [(12.0, 36.0, 18.0, 54.0)], GroupLook(attention, suppressed))],
        tmp_path / "g.png",
    )
    with Image.open(tmp_path / "g.png") as image:
        picture = np.asarray(image.convert("RGB")).astype(int)
    photo = np.argwhere((picture == green[0, 0]).all(-1))
    (top, left), (bottom, right) = photo.min(0), photo.max(0)
    height, width = bottom - top + 1, right - left + 1
    bright = (picture[..., 0] > 240) & (picture[..., 1] > 200) & (picture[..., 2] < 200)
    bright[:, right + 1 :] = False  # the scale of colours
    rows, columns = np.nonzero(bright)
    upper = rows < rows.mean()
    # centres of locations (1, 6) and (4, 1), as a share of the width
    assert (columns[upper].mean() - left) / width == pytest.approx(6.5 / 8, abs=0.02)
    assert (columns[~upper].mean() - left) / width == pytest.approx(1.5 / 8, abs=0.02)
    blue = np.abs(picture - (0x5A, 0xD1, 0xFF)).max(-1) < 40  # the box, in both maps and not in the photo
    box_rows, box_columns = np.nonzero(blue)
    assert (box_columns.min() - left) / width == pytest.approx(12 / 80, abs=0.02)
    assert (box_columns.max() - left) / width == pytest.approx(18 / 80, abs=0.02)
    assert box_rows.min() > bottom
    assert 1.5 * height > np.ptp(box_rows) > height
    # one row of pictures further down, with what is between them, and three of six locations
    assert 1.5 * height - 2 < rows[~upper].mean() - rows[upper].mean() < 1.7 * height


@pytest.mark.slow
def test_photos_become_a_figure(photo, tmp_path):
    result = _run(photo, photo, "--model", _model(tmp_path / "n.safetensors"), "--out", tmp_path / "g.png")
    assert result.exit_code == 0, result.output
    assert result.output.replace("\n", "").count("photo.png: 1 face") == 2
    with Image.open(tmp_path / "g.png") as image:
        assert image.width > 700


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (replace(CONFIG, head="flatten"), "reads no other size"),
        (replace(CONFIG, pipeline=None), "does not say how the faces"),
    ],
)
def test_networks_that_cannot_are_refused(config, says, photo, tmp_path):
    result = _run(photo, "--model", _model(tmp_path / "n.safetensors", config), "--out", tmp_path / "g.png")
    assert result.exit_code == 1
    assert says in result.output
    assert not (tmp_path / "g.png").exists()


def test_the_photo_at_fault_is_named(tmp_path):
    model = _model(tmp_path / "n.safetensors")
    Image.new("RGB", (200, 100)).save(tmp_path / "wall.png")
    for name, says in (("wall.png", "no face was found"), ("none.png", "file not found")):
        result = _run(tmp_path / name, "--model", model, "--out", tmp_path / "g.png")
        assert result.exit_code == 1
        assert f"{name}: {says}" in result.output.replace("\n", "")
