"""Add a head: attention by sparsemax (Martins and Astudillo 2016), which leaves most places at exactly 0.

python examples/add_head.py train --data embedded --run runs/sparse --size 80x96 --set head=attention-sparse
python examples/add_head.py rois runs/sparse --data embedded --split fold1 --out sparse.png
"""

import torch
from torch import Tensor

from feroi.cli.app import app
from feroi.network.model import register_attention


def sparse_map(score: Tensor, beta: float) -> Tensor:
    """The point of the simplex nearest to beta times the scores: (N, H, W) to (N, H, W), maps sum to 1."""
    z = beta * score.flatten(1)  # (N, H·W)
    falling = z.sort(1, descending=True).values
    excess = falling.cumsum(1) - 1
    rank = torch.arange(1, z.shape[1] + 1, device=z.device)
    kept = (rank * falling > excess).sum(1, keepdim=True)  # how many places stay above 0
    threshold = excess.gather(1, kept - 1) / kept
    return (z - threshold).clamp(min=0).view_as(score)


register_attention("attention-sparse", sparse_map)
if __name__ == "__main__":
    app()
