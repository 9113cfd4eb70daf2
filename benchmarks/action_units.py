"""What each Action Unit that is told is worth: on rendered faces of known strength, and on smiles.

    feroi synth held-clean --facekit ICT-FaceKit --difficulty clean --seed 31 --subjects 12 \\
        --angles 90 --gazes frontal
    feroi synth held-wild --facekit ICT-FaceKit --difficulty wild --seed 31 --subjects 12 \\
        --angles 90 --gazes frontal
    python benchmarks/action_units.py --faces held-clean held-wild --smiles london

FACES are sets of people no row of `photo.action_units` was fitted to. Of each Action Unit: the correlation with
the true strength, the area under the curve between faces that show it (.3 and more) and faces that do not (.1 and
less), with an interval over people, and how many neutral faces are told to show it (.5 and more). SMILES holds
folders `neutral` and `happy` of photographs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from feroi.inference import Compute
from feroi.photo.action_units import WORDS, action_units
from feroi.photo.decode import read_photo
from feroi.photo.detect import biggest, detect
from feroi.photo.face_mesh import coefficients
from feroi.photo.landmarks import locate
from feroi.synthetic.truth import read_truth

ONE_THREAD = Compute(threads=1)
RESAMPLES = 1000
SHOWN, ABSENT, ALARM = 0.3, 0.1, 0.5

Floats = NDArray[np.float64]


def told(path: Path) -> Floats | None:
    """The Action Units of the biggest face, in the order of WORDS; None if no face is found."""
    photo = read_photo(path)
    face = biggest(detect(photo, compute=ONE_THREAD))
    if face is None:
        return None
    (points,) = locate(photo, [face.frame], compute=ONE_THREAD)
    return np.array(list(action_units(coefficients([points.mesh], ONE_THREAD)[0]).both.values()))


def rendered(folder: Path) -> tuple[Floats, Floats, list[str], NDArray[np.bool_], int]:
    """Told (N, A), true (N, A), people, whether neutral, and how many faces were not found."""
    found, true, people, neutral, missed = [], [], [], [], 0
    for path in sorted(folder.glob("*.jpg")):
        strengths = told(path)
        if strengths is None:
            missed += 1
            continue
        units = read_truth(folder, path.name).action_units
        units[25] = max(units.get(unit, 0.0) for unit in (25, 26, 27))  # a dropped jaw parts the lips
        # FaceKit's jaw of AU27 is that of AU26, opened further
        units[26] = max(units.get(26, 0.0), units.get(27, 0.0))
        found.append(strengths)
        true.append([units.get(int(name[2:]), 0.0) for name in WORDS])
        people.append(path.name.split("_")[1])
        neutral.append("_neutral_" in path.name)
    return np.array(found), np.array(true), people, np.array(neutral), missed


def area(found: Floats, true: Floats) -> float:
    """Under the curve between faces that show an Action Unit and those that do not; NaN without either."""
    clear = (true >= SHOWN) | (true <= ABSENT)
    shown = true[clear] >= SHOWN
    return float(roc_auc_score(shown, found[clear])) if 0 < shown.sum() < len(shown) else float("nan")


def interval(found: Floats, true: Floats, people: list[str]) -> tuple[float, float]:
    """Of `area`, 95 %, drawing people."""
    rng, names = np.random.default_rng(0), sorted(set(people))
    rows = {name: np.flatnonzero(np.array(people) == name) for name in names}
    areas = []
    for _ in range(RESAMPLES):
        at = np.concatenate([rows[name] for name in rng.choice(names, len(names))])
        areas.append(area(found[at], true[at]))
    low, high = np.nanpercentile(areas, [2.5, 97.5])
    return float(low), float(high)


def print_rendered(folder: Path) -> None:
    found, true, people, neutral, missed = rendered(folder)
    print(f"\n{folder.name}: {len(found)} faces of {len(set(people))} people, {missed} not found\n")
    print("| Action Unit | shown in | correlation | area under the curve (95 %) | false alarms on neutral |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for at, name in enumerate(WORDS):
        alarms = f"{(found[neutral, at] >= ALARM).sum()} of {neutral.sum()}"
        if not (true[:, at] >= SHOWN).any():
            print(f"| {name} {WORDS[name]} | 0 | – | – | {alarms} |")
            continue
        low, high = interval(found[:, at], true[:, at], people)
        both = np.corrcoef(found[:, at], true[:, at])[0, 1]
        score = area(found[:, at], true[:, at])
        shown = (true[:, at] >= SHOWN).sum()
        print(
            f"| {name} {WORDS[name]} | {shown} | {both:.2f} | {score:.2f} ({low:.2f}–{high:.2f}) | {alarms} |"
        )


def print_smiles(folder: Path) -> None:
    read = {}
    for word in ("neutral", "happy"):
        strengths = [told(path) for path in sorted((folder / word).glob("*.jpg"))]
        read[word] = np.array([each for each in strengths if each is not None])
    labels = np.repeat([0, 1], [len(read["neutral"]), len(read["happy"])])
    together = np.concatenate([read["neutral"], read["happy"]])
    print(f"\n{folder.name}: {len(read['neutral'])} neutral and {len(read['happy'])} smiling faces\n")
    print(
        "| Action Unit | area, smiling against neutral | mean when neutral, smiling | false alarms on neutral |"
    )
    print("| --- | ---: | ---: | ---: |")
    for at, name in enumerate(WORDS):
        means = ", ".join(f"{read[word][:, at].mean():.2f}" for word in ("neutral", "happy"))
        alarms = f"{(read['neutral'][:, at] >= ALARM).sum()} of {len(read['neutral'])}"
        print(f"| {name} {WORDS[name]} | {roc_auc_score(labels, together[:, at]):.3f} | {means} | {alarms} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--faces", type=Path, nargs="*", default=[])
    parser.add_argument("--smiles", type=Path)
    options = parser.parse_args()
    for folder in options.faces:
        print_rendered(folder)
    if options.smiles:
        print_smiles(options.smiles)


if __name__ == "__main__":
    main()
