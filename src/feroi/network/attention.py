"""The visual attention of section 3.2: Eq. 1–5 as functions, and the module that holds the weights.

Shapes: N faces, C = 128 channels, H x W locations of the last feature map, U = 66 hidden units.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

HIDDEN_UNITS = 66


def softmax_map(score: Tensor, beta: float) -> Tensor:
    """B of Eq. 4: the weight of each location. (N, H, W) -> (N, H, W); each map sums to 1."""
    return torch.softmax(beta * score.flatten(1), dim=1).view_as(score)


def symmetric_map(score: Tensor, beta: float) -> Tensor:
    """B of Eq. 5 as printed. (N, H, W) -> (N, H, W), equal to its own mirror image.

    The denominator is Eq. 4's, not the sum of this numerator, so by the inequality of the
    arithmetic and geometric mean each map sums to at most 1, and to 1 only if the score is
    itself symmetric.
    """
    log_total = torch.logsumexp(beta * score.flatten(1), dim=1)  # (N,)
    return torch.exp(beta * _mirror_mean(score) - log_total[:, None, None])


def symmetric_map_renormalized(score: Tensor, beta: float) -> Tensor:
    """Eq. 5 divided by the sum of its own numerator, so each map sums to 1. Ours, not the paper's."""
    return softmax_map(_mirror_mean(score), beta)


def uniform_map(score_like: Tensor) -> Tensor:
    """The fixed map of global average pooling: 1 / (H W) everywhere, in the shape given."""
    return torch.full_like(score_like, 1.0 / score_like[0].numel())


def focus(features: Tensor, attention: Tensor) -> Tensor:
    """z of Eq. 1: features (N, C, H, W) summed under the map (N, H, W) -> (N, C)."""
    return torch.einsum("nchw,nhw->nc", features, attention)


def evidence(features: Tensor, attention: Tensor, classifier: Tensor) -> Tensor:
    """What each location adds to each logit, less what it adds to their mean. Ours, not the paper's.

    The classifier is linear in z of Eq. 1, and z is a sum over locations, so that a logit is one too:
    features (N, C, H, W), the map (N, H, W) and the classifier's weights (K, C) -> (N, K, H, W).
    """
    contrast = classifier - classifier.mean(0)
    return attention[:, None] * torch.einsum("nchw,kc->nkhw", features, contrast)


def _mirror_mean(score: Tensor) -> Tensor:
    return (score + score.flip(-1)) / 2


class Score(nn.Module):
    """The two-layer network g of Eq. 2 and 3, applied to the feature vector of each location alone.

    (N, C, H, W) -> (N, H, W), each score in [-1, 1] because Eq. 3 ends in a tanh; any real number where
    it is left out (`bounded` False, ours).
    """

    def __init__(self, channels: int, units: int = HIDDEN_UNITS, bounded: bool = True) -> None:
        super().__init__()
        self.bounded = bounded
        self.hidden = nn.Linear(channels, units)  # W1, b1
        self.output = nn.Linear(units, 1)  # W2, b2
        for layer in (self.hidden, self.output):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, features: Tensor) -> Tensor:
        a0 = features.permute(0, 2, 3, 1)  # (N, H, W, C)
        a1 = torch.tanh(self.hidden(a0))  # (N, H, W, U), Eq. 2
        a2 = self.output(a1).squeeze(-1)  # (N, H, W)
        return torch.tanh(a2) if self.bounded else a2  # Eq. 3
