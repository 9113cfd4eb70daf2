"""Class model images (Simonyan et al. 2013, the paper's [8]): what a network takes for an expression."""

from __future__ import annotations

from typing import NamedTuple

import torch

from feroi.config import check_intensity
from feroi.network.model import INTENSITY_MEAN, Network
from feroi.outputs import FloatArray
from feroi.vocabulary import EXPRESSIONS

DECAY = 0.3
STEPS, RATE = 200, 0.02


class ClassImages(NamedTuple):
    """images: (7, H, W) about 0, in the order of EXPRESSIONS. logits: (7,), what each scores for its own."""

    images: FloatArray
    logits: FloatArray


def class_images(network: Network, decay: float = DECAY) -> ClassImages:
    """For each expression the image I that maximises its logit - `decay` |I|².

    I is what is added to the mid-grey that the network reads as 0, in units of the range of intensities,
    and starts at 0. 200 steps of Adam, its rate falling to 0 by a cosine; no randomness. Unlike photographs,
    images are not held to 0..1. Raises ValueError for a network that sees other than intensities.
    """
    check_intensity(network.config, "an image of an expression")
    network.eval()
    height, width = network.config.input_hw
    images = torch.zeros(len(EXPRESSIONS), 1, height, width, requires_grad=True)
    optimizer = torch.optim.Adam([images], RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        scores = network(images + INTENSITY_MEAN).logits.diagonal()
        loss = (decay * images.square().sum((1, 2, 3)) - scores).sum()  # images do not meet: one sum for all
        (images.grad,) = torch.autograd.grad(loss, images)
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        scores = network(images + INTENSITY_MEAN).logits.diagonal()
    return ClassImages(images.detach()[:, 0].numpy(), scores.numpy())
