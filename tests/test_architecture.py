"""Rooms, the folders and single modules of the package, import each other in no circle."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import feroi

PACKAGE = Path(feroi.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))


def _room(path: Path) -> str:
    """The folder or the single module that a file belongs to; "" for the package's own __init__."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0].replace("__init__", "")


ROOMS = {_room(path) for path in FILES}


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


def _imported_rooms(path: Path):
    """The rooms that a file imports from, each with the name it takes from there."""
    for module, name in _imports(path):
        package, *parts = module.split(".")
        if package == "feroi":
            yield (parts[0] if parts else name if name in ROOMS else ""), name


def test_rooms_import_each_other_in_no_circle():
    above: dict[str, set[str]] = {room: set() for room in ROOMS}
    for path in FILES:
        above[_room(path)] |= {room for room, _ in _imported_rooms(path)} - {_room(path)}
    TopologicalSorter(above).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_private_names_stay_in_their_room(path):
    for room, name in _imported_rooms(path):
        assert room in (_room(path), "") or not name.startswith("_"), f"{room}.{name} is private"


@pytest.mark.parametrize(
    "room", ["photo", "vocabulary", "config", "recipe", "files", "outputs", "data", "synthetic", "baselines"]
)
def test_rooms_below_training_need_no_torch(room):
    for path in FILES:
        if _room(path) == room:
            assert not {module for module, _ in _imports(path) if module.split(".")[0] == "torch"}, path


def test_files_stay_short():
    long = {path.name: n for path in FILES if (n := len(path.read_text().splitlines())) > 400}
    assert not long


def test_importing_the_package_and_its_commands_loads_no_torch():
    code = (
        "import sys, feroi, feroi.cli.app;"
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
