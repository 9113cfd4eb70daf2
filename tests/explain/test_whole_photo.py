from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from feroi.config import NetworkConfig
from feroi.explain import whole_photo as group
from feroi.network.attention import softmax_map
from feroi.network.model import Network
from feroi.network.torch_forward import torch_forward, torch_score
from feroi.photo.detect import Face

CONFIG = NetworkConfig("attention", pipeline="wild")
BOX_PX = group.trained_box_px(CONFIG)
"""Faces with a box this large are not resized."""


def _network(config=CONFIG, seed=0):
    torch.manual_seed(seed)
    network = Network(config)
    with torch.no_grad():  # scores of all sizes, not of one
        network.score.output.weight.mul_(3)
        for layer in network.features:
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.running_mean.normal_()
                layer.running_var.uniform_(0.5, 2)
    return network.eval()


def _photo(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)


def _bright(faces):
    """A hand-made score: the mean of each 16 x 16 px, from -1 (black) to 1 (white)."""
    n, _, height, width = faces.shape
    cells = faces[:, 0, : height // 16 * 16, : width // 16 * 16]
    return 2 * cells.reshape(n, height // 16, 16, width // 16, 16).mean((2, 4)) - 1


def _face(x, y, side=BOX_PX):
    return Face((x - side / 2, y - side / 2, x + side / 2, y + side / 2), 1.0)


PATTERNS = {"inputs": "mapped-patterns", "batch_norm": True}
LATERAL = {"poolings": 2, "convolutions": (2, 2, 4, 2), "lateral": True}


@pytest.mark.parametrize("settings", [{}, {"poolings": 3, "batch_norm": True}, LATERAL, PATTERNS])
@pytest.mark.parametrize("size", [(167, 245), (112, 112), (113, 400), (16, 31)])
def test_tiled_equals_whole(settings, size):
    config = replace(CONFIG, **settings)
    network, photo = _network(config), _photo(*size)
    tiled = group.score_in_tiles(photo, torch_score(network), config, tile_px=128)
    faces = photo[None, None].astype(np.float32) / 255
    np.testing.assert_allclose(tiled, torch_score(network)(faces)[0], atol=1e-5)
    # ... and weighted as one, they are the map the network gives of the whole
    whole = torch_forward(network)(faces).attention[0]
    assert whole.size == 1 or np.ptp(whole) > 0.02 * whole.max()
    np.testing.assert_allclose(group.softmax_map(tiled, config.beta), whole, rtol=5e-5)


@pytest.mark.parametrize(
    ("settings", "reach"),
    [
        # by hand: 3 + 2 * 3 + 4 * 2, and of the last block 2 convolutions 4, 8 and 8 px wide
        ({"poolings": 2}, 25),
        ({"poolings": 3}, 33),
        ({"poolings": 4}, 33),
        # 2 + 2 * 2 + 4 * 4 + 8 * 2, and 4 since a location may be the first or last of its pair
        (LATERAL, 42),
    ],
)
def test_the_reach_is_how_far_a_location_sees(settings, reach):
    # Weights above 0 let no change be cut off: which locations notice a pixel in the middle? The farther
    # of 16 neighbours, since with `lateral` not all locations see equally far to both sides.
    config = replace(CONFIG, **settings)
    assert config.reach_px == reach
    network = Network(config).double().eval()
    with torch.no_grad():
        for weights in network.features.parameters():
            weights.abs_()
        grey = torch.full((1, 1, 336, 16), 0.6, dtype=torch.float64)
        rows = np.arange(160, 176)
        dotted = grey.repeat(len(rows), 1, 1, 1)
        dotted[np.arange(len(rows)), 0, rows] = 1
        noticed = (network.locations(dotted) != network.locations(grey)).any(1).any(2).numpy()
    row, location = np.argwhere(noticed).T
    first = location * config.stride
    assert max((first - rows[row]).max(), (rows[row] - first - config.stride + 1).max()) == reach


def test_no_tile_is_larger_than_asked():
    sizes = []

    def score(faces):
        sizes.append(faces.shape)
        return _bright(faces)

    found = group.score_in_tiles(_photo(700, 900), score, CONFIG, tile_px=256)
    assert found.shape == (43, 56)
    assert max(max(size) for size in sizes) <= 256 + 16
    with pytest.raises(ValueError, match="at least 112 px a side, got 100"):
        group.score_in_tiles(_photo(700, 900), _bright, CONFIG, tile_px=100)


def test_softmax_against_torch():
    score = np.random.default_rng(0).uniform(-1, 1, (5, 7)).astype(np.float32)
    expected = softmax_map(torch.from_numpy(score)[None], 30.0)[0].numpy()
    np.testing.assert_allclose(group.softmax_map(score, 30.0), expected, rtol=1e-4)


def test_bright_places_light_up_where_they_are_and_only_in_faces():
    photo = np.zeros((480, 640), np.uint8)
    photo[96:112, 160:176] = 255  # location (6, 10), in a face
    photo[384:400, 560:576] = 255  # location (24, 35), in none
    look = group.look_at_group(photo, [_face(170, 110)], _bright, CONFIG)
    assert look.attention.shape == look.suppressed.shape == (30, 40)
    bright = np.argwhere(look.attention > 0.9 * look.attention.max())
    assert bright.tolist() == [[6, 10], [24, 35]]
    # by hand: e^2 times the weight of a black location, over all 1200 of them
    assert look.attention[6, 10] == pytest.approx(np.e**2 / (1198 + 2 * np.e**2), rel=1e-5)
    assert look.attention.sum() == pytest.approx(1)
    assert np.unravel_index(look.suppressed.argmax(), (30, 40)) == (6, 10)
    assert look.suppressed[24, 35] == 0
    assert look.suppressed.sum() == pytest.approx(1)


def test_a_photo_is_resized_to_the_faces_the_network_learned_from():
    face, two = _face(300, 200, 2 * BOX_PX), _face(400, 300, 2.2 * BOX_PX)
    assert group.network_scale([face], CONFIG) == pytest.approx(0.5)
    assert group.network_scale([face, two, two], CONFIG) == pytest.approx(1 / 2.2)
    photo = np.zeros((480, 640), np.uint8)
    photo[192:224, 320:352] = 255
    look = group.look_at_group(photo, [face], _bright, CONFIG)
    assert look.attention.shape == (15, 20)
    assert np.unravel_index(look.attention.argmax(), (15, 20)) == (6, 10)


def test_the_learned_size_follows_the_framing():
    # FER-2013's square is 0.708 of the mesh's frame, the box a detector draws 0.63
    assert pytest.approx(53 * 0.63 / 0.708) == group.trained_box_px(
        NetworkConfig(input_hw=(48, 48), pipeline="wild")
    )
    # RaFD-POSE's is 28.5 cm, the box about 17.8 cm: 15.7 of the HOG detector's, by 0.63 over 0.557
    assert pytest.approx(284 * 17.8 / 28.5, abs=1.5) == group.trained_box_px(
        NetworkConfig(input_hw=(272, 272), pipeline="pose")
    )
    # the frontal frame shows a face from hairline to chin: its box is about as wide
    assert 112 < group.trained_box_px(NetworkConfig(pipeline="front")) < 160


def test_light_is_taken_out_where_the_network_learned_without_it():
    ramp = np.tile(np.linspace(20, 250, 640).astype(np.uint8), (480, 1))
    pose = replace(CONFIG, pipeline="pose")
    spreads = [
        np.ptp(group.look_at_group(ramp, [_face(300, 200, group.trained_box_px(c))], _bright, c).attention)
        for c in (CONFIG, pose)
    ]
    assert spreads[1] < 0.05 * spreads[0]


def test_soft_boxes_by_hand():
    # Centres of locations lie at 8, 24, 40 ... px. A box from 36 to 100 falls over 16 px on each side.
    row = group.soft_boxes([Face((36, -100, 100, 200), 1.0)], (16, 160), (1, 10))[0]
    far, near = (1 + np.cos(np.pi * np.array([12, 4]) / 16)) / 2
    np.testing.assert_allclose(row, [0, far, 1, 1, 1, 1, near, 0, 0, 0], atol=1e-12)
    # A second face where the first one ends: the larger of the two counts.
    both = [Face((36, -100, 100, 200), 1.0), Face((100, -100, 164, 200), 1.0)]
    row = group.soft_boxes(both, (16, 160), (1, 10))[0]
    np.testing.assert_allclose(row, [0, far, 1, 1, 1, 1, 1, 1, 1, 1], atol=1e-12)


def test_suppression_by_hand():
    attention, boxes = np.array([[0.5, 0.3, 0.2]]), np.array([[0.0, 0.5, 1.0]])
    np.testing.assert_allclose(group.suppress(attention, boxes), [[0, 0.15 / 0.35, 0.2 / 0.35]])
    with pytest.raises(ValueError, match="no face lies in the photo"):
        group.suppress(attention, 0 * boxes)


@pytest.mark.parametrize(
    ("head", "why"),
    [
        ("flatten", "every location of a 112x144 input to its classifier"),
        ("gap", "every location alike"),
        ("max", "has no map"),
    ],
)
def test_heads_without_a_score_are_refused_with_the_reason(head, why):
    config = replace(CONFIG, head=head)
    assert torch_score(Network(config)) is None
    with pytest.raises(ValueError, match=why):
        group.look_at_group(_photo(200, 200), [_face(100, 100)], None, config)


def test_an_attention_network_exported_without_its_score_is_refused():
    with pytest.raises(ValueError, match="export the network again"):
        group.look_at_group(_photo(200, 200), [_face(100, 100)], None, CONFIG)


def test_a_network_that_sees_depth_is_refused():
    config = replace(CONFIG, inputs="intensity+depth")
    with pytest.raises(ValueError, match="depth is estimated for one face"):
        group.look_at_group(_photo(200, 200), [_face(100, 100)], _bright, config)


def test_a_photo_without_faces_and_a_network_without_a_pipeline_are_refused():
    with pytest.raises(ValueError, match="no face was found"):
        group.look_at_group(_photo(200, 200), [], _bright, CONFIG)
    with pytest.raises(ValueError, match="how the faces it learned from were prepared"):
        group.look_at_group(_photo(200, 200), [_face(100, 100)], _bright, replace(CONFIG, pipeline=None))


@pytest.mark.slow
def test_memory_is_bounded():
    # 4 megapixels at once would take 0.6 GB for two maps of the first block alone; all else is small here.
    code = """
import resource, numpy as np
from feroi.config import NetworkConfig
from feroi.explain import whole_photo as group
from feroi.network.torch_forward import torch_score
from feroi.network.model import Network
from feroi.photo.detect import Face
config = NetworkConfig("attention", pipeline="pose", convolutions=(2, 1, 1, 1))
score, side = torch_score(Network(config)), group.trained_box_px(config)
photo = np.zeros((2000, 2000), np.uint8)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
group.look_at_group(photo, [Face((500, 500, 500 + side, 500 + side), 1.0)], score, config)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 600_000  # kB
