"""A network that begins with what another has learned, and may be wider (Net2Net, Chen et al. 2016)."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from feroi.config import NetworkConfig
from feroi.network.model import Network


@torch.no_grad()
def begin_from(network: Network, source: Network) -> None:
    """Overwrite the weights of `network` with those of `source`, which is left as it is.

    If `network` is `width` times as wide, each channel of `source` becomes that many: all copies compute
    the same, and what read one channel reads its copies with shares of the old weight, drawn at random,
    that add up to it. So the function stays, and since the shares differ, training tells the copies apart.
    A block with fewer convolutions leaves out the last ones of `source`, and the function changes.

    Raises ValueError if the networks differ in what their weights mean: head, input size if the head
    takes only one, batch normalisation, residual, lateral, poolings, inputs; or in `width` by no whole
    number; or if `network` has more convolutions in a block.
    """
    times = _times_as_wide(network.config, source.config)
    for target, origin in zip(_layers(network), _matching_layers(source, network.config), strict=True):
        for name, value in target.state_dict(keep_vars=True).items():
            value.copy_(_widened(getattr(origin, name), value.shape, times))


def _times_as_wide(config: NetworkConfig, source: NetworkConfig) -> int:
    """How many times as wide `config` is as `source`."""
    free = {"width", "convolutions", "dropout", "beta", "bounded", "margin", "pipeline", "spacing"}
    if config.takes_any_size:
        free.add("input_hw")  # the same weights at another size
    alike = replace(config, **{name: getattr(source, name) for name in free})
    if alike != source:
        raise ValueError(
            "a network can begin from one with the same head, backbone, batch_norm, residual, lateral, "
            "poolings, inputs and, with the flatten and stacked-max heads, input size; this one is "
            f"{config}, and that one {source}"
        )
    if config.width % source.width:
        raise ValueError(
            f"the width must be a multiple of that begun from, {source.width}; got {config.width}"
        )
    if any(mine > theirs for mine, theirs in zip(config.convolutions, source.convolutions, strict=True)):
        raise ValueError(
            f"no block may have more convolutions than in the network begun from, {source.convolutions}; "
            f"got {config.convolutions}"
        )
    return config.width // source.width


def _layers(network: Network) -> list[nn.Module]:
    return [layer for layer in network.modules() if isinstance(layer, (nn.Conv2d, nn.BatchNorm2d, nn.Linear))]


def _matching_layers(source: Network, config: NetworkConfig) -> list[nn.Module]:
    """The layers of `source` that a network of `config` has too, in its order."""
    layers = iter(_layers(source))
    a_convolution = 1 + source.config.batch_norm
    matching = []
    for kept, there in zip(config.convolutions, source.config.convolutions, strict=True):
        block = [next(layers) for _ in range(there * a_convolution)]
        matching += block[: kept * a_convolution]
    return [*matching, *layers]


def _widened(value: Tensor, shape: torch.Size, times: int) -> Tensor:
    """`value` in a `shape` whose outputs, inputs or both are `times` as many."""
    if not value.ndim:
        return value  # how many batches were seen
    wide = value.repeat(shape[0] // value.shape[0], *(1 for _ in shape[1:]))
    if value.ndim == 1 or shape[1] == value.shape[1]:
        return wide
    shares = torch.rand(times, *wide.shape)
    shares /= shares.sum(0)
    return (shares * wide).transpose(0, 1).flatten(1, 2)
