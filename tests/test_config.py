import pytest

from feroi.config import NETWORKS, NetworkConfig, network_from_dict, network_preset, to_dict
from feroi.recipe import RECIPES, RecipeConfig, recipe_preset
from feroi.settings import with_settings


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
    assert network_preset("paper-gap", input_hw=input_hw).stored_hw == stored_hw


@pytest.mark.parametrize(
    ("head", "input_hw", "poolings", "feature_hw"),
    [
        ("flatten", (144, 112), 4, (9, 7)),
        ("stacked-max", (144, 112), 4, (4, 3)),  # one 2x2 max-pooling
        ("stacked-max", (272, 272), 4, (2, 2)),  # 17, 8, 4, 2
        ("stacked-max", (64, 64), 4, (2, 2)),
        ("stacked-max", (112, 112), 4, (3, 3)),  # 7, 3
        ("stacked-max", (2048, 64), 2, (64, 2)),  # 512x16 three times halved is 64x2
        ("gap", (272, 272), 4, (1, 1)),
        ("max", (144, 112), 4, (1, 1)),
        ("attention", (144, 112), 3, (1, 1)),
    ],
)
def test_what_the_classifier_is_given(head, input_hw, poolings, feature_hw):
    assert NetworkConfig(head, input_hw, poolings=poolings).feature_hw == feature_hw


def test_configuration_survives_json():
    config = NetworkConfig("gap", (48, 64), dropout=0.1)
    assert network_from_dict(to_dict(config)) == config


def test_older_files_describe_networks_without_what_came_later():
    values = to_dict(NetworkConfig("gap"))
    for name in ("convolutions", "width", "lateral", "inputs"):
        del values[name]
    assert network_from_dict(values) == NetworkConfig(
        "gap", convolutions=(3, 3, 2, 2), width=1, lateral=False, inputs="intensity"
    )
    del values["beta"]
    with pytest.raises(ValueError, match=r"missing fields: beta$"):
        network_from_dict(values)


def _set(*settings):
    return with_settings(NetworkConfig(), RecipeConfig(1), settings)


def test_settings_replace_fields_of_network_and_recipe():
    assert _set("convolutions=2,2,4,2")[0].convolutions == (2, 2, 4, 2)
    network, recipe = _set("poolings=2", "guidance=0.5", "bounded=false", "augmentation=affine", "beta=4")
    assert network == NetworkConfig(poolings=2, bounded=False, beta=4.0)
    assert recipe == RecipeConfig(1, guidance=0.5, augmentation="affine")


@pytest.mark.parametrize("name", [name for name in (*NETWORKS, *RECIPES) if name.startswith("paper-")])
def test_presets_of_the_paper_hold_nothing_of_ours(name):
    ours = {
        "batch_norm": False,
        "residual": False,
        "poolings": 4,
        "bounded": True,
        "margin": True,
        "beta": 1.0,
        "inputs": "intensity",
    }
    ours |= {
        "augmentation": "patches",
        "weight_decay": 0,
        "label_smoothing": 0,
        "averaging": 0,
        "guidance": 0,
    }
    for field, value in to_dict((NETWORKS | RECIPES)[name]).items():
        assert ours.get(field, value) == value


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: NetworkConfig("pool"), "unknown head 'pool'"),
        (lambda: NetworkConfig("gap", (8, 48)), "16 to 2048 px"),
        (lambda: NetworkConfig("gap", beta=0), "beta"),
        (lambda: NetworkConfig("gap", dropout=1), "dropout"),
        (lambda: NetworkConfig("gap", pipeline="loose"), "unknown pipeline 'loose'"),
        (lambda: RecipeConfig(0), "epochs"),
        (lambda: RecipeConfig(1, batch_size=1), "batch_size"),
        (lambda: NetworkConfig("gap", (16, 9999)), "got 9999x16"),
        (lambda: RecipeConfig(1, learning_rate=-1), "learning_rate"),
        (lambda: RecipeConfig(1, learning_rate=float("inf")), "learning_rate"),
        (lambda: RecipeConfig(1, schedule="step"), "schedule"),
        (lambda: RecipeConfig(1, precision="int8"), "precision"),
        (lambda: RecipeConfig(1, augmentation="none"), "patches, affine, degraded, elsewhere"),
        (lambda: RecipeConfig(1, averaging=1.0), "averaging must be at least 0 and below 1, got 1.0"),
        (lambda: RecipeConfig(1, guidance=-0.5), "guidance"),
        (lambda: NetworkConfig("gap", poolings=5), "poolings must be 2, 3 or 4, got 5"),
        (lambda: NetworkConfig("gap", lateral=True), "poolings must be 2 or 3, got 4"),
        (lambda: NetworkConfig("stacked-max", (48, 64)), "locations a side, got 4x3; take inputs of 64 px"),
        (lambda: NetworkConfig("gap", width=0), "width must be 1 to 64, got 0"),
        (lambda: NetworkConfig("gap", convolutions=(3, 3, 2)), "four numbers of 1 to 64"),
        (lambda: _set("convolutions=2,few"), "convolutions is whole numbers with commas between"),
        (lambda: _set("depth=3"), "unknown setting 'depth'; choose from head, beta"),
        (lambda: _set("beta"), "field=value, got 'beta'"),
        (lambda: _set("poolings=few"), "poolings is a whole number, got 'few'"),
        (lambda: _set("bounded=0"), "bounded is true or false, got '0'"),
        (lambda: _set("inputs=depth"), "unknown inputs 'depth'; choose one of intensity, intensity"),
        (lambda: network_preset("vgg"), "paper-attention"),
        (lambda: recipe_preset("fast"), "onecycle"),
        (lambda: network_from_dict({"head": "gap", "depth": 3}), "depth"),
    ],
)
def test_impossible_settings_are_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()


@pytest.mark.parametrize(
    ("name", "paper_hw", "map_hw", "across"),
    [("pose", (272, 272), (17, 17), 0.09), ("front", (144, 112), (9, 7), 0.03)],
)
def test_the_small_geometries_are_nearly_the_papers(name, paper_hw, map_hw, across):
    """A map of as many locations, each of which sees about as much of the picture."""
    small, paper = NETWORKS[f"small-{name}-attention"], network_preset("paper-attention", input_hw=paper_hw)
    assert small.map_hw == paper.map_hw == map_hw
    small_share, share = ((2 * each.reach_px + each.stride) / each.input_hw[1] for each in (small, paper))
    assert small_share == pytest.approx(share, abs=across)
