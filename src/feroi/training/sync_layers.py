"""Layers that treat a batch as one, though each of several workers holds only some rows of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, distributed, nn


def see_whole_batches(network: nn.Module) -> None:
    """Exchange, in place, the layers of `network` that depend on a batch's other rows: batch normalisation,
    and dropout, whose mask is drawn for all of a batch at once. Their state keeps its names."""
    for module in list(network.modules()):
        for name, layer in module.named_children():
            if isinstance(layer, nn.BatchNorm2d):
                setattr(module, name, WholeBatchNorm(layer))
            elif isinstance(layer, nn.Dropout):
                setattr(module, name, WholeDropout(layer.p))


class WholeBatchNorm(nn.BatchNorm2d):
    """Batch normalisation by mean and variance over the rows of all workers. Unlike torch's SyncBatchNorm it
    runs on processors too.

    A worker with no rows takes part, or the others would wait for it.
    """

    def __init__(self, layer: nn.BatchNorm2d) -> None:
        super().__init__(layer.num_features, layer.eps, layer.momentum)
        self.load_state_dict(layer.state_dict())

    def forward(self, features: Tensor) -> Tensor:
        if not self.training:
            return super().forward(features)
        normalized, mean, variance, count = _normalize(features, self.weight, self.bias, self.eps)
        with torch.no_grad():
            assert self.running_mean is not None
            assert self.running_var is not None
            assert self.num_batches_tracked is not None
            assert self.momentum is not None
            self.num_batches_tracked.add_(1)
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)  # unbiased, as torch's
        return normalized


class WholeDropout(nn.Dropout):
    """Dropout whose mask is that of the whole batch, if all workers' generators are in the same state."""

    def forward(self, features: Tensor) -> Tensor:
        if not self.training or not self.p:
            return features
        rows = _gathered(torch.tensor([len(features)], device=features.device)).flatten()
        before = int(rows[: distributed.get_rank()].sum())
        all_rows = features.new_ones((int(rows.sum()), *features.shape[1:]))
        mask = nn.functional.dropout(all_rows, self.p)
        return features * mask[before : before + len(features)]


class _Normalized(torch.autograd.Function):
    """(N, C, H, W) normalised over all workers' N, H, W; the mean, the variance and their count besides.

    Gradients of weight and bias are this worker's part of their sums, as of any other layer.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, ...]:
        channels = len(weight)
        if len(features):
            mean, variance = torch.batch_norm_update_stats(features.to(weight.dtype), None, None, 0.0)
        else:
            mean = variance = torch.zeros_like(weight)
        count = weight.new_tensor([features.numel() / channels])
        every = _gathered(torch.cat([count, mean, variance]))
        counts, means, variances = every[:, :1], every[:, 1 : channels + 1], every[:, channels + 1 :]
        count = counts.sum()
        mean = (counts * means).sum(0) / count
        variance = (counts * (variances + (means - mean) ** 2)).sum(0) / count
        ctx.save_for_backward(features, weight, mean, variance, count)
        ctx.mark_non_differentiable(mean, variance, count)
        ctx.eps = eps
        normalized = nn.functional.batch_norm(features, mean, variance, weight, bias, eps=eps)
        return normalized, mean, variance, count

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        features, weight, mean, variance, count = ctx.saved_tensors
        if len(features):
            # As if mean and variance were constants; what goes back through them is taken off below.
            back, grad_weight, grad_bias = torch.ops.aten.native_batch_norm_backward(
                grads[0], features, weight, mean, variance, None, None, False, ctx.eps, [True, True, True]
            )
        else:
            back, grad_weight, grad_bias = map(torch.zeros_like, (features, weight, weight))
        sums = torch.stack([grad_bias, grad_weight])
        distributed.all_reduce(sums)
        inverse = (variance + ctx.eps).rsqrt()
        by_bias, by_weight = weight * inverse * sums / count
        slope = by_weight * inverse
        shape = (1, -1, 1, 1)
        back -= features * slope.view(shape) + (by_bias - mean * slope).view(shape)
        return back, grad_weight, grad_bias, None


_normalize = cast(Callable[..., tuple[Tensor, ...]], _Normalized.apply)


def _gathered(own: Tensor) -> Tensor:
    """What every worker holds, (n,) each, as (workers, n)."""
    parts = [torch.empty_like(own) for _ in range(distributed.get_world_size())]
    distributed.all_gather(parts, own)
    return torch.stack(parts)
