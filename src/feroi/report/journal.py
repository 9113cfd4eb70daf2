"""Files that grow, with a note of how far they are whole, so that a killed run goes on there."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from feroi.files import claim, json_object, write_json


class Journal:
    """The folder of an unfinished run: what was asked (`run.json`), how far it is (`note.json`), its parts.

    state: what the last `note` of an earlier run with the same `description` kept; None at the start.
    Files opened here are cut back to what they held then, so that whatever a kill left behind it is
    written again. When the block ends well the folder is removed.
    Raises ValueError if the folder holds a run with another description, or a note that is damaged.
    """

    def __init__(self, folder: Path, description: dict[str, Any]) -> None:
        self.folder, self._open = folder, ExitStack()
        self._files: dict[str, IO[bytes]] = {}
        self._note = folder / "note.json"
        claim(folder / "run.json", description, description)
        noted = _noted(self._note)
        self.state: Any = noted.get("state")
        self._sizes: dict[str, int] = noted.get("sizes", {})

    def open(self, path: Path) -> IO[bytes]:
        """The file `path`, to be written to its end. Raises ValueError if it is shorter than was noted."""
        size = self._sizes.get(str(path), 0)
        path.parent.mkdir(parents=True, exist_ok=True)
        if size and (not path.exists() or path.stat().st_size < size):
            raise ValueError(f"{path} has lost what was written; delete {self.folder} to begin anew")
        file = self._open.enter_context(path.open("r+b" if size else "wb"))
        file.truncate(size)
        file.seek(size)
        self._files[str(path)] = file
        return file

    def note(self, state: Any) -> None:
        """Keep `state`, and that all files are whole as they are."""
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())
        write_json(self._note, {"state": state, "sizes": {name: f.tell() for name, f in self._files.items()}})

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._open.close()
        if kind is None:
            shutil.rmtree(self.folder)


def _noted(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        noted = json_object(path.read_bytes())
        sizes = noted.get("sizes", {})
        if not isinstance(sizes, dict) or not all(type(size) is int and size >= 0 for size in sizes.values()):
            raise ValueError("sizes are whole numbers")
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}); delete {path.parent} to begin anew") from None
    return noted
