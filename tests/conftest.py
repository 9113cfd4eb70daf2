from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

# The networks of the tests are tiny: one thread is faster, and a busy machine cannot stall it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from feroi.vocabulary import EXPRESSIONS
from support import closed_network

closed_network.watch()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with many slow tests come first, so that in the end no process is left alone with one."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


@pytest.fixture(autouse=True)
def nothing_reaches_the_network() -> Iterator[None]:
    """Refuse what leaves this machine, and fail the test even if whoever tried took that in silence."""
    closed_network.reached.clear()
    yield
    assert closed_network.reached == []


@pytest.fixture(autouse=True)
def private_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep decoded data sets of the tests out of the person's own cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def expression_folders(tmp_path: Path) -> Path:
    """A folder of folders: 6 images of 24x24 px an expression, brighter from expression to expression."""
    rng = np.random.default_rng(0)
    root = tmp_path / "faces"
    for label, name in enumerate(EXPRESSIONS):
        (root / name).mkdir(parents=True)
        for number in range(6):
            image = (30 * label + 20 + rng.integers(0, 20, (24, 24))).astype(np.uint8)
            Image.fromarray(image).save(root / name / f"{number}.png")
    return root


@pytest.fixture(scope="session")
def astronaut() -> NDArray[np.uint8]:
    """A photo with one face, 512 px a side."""
    from skimage import data  # here, for most tests do without

    return np.asarray(data.astronaut())


@pytest.fixture
def files(tmp_path: Path, astronaut: NDArray[np.uint8]) -> list[Path]:
    """A file without content, one with a face, one without, and one that is not there."""
    Image.fromarray(astronaut).save(tmp_path / "face.png")
    Image.fromarray(np.full((300, 300, 3), 120, np.uint8)).save(tmp_path / "grey.png")
    (tmp_path / "broken.jpg").write_bytes(b"")
    return [tmp_path / name for name in ("broken.jpg", "face.png", "grey.png", "gone.png")]
