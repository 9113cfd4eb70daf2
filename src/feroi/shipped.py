"""Models shipped with the package: each is the file that its folder's SHA256SUMS lists, or it is not used.

The lists tell a damaged installation, not an attack: who can change a model can change its list.
"""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path

SUMS = "SHA256SUMS"
"""Name of a list, in the form of sha256sum; `tools/sums.sh` writes all of them anew."""


def shipped_path(name: str) -> Path:
    """The shipped model `name`, such as "photo/models/hog.svm", after a look at what is in it.

    Raises ValueError if it is not the file that was shipped, FileNotFoundError if it is not there.
    """
    path = Path(str(files("feroi"))) / name
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing, which comes with feroi; {_REMEDY}")
    if hashlib.sha256(path.read_bytes()).hexdigest() != _listed(path):
        raise ValueError(f"{path} is damaged: its SHA-256 is not the one in {SUMS} beside it; {_REMEDY}")
    return path


_REMEDY = "install feroi again with pip install --force-reinstall"


def _listed(path: Path) -> str | None:
    try:
        lines = (path.parent / SUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}.get(path.name)
