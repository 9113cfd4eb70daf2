"""How much of the 128 numbers tells the person, not the expression, and whether taking it out helps.

    feroi synth people --facekit ICT-FaceKit --angles 90 --difficulty varied --size 200 --seed 5
    python benchmarks/identity.py people

Two linear probes read the focused feature z (Eq. 1) of each picture: who it is (learned from two directions
of gaze, tested on the third) and which expression it shows (five folds over people, so tested on people never
seen). The person's part is the space that the means of the training people span; its strongest directions are
taken out, as many as stated, and both probes are learned again. The control takes out as many directions at
random.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import feroi
from feroi.data.folds import subject_folds
from feroi.data.readers import read_dataset
from feroi.evaluation.bootstrap import bootstrap_means
from feroi.outputs import FloatArray

TAKEN_OUT = (0, 4, 8, 16, 32, 64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("people", type=Path)
    parser.add_argument("--model", default="default")
    asked = parser.parse_args()
    samples = read_dataset(asked.people)
    reader = feroi.Reader(asked.model, only_biggest=True)
    photos = list(reader.read_many([row.image for row in samples]))
    read = [row for row, photo in enumerate(photos) if photo.faces]
    samples = samples.take(read)
    crops = np.stack([photos[row].faces[0].crop for row in read])[:, None] / np.float32(255)
    features = np.concatenate([reader.model.forward(part).focus for part in np.array_split(crops, 20)])
    people = np.array([str(name) for name in samples.subjects])
    gazes = np.array([str(name) for name in samples.attribute("gaze")])
    random = np.linalg.qr(np.random.default_rng(0).normal(size=(features.shape[1],) * 2))[0]
    print(
        f"{len(samples)} pictures of {len(set(people))} people; "
        f"chance: {100 / len(set(people)):.1f} and 14.3 %"
    )
    print(
        "| directions taken out | who, % | expression of unseen people, % "
        "| control: who | control: expression |"
    )
    print("| --- | --- | --- | --- | --- |")
    for number in TAKEN_OUT:
        cells = []
        for directions in (None, random[:, :number]):
            who = who_right(features, people, gazes, number, directions)
            right = np.zeros(len(features))
            for fold in subject_folds(samples):
                learned, tested = fold.training, fold.validation
                out = (
                    directions
                    if directions is not None
                    else of_people(features[learned], people[learned], number)
                )
                probe = linear().fit(without(features[learned], out), samples.labels[learned])
                right[tested] = probe.predict(without(features[tested], out)) == samples.labels[tested]
            spread = bootstrap_means(right[:, None], list(people), 0)[0]
            low, high = 100 * (spread.low or 0), 100 * (spread.high or 0)
            cells += [f"{100 * who:.1f}", f"{100 * spread.mean:.1f} ({low:.1f} to {high:.1f})"]
        print(f"| {number} | {' | '.join(cells)} |", flush=True)


def linear() -> LogisticRegression:
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=300, C=0.1))


def who_right(
    features: FloatArray, people: np.ndarray, gazes: np.ndarray, number: int, directions: FloatArray | None
) -> float:
    """Share of pictures of one gaze whose person is told, learned from those of the others."""
    tested = gazes == "left"
    out = directions if directions is not None else of_people(features[~tested], people[~tested], number)
    probe = linear().fit(without(features[~tested], out), people[~tested])
    return float(np.mean(probe.predict(without(features[tested], out)) == people[tested]))


def of_people(features: FloatArray, people: np.ndarray, number: int) -> FloatArray:
    """The strongest directions, (128, number), in which people's means differ."""
    means = np.stack([features[people == name].mean(0) for name in sorted(set(people))])
    return np.linalg.svd(means - means.mean(0), full_matrices=False)[2][:number].T


def without(features: FloatArray, directions: FloatArray) -> FloatArray:
    """Features (N, 128) less their part in orthonormal directions (128, k)."""
    return features - features @ directions @ directions.T


if __name__ == "__main__":
    main()
