"""The Radboud Faces Database: everything a file says of itself is in its name."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

from feroi.data.samples import LayoutError, Sample, Samples
from feroi.files import display_name
from feroi.photo.decode import is_image_name
from feroi.progress import Note
from feroi.vocabulary import IGNORED_EXPRESSIONS, expression_named

LAYOUT = """\
RaFD: a folder of files named Rafd<angle>_<id>_<ethnicity>_<gender>_<emotion>_<gaze>.jpg, e.g.
    Rafd090_01_Caucasian_female_angry_frontal.jpg"""

_NAME = re.compile(
    r"Rafd(?P<pose>000|045|090|135|180)_(?P<subject>\d{2})_(?P<ethnicity>[A-Za-z]+)"
    r"_(?P<gender>[A-Za-z]+)_(?P<emotion>[a-z]+)_(?P<gaze>frontal|left|right)"
)
_FIRST_SUBJECTS_OF_FOLDS = (1, 16, 30, 44, 58)
_LAST_SUBJECT = 73


def looks_like_rafd(root: Path) -> bool:
    """Whether a folder holds files named as RaFD's are."""
    return any(True for _ in root.rglob("Rafd*_*"))


def read_rafd(root: Path) -> Samples:
    """The samples below `root`, contempt left out (section 4.1), ordered by name. Pictures under other names
    are told of as a `Note`.

    Attributes: source, pose (000 045 090 135 180, 090 frontal), gaze, gender, ethnicity.
    Raises LayoutError if there are none, or a file named Rafd... follows another pattern.
    """
    rows = []
    for path in sorted(root.rglob("Rafd*")):
        if not is_image_name(path):
            continue
        match = _NAME.fullmatch(path.stem)
        if match is None:
            raise LayoutError(f"{path} is not named as RaFD's files are.\nExpected {LAYOUT}")
        if match["emotion"] in IGNORED_EXPRESSIONS:
            continue
        attributes = {key: match[key] for key in ("pose", "gaze", "gender", "ethnicity")}
        name = display_name(path.relative_to(root).as_posix())
        try:
            expression = expression_named(match["emotion"])
        except ValueError as error:
            raise LayoutError(f"{path}: {error}.\nExpected {LAYOUT}") from None
        rows.append(Sample(path, name, expression, match["subject"], {"source": "RaFD", **attributes}))
    if not rows:
        raise LayoutError(f"no RaFD images below {root}.\nExpected {LAYOUT}")
    others = sum(is_image_name(path) and not path.name.startswith("Rafd") for path in root.rglob("*"))
    if others:
        told = f"{root}: left out are {others} pictures that are not named as RaFD's are"
        warnings.warn(Note(told), stacklevel=2)
    return Samples(rows)


def paper_fold(subject: str) -> int:
    """Fold 0..4 of a RaFD subject: numbers 1-15, 16-29, 30-43, 44-57, 58-73 (section 4.1)."""
    number = int(subject)
    if not 1 <= number <= _LAST_SUBJECT:
        raise ValueError(f"RaFD's subjects are numbered 1 to {_LAST_SUBJECT}, got {subject}")
    return sum(number >= first for first in _FIRST_SUBJECTS_OF_FOLDS) - 1
