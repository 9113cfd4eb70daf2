"""Teaching a network to need what it looks at: hide all else and the answer stays; hide it and it goes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from feroi.network.model import Network

_SHOWN = (0.25, 0.5)
"""Share of the picture that counts as looked at, drawn for each face."""
_BLUR = 0.1
"""Standard deviation of what hides, as a share of the width."""
_EDGE = 0.25
"""How softly a mask ends, in standard deviations of the map."""
_EVENNESS = 0.3
"""Weight of the uncertain answer beside that of the answer that stays."""


def masked(network: Network, faces: Tensor) -> tuple[Tensor, Tensor]:
    """Every second of `faces` (N, C, H, W) with all blurred but where `network` looks, and with that blurred.

    The network is asked in evaluation mode and no gradient flows through the masks.
    """
    chosen = faces[::2]
    training = network.training
    with torch.no_grad():
        network.eval()
        attention = network(chosen).attention
        network.train(training)
        shown = look_masks(attention, (chosen.shape[-2], chosen.shape[-1]))
        hidden = blurred(chosen)
    return shown * chosen + (1 - shown) * hidden, (1 - shown) * chosen + shown * hidden


def look_masks(attention: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Soft masks (N, 1, *size_hw), 1 where maps (N, h, w) are highest, on a quarter to a half of it all."""
    maps = nn.functional.interpolate(attention[:, None], size_hw, mode="bilinear", align_corners=False)
    flat = maps.flatten(1)
    shares = torch.empty(len(flat), device=flat.device).uniform_(*_SHOWN)
    least = flat.sort(1, descending=True).values.gather(1, (shares * flat.shape[1]).long()[:, None])
    spread = flat.std(1, keepdim=True).clamp(min=torch.finfo(flat.dtype).tiny)
    return torch.sigmoid((flat - least) / (_EDGE * spread)).view_as(maps)


def blurred(faces: Tensor) -> Tensor:
    """Faces (N, C, H, W) under a Gaussian of a tenth of their width; the border goes on beyond it."""
    sigma = _BLUR * faces.shape[-1]
    reach = min(round(2.5 * sigma), faces.shape[-2] - 1, faces.shape[-1] - 1)
    along = torch.arange(-reach, reach + 1, dtype=faces.dtype, device=faces.device)
    kernel = torch.exp(-(along**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).expand(faces.shape[1], 1, 1, -1)
    wide = nn.functional.pad(faces, (reach, reach, reach, reach), mode="replicate")
    rows = nn.functional.conv2d(wide, kernel, groups=faces.shape[1])
    return nn.functional.conv2d(rows, kernel.transpose(2, 3), groups=faces.shape[1])


def need_loss(shown: Tensor, hidden: Tensor, targets: Tensor) -> Tensor:
    """Of the logits (M, 7) of both kinds of masked faces.

    targets: those of all N faces, of which every second is masked.
    """
    even = torch.full_like(hidden, 1 / hidden.shape[1])
    stays = nn.functional.cross_entropy(shown, targets[::2])
    return stays + _EVENNESS * nn.functional.cross_entropy(hidden, even)
