from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from feroi.evaluation.metrics import score
from feroi.explain.roi import MeanLook
from feroi.report import figures
from feroi.report.html import inline_png, write_page


def _read(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def test_confusion_matrix_is_dark_where_the_counts_are(tmp_path):
    labels = np.arange(7).repeat(3)
    figures.draw_confusion(score(labels, labels), tmp_path / "right.png")
    figures.draw_confusion(score(labels, labels * 0), tmp_path / "left.png")
    right, left = _read(tmp_path / "right.png"), _read(tmp_path / "left.png")
    dark = [np.argwhere((p[..., 2] > 90) & (p[..., 0] < 30)[...]).mean(0) for p in (right, left)]
    assert dark[1][1] < dark[0][1]  # everything read as the first: the dark column is on the left


def test_the_roi_figure_shows_the_weight_where_it_is(tmp_path):
    roi = np.zeros((48, 48))
    roi[:, :24] = 2.0
    look = MeanLook(1, np.full((48, 48), 128.0), roi)
    figures.draw_rois({"free": {"sad": look}, "symmetric": {"sad": look, "happy": look}}, tmp_path / "r.png")
    picture = _read(tmp_path / "r.png")
    bright = (picture[..., 0] > 240) & (picture[..., 1] > 240) & (picture[..., 2] < 200)
    assert bright.sum() > 1000  # the end of the inferno scale


def test_curves_are_drawn_for_one_epoch_too(tmp_path):
    row = {"epoch": 1, "loss": 1.0, "accuracy": 0.5, "validation_loss": 1.0, "validation_accuracy": 0.4}
    figures.draw_curves([row], tmp_path / "c.png")
    assert _read(tmp_path / "c.png").std() > 0


def test_faces_keep_their_number(tmp_path):
    faces = [np.full((16, 16), 90.0)] * 3
    with pytest.raises(ValueError, match="shorter"):
        figures.draw_faces(faces, [np.ones((16, 16))] * 3, ["a"], tmp_path / "f.png")
    figures.draw_faces(faces, [np.ones((16, 16))] * 3, ["a", "b", "c"], tmp_path / "f.png")
    assert _read(tmp_path / "f.png").shape[1] > 3 * 100


def test_a_page_escapes_text_and_needs_every_value(tmp_path):
    from jinja2 import UndefinedError

    with pytest.raises(UndefinedError):
        write_page("demo.html", tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []


def test_inline_png_holds_the_file(tmp_path):
    import base64

    (tmp_path / "a.png").write_bytes(b"abc")
    assert base64.b64decode(inline_png(tmp_path / "a.png").split(",")[1]) == b"abc"


def test_networks_of_one_name_and_poses_get_blocks_of_their_own(tmp_path, monkeypatch):
    from feroi.config import NetworkConfig
    from feroi.data.samples import Sample, Samples
    from feroi.outputs import NetworkOutput
    from feroi.report import rois

    drawn = {}
    monkeypatch.setattr(rois, "draw_rois", lambda blocks, out: drawn.update(blocks))
    image = np.zeros((18, 18), np.uint8)
    samples = Samples(Sample(image, p, "sad", None, {"pose": p}) for p in ("045", "090"))
    forward = lambda faces: NetworkOutput(np.zeros((len(faces), 7)), np.ones((len(faces), 1, 1)), faces)  # noqa: E731
    network = ("run", NetworkConfig("gap", (16, 16)), forward)
    rois.draw_network_rois([network, network], samples, tmp_path / "r.png", by_pose=True)
    assert list(drawn) == ["run (1) 045", "run (1) 090", "run (2) 045", "run (2) 090"]
    assert all(means["sad"].n == 1 for means in drawn.values())


def test_the_product_row_is_dark_where_the_weight_is_small(tmp_path, monkeypatch):
    shown = []
    from matplotlib.axes import Axes

    original = Axes.imshow
    monkeypatch.setattr(
        Axes,
        "imshow",
        lambda self, data, **kw: shown.append((np.array(data), kw)) or original(self, data, **kw),
    )
    face = np.full((16, 16), 100.0)
    means = {"sad": MeanLook(1, face, np.full((16, 16), 4.0)), "happy": MeanLook(1, face, np.ones((16, 16)))}
    figures.draw_rois({"": means}, tmp_path / "r.png")
    products = [(data, kw["vmax"]) for data, kw in shown[::3]]
    assert [float(data[0, 0]) for data, _ in products] == [400, 100]
    assert {vmax for _, vmax in products} == {400}
