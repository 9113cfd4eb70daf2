"""The page as tests want it."""

from __future__ import annotations

from pathlib import Path

import pytest

from feroi.web import write_page
from feroi.web.write import RUNTIME, RUNTIME_FILES


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page, as a folder that Node takes its modules from too; without a runtime if nobody fetched it."""
    folder = tmp_path_factory.mktemp("page")
    runtime = None
    if not all((RUNTIME / name).is_file() for name in RUNTIME_FILES):
        runtime = tmp_path_factory.mktemp("runtime")
        for name in RUNTIME_FILES:
            (runtime / name).write_bytes(b"none")
    write_page(folder, runtime=runtime)
    (folder / "package.json").write_text('{"type": "module"}')
    return folder
