from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from feroi.config import HEADS, NetworkConfig, network_preset
from feroi.network.model import Network
from feroi.network.warm_start import begin_from

SMALL = NetworkConfig("attention", (32, 32), batch_norm=True, residual=True, poolings=2, margin=False)


def _network(config, seed):
    torch.manual_seed(seed)
    network = Network(config)
    for name, value in network.state_dict().items():  # untrained statistics would hide a mistake
        if value.ndim == 1:
            value.copy_(torch.rand_like(value) + 0.5)
        assert torch.isfinite(value.float()).all(), name
    return network.eval()


def _faces():
    return torch.rand(3, 1, 32, 32, generator=torch.Generator().manual_seed(7))


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("lateral", [False, True])
@pytest.mark.parametrize("width", [1, 2, 3])
def test_a_wider_network_begins_with_the_same_function(head, lateral, width):
    source = _network(replace(SMALL, head=head, lateral=lateral), seed=1)
    network = _network(replace(source.config, width=width), seed=2)
    before = {name: value.clone() for name, value in source.state_dict().items()}
    begin_from(network, source)
    with torch.inference_mode():
        ours, theirs = network(_faces()), source(_faces())
    torch.testing.assert_close(
        ours.logits, theirs.logits, rtol=1e-4, atol=1e-4 * theirs.logits.abs().max().item()
    )
    if theirs.attention is not None:
        torch.testing.assert_close(ours.attention, theirs.attention, rtol=1e-3, atol=1e-5)
    assert all(torch.equal(value, before[name]) for name, value in source.state_dict().items())


def test_copies_of_a_channel_learn_different_things():
    network, source = _network(replace(SMALL, width=2), 1), _network(SMALL, 2)
    begin_from(network, source)
    network.train()
    torch.nn.functional.cross_entropy(network(_faces()).logits, torch.tensor([0, 1, 2])).backward()
    one, other = network.features[0].weight.grad.chunk(2)
    assert not torch.allclose(one, other, rtol=1e-2)


def test_a_block_with_fewer_convolutions_leaves_out_the_last():
    source = _network(replace(SMALL, convolutions=(2, 2, 3, 2)), seed=1)
    network = _network(replace(SMALL, convolutions=(2, 2, 2, 2)), seed=2)
    begin_from(network, source)
    # by hand: block 3 stands after two blocks of conv, norm, relu, residual, pool and its own conv, norm,
    # relu, residual; the residual after those is cut out
    source.features[14] = torch.nn.Identity()
    torch.testing.assert_close(network(_faces()).logits, source(_faces()).logits)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"head": "gap"}, "the same head"),
        ({"batch_norm": False}, "the same head"),
        ({"inputs": "intensity+depth"}, "the same head, .*, inputs"),
        ({"convolutions": (3, 4, 2, 2)}, "no block may have more convolutions"),
        ({"width": 3}, "multiple of that begun from, 2"),
    ],
)
def test_networks_that_do_not_fit_are_refused(changes, says):
    source = _network(replace(SMALL, width=2), seed=1)
    with pytest.raises(ValueError, match=says):
        begin_from(Network(replace(source.config, **changes)), source)


def test_an_attention_network_begins_at_another_size():
    source = _network(SMALL, seed=1)
    network = _network(replace(SMALL, input_hw=(48, 48), dropout=0.5), seed=2)
    begin_from(network, source)
    assert torch.equal(network(_faces()).logits, source(_faces()).logits)


def test_the_wide_preset_begins_from_the_lateral_one():
    begin_from(Network(network_preset("wide-attention")), Network(network_preset("lateral-attention")))
