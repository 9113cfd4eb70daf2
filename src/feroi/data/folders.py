"""Folders named after expressions: any such folder, SFEW 2.0, and FER-2013's folder layout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from feroi.data.samples import TEST, TRAINING, VALIDATION, LayoutError, Sample, Samples
from feroi.files import display_name
from feroi.photo.decode import is_image_name
from feroi.vocabulary import IGNORED_EXPRESSIONS, expression_named

FOLDER_LAYOUT = """\
a folder of folders: one folder an expression, pictures inside, e.g.
    angry/one.png  disgust/two.jpg  fear/  happy/  neutral/  sad/  surprise/"""
SFEW_LAYOUT = """\
SFEW 2.0: folders Train and Val, in each one folder an emotion, e.g.
    Train/Angry/video_000001.png  Val/Happy/video_000002.png"""
FER2013_FOLDER_LAYOUT = """\
FER-2013 as folders: train, validation and (or) test, in each one folder an emotion, e.g.
    train/angry/Training_00000.png  validation/happy/PublicTest_00000.png"""

_SFEW_SPLITS = {"train": TRAINING, "val": VALIDATION}
_FER2013_SPLITS = {"train": TRAINING, "validation": VALIDATION, "test": TEST}


def read_folder(root: Path) -> Samples:
    """The pictures in `root/<expression>/`, in any spelling `vocabulary` knows. No subjects.

    Folders of an expression the paper ignores (contempt) are left out.
    Raises LayoutError for other folder names, or if there is no picture.
    """
    rows = _expression_folders(root, root, {"source": root.name})
    if not rows:
        raise LayoutError(f"no pictures in folders below {root}.\nExpected {FOLDER_LAYOUT}")
    return Samples(rows)


def looks_like_folder(root: Path) -> bool:
    """Whether some subfolder of `root` is named after an expression."""
    return any(_is_expression(path.name) for path in _subfolders(root))


def read_sfew(root: Path) -> Samples:
    """SFEW 2.0; Train is the split `training`, Val `validation`. The unlabelled Test is left out."""
    return _read_splits(root, {"source": "SFEW"}, _SFEW_SPLITS, SFEW_LAYOUT, required=("train", "val"))


def looks_like_sfew(root: Path) -> bool:
    """Whether `root` has the folders Train and Val."""
    return set(_SFEW_SPLITS) <= {path.name.lower() for path in _subfolders(root)}


def read_fer2013_folders(root: Path) -> Samples:
    """FER-2013 as folders; validation is the official PublicTest, test the PrivateTest."""
    attributes = {"source": "FER-2013", "pipeline": "wild"}
    return _read_splits(root, attributes, _FER2013_SPLITS, FER2013_FOLDER_LAYOUT)


def looks_like_fer2013_folders(root: Path) -> bool:
    """Whether `root` has one of the folders train, validation, test."""
    return bool(set(_FER2013_SPLITS) & {path.name.lower() for path in _subfolders(root)})


def _read_splits(
    root: Path,
    attributes: Mapping[str, str],
    splits: Mapping[str, str],
    layout: str,
    required: tuple[str, ...] = (),
) -> Samples:
    folders = {path.name.lower(): path for path in _subfolders(root)}
    missing = [name for name in required if name not in folders]
    present = [name for name in splits if name in folders]
    if missing or not present:
        wanted = ", ".join(missing or splits)
        raise LayoutError(f"{root} has no folder {wanted}.\nExpected {layout}")
    rows = []
    for name in present:
        rows += _expression_folders(root, folders[name], {**attributes, "split": splits[name]})
    if not rows:
        raise LayoutError(f"no pictures below {root}.\nExpected {layout}")
    return Samples(rows)


def _expression_folders(root: Path, parent: Path, attributes: Mapping[str, str]) -> list[Sample]:
    rows = []
    for folder in _subfolders(parent):
        if folder.name.lower() in IGNORED_EXPRESSIONS:
            continue
        try:
            expression = expression_named(folder.name)
        except ValueError as error:
            raise LayoutError(f"folder {folder}: {error}\nExpected {FOLDER_LAYOUT}") from None
        for path in sorted(filter(is_image_name, folder.iterdir())):
            name = display_name(path.relative_to(root).as_posix())
            rows.append(Sample(path, name, expression, None, attributes))
    return rows


def _subfolders(root: Path) -> list[Path]:
    return sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))


def _is_expression(name: str) -> bool:
    try:
        expression_named(name)
    except ValueError:
        return name.lower() in IGNORED_EXPRESSIONS
    return True
