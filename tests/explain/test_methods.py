"""Each method against what can be said of it by hand, on networks small enough to say it."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import nn

from feroi.config import NetworkConfig
from feroi.explain.class_images import class_images
from feroi.explain.methods import (
    BUILT_IN,
    METHODS,
    chosen_methods,
    in_multiples,
    integrated_gradients,
    locators,
    rise,
)
from feroi.explain.methods import deconvnet as deconvnet_of
from feroi.explain.methods import occlusion as occlusion_of
from feroi.explain.methods import saliency as saliency_of
from feroi.explain.roi import project
from feroi.network.model import INTENSITY_MEAN, Network
from feroi.outputs import NetworkOutput

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # captum tells of each hook it sets


def _network(head="attention", **settings):
    torch.manual_seed(0)
    return Network(NetworkConfig(head, (16, 16), poolings=2, **settings)).eval()


def _faces(n=2, side=16):
    return torch.rand(n, 1, side, side, generator=torch.Generator().manual_seed(1))


class _Plain(nn.Module):
    """Logits (N, 2) by a function of the faces; says nothing else."""

    def __init__(self, logits, config=None):
        super().__init__()
        self.logits, self.config = logits, config

    def forward(self, faces):
        return NetworkOutput(self.logits(faces), None, faces)


def _weights(side=16):
    return torch.randn(2, side, side, generator=torch.Generator().manual_seed(2))


def _linear(weights):
    return _Plain(lambda faces: torch.einsum("nhw,khw->nk", faces[:, 0], weights))


@pytest.mark.parametrize("settings", [{}, {"batch_norm": True, "residual": True, "bounded": False}])
def test_saliency_is_the_gradient_by_finite_differences(settings):
    network = _network(**settings).double()
    faces, label = _faces(1).double(), torch.tensor([3])
    found = saliency_of(network, faces, label)[0]
    step = 1e-6
    for row, column in ((0, 0), (7, 9), (12, 4)):
        moved = faces.clone()
        moved[0, 0, row, column] += step
        change = (network(moved).logits - network(faces).logits)[0, 3] / step
        assert found[row, column] == pytest.approx(abs(change.item()), rel=1e-3, abs=1e-7)


def test_grad_cam_of_a_gap_network_is_its_class_activation_map():
    # Global average pooling makes the gradient of a logit its weight over the number of locations, so
    # Grad-CAM is that of Zhou et al. (2016): the features under the classifier's own weights.
    network = _network("gap")
    faces, labels = _faces(), torch.tensor([1, 5])
    with torch.no_grad():
        a0 = network.locations(faces).numpy()
    weights = network.classifier.weight.detach().numpy()
    cams = np.stack([np.einsum("chw,c->hw", a0[i], weights[k]) for i, k in enumerate([1, 5])])
    expected = in_multiples(project(np.maximum(cams, 0), (16, 16)))
    found = locators(["grad-cam"], network)["grad-cam"](faces.numpy(), labels.numpy())
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_integrated_gradients_add_up_to_what_the_face_changed():
    # Completeness. Above the baseline every attribution of this network is positive, so sizes add up too.
    weights = _weights().abs()
    network = _Plain(lambda x: torch.einsum("nhw,khw->nk", (x[:, 0] - INTENSITY_MEAN) ** 3, weights))
    faces = INTENSITY_MEAN + _faces() / 2
    found = integrated_gradients(network, faces, torch.tensor([0, 1]))
    rise = network(faces).logits - network(torch.full_like(faces, INTENSITY_MEAN)).logits
    torch.testing.assert_close(found.sum((1, 2)), rise[[0, 1], [0, 1]], rtol=1e-4, atol=1e-5)


def test_deconvnet_on_one_layer_lets_back_what_is_positive():
    # logit = sum v relu(w x): the deconvnet sends v back through a ReLU of its own, whatever x was,
    # and then w; the gradient would ask where w x was above 0.
    w = torch.tensor([[2.0, -1.0, 3.0]])
    v = torch.tensor([[0.5, -4.0, 1.5], [1.0, 1.0, -1.0]])

    class OneLayer(nn.Module):
        def __init__(self):
            super().__init__()
            self.relu = nn.ReLU(inplace=True)

        def forward(self, faces):
            return NetworkOutput(self.relu(faces[:, 0, 0] * w) @ v.T, None, faces)

    faces = torch.tensor([1.0, 1.0, -1.0]).view(1, 1, 1, 3)
    found = deconvnet_of(OneLayer(), faces, torch.tensor([0]))
    torch.testing.assert_close(found, torch.tensor([[[1.0, 0.0, 4.5]]]))
    gradient = saliency_of(OneLayer(), faces, torch.tensor([0]))
    torch.testing.assert_close(gradient, torch.tensor([[[1.0, 0.0, 0.0]]]))


def test_occlusion_of_a_linear_network_is_what_the_squares_about_a_pixel_held():
    weights = _weights(12)
    faces, label = _faces(1, 12), torch.tensor([1])
    found = occlusion_of(_linear(weights), faces, label)[0]
    held = (weights[1] * (faces[0, 0] - faces.mean())).numpy()  # squares of 2 px that move by 1
    sums = held[:-1, :-1] + held[1:, :-1] + held[:-1, 1:] + held[1:, 1:]
    row, column = 5, 7
    about = sums[row - 1 : row + 1, column - 1 : column + 1].mean()
    assert found[row, column].item() == pytest.approx(max(about, 0), abs=1e-5)


def test_class_images_of_a_linear_network_are_its_weights():
    # The maximum of w I - d I² lies at w / 2d.
    weights = torch.randn(7, 16, 16, generator=torch.Generator().manual_seed(2))
    linear = lambda x: torch.einsum("nhw,khw->nk", x[:, 0], weights)  # noqa: E731
    found = class_images(_Plain(linear, NetworkConfig("gap", (16, 16))), decay=2.0)
    np.testing.assert_allclose(found.images, weights.numpy() / 4, atol=0.01)
    bright = INTENSITY_MEAN * weights.sum((1, 2)).numpy()
    expected = (weights.square().sum((1, 2)) / 4).numpy() + bright
    np.testing.assert_allclose(found.logits, expected, atol=1)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_maps_pixels_in_multiples_of_a_uniform_map_and_changes_nothing(name):
    network = _network(batch_norm=True, residual=True)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    faces, labels = _faces().numpy(), np.array([2, 4])
    kept = faces.copy()
    maps = locators([name], network)[name](faces, labels)
    assert maps.shape == (2, 16, 16)
    assert maps.min() >= 0
    np.testing.assert_allclose(maps.mean((1, 2)), 1)
    np.testing.assert_array_equal(faces, kept)
    alone = locators([name], network)[name](faces[1:], labels[1:])
    np.testing.assert_allclose(alone[0], maps[1], rtol=1e-3, atol=1e-3)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert any(layer.inplace for layer in network.modules() if isinstance(layer, nn.ReLU))


def test_the_attention_is_the_map_people_are_shown():
    network, faces = _network(), _faces()
    with torch.no_grad():
        expected = project(network(faces).attention.numpy(), (16, 16))
    found = locators(["attention"], network)["attention"](faces.numpy(), np.array([0, 0]))
    np.testing.assert_allclose(found, expected / expected.mean((1, 2), keepdims=True), rtol=1e-6)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_network_without_attention_says_so(name):
    with pytest.raises(ValueError, match=f"leave the method {name} out"):
        locators([name], _network("flatten"))[name](_faces().numpy(), np.array([0, 0]))


def test_with_even_attention_the_evidence_is_grad_cam_less_the_mean_of_the_expressions():
    """Of a `gap` network Grad-CAM is the class activation map of Zhou et al. (2016), as the evidence is."""
    network, faces = _network("gap"), _faces()
    with torch.no_grad():
        a0 = network.locations(faces)
        cams = torch.einsum("nchw,kc->nkhw", a0, network.classifier.weight) / a0[0, 0].numel()
        torch.testing.assert_close(network(faces).evidence, cams - cams.mean(1, keepdim=True))


@pytest.mark.parametrize("inputs", ["intensity+depth", "mapped-patterns"])
def test_networks_that_see_other_than_intensities_are_refused(inputs):
    network = _network(inputs=inputs)
    with pytest.raises(ValueError, match=f"sees the intensity alone, and this one sees {re.escape(inputs)}"):
        locators(["saliency"], network)
    with pytest.raises(ValueError, match="an image of an expression needs a network"):
        class_images(network)


def test_random_masks_find_the_one_place_that_counts():
    """Where the answer hangs on one pixel, the mean under masks is highest there."""
    weights = torch.zeros(7, 16, 16)
    weights[3, 4, 11] = 3
    network = _Plain(lambda x: torch.einsum("nhw,khw->nk", x[:, 0], weights), NetworkConfig("gap", (16, 16)))
    faces = torch.zeros(1, 1, 16, 16)
    faces[0, 0, 4, 11] = 1
    (found,) = rise(network, faces, torch.tensor([3]))
    row, column = np.unravel_index(int(found.argmax()), (16, 16))
    assert abs(row - 4) <= 1
    assert abs(column - 11) <= 1
    assert found[4, 11] > found[12, 3] + 0.1


def test_a_map_of_nothing_is_level():
    maps = np.zeros((2, 2, 2))
    maps[1, 0, 0] = 1
    np.testing.assert_array_equal(in_multiples(maps), [np.ones((2, 2)), [[4, 0], [0, 0]]])


def test_names_are_checked():
    assert chosen_methods("saliency, attention,saliency") == ["saliency", "attention"]
    with pytest.raises(ValueError, match="unknown method 'lime'; choose of attention"):
        chosen_methods("saliency,lime")
