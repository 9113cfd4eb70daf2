from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from feroi.config import NetworkConfig
from feroi.data.batches import Labelled
from feroi.network.torch_forward import untrained_network
from feroi.network.weights import load_tensors
from feroi.recipe import RecipeConfig
from feroi.training.loop import LAST_WEIGHTS, train
from feroi.training.need import blurred, look_masks, masked, need_loss

CONFIG = NetworkConfig("attention", (48, 48), batch_norm=True, poolings=2, margin=False)


def _faces(number=4):
    return torch.rand(number, 1, 48, 48, generator=torch.Generator().manual_seed(1))


def test_masks_lie_where_the_map_is_highest_on_a_quarter_to_a_half():
    torch.manual_seed(0)
    ramp = torch.linspace(0, 1, 12).expand(300, 12, 12)
    masks = look_masks(ramp, (48, 48))
    assert masks.shape == (300, 1, 48, 48)
    assert (masks[..., 1:] - masks[..., :-1] >= 0).all()  # to the right there is more to see
    shown = (masks > 0.5).float().mean((1, 2, 3))
    assert 0.22 < shown.min() < 0.3
    assert 0.45 < shown.max() < 0.53


def test_even_maps_make_no_numbers_that_are_none():
    masks = look_masks(torch.full((2, 6, 6), 1 / 36), (48, 48))
    assert torch.isfinite(masks).all()


def test_what_hides_is_a_gaussian():
    faces = _faces()
    by_scipy = gaussian_filter(faces[0, 0].numpy(), 4.8, mode="nearest", truncate=2.5)
    np.testing.assert_allclose(blurred(faces)[0, 0].numpy(), by_scipy, atol=2e-3)


def test_every_second_face_is_shown_and_hidden_and_nothing_is_lost():
    network, faces = untrained_network(CONFIG), _faces(5)
    statistics = {name: value.clone() for name, value in network.named_buffers()}
    network.train()
    shown, hidden = masked(network, faces)
    assert network.training
    assert all(torch.equal(value, statistics[name]) for name, value in network.named_buffers())
    assert shown.shape == hidden.shape == (3, 1, 48, 48)
    # what one shows the other hides: together they are the face and its blur
    torch.testing.assert_close(shown + hidden, faces[::2] + blurred(faces[::2]))


def test_the_loss_is_least_if_the_answer_stays_and_goes():
    targets = torch.tensor([0, 1, 2])
    sure, even = 20 * torch.eye(7)[[0, 2]], torch.zeros(2, 7)
    least = need_loss(sure, even, targets)
    assert least.item() == pytest.approx(0.3 * np.log(7), abs=1e-6)
    assert need_loss(even, even, targets) > least + 1
    assert need_loss(sure, sure, targets) > least + 1


def test_a_training_that_teaches_it_ends_elsewhere_and_only_attention_can_be_taught(tmp_path):
    rng = np.random.default_rng(0)
    data = Labelled(rng.integers(0, 256, (8, 48, 48)).astype(np.uint8), np.arange(8) % 7)
    recipe = RecipeConfig(epochs=1, batch_size=8)
    for need in (0.0, 1.0):
        train(CONFIG, replace(recipe, need=need), data, data, tmp_path / str(need), 0)
    without, taught = (load_tensors(tmp_path / name / LAST_WEIGHTS)[0] for name in ("0.0", "1.0"))
    assert not torch.equal(without["features.0.weight"], taught["features.0.weight"])
    with pytest.raises(ValueError, match="only attention can be taught to need"):
        train(replace(CONFIG, head="gap"), replace(recipe, need=1.0), data, data, tmp_path / "gap", 0)
