"""What it helps to know a person's resting face: expressions read with and without it.

    feroi synth people --facekit ICT-FaceKit --angles 90 --difficulty varied --size 200 --seed 5
    python benchmarks/resting_face.py people [--photographs LONDON]

Each rendered person shows every expression with three directions of gaze. Pictures of one gaze are read; the
resting face is learned from those of the other two: from one neutral picture, or from a film of 30 pictures
drawn at random, half of them neutral and half any. FLOOR and STAYS of `feroi.resting` were chosen on every
second person, from the first on; figures are of the others. LONDON holds folders
`neutral` and `happy` of photographs whose names begin with the person's number: the neutral one is the rest.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

import feroi
from feroi.data.readers import read_dataset
from feroi.evaluation.bootstrap import bootstrap_means
from feroi.resting import RestingFace
from feroi.results import Reading
from feroi.vocabulary import EXPRESSIONS

FRAMES = 30


class Case(NamedTuple):
    """A picture read alone and against the resting face. troubled: whether the rest reads as another."""

    person: str
    shown: str
    alone: str
    compared: dict[str, str]
    troubled: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("people", type=Path)
    parser.add_argument("--photographs", type=Path)
    parser.add_argument("--model", default="default")
    asked = parser.parse_args()
    reader = feroi.Reader(asked.model, only_biggest=True)
    found: dict[str, dict[tuple[str, str], Reading]] = {}
    samples = read_dataset(asked.people)
    for sample, photo in zip(samples, reader.read_many([row.image for row in samples]), strict=True):
        if photo.faces:
            at = sample.expression, str(sample.attributes["gaze"])
            found.setdefault(str(sample.subject), {})[at] = photo.faces[0]
    for half, people in (("chosen on", sorted(found)[::2]), ("others", sorted(found)[1::2])):
        cases = [case for person in people for case in cases_of(person, found[person])]
        print(f"\n{half}: {len(people)} rendered people")
        show(cases)
    if asked.photographs:
        photographs(reader, asked.photographs)


def cases_of(person: str, faces: dict[tuple[str, str], Reading]) -> Iterator[Case]:
    rng = np.random.default_rng(int(person))
    neutral = {gaze: face for (shown, gaze), face in faces.items() if shown == "neutral"}
    troubled = sum(face.expression != "neutral" for face in neutral.values()) > len(neutral) / 2
    for gaze in neutral:
        rests = [face for other, face in neutral.items() if other != gaze]
        others = [face for (_, other), face in faces.items() if other != gaze]
        film = [each[at] for each in (rests, others) for at in rng.integers(len(each), size=FRAMES // 2)]
        ways = {"one neutral picture": RestingFace.of(rests[:1]), "film, half at rest": RestingFace.of(film)}
        for (shown, other), face in faces.items():
            if other == gaze:
                against = {name: way.against(face) for name, way in ways.items()}
                compared = {name: first(each.from_rest) for name, each in against.items()}
                yield Case(person, shown, face.expression, compared, troubled)


def first(shares: dict[str, float] | None) -> str:
    assert shares is not None
    return max(shares, key=lambda name: shares[name])


def show(cases: list[Case]) -> None:
    groups = {
        "all expressions": cases,
        **{shown: [case for case in cases if case.shown == shown] for shown in EXPRESSIONS},
        "neutral, of people whose rest reads as another": [
            case for case in cases if case.troubled and case.shown == "neutral"
        ],
        "neutral, of other people": [case for case in cases if not case.troubled and case.shown == "neutral"],
        "expressions of other people": [
            case for case in cases if not case.troubled and case.shown != "neutral"
        ],
    }
    print(
        "| pictures | people | alone, % | against one neutral picture, % | against a film, half at rest, % |"
    )
    print("| --- | --- | --- | --- | --- |")
    for name, those in groups.items():
        right = [
            [case.alone == case.shown, *(answer == case.shown for answer in case.compared.values())]
            for case in those
        ]
        people = [case.person for case in those]
        spread = bootstrap_means(np.array(right, dtype=np.float64), people, 0)
        cells = [
            f"{100 * s.mean:.1f} ({100 * (s.low or 0):.1f} to {100 * (s.high or 0):.1f})" for s in spread
        ]
        print(f"| {name} | {len(set(people))} | {' | '.join(cells)} |")


def photographs(reader: feroi.Reader, folder: Path) -> None:
    """Smiles of real people, against their own neutral photograph."""
    faces: dict[str, dict[str, Reading]] = {"neutral": {}, "happy": {}}
    for shown, those in faces.items():
        paths = sorted((folder / shown).glob("*.jpg"))
        for path, photo in zip(paths, reader.read_many(paths), strict=True):
            if photo.faces:
                those[path.name[:3]] = photo.faces[0]
    people = sorted(set(faces["neutral"]) & set(faces["happy"]))
    smiles = [faces["happy"][person] for person in people]
    against = [
        RestingFace.of([faces["neutral"][person]]).against(faces["happy"][person]) for person in people
    ]
    alone = np.mean([face.expression == "happy" for face in smiles])
    compared = np.mean([first(face.from_rest) == "happy" for face in against])
    stronger = np.mean([(face.units_from_rest or {})["AU12"] > 0 for face in against])
    print(
        f"\n{len(people)} photographed people: smiles read as happy {100 * alone:.1f} %, against their rest"
    )
    print(f"{100 * compared:.1f} %; AU12 stronger than at rest in {100 * stronger:.1f} %")


if __name__ == "__main__":
    main()
