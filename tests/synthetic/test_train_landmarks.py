"""tools/train_landmarks.py from rendered faces to a packed model, small; and its augmentation by ramps."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from feroi.photo.ensemble import unpack
from feroi.photo.geometry import MIRROR_ORDER
from feroi.photo.landmarks import frame_of
from feroi.synthetic.dataset import write_dataset
from feroi.synthetic.truth import read_truth


@pytest.fixture(scope="module")
def trainer():
    pytest.importorskip("dlib")
    path = Path(__file__).parents[2] / "tools" / "train_landmarks.py"
    spec = importlib.util.spec_from_file_location("train_landmarks_tool", path)
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = loaded
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture(scope="module")
def faces(made_up_model, tmp_path_factory):
    root = tmp_path_factory.mktemp("faces")
    write_dataset(root, made_up_model, subjects=3, angles=(90,), gazes=("frontal",), size=96)
    return root


def _marks(root):
    """Picture and landmarks, x + iy with pixel centres at whole numbers, of every face."""
    for path in sorted(root.glob("*.jpg")):
        yield np.asarray(Image.open(path)), (read_truth(root, path.name).landmarks - 0.5) @ [1, 1j]


@pytest.mark.slow
def test_a_small_set_makes_a_model_that_beats_the_mean_face(trainer, faces, tmp_path):
    chosen = trainer.options()
    chosen.cascade_depth, chosen.num_trees_per_cascade_level, chosen.feature_pool_size = 3, 20, 100
    trainer.train([faces], tmp_path / "a.npz", chosen)
    trainer.train([faces], tmp_path / "b.npz", chosen)
    ensemble = unpack(tmp_path / "a.npz")
    again = unpack(tmp_path / "b.npz")
    assert all(np.array_equal(one, two) for one, two in zip(ensemble, again, strict=True))
    fitted, mean = [], []
    for picture, points in _marks(faces):
        frame = frame_of(points)
        frame = frame._replace(centre=frame.centre + 0.1 * frame.side)
        step = np.array([frame.side / trainer.BOX_PX + 0j])
        corner = np.array([frame.centre]) - step * (1 + 1j) * (trainer.BOX_PX - 1) / 2
        shape = ensemble.fit(picture, corner, step, trainer.BOX_PX - 1)[0]
        for errors, found in ((fitted, shape), (mean, ensemble.mean)):
            errors.append(np.abs(corner + step * (trainer.BOX_PX - 1) * found - points).mean())
    assert len(fitted) == 24
    assert np.mean(fitted) < 0.6 * np.mean(mean)


@pytest.mark.parametrize("tilt_deg", [-20.0, 0.0, 13.0])
def test_landmarks_move_with_the_crop(trainer, faces, tilt_deg):
    """On a ramp every pixel tells where it was."""
    _, points = next(_marks(faces))
    points = points + 60
    ramps = np.mgrid[0:216, 0:216].astype(np.uint8)[::-1]  # x, then y
    frame = frame_of(points)
    for ramp, part in zip(ramps, (np.real, np.imag), strict=True):
        face = trainer.Face(Image.fromarray(ramp), points)
        for turned, places in ((face, points), (trainer.mirrored(face), points[MIRROR_ORDER])):
            crop = trainer.cropped(turned, np.radians(tilt_deg))
            inner = crop.points[17:]
            seen = np.asarray(crop.picture)[
                inner.imag.round().astype(int), inner.real.round().astype(int)
            ].astype(float)
            apart = seen + 0.45 - part(places[17:])  # Pillow's filter rounds down
            assert np.abs(apart).max() < 0.5 + 0.75 * frame.side / trainer.BOX_PX
            assert abs(apart.mean()) < 0.25
            assert frame_of(crop.points).side == pytest.approx(trainer.BOX_PX, rel=1e-6)


def test_a_folder_without_faces_is_named(trainer, tmp_path):
    with pytest.raises(ValueError, match=r"holds no \.jpg; give folders"):
        trainer.examples([tmp_path], 1, np.random.default_rng(0))
