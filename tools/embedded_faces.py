"""Render the faces shipped with the package, with their truth, from ICT-FaceKit.

    python tools/embedded_faces.py PATH/TO/ICT-FaceKit

replaces the sets below src/feroi/data/embedded and writes their checksums. The same version of
feroi and of the model gives the same bytes on one kind of machine, so `git status` is clean after it.
Killed, the same command goes on where it was. Takes about two and a half minutes of one core.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from feroi.data.readers import EMBEDDED_FOLDERS, embedded_folder
from feroi.files import write_text
from feroi.synthetic.dataset import write_dataset
from feroi.synthetic.facekit import load_facekit
from feroi.vocabulary import IGNORED_EXPRESSIONS

SEED = 2018  # of the paper
FRONTAL: dict[str, Any] = {"subjects": 20, "crop": "front"}
POSES: dict[str, Any] = {"subjects": 5, "gazes": ("frontal",), "size": 142}  # half the paper's 284 px
SETS: dict[str, dict[str, Any]] = {
    "embedded": FRONTAL | {"difficulty": "clean"},
    "embedded-wild": FRONTAL | {"difficulty": "wild", "gazes": ("frontal",)},
    "embedded-poses": POSES | {"difficulty": "clean"},
    "embedded-poses-wild": POSES | {"difficulty": "wild"},
}
CHECKSUMS = embedded_folder().parent / "SHA256SUMS"


def main(facekit: Path) -> None:
    root, fresh = CHECKSUMS.parent, CHECKSUMS.parents[4] / "build" / "embedded"
    model = load_facekit(facekit)
    for name, settings in SETS.items():
        print(name, settings, flush=True)
        new, shipped = fresh / EMBEDDED_FOLDERS[name], embedded_folder(name)
        write_dataset(new, model, seed=SEED, workers=os.cpu_count() or 1, **settings)
        shutil.rmtree(shipped, ignore_errors=True)
        shutil.copytree(new, shipped, ignore=_unread)
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(root).as_posix()}\n"
        for path in sorted(root.rglob("*"))
        if path.suffix in (".jpg", ".npz", ".json")
    ]
    write_text(CHECKSUMS, "".join(lines))
    shutil.rmtree(fresh)
    print(f"{len(lines)} files, {sum(path.stat().st_size for path in root.rglob('*.*')) / 1e6:.2f} MB")


def _unread(folder: str, names: list[str]) -> set[str]:
    """Contempt, which no reader takes, and the licence, which lies once above all sets."""
    ignored = {name for name in names if name.startswith("LICENSE")}
    return ignored | {name for name in names if IGNORED_EXPRESSIONS & set(name.split("_"))}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
