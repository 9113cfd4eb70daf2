"""Where a network saw an expression, by any of the methods people use, beside the map it has built in.

Every method is one function: a network, faces (N, 1, H, W) with intensities in 0..1 and the index (N,) of an
expression for each, to maps (N, H, W) that are not negative. What is general comes from captum; the
score they explain is the logit, before the soft-max, as Simonyan et al. do.

Unlike the methods' own papers, signed attributions are shown by their size, since the question here is
where, not for or against. Only `grad-cam` and `occlusion` drop what speaks against the expression:
the one by its definition, the other because a place whose covering helps is not what was seen.
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import NamedTuple, cast

import numpy as np
import torch
from captum.attr import Deconvolution, IntegratedGradients, LayerGradCam, Occlusion, Saliency
from numpy.typing import NDArray
from torch import Tensor, nn

from feroi.config import check_intensity
from feroi.explain.roi import blob, in_multiples, project, region_of_interest
from feroi.explain.simplify import simplify_faces
from feroi.network.model import INTENSITY_MEAN, Network
from feroi.network.torch_forward import torch_forward
from feroi.outputs import FloatArray, Locator

Method = Callable[[Network, Tensor, Tensor], Tensor]

INTEGRATION_STEPS = 32
WINDOW_SHARE, STRIDE_SHARE = 6, 12
"""The occluding square is a sixth of the face's shorter side, and moves by half of its own."""
_WINDOWS_AT_ONCE = 32
RISE_MASKS, RISE_CELLS = 500, 7


class Way(NamedTuple):
    """A method with what Table 1 says of it: the network it needs, and how it locates."""

    method: Method
    network: str
    procedure: str


def attention(network: Network, faces: Tensor, labels: Tensor) -> Tensor:
    """The built-in map B on the pixels of the input (`explain.roi.project`); the same for every expression.

    Raises ValueError for a network without one.
    """
    with torch.no_grad():
        found = network(faces).attention
    if found is None:
        raise ValueError(f"a {network.config.head} network has no attention; leave the method attention out")
    return _projected(found, faces)


def evidence(network: Network, faces: Tensor, labels: Tensor) -> Tensor:
    """The built-in map of what speaks for an expression (`explain.roi.region_of_interest`). Ours.

    Raises ValueError for a network without one.
    """
    with torch.no_grad():
        found = network(faces).evidence
    if found is None:
        raise ValueError(f"a {network.config.head} network has no attention; leave the method evidence out")
    chosen = found[torch.arange(len(faces)), labels].numpy()
    return torch.from_numpy(region_of_interest(chosen, (faces.shape[-2], faces.shape[-1])))


def random(network: Network, faces: Tensor, labels: Tensor) -> Tensor:
    """Noise, uniform in 0..1: a control. It follows from the pixels of each face alone."""
    noise = [
        np.random.default_rng(zlib.crc32(face.numpy().tobytes())).random(face.shape[-2:]) for face in faces
    ]
    return torch.from_numpy(np.stack(noise))


def saliency(network: Network, faces: Tensor, labels: Tensor) -> Tensor:
    """|d logit / d pixel|: the image-specific class saliency of Simonyan et al. (2013), the paper's [8]."""
    found: Tensor = Saliency(_Logits(network)).attribute(faces, target=labels)
    return found[:, 0]


def deconvnet(network: Network, faces: Tensor, labels: Tensor) -> Tensor:
    """The logit sent back through the network with every ReLU applied to what comes back, its size.

    The paper's [9, 10] learn deconvolutions; this is what Zeiler and Fergus (2014) made of them to look into
    a trained network. It is defined for convolutions, poolings and ReLUs: batch normalisation, the soft-max
    of the attention and the shortcut of residual layers send back their plain gradient.
    """
    copy = deepcopy(network)
    for layer in copy.modules():
        if isinstance(layer, nn.ReLU):
            layer.inplace = False  # captum has to see what goes in
    found: Tensor = Deconvolution(_Logits(copy)).attribute(faces, target=labels)
    return found[:, 0].abs()


def simplify(network: Network, faces: Tensor, labels: Tensor) -> Tensor:
    """How long each segment stays as the face is simplified (`explain.simplify`), the paper's [11, 12]."""
    return torch.from_numpy(simplify_faces(torch_forward(network), faces.numpy(), labels.numpy()))


def grad_cam(network: Network, faces: Tensor, labels: Tensor) -> Tensor:
    """Grad-CAM (Selvaraju et al. 2017) at the last feature map, on the pixels as the attention is brought."""
    cam = LayerGradCam(_Logits(network), network.features)
    found: Tensor = cam.attribute(faces, target=labels, relu_attributions=True)
    return _projected(found[:, 0], faces)


def integrated_gradients(network: Network, faces: Tensor, labels: Tensor) -> Tensor:
    """Size of the integrated gradients (Sundararajan et al. 2017) from the grey the network reads as 0."""
    found: Tensor = IntegratedGradients(_Logits(network)).attribute(
        faces,
        baselines=INTENSITY_MEAN,
        target=labels,
        n_steps=INTEGRATION_STEPS,
        internal_batch_size=INTEGRATION_STEPS,
    )
    return found[:, 0].abs().float()


def occlusion(network: Network, faces: Tensor, labels: Tensor) -> Tensor:
    """How far the logit falls when a square about a place is covered by the face's mean intensity.

    A pixel gets the mean over the squares that cover it (Zeiler and Fergus 2014, through captum).
    """
    side = min(faces.shape[-2:])
    window, stride = max(side // WINDOW_SHARE, 1), max(side // STRIDE_SHARE, 1)
    found: Tensor = Occlusion(_Logits(network)).attribute(
        faces,
        sliding_window_shapes=(1, window, window),
        strides=(1, stride, stride),
        baselines=faces.mean((1, 2, 3), keepdim=True).expand_as(faces),
        target=labels,
        perturbations_per_eval=_WINDOWS_AT_ONCE,
    )
    return found[:, 0].clamp(min=0)


def rise(network: Network, faces: Tensor, labels: Tensor) -> Tensor:
    """The mean probability under random masks that show a place, over `RISE_MASKS` (Petsiuk et al. 2018).

    A mask is a grid of 7x7 cells, each shown or not, enlarged and shifted; what is hidden is the face's mean.
    """
    generator = torch.Generator().manual_seed(0)
    height, width = faces.shape[-2:]
    cell = -(-height // RISE_CELLS), -(-width // RISE_CELLS)
    grids = torch.rand(RISE_MASKS, 1, RISE_CELLS + 1, RISE_CELLS + 1, generator=generator).round()
    size = [(RISE_CELLS + 1) * side for side in cell]
    large = nn.functional.interpolate(grids, size, mode="bilinear", align_corners=False)
    corners = [torch.randint(side, (RISE_MASKS,), generator=generator) for side in cell]
    masks = torch.stack(
        [mask[:, y : y + height, x : x + width] for mask, y, x in zip(large, *corners, strict=True)]
    )
    maps = []
    with torch.no_grad():
        for face, label in zip(faces, labels, strict=True):
            logits = [
                network(part * face + (1 - part) * face.mean()).logits
                for part in torch.split(masks, _WINDOWS_AT_ONCE)
            ]
            said = torch.cat(logits).softmax(1)[:, label]
            maps.append((said[:, None, None] * masks[:, 0]).sum(0) / masks[:, 0].sum(0))
    return torch.stack(maps)


def centre(network: Network, faces: Tensor, labels: Tensor) -> Tensor:
    """A round blob in the middle, the same for every face: a control that knows where faces are."""
    height, width = faces.shape[-2:]
    return torch.from_numpy(blob((height, width))).expand(len(faces), height, width)


METHODS = {
    "attention": Way(attention, "with attention", "the pass that reads the face"),
    "evidence": Way(evidence, "with attention", "the pass that reads the face"),
    "saliency": Way(saliency, "any", "1 pass forward and back"),
    "deconvnet": Way(deconvnet, "any with ReLU", "1 pass forward and back, ReLU on the way back"),
    "simplify": Way(simplify, "any", "hundreds of passes, removing segments"),
    "grad-cam": Way(grad_cam, "any with a feature map", "1 pass forward and back to the last feature map"),
    "integrated-gradients": Way(integrated_gradients, "any", f"{INTEGRATION_STEPS} passes forward and back"),
    "occlusion": Way(occlusion, "any", "a pass a covered square"),
    "rise": Way(rise, "any", f"{RISE_MASKS} passes under random masks"),
    "random": Way(random, "none", "a control: noise"),
    "centre": Way(centre, "none", "a control: a blob in the middle"),
}
"""Every method by the name people ask for it; `attention` is the paper's, `evidence` ours; the others
look on from outside."""

BUILT_IN = ("attention", "evidence")
"""Those that come out of the pass that reads the face."""

CONTROLS = ("random", "centre")
"""Those that never look at the network."""


def register_method(name: str, way: Way) -> None:
    """Add a method to METHODS, to be asked for by `name` wherever methods are named.

    Raises ValueError for a name that is taken or holds a comma.
    """
    if name in METHODS:
        raise ValueError(f"there is a method {name!r} already; choose another name")
    if "," in name:
        raise ValueError(f"names of methods stand with commas between them, so none may hold one: {name!r}")
    METHODS[name] = way


def chosen_methods(names: str) -> list[str]:
    """The names in a list with commas. Raises ValueError for one that is unknown."""
    chosen = [name.strip() for name in names.split(",")]
    for name in chosen:
        if name not in METHODS:
            raise ValueError(f"unknown method {name!r}; choose of {', '.join(METHODS)}")
    return list(dict.fromkeys(chosen))


def locators(names: Sequence[str], network: Network) -> dict[str, Locator]:
    """Each method of METHODS that is named as a function of arrays, for `network` in evaluation mode.

    Raises ValueError for a network that sees depth or patterns: no gradient comes through a pattern, and a
    face covered or simplified has no depth of its own.
    """
    check_intensity(network.config, "explaining a face by these methods")
    network.eval()
    return {name: _locator(METHODS[name].method, network) for name in names}


def _locator(method: Method, network: Network) -> Locator:
    def locate(faces: NDArray[np.float32], labels: NDArray[np.int64]) -> FloatArray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # captum tells of each hook it sets
            maps = method(network, torch.from_numpy(faces), torch.from_numpy(labels))
        return in_multiples(maps.detach().numpy().astype(np.float64))

    return locate


class _Logits(nn.Module):
    """A network as captum asks for it: faces to logits (N, 7)."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, faces: Tensor) -> Tensor:
        return cast(Tensor, self.network(faces).logits)


def _projected(maps: Tensor, faces: Tensor) -> Tensor:
    height, width = faces.shape[-2:]
    return torch.from_numpy(project(maps.detach().numpy(), (height, width)))
