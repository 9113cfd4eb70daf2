"""Add an explanation method: SmoothGrad (Smilkov et al. 2017), the gradient averaged over noisy copies.

python examples/add_method.py explain party.jpg --methods attention,saliency,smooth-grad --report page.html
"""

import torch
from torch import Tensor

from feroi.cli.app import app
from feroi.explain.methods import Way, register_method
from feroi.network.model import Network

COPIES, NOISE = 16, 0.1  # noise: its standard deviation, in intensities of 0..1


def smooth_grad(network: Network, faces: Tensor, labels: Tensor) -> Tensor:
    """Faces (N, 1, H, W) and an expression for each (N,) to maps (N, H, W), not negative."""
    generator = torch.Generator().manual_seed(0)
    total = torch.zeros_like(faces)
    for _ in range(COPIES):
        noisy = faces + NOISE * torch.randn(faces.shape, generator=generator)
        noisy.requires_grad_()
        logits = network(noisy).logits.gather(1, labels[:, None])
        total += torch.autograd.grad(logits.sum(), noisy)[0]
    return (total / COPIES)[:, 0].abs()


register_method("smooth-grad", Way(smooth_grad, "any", f"{COPIES} passes forward and back"))
if __name__ == "__main__":
    app()
