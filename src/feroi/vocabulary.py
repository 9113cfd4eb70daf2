"""The words of the field: expressions, Action Units, and which of them belong together (Table 4)."""

from __future__ import annotations

from typing import NamedTuple

EXPRESSIONS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
"""The seven expressions in the order of every logit, probability and confusion matrix here."""

_SPELLINGS = {
    "angry": ("anger", "an"),
    "disgust": ("disgusted", "di"),
    "fear": ("fearful", "afraid", "fe"),
    "happy": ("happiness", "joy", "ha"),
    "neutral": ("ne", "normal"),
    "sad": ("sadness", "sa"),
    "surprise": ("surprised", "su"),
}
_CANONICAL = {word: name for name, others in _SPELLINGS.items() for word in (name, *others)}

FER2013_CODES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""Expression of each number in the `emotion` column of FER-2013's CSV."""

RAF_DB_CODES = dict(enumerate(("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral"), 1))
"""Expression of each folder's number in RAF-DB (Li et al. 2017)."""

AFFECTNET_CODES = dict(
    enumerate(("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt"))
)
"""Expression of each folder's number in AffectNet (Mollahosseini et al. 2017)."""

FER_PLUS_OPTIONS = {
    "neutral": "neutral",
    "happiness": "happy",
    "surprise": "surprise",
    "sadness": "sad",
    "anger": "angry",
    "disgust": "disgust",
    "fear": "fear",
    "contempt": "contempt",
    "unknown": "unknown",
    "NF": "no face",
}
"""What people could vote for in FER+, by the columns of its table."""

IGNORED_EXPRESSIONS = frozenset({"contempt", "contemptuous"})
"""Labelled in some data sets, left out by the paper (section 4.1)."""


def expression_named(word: str) -> str:
    """Canonical name of an expression, from any spelling used by RaFD, SFEW or FER-2013.

    Raises ValueError naming the known spellings.
    """
    try:
        return _CANONICAL[word.strip().lower()]
    except KeyError:
        known = ", ".join(sorted(word for word in _CANONICAL if len(word) > 2))
        raise ValueError(f"unknown expression {word!r}; known: {known}") from None


ACTION_UNITS = {
    1: "Inner Brow Raiser",
    2: "Outer Brow Raiser",
    4: "Brow Lowerer",
    5: "Upper Lid Raiser",
    6: "Cheek Raiser",
    7: "Lid Tightener",
    9: "Nose Wrinkler",
    12: "Lip Corner Puller",
    15: "Lip Corner Depressor",
    16: "Lower Lip Depressor",
    20: "Lip Stretcher",
    23: "Lip Tightener",
    26: "Jaw Drop",
}

REGIONS = ("brow", "lid", "nose", "cheek", "lip", "jaw")


class FacialActions(NamedTuple):
    """What Table 4 says of one expression."""

    action_units: tuple[int, ...]
    regions: tuple[str, ...]


TABLE_4 = {
    "angry": FacialActions((4, 5, 7, 23), ("brow", "lid", "lip")),
    "disgust": FacialActions((9, 15, 16), ("nose", "lip")),
    "fear": FacialActions((1, 2, 4, 5, 7, 20, 26), ("brow", "lid", "lip", "jaw")),
    "happy": FacialActions((6, 12), ("cheek", "lip")),
    "sad": FacialActions((1, 4, 15), ("brow", "lip")),
    "surprise": FacialActions((1, 2, 5, 26), ("brow", "lid", "jaw")),
}
"""Expression -> Action Units -> regions (Table 4). Neutral has none."""
