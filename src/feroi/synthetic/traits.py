"""Who a synthetic subject is: drawn from seed and number alone, so a person stays the same in every
set, however many others there are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FOLD_STARTS_AND_ENDS = ((1, 15), (16, 29), (30, 43), (44, 57), (58, 73))
_ABSENT = frozenset({6, 13, 17, 34, 62, 66})  # so that fold 1 has 13 of 67 as in the paper
SUBJECTS = 67
"""As many as RaFD has, numbered within 1..73."""

_KID, _MIDDLE, _OLD = 13, 40, 55


@dataclass(frozen=True)
class HairStyle:
    """Hair on the scalp, and a shell of longer hair around the head where `hem` is set.

    thickness: cm the scalp is raised by; curl: 0 straight .. 1 curly.
    hem: height (cm, y of the model) the hair hangs down to; None without a shell.
    opening: half angle in degrees left free for the face; fringe: height of the hair over the brow.
    volume: cm between the shell and the head.
    recede: cm the hairline lies back at the temples; top: whether hair grows on the crown.
    """

    thickness: float = 0.7
    curl: float = 0.0
    hem: float | None = None
    opening: float = 60.0
    fringe: float = 10.5
    volume: float = 0.8
    recede: float = 0.0
    top: bool = True

    @property
    def hides_ears(self) -> bool:
        return self.hem is not None and self.hem < 0

    @property
    def can_fall_on_the_face(self) -> bool:
        return self.top and self.recede == 0 and self.thickness > 0.3


HAIR_STYLES = {
    "shaved": HairStyle(0.12),
    "short": HairStyle(0.7),
    "brushed up": HairStyle(1.5, curl=0.15),
    "curly": HairStyle(1.6, curl=1.0),
    "receding": HairStyle(0.5, recede=2.2),
    "bald": HairStyle(0.15, top=False),
    "tied back": HairStyle(0.45),
    "bob": HairStyle(0.8, hem=-5.0, opening=63.0),
    "long": HairStyle(0.8, hem=-15.0, opening=58.0, volume=1.0),
    "fringe": HairStyle(0.8, hem=-6.0, opening=60.0, fringe=7.3),
    "bowl": HairStyle(0.8, hem=1.5, opening=72.0, fringe=7.6, volume=0.7),
    "afro": HairStyle(1.6, curl=1.0, hem=0.5, opening=72.0, volume=3.2),
    "long curls": HairStyle(1.0, curl=0.9, hem=-11.0, opening=60.0, volume=2.0),
}
_STYLES_OF = {
    "male": ("shaved", "short", "short", "short", "brushed up", "curly", "receding", "bowl"),
    "older male": ("short", "receding", "receding", "bald", "bald", "shaved"),
    "female": ("tied back", "bob", "long", "long", "fringe", "long curls", "brushed up"),
    "older female": ("bob", "curly", "tied back", "fringe", "brushed up"),
    "kid male": ("short", "short", "bowl", "curly", "brushed up"),
    "kid female": ("long", "bob", "fringe", "tied back", "long curls"),
    "dark female": ("tied back", "afro", "long curls", "curly", "shaved"),
    "dark male": ("shaved", "short", "curly", "afro", "bald"),
}


@dataclass(frozen=True)
class Traits:
    """What makes a subject.

    gender: female or male; masculine: -1 .. 1, how far the bones show it; age in years.
    skin, hair, iris, cloth: reflected share of light, 0..1.
    hairline: cm by which the forehead is higher than the mean.
    lids: 0 wide open .. 1 shut, at rest; beard: 0 none .. 1 full.
    brow_thickness, brow_arch: cm; lip_contrast: how much darker lips are than skin.
    freckles: 0..1.
    """

    number: int
    gender: str
    masculine: float
    age: float
    skin: float
    hair: float
    style: str
    hairline: float
    lids: float
    beard: float
    brow_thickness: float
    brow_arch: float
    lip_contrast: float
    freckles: float
    iris: float
    cloth: float

    @property
    def is_kid(self) -> bool:
        return self.age < _KID

    @property
    def years_beyond_middle(self) -> float:
        """0 up to 40, 1 at 75: how far skin and bones have aged."""
        return min(max((self.age - _MIDDLE) / 35, 0.0), 1.0)

    @property
    def population(self) -> str:
        """RaFD's word in the place of ethnicity; a drawn face has none, so here it is skin tone."""
        if self.is_kid:
            return "Kid"
        return "Caucasian" if self.skin > 0.42 else "Moroccan"


def subject_numbers(count: int) -> list[int]:
    """`count` subject numbers, in order, spread evenly over the paper's five folds.

    Raises ValueError for a count outside 1..67.
    """
    if not 1 <= count <= SUBJECTS:
        raise ValueError(f"subjects are 1 to {SUBJECTS} as in RaFD, got {count}")
    folds = [
        [number for number in range(first, last + 1) if number not in _ABSENT]
        for first, last in FOLD_STARTS_AND_ENDS
    ]
    dealt = [fold[turn] for turn in range(max(map(len, folds))) for fold in folds if turn < len(fold)]
    return sorted(dealt[:count])


def draw_traits(number: int, seed: int) -> Traits:
    """The subject of this number; one in seven is a child, one in five above 55."""
    rng = np.random.default_rng([seed, number, 1])
    gender = "male" if rng.random() < 0.5 else "female"
    age = _draw_age(rng)
    tone = rng.choice(3, p=[0.66, 0.22, 0.12])
    skin = float(rng.uniform(*((0.50, 0.64), (0.30, 0.41), (0.12, 0.22))[tone]))
    kid = age < _KID
    male = gender == "male"
    masculine = rng.uniform(0.35, 1.0) * (1 if male else -1)
    hair = _draw_hair(tone, age, rng)
    beard = rng.choice([0.0, rng.uniform(0.1, 0.4), rng.uniform(0.6, 1.0)], p=[0.45, 0.3, 0.25])
    thickness = rng.uniform(0.30, 0.46) if male else rng.uniform(0.2, 0.34)
    return Traits(
        number=int(number),
        gender=gender,
        masculine=-0.35 if kid else float(masculine),
        age=age,
        skin=skin,
        hair=hair,
        style=_draw_style(gender, age, tone, rng),
        hairline=float(rng.uniform(-0.9, 0.7)) - 0.5 * kid,
        lids=float(rng.uniform(0.02, 0.16)) * (0.3 if kid else 1.0),
        beard=float(beard) if male and not kid else 0.0,
        brow_thickness=float(thickness) * (0.8 if kid else 1.0),
        brow_arch=float(rng.uniform(-0.1, 0.15) + (0.0 if male else 0.15)),
        lip_contrast=float(rng.uniform(0.12, 0.24) + (0.0 if male or kid else 0.12)),
        freckles=float(rng.uniform(0.4, 1) if rng.random() < 0.2 and tone == 0 else 0.0),
        iris=float(rng.uniform(0.04, 0.08) if tone else rng.choice([0.05, 0.09, 0.15, 0.2])),
        cloth=float(rng.choice([0.02, 0.05, 0.12, 0.3, 0.55])),
    )


def _draw_age(rng: np.random.Generator) -> float:
    group = rng.choice(4, p=[0.15, 0.45, 0.2, 0.2])
    return float(rng.uniform(*((8, 12), (18, 35), (35, 55), (55, 75))[group]))


def _draw_hair(tone: int, age: float, rng: np.random.Generator) -> float:
    """Reflectance: black, brown, fair; with age a growing share of grey."""
    colour = rng.choice([0.025, 0.05, 0.10, 0.20], p=[0.2, 0.35, 0.25, 0.2]) if tone == 0 else 0.02
    grey = min(max((age - 42 + rng.uniform(-8, 8)) / 25, 0.0), 1.0)
    return float(colour * rng.uniform(0.8, 1.2) * (1 - grey) + 0.36 * grey)


def _draw_style(gender: str, age: float, tone: int, rng: np.random.Generator) -> str:
    if age < _KID:
        key = f"kid {gender}"
    elif age >= _OLD:
        key = f"older {gender}"
    elif tone == 2:
        key = f"dark {gender}"
    else:
        key = gender
    styles = _STYLES_OF[key]
    return styles[rng.integers(len(styles))]
