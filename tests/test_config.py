import pytest

from feroi.config import (
    NETWORKS,
    NetworkConfig,
    RecipeConfig,
    network_from_dict,
    network_preset,
    recipe_preset,
    to_dict,
)


def test_paper_presets_are_the_papers():
    heads = {name: config.head for name, config in NETWORKS.items() if name.startswith("paper-")}
    assert heads == {
        "paper-baseline": "flatten",
        "paper-gap": "gap",
        "paper-attention": "attention",
        "paper-attention-symmetric": "attention-symmetric",
    }
    for name in heads:
        assert NETWORKS[name].beta == 1  # section 3.2
        assert not NETWORKS[name].batch_norm
        assert NETWORKS[name].input_hw == (144, 112)
    epochs = {
        name: recipe_preset(name).epochs for name in ("paper-front", "paper-pose", "paper-sfew-fer2013")
    }
    assert epochs == {"paper-front": 10_000, "paper-pose": 130, "paper-sfew-fer2013": 300}


@pytest.mark.parametrize(
    ("input_hw", "stored_hw"), [((144, 112), (160, 125)), ((272, 272), (284, 284)), ((48, 48), (53, 53))]
)
def test_images_are_stored_a_margin_larger_than_the_input(input_hw, stored_hw):
    assert network_preset("paper-gap", input_hw).stored_hw == stored_hw


def test_configuration_survives_json():
    config = NetworkConfig("gap", (48, 64), dropout=0.1)
    assert network_from_dict(to_dict(config)) == config


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: NetworkConfig("pool"), "unknown head 'pool'"),
        (lambda: NetworkConfig("gap", (8, 48)), "at least 16"),
        (lambda: NetworkConfig("gap", beta=0), "beta"),
        (lambda: NetworkConfig("gap", dropout=1), "dropout"),
        (lambda: RecipeConfig(0), "epochs"),
        (lambda: RecipeConfig(1, batch_size=1), "batch_size"),
        (lambda: RecipeConfig(1, learning_rate=-1), "learning_rate"),
        (lambda: RecipeConfig(1, schedule="step"), "schedule"),
        (lambda: RecipeConfig(1, precision="int8"), "precision"),
        (lambda: network_preset("vgg"), "paper-attention"),
        (lambda: recipe_preset("fast"), "onecycle"),
        (lambda: network_from_dict({"head": "gap", "depth": 3}), "depth"),
    ],
)
def test_impossible_settings_are_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()
