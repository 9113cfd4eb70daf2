from __future__ import annotations

import pytest
import torch
from torch import nn

from feroi.config import HEADS, NetworkConfig, network_preset
from feroi.network.features import Lateral
from feroi.network.model import Network, count_weights
from feroi.outputs import NetworkOutput

# Tables 2 and 3, row by row: activations as width, height, channels; weights of the layer.
CONVOLUTIONAL_ROWS = [
    ("conv", (112, 144, 16), 3 * 3 * 1 * 16),
    ("conv", (112, 144, 16), 3 * 3 * 16 * 16),
    ("conv", (112, 144, 16), 3 * 3 * 16 * 16),
    ("pool", (56, 72, 16), 0),
    ("conv", (56, 72, 32), 3 * 3 * 16 * 32),
    ("conv", (56, 72, 32), 3 * 3 * 32 * 32),
    ("conv", (56, 72, 32), 3 * 3 * 32 * 32),
    ("pool", (28, 36, 32), 0),
    ("conv", (28, 36, 64), 3 * 3 * 32 * 64),
    ("conv", (28, 36, 64), 3 * 3 * 64 * 64),
    ("pool", (14, 18, 64), 0),
    ("conv", (14, 18, 128), 3 * 3 * 64 * 128),
    ("conv", (14, 18, 128), 3 * 3 * 128 * 128),
    ("pool", (7, 9, 128), 0),
]


def _network(head, **settings):
    torch.manual_seed(0)
    return Network(NetworkConfig(head, **settings)).eval()


def _faces(height=144, width=112, n=2):
    return torch.rand(n, 1, height, width, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("head", ["flatten", "attention"])
def test_convolutional_rows_of_tables_2_and_3(head):
    network, rows = _network(head), []

    def note(layer, _, output):
        kind = {nn.Conv2d: "conv", nn.MaxPool2d: "pool"}.get(type(layer))
        if kind:
            _, channels, height, width = output.shape
            weights = layer.weight.numel() if kind == "conv" else 0
            rows.append((kind, (width, height, channels), weights))

    for layer in network.features:
        layer.register_forward_hook(note)
    network(_faces())
    assert rows == CONVOLUTIONAL_ROWS


def test_last_rows_of_table_2():
    network = _network("flatten")
    assert network.classifier.weight.numel() == 8064 * 7
    look = network(_faces())
    assert look.focus.shape == (2, 8064)
    assert look.logits.shape == (2, 7)
    assert look.attention is None


def test_last_rows_of_table_3():
    network = _network("attention")
    assert network.score.hidden.weight.numel() == 128 * 66
    assert network.score.output.weight.numel() == 66 * 1
    assert network.classifier.weight.numel() == 128 * 7
    look = network(_faces())
    assert look.focus.shape == (2, 128)
    assert look.attention.shape == (2, 9, 7)
    assert look.logits.shape == (2, 7)


def test_numbers_of_weights_are_the_papers():
    assert count_weights(_network("flatten"), biases=False) == 360_720
    assert count_weights(_network("attention"), biases=False) == 313_682
    # With biases: 528 in the convolutions, 7 in the classifier, 66 + 1 in the attention.
    assert count_weights(_network("flatten")) == 360_720 + 528 + 7
    assert count_weights(_network("attention")) == 313_682 + 528 + 7 + 67


def test_rafd_pose_input_gives_a_17x17_map():
    config = network_preset("paper-attention", input_hw=(272, 272))
    assert Network(config).eval()(_faces(272, 272, 1)).attention.shape == (1, 17, 17)
    baseline = Network(network_preset("paper-baseline", input_hw=(272, 272)))
    assert baseline.classifier.in_features == 17 * 17 * 128


@pytest.mark.parametrize("head", HEADS)
def test_every_head_returns_the_same_named_result(head):
    look = _network(head)(_faces())
    assert isinstance(look, NetworkOutput)
    assert look._fields == ("logits", "attention", "focus", "evidence")


def test_gap_is_attention_with_a_uniform_map():
    gap = _network("gap")
    look = gap(_faces())
    assert look.attention.unique().tolist() == pytest.approx([1 / 63])
    features = gap.features((_faces() - 0.5) / 0.25)
    torch.testing.assert_close(look.focus, features.mean((2, 3)))


@pytest.mark.parametrize("head", [head for head in HEADS if NetworkConfig(head).weighs_locations])
@pytest.mark.parametrize("size", [(48, 48), (272, 272), (100, 131), (16, 16)])
def test_heads_with_a_map_take_any_size_with_the_same_weights(head, size):
    look = _network(head)(_faces(*size, n=1))
    assert look.attention.shape == (1, size[0] // 16, size[1] // 16)
    assert look.logits.shape == (1, 7)


def test_global_max_pooling_is_the_largest_value_of_each_channel_at_any_size():
    network = _network("max")
    look = network(_faces(48, 80))
    features = network.features((_faces(48, 80) - 0.5) / 0.25)
    assert look.attention is None
    torch.testing.assert_close(look.focus, features.flatten(2).max(2).values)
    assert count_weights(network, biases=False) == 304_272 + 128 * 7


def test_stacked_max_pooling_takes_maxima_of_ever_larger_squares():
    # 17x17 locations: 8x8, 4x4, 2x2, each of the last the maximum of 8x8; the 17th row and column fall away.
    network = _network("stacked-max", input_hw=(272, 272))
    features = network.features((_faces(272, 272, 1) - 0.5) / 0.25)[0]
    expected = [features[:, y : y + 8, x : x + 8].amax((1, 2)) for y in (0, 8) for x in (0, 8)]  # 4 of (128,)
    torch.testing.assert_close(network(_faces(272, 272, 1)).focus[0], torch.stack(expected, dim=1).flatten())
    assert _network("stacked-max")(_faces()).focus.shape == (2, 128 * 4 * 3)  # of 9x7


def test_flatten_refuses_another_size_and_says_why():
    with pytest.raises(ValueError, match=r"112x144.*cannot read 48x48.*any size"):
        _network("flatten")(_faces(48, 48))
    with pytest.raises(ValueError, match=r"the stacked-max head .*112x144.*cannot read 48x48"):
        _network("stacked-max")(_faces(48, 48))


@pytest.mark.parametrize("shape", [(1, 3, 144, 112), (144, 112), (1, 1, 15, 112)])
def test_wrong_inputs_are_refused(shape):
    with pytest.raises(ValueError, match="faces must be"):
        _network("attention")(torch.zeros(shape))


def test_larger_beta_makes_the_map_sparser():
    soft, sharp = _network("attention"), _network("attention", beta=20.0)
    assert sharp(_faces()).attention.max() > 2 * soft(_faces()).attention.max()


def test_paper_attention_weighs_no_location_more_than_e_squared_times_another():
    network = _network("attention")
    nn.init.normal_(network.score.output.weight, std=100)  # drive the tanh of Eq. 3 to its ends
    maps = network(_faces()).attention.flatten(1)
    ratio = maps.max(1).values / maps.min(1).values
    assert ratio.max() <= 7.39
    assert ratio.max() > 7.38


def test_symmetric_map_is_symmetric_and_mirror_equivariant_under_mirror_symmetric_features():
    network = _network("attention-symmetric").double()
    # Kernels that are their own mirror images make the features commute with mirroring.
    for layer in network.features:
        if isinstance(layer, nn.Conv2d):
            layer.weight.data = (layer.weight.data + layer.weight.data.flip(-1)) / 2
    faces = _faces(n=3).double()
    look, mirrored = network(faces), network(faces.flip(-1))
    torch.testing.assert_close(look.attention, look.attention.flip(-1), atol=1e-12, rtol=0)
    torch.testing.assert_close(mirrored.attention, look.attention, atol=1e-12, rtol=0)
    torch.testing.assert_close(mirrored.logits, look.logits, atol=1e-10, rtol=0)


def test_without_the_last_pooling_the_map_is_twice_as_fine_with_the_same_weights():
    fine = _network("attention", poolings=3)
    assert fine(_faces()).attention.shape == (2, 18, 14)
    assert count_weights(fine, biases=False) == 313_682
    baseline = _network("flatten", input_hw=(48, 48), poolings=3)
    assert baseline(_faces(48, 48)).focus.shape == (2, 6 * 6 * 128)


def test_signal_survives_ten_layers_at_the_start():
    features = _network("attention").features(torch.randn(4, 1, 144, 112))
    assert 0.1 < features.std() < 10


def test_batch_normalisation_is_there_only_when_asked_for():
    layers = list(_network("attention", batch_norm=True).features)
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in layers) == 10
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in _network("attention").modules())


def test_a_lateral_map_by_hand():
    # One channel; inner doubles, project is times 10. Pairs of rows and columns share their maximum; an odd
    # last column is a pair of its own.
    lateral = Lateral(nn.Identity(), 1, 1)
    lateral.inner = nn.Conv2d(1, 1, 1, bias=False)
    with torch.no_grad():
        lateral.inner.weight.fill_(2)
        lateral.project.weight.fill_(10)
        lateral.project.bias.zero_()
        found = lateral(torch.tensor([[1.0, 2, 3], [4, 5, 6]])[None, None])[0, 0]
    assert found.tolist() == [[10 + 10, 20 + 10, 30 + 12], [40 + 10, 50 + 10, 60 + 12]]


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        # kernels 9 (16 + 16^2 + 16*32 + 32^2 + 32*64 + 3*64^2 + 64*128 + 128^2) = 366,480; biases and batch
        # normalisation 3 (2*16 + 2*32 + 4*64 + 2*128) = 1,824; then
        # projection, attention 66 (128 + 2) + 1, classifier 7 * 129
        ("lateral-attention", 366_480 + 1_824 + 64 * 128 + 128 + 8_581 + 903),
        # likewise with twice the channels and one convolution of 128 less
        ("wide-attention", 1_373_292),
    ],
)
def test_lateral_networks_keep_their_budget_and_fine_map(name, weights):
    torch.manual_seed(0)
    network = Network(network_preset(name)).eval()
    assert count_weights(network) == weights
    look = network(_faces(48, 48))
    assert look.attention.shape == (2, 12, 12)
    assert network(_faces(50, 61)).attention.shape == (2, 12, 15)
