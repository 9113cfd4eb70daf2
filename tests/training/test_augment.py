from __future__ import annotations

import numpy as np
import pytest
import torch

from feroi.data import corruptions
from feroi.training import augment
from feroi.training.augment import varied, vary

SIDE = 40
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE]


def _blob(x: float, y: float) -> np.ndarray:
    return (255 * np.exp(-((COLUMNS - x) ** 2 + (ROWS - y) ** 2) / 18)).astype(np.uint8)


def _centre(image: np.ndarray) -> np.ndarray:
    weights = image.astype(float) / image.sum()
    return np.array([(weights * COLUMNS).sum(), (weights * ROWS).sum()])


def _changed(
    images: np.ndarray, augmentation: str, seed: int, size_hw: tuple[int, int] = (SIDE, SIDE), *rows: slice
) -> np.ndarray:
    """(N, H, W, K) to (N, *size_hw, K)."""
    out = vary(images, size_hw, augmentation, np.random.default_rng(seed), *rows)
    assert (out == out.round()).all()
    return np.moveaxis(out.numpy(), 1, -1).astype(np.uint8)


@pytest.fixture
def still(monkeypatch):
    """No change at all unless a test asks for one; mirrors remain."""
    monkeypatch.setattr(augment, "_CLOSE", augment._Framing(0.0, 0.0, 0.0, 0.0))
    for name in ("_CONTRAST", "_BRIGHTNESS"):
        monkeypatch.setattr(augment, name, 0.0)
    return monkeypatch


def test_without_movement_an_image_stays_or_is_mirrored(still):
    image = _blob(14, 22)
    out = _changed(np.stack([image] * 40)[..., None], "affine", 0)[..., 0]
    same = [np.array_equal(moved, image) for moved in out]
    mirrored = [np.array_equal(moved, image[:, ::-1]) for moved in out]
    assert all(a != b for a, b in zip(same, mirrored, strict=True))
    assert 8 < sum(mirrored) < 32


def test_the_middle_is_cut_out_of_a_larger_image(still):
    image = np.arange(SIDE * SIDE, dtype=np.uint16).reshape(SIDE, SIDE).astype(np.uint8)
    (out,) = _changed(image[None, ..., None], "affine", 0, (20, 30))
    middle = image[10:30, 5:35]
    assert np.array_equal(out[..., 0], middle) or np.array_equal(out[..., 0], middle[:, ::-1])


def test_distances_from_the_middle_grow_and_shrink_within_the_named_scale(still):
    still.setattr(augment, "_CLOSE", augment._Framing(15.0, 0.15, 0.0, 0.0))
    middle = (SIDE - 1) / 2
    image = _blob(middle + 9, middle)
    out = _changed(np.stack([image] * 200)[..., None], "affine", 1)[..., 0]
    ways = np.array([_centre(moved) - middle for moved in out])
    lengths = np.hypot(*ways.T) / 9
    assert np.exp(-0.15) - 0.02 < lengths.min() < 0.92
    assert 1.08 < lengths.max() < np.exp(0.15) + 0.02
    angles = np.degrees(np.arctan2(ways[:, 1], np.abs(ways[:, 0])))
    assert 12 < np.abs(angles).max() < 15.5


def test_maps_move_with_the_face_and_keep_their_values(monkeypatch):
    image = _blob(14, 22)
    layers = np.stack([np.stack([image, image], -1)] * 60)
    lit = _changed(layers, "affine", 2)
    assert (lit[..., 0].max((1, 2)) < 240).any()  # the face is relit, its maps never
    assert (lit[..., 1].max((1, 2)) > 240).all()
    for name in ("_CONTRAST", "_BRIGHTNESS"):
        monkeypatch.setattr(augment, name, 0.0)
    monkeypatch.setattr(augment, "_CLOSE", augment._CLOSE._replace(erased=0.0))
    out = _changed(layers, "affine", 2)
    assert np.array_equal(out[..., 0], out[..., 1])
    assert not np.array_equal(out[0], out[1])


def test_erased_rectangles_have_the_named_area(still):
    still.setattr(augment, "_CLOSE", augment._Framing(0.0, 0.0, 0.0, 1.0))
    black = np.zeros((80, SIDE, SIDE, 1), np.uint8)
    shares = (_changed(black, "affine", 3) > 0).mean((1, 2, 3))
    assert shares.min() > 0.015 or (shares == 0).any()  # a rectangle may be black itself
    assert 0.1 < shares.max() < 0.22


def test_the_same_generator_gives_the_same_faces_and_inputs_stay():
    images = np.random.default_rng(4).integers(0, 256, (5, SIDE, SIDE, 2)).astype(np.uint8)
    kept = images.copy()
    one = _changed(images, "affine", 5, (30, 30))
    other = _changed(images, "affine", 5, (30, 30))
    assert np.array_equal(one, other)
    assert np.array_equal(images, kept)


def test_noise_and_jpeg_come_as_often_and_as_strong_as_they_say(still):
    grey = np.full((1000, SIDE, SIDE, 2), 128, np.uint8)
    still.setattr(augment, "_COMPRESSED", 0.0)
    out = _changed(grey, "degraded", 6)
    assert (out[..., 1] == 128).all()  # maps stay clean
    sigmas = out[..., 0].astype(float).std((1, 2))
    noisy = sigmas[sigmas > 0]
    assert 0.35 < len(noisy) / 1000 < 0.45
    assert 0.9 < noisy.min() < 1.2
    assert 22 < noisy.max() < 26
    assert np.median(noisy) == pytest.approx(5, abs=1)  # the middle of 1 to 25 by logarithm


def test_jpeg_leaves_the_edges_of_its_blocks(still):
    still.setattr(augment, "_NOISY", 0.0)
    still.setattr(augment, "_COMPRESSED", 1.0)
    still.setattr(augment, "_QUALITY", (5, 5))
    ramp = np.broadcast_to(np.linspace(0, 255, SIDE).astype(np.uint8), (20, SIDE, SIDE))[..., None]
    out = _changed(ramp, "degraded", 7)[..., 0].astype(float)
    steps = np.abs(np.diff(out, axis=2)).mean((0, 1))
    at_edges = steps[7::8]  # blocks are 8 px wide
    assert at_edges.mean() > 2 * np.delete(steps, np.s_[7::8]).mean()


@pytest.fixture
def unmoved(still):
    still.setattr(augment, "_LOOSE", augment._Framing(0.0, 0.0, 0.0, 0.0))
    for name in ("_SHRUNK", "_BLURRED", "_SPOILED"):
        still.setattr(augment, name, 0.0)
    return still


def test_faces_from_elsewhere_are_framed_more_loosely(unmoved):
    unmoved.setattr(augment, "_LOOSE", augment._Framing(0.0, 0.25, 0.0, 0.0))
    middle = (SIDE - 1) / 2
    image = _blob(middle + 9, middle)
    out = _changed(np.stack([image] * 200)[..., None], "elsewhere", 1)[..., 0]
    lengths = np.array([np.hypot(*(_centre(moved) - middle)) for moved in out]) / 9
    assert np.exp(-0.25) - 0.02 < lengths.min() < 0.82
    assert 1.22 < lengths.max() < np.exp(0.25) + 0.02


@pytest.mark.parametrize("name", ["_SHRUNK", "_BLURRED", "_SPOILED"])
def test_faces_from_elsewhere_are_spoiled_as_often_as_they_say(unmoved, name):
    lines = np.broadcast_to(np.where(COLUMNS % 4 < 2, 64, 192).astype(np.uint8), (600, SIDE, SIDE))
    layers = np.stack([lines, lines], -1)

    def changed():
        out = _changed(layers, "elsewhere", 2)
        assert set(np.unique(out[..., 1])) <= {64, 192}  # maps stay clean
        return np.mean([set(np.unique(face)) != {64, 192} for face in out[..., 0]])

    assert changed() == 0
    unmoved.setattr(augment, "_BLUR", (2.0, 3.0))  # less may change nothing
    unmoved.setattr(augment, name, 0.3)
    expected = 0.3 if name != "_SPOILED" else 1 - 0.7**2  # noise and JPEG are drawn apart
    assert changed() == pytest.approx(expected, abs=0.06)


@pytest.mark.parametrize("augmentation", ["patches", "affine", "degraded", "elsewhere"])
def test_a_share_of_the_faces_is_the_same_faces(augmentation):
    images = np.random.default_rng(4).integers(0, 256, (9, SIDE, SIDE, 2)).astype(np.uint8)
    whole = _changed(images, augmentation, 5, (30, 30))
    share = _changed(images, augmentation, 5, (30, 30), slice(3, 7))
    assert np.array_equal(share, whole[3:7])


@pytest.mark.parametrize("quality", [15, 40, 75, 90])
def test_jpeg_is_that_of_pillow(quality):
    faces = _noise_of_many_sizes(20)
    ours = augment.compress(torch.from_numpy(faces).float(), np.full(20, float(quality))).numpy()
    theirs = corruptions.compress(faces, quality, np.random.default_rng(0)).astype(float)
    assert np.abs(theirs - faces).mean() > 2  # JPEG does lose something of such faces
    assert np.abs(ours.round() - theirs).mean() < 0.5  # libjpeg's transform rounds on the way


@pytest.mark.parametrize("sigma_percent", [0.5, 1.5, 3.0])
def test_blur_is_that_of_scipy(sigma_percent):
    faces = _noise_of_many_sizes(6)
    ours = augment.blur(torch.from_numpy(faces).float(), np.full(6, sigma_percent / 100 * SIDE)).numpy()
    theirs = corruptions.blur(faces, sigma_percent, np.random.default_rng(0))
    assert np.abs(ours - theirs).max() < 0.6  # theirs are whole numbers


@pytest.mark.parametrize("side_px", [15, 28, 37])
def test_made_small_and_large_again_as_pillow_does_it(side_px):
    faces = _noise_of_many_sizes(6)
    ours = augment.shrink(torch.from_numpy(faces).float(), np.full(6, side_px / SIDE)).numpy()
    theirs = corruptions.shrink(faces, side_px, np.random.default_rng(0))
    assert np.abs(ours - theirs).mean() < 0.5  # theirs are rounded twice on the way
    assert np.abs(ours - theirs).max() < 3


def _noise_of_many_sizes(number: int) -> np.ndarray:
    """Faces (N, SIDE, SIDE) that have something at every scale."""
    rng = np.random.default_rng(8)
    sums = sum(
        np.kron(rng.normal(size=(number, SIDE // n, SIDE // n)), np.ones((1, n, n))) for n in (1, 2, 5, 10)
    )
    return (128 + 20 * sums).clip(0, 255).astype(np.uint8)


def test_varied_images_are_changed_each_once(monkeypatch):
    images = np.random.default_rng(1).integers(0, 256, (6, 12, 12)).astype(np.uint8)
    once = varied(images, (10, 10), "affine", np.random.default_rng(3))
    assert np.array_equal(once, _changed(images[..., None], "affine", 3, (10, 10))[..., 0])
    with pytest.raises(ValueError, match="cannot cut 20x20 px"):
        varied(images, (20, 20), "affine", np.random.default_rng(3))
    monkeypatch.setattr(augment, "_TOGETHER", 4)  # a part at a time, the rest of them unlike the first
    parts = varied(images, (10, 10), "affine", np.random.default_rng(3))
    assert not np.array_equal(parts[4:], parts[:2])
    assert parts.shape == once.shape
