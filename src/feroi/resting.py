"""Expressions and Action Units against a person's own resting face. Ours, not the paper's.

Some people's faces at rest read as sad or angry, and some people's smiles hardly differ from others' rest.
What the same person's face usually says is the better thing to compare with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from feroi.results import Photo, Reading
from feroi.vocabulary import EXPRESSIONS

FLOOR = 0.01
"""Probabilities below are taken for this one: how far below says nothing."""
STAYS = 1.25
"""How much more likely, in logits, a face is to rest than to show any one other expression. Chosen with FLOOR
on half of the people of docs/results/resting-face.md; a larger one misses weak expressions."""

_LEAST_FRAMES = 3
_LONGEST_FRAMES = 400  # are remembered of a person; then every second one is forgotten


class RestingFace:
    """What one person's face says at rest: the median over faces, mostly at rest, that were added.

    Of the faces added, the half that moves least counts, by the sum of Action Units: so up to half of them
    may show expressions. faces: `state` of another, to go on from.
    """

    def __init__(self, faces: Iterable[tuple[list[float], dict[str, float]]] = ()) -> None:
        self._faces = [(list(logs), dict(units)) for logs, units in faces]

    @classmethod
    def of(cls, faces: Iterable[Reading]) -> RestingFace:
        """That of readings of one person, such as photos in which the face rests.

        Raises ValueError if there are none, TypeError for what is no reading.
        """
        resting = cls()
        for face in faces:
            if not isinstance(face, Reading):
                raise TypeError(
                    f"a resting face is made of readings, as feroi.analyze gives; got {type(face).__name__}"
                )
            resting.add(face)
        if not len(resting):
            raise ValueError("no readings to learn a resting face from: no face was found")
        return resting

    @property
    def state(self) -> list[Any]:
        """Of numbers, texts and lists alone."""
        return [[logs, units] for logs, units in self._faces]

    def __len__(self) -> int:
        return len(self._faces)

    def add(self, face: Reading) -> None:
        """One more face of the person."""
        self._faces.append((_logs(face), dict(face.action_units)))
        if len(self._faces) > _LONGEST_FRAMES:
            self._faces = self._faces[::2]

    def against(self, face: Reading) -> Reading:
        """`face` with `from_rest` and `units_from_rest`.

        An expression's probability is divided by the one it has at rest, and neutral, which is rest itself,
        is multiplied by e^STAYS; then all are made to sum to 1. An Action Unit's strength at rest is taken
        away from it. These shares are not calibrated: a face exactly as at rest is neutral by e^STAYS to 6.
        Raises ValueError if no face was added.
        """
        if not self._faces:
            raise ValueError("no resting face is known of this person; add faces first")
        moved = [sum(units.values()) for _, units in self._faces]
        calm = np.argsort(moved, kind="stable")[: math.ceil(len(moved) / 2)]
        rest = np.median([self._faces[at][0] for at in calm], axis=0)
        logits = np.array(_logs(face)) - rest
        logits[EXPRESSIONS.index("neutral")] += STAYS
        shares = np.exp(logits - logits.max())
        units = {
            name: strength - float(np.median([self._faces[at][1].get(name, 0.0) for at in calm]))
            for name, strength in face.action_units.items()
        }
        from_rest = dict(zip(EXPRESSIONS, map(float, shares / shares.sum()), strict=True))
        return replace(face, from_rest=from_rest, units_from_rest=units)


class RestingFaces:
    """The resting face of each person of a video, learned from the first `rest_s` seconds they are seen.

    Until _LEAST_FRAMES faces are known nothing is said; until `rest_s` are over, each face also counts.
    rest_s: None leaves readings as they are. state: that of another, to go on from.
    """

    def __init__(self, rest_s: float | None, state: list[Any] | None = None) -> None:
        self._rest_s = rest_s
        self._people = {track: (first_s, RestingFace(faces)) for track, first_s, faces in state or []}

    @property
    def state(self) -> list[Any]:
        """Of numbers, texts and lists alone."""
        return [[track, first_s, face.state] for track, (first_s, face) in self._people.items()]

    def compared(self, photo: Photo) -> list[Reading]:
        """The faces of the next frame, against their person's rest if that was asked for and is known."""
        if self._rest_s is None or photo.time_s is None:
            return photo.faces
        faces = []
        for face in photo.faces:
            assert face.track is not None
            first_s, resting = self._people.setdefault(face.track, (photo.time_s, RestingFace()))
            if photo.time_s - first_s <= self._rest_s and not face.quality.problem:
                resting.add(face)
            faces.append(resting.against(face) if len(resting) >= _LEAST_FRAMES else face)
        return faces


def against_rest(photos: Iterable[Photo], person: Callable[[Photo], Hashable]) -> list[Photo]:
    """Photos of people who are named, in order, the biggest face of each against its person's rest.

    photos: as `Reader.read_many` gives them. person: who is in a photo, such as the folder it lies in; None
    for photos to be left as they are. As are those of people with fewer than three photos in which a face was
    read that is fit to be read, and all but the biggest face of a photo. The rest is the median over the
    calmer half of a person's photos, so up to half of them may show expressions.
    """
    kept = list(photos)
    people: dict[Hashable, RestingFace] = {}
    for photo in kept:
        who = person(photo)
        if who is not None and photo.faces and not photo.faces[0].quality.problem:
            people.setdefault(who, RestingFace()).add(photo.faces[0])
    compared = []
    for photo in kept:
        resting = people.get(person(photo))
        if resting is not None and len(resting) >= _LEAST_FRAMES and photo.faces:
            photo = photo._replace(faces=[resting.against(photo.faces[0]), *photo.faces[1:]])
        compared.append(photo)
    return compared


def _logs(face: Reading) -> list[float]:
    return [math.log(max(face.probabilities[name], FLOOR)) for name in EXPRESSIONS]
