"""Help names every choice there is."""

from __future__ import annotations

import re

import pytest
import typer.main

from feroi.baselines.descriptors import BASELINES, FE_GEM
from feroi.cli.app import app
from feroi.config import NETWORKS, PIPELINES
from feroi.data.prepare import PREPARATIONS
from feroi.data.readers import EMBEDDED_FOLDERS, layouts
from feroi.data.samples import SPLITS
from feroi.explain.methods import METHODS
from feroi.inference import DEVICES
from feroi.network.description import SHIPPED
from feroi.paper.reproduce import TARGETS
from feroi.photo.detect import DETECTORS
from feroi.photo.landmarks import MODELS
from feroi.recipe import RECIPES
from feroi.synthetic.difficulty import DIFFICULTIES

COMMANDS = typer.main.get_command(app).commands
CHOICES = {
    "network": NETWORKS,
    "recipe": RECIPES,
    "detector": DETECTORS,
    "pipeline": PIPELINES,
    "landmarks": MODELS,
    "device": DEVICES,
    "methods": METHODS,
    "data": EMBEDDED_FOLDERS,
    "layout": layouts(),
    "split": SPLITS,
    "kind": PREPARATIONS,
    "target": TARGETS,
    "difficulty": DIFFICULTIES,
    "classifier": [name for name in BASELINES if not name.endswith(FE_GEM)],
    "model": SHIPPED,
}
OF_ANOTHER_KIND = {("reproduce", "data"), ("reproduce", "recipe"), ("page", "model")}


@pytest.mark.parametrize(
    ("command", "param"),
    [
        pytest.param(name, param, id=f"{name} {param.name}")
        for name, command in COMMANDS.items()
        for param in command.params
        if param.name in CHOICES and (name, param.name) not in OF_ANOTHER_KIND
    ],
)
def test_every_choice_stands_in_the_help(command, param):
    words = re.findall(r"[\w+-]+", param.help)
    assert [name for name in CHOICES[param.name] if name not in words] == []
