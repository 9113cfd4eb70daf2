"""Files that grow, with a note of how far they are whole, so that a killed run goes on there."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from feroi.files import json_object, name_path_in_errors, open_locked, open_run, partial, write_json
from feroi.streams import is_stream, opened_stream


class Journal:
    """The folder of an unfinished run: what was asked (`run.json`), how far it is (`note.json`), its parts.

    resumes: whether a killed run goes on there; else the folder is one that is forgotten, see `forgotten`.
    state: what the last `note` of an earlier run with the same `description` kept; None at the start.
    Files opened here are cut back to what they held then, so that whatever a kill left behind it is
    written again. Those outside the folder grow as `files.partial`, and are moved to their names, on what was
    there before, when the block ends well; then the folder is removed.
    Raises ValueError if the folder holds a run with another description, or a note that is damaged,
    BlockingIOError if another process is at it.
    """

    def __init__(self, folder: Path, description: dict[str, Any], resumes: bool = True) -> None:
        self.resumes = resumes
        self.folder, self._open, self._run = folder, ExitStack(), ExitStack()
        self._files: dict[Path, IO[bytes]] = {}
        self._note = folder / "note.json"
        self._run.enter_context(open_run(folder / "run.json", description, description))
        try:
            noted = _noted(self._note)
        except BaseException:
            self._run.close()
            raise
        self.state: Any = noted.get("state")
        self._sizes: dict[str, int] = noted.get("sizes", {})

    def open(self, path: Path) -> IO[bytes]:
        """The file `path`, to be written to its end; what is no file is written into, and not noted.

        Raises ValueError if it is shorter than was noted, BlockingIOError if another process is writing it.
        """
        if is_stream(path):
            with name_path_in_errors(path):
                return self._open.enter_context(opened_stream(path))
        size = self._sizes.get(str(path), 0)
        grown = self._grown(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not grown.exists() and path.exists() and path.stat().st_size == size > 0:
            path.replace(grown)  # killed between its end and that of the folder
        if size and (not grown.exists() or grown.stat().st_size < size):
            raise ValueError(f"{grown} has lost what was written; delete {self.folder} to begin anew")
        file = self._open.enter_context(open_locked(grown))
        file.truncate(size)
        file.seek(size)
        self._files[path] = file
        return file

    def note(self, state: Any) -> None:
        """Keep `state`, and that all files are whole as they are."""
        for path, file in self._files.items():
            with name_path_in_errors(path):
                file.flush()
                os.fsync(file.fileno())
        sizes = {str(path): file.tell() for path, file in self._files.items()}
        write_json(self._note, {"state": state, "sizes": sizes})

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._run:
            if kind is not None:
                with suppress(OSError):  # what could not be written just now cannot be written now either
                    self._open.close()
                return
            self._finish()

    def _finish(self) -> None:
        with self._open:
            for file in self._files.values():
                file.flush()
                os.fsync(file.fileno())
            if sys.platform == "win32":  # where an open file cannot be moved
                self._open.close()
            for path in self._files:
                self._grown(path).replace(Path(os.path.realpath(path)))
        # in one step: half a folder would stand in the way of the next run, or be gone on with
        done = self.folder.with_name(f".{self.folder.name}.done")
        shutil.rmtree(done, ignore_errors=True)
        self.folder.rename(done)
        shutil.rmtree(done)

    def _grown(self, path: Path) -> Path:
        return path if path.is_relative_to(self.folder) else partial(path)


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


@contextmanager
def forgotten() -> Iterator[Journal]:
    """A journal for a run that cannot resume: its folder is gone at the end, however that comes."""
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder, "run"), {}, resumes=False) as journal:
        yield journal
