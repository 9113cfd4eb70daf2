"""Floors are never climbed: a room imports only from its own floor and those below."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import feroi

PACKAGE = Path(feroi.__file__).parent
FLOORS = {
    "": 0, "vocabulary": 0, "config": 0, "recipe": 0, "settings": 0, "files": 0, "shipped": 0, "look": 0,
    "inference": 0, "progress": 0, "streams": 0,
    "photo": 1, "network": 1,
    "data": 2, "baselines": 2, "explain": 2, "synthetic": 2, "results": 2,
    "training": 3, "evaluation": 3, "report": 3,
    "reading": 3, "film": 3,
    "deliver": 4, "demo": 4, "reader": 4, "reproduce": 4, "scale": 4,
    "screen": 5, "terminal": 5, "options": 5, "commands": 5, "cli": 6, "__main__": 6,
}  # fmt: skip
FILES = sorted(PACKAGE.rglob("*.py"))


def _room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def _imports(path: Path):
    """What a file imports when it runs; what it names for type checkers alone does not count."""
    tree = ast.parse(path.read_text())
    for branch in [node for node in ast.walk(tree) if isinstance(node, ast.If)]:
        if ast.unparse(branch.test) == "TYPE_CHECKING":
            branch.body = [ast.Pass()]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written out in full"
            yield from ((node.module, alias.name) for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_floors_are_not_climbed(path):
    here = path.relative_to(PACKAGE).with_suffix("").parts[0].replace("__init__", "")
    assert here in FLOORS, f"{here} has no floor"
    for module, name in _imports(path):
        if module.split(".")[0] == "feroi":
            there = _room(module) or (name if name in FLOORS else "")
            assert FLOORS[there] <= FLOORS[here], f"{here} imports {module} from a higher floor"
            if there not in (here, ""):
                assert not name.startswith("_"), f"{here} imports the private {module}.{name}"


@pytest.mark.parametrize(
    "room", ["photo", "vocabulary", "config", "recipe", "files", "look", "data", "synthetic", "baselines"]
)
def test_rooms_below_training_need_no_torch(room):
    for path in FILES:
        if path.relative_to(PACKAGE).with_suffix("").parts[0] == room:
            assert not {module for module, _ in _imports(path) if module.split(".")[0] == "torch"}, path


def test_files_stay_short():
    long = {path.name: n for path in FILES if (n := len(path.read_text().splitlines())) > 400}
    assert not long


def test_importing_the_package_and_its_commands_loads_no_torch():
    code = (
        "import sys, feroi, feroi.cli;"
        "print([m for m in ('torch', 'matplotlib', 'sklearn') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_reading_a_photo_loads_no_scipy():
    """It takes a second to load, and the first answer half of one."""
    code = (
        "import sys, numpy, feroi;"
        "feroi.Reader(threads=1).read(numpy.zeros((90, 90, 3), numpy.uint8));"
        "feroi.analyze(numpy.zeros((48, 48), numpy.uint8), detector='none');"
        "print([m for m in sys.modules if m.startswith('scipy')])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
