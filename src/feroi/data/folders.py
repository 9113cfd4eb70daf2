"""Folders named after expressions: any such folder, SFEW 2.0, and FER-2013's folder layout."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

from feroi.data.samples import SPLITS, TEST, LayoutError, Sample, Samples, split_named
from feroi.files import display_name
from feroi.photo.decode import is_image_name
from feroi.progress import Note
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

_NO_DATA = (".", "__")  # begin names of folders that programs leave, as __MACOSX


def read_folder(root: Path) -> Samples:
    """The pictures in and below `root/<expression>/`, in any spelling `vocabulary` knows. No subjects.

    Folders of an expression the paper ignores (contempt) are left out.
    Raises LayoutError for other folder names, or if there is no picture.
    """
    rows = _expression_folders(root, root, {"source": root.name})
    if not rows:
        raise LayoutError(f"no pictures in folders below {root}.\nExpected {FOLDER_LAYOUT}")
    return Samples(rows)


def looks_like_folder(root: Path) -> bool:
    """Whether some subfolder of `root` is named after an expression."""
    return any(_is_expression(path.name) for path in subfolders(root))


def read_sfew(root: Path) -> Samples:
    """SFEW 2.0; Train is the split `training`, Val `validation`. The unlabelled Test is left out."""
    splits = {path.name.lower() for path in subfolders(root)}
    missing = [name for name in ("train", "val") if name not in splits]
    if missing:
        raise LayoutError(f"{root} has no folder {', '.join(missing)}.\nExpected {SFEW_LAYOUT}")
    return _read_splits(root, {"source": "SFEW"}, SFEW_LAYOUT)


def looks_like_sfew(root: Path) -> bool:
    """Whether `root` has the folders Train and Val, and no split for tests that is labelled."""
    names = {path.name.lower() for path in subfolders(root)}
    labelled = {split for path, split in split_folders(root) if looks_like_folder(path)}
    return {"train", "val"} <= names and TEST not in labelled


def read_fer2013_folders(root: Path) -> Samples:
    """FER-2013 as folders; validation is the official PublicTest, test the PrivateTest."""
    return _read_splits(root, {"source": "FER-2013", "pipeline": "wild"}, FER2013_FOLDER_LAYOUT)


def looks_like_fer2013_folders(root: Path) -> bool:
    """Whether `root` has a folder of a split."""
    return bool(split_folders(root))


def split_folders(root: Path) -> list[tuple[Path, str]]:
    """The folders in `root` that are called as a split is (`samples.split_named`), and which."""
    named = [(path, split_named(path.name)) for path in subfolders(root)]
    return [(path, split) for path, split in named if split is not None]


def subfolders(folder: Path) -> list[Path]:
    """The folders in `folder` by name, but for hidden ones and those that archives carry along."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(_NO_DATA))


def pictures_below(folder: Path) -> list[Path]:
    """All files with a picture's name in `folder` and its folders; of a link to a folder those in it alone,
    since links may lead round."""
    pictures = sorted(filter(is_image_name, folder.iterdir()))
    for below in [] if folder.is_symlink() else subfolders(folder):
        if not below.is_symlink() and not is_image_name(below):
            pictures += pictures_below(below)
    return pictures


def _read_splits(root: Path, attributes: Mapping[str, str], layout: str) -> Samples:
    """The pictures of every split; folders beside them, and splits without labels, are told as a `Note`."""
    splits = split_folders(root)
    if not splits:
        raise LayoutError(f"{root} has no folder train, validation, test.\nExpected {layout}")
    rows: list[Sample] = []
    left_out = sorted({path.name for path in subfolders(root)} - {path.name for path, _ in splits})
    for folder, split in sorted(splits, key=lambda each: SPLITS.index(each[1])):
        if split == TEST and not looks_like_folder(folder):  # SFEW's has no labels
            left_out.append(folder.name)
        else:
            rows += _expression_folders(root, folder, {**attributes, "split": split})
    if not rows:
        raise LayoutError(f"no pictures below {root}.\nExpected {layout}")
    if left_out:
        told = f"{root}: left out are the folders {', '.join(left_out)}, which are no splits with labels"
        warnings.warn(Note(told), stacklevel=3)
    return Samples(rows)


def _expression_folders(root: Path, parent: Path, attributes: Mapping[str, str]) -> list[Sample]:
    rows = []
    for folder in subfolders(parent):
        if folder.name.lower() in IGNORED_EXPRESSIONS:
            continue
        try:
            expression = expression_named(folder.name)
        except ValueError as error:
            raise LayoutError(f"folder {folder}: {error}\nExpected {FOLDER_LAYOUT}") from None
        for path in pictures_below(folder):
            name = display_name(path.relative_to(root).as_posix())
            rows.append(Sample(path, name, expression, None, attributes))
    return rows


def _is_expression(name: str) -> bool:
    try:
        expression_named(name)
    except ValueError:
        return name.lower() in IGNORED_EXPRESSIONS
    return True
