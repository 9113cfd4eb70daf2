"""What committees of the shipped networks gain over the best single one.

    feroi prepare folder london london-faces
    python benchmarks/committees.py --data FER2013 --london london-faces --seed 0 --public-test

Weights, scorers, temperatures and thresholds are fitted on the training images of FER-2013 that
`--hold-out 0.05` holds out, under FER-2013's own labels, under majority votes, and under both at once. What
is said of those images themselves is cross-fitted in five folds. The committee with the least cross entropy
there, of those that feroi can read with, is chosen, and with --public-test that one and the single networks
read the official validation split. Ways to combine:

- equal: log probabilities averaged (`--model a,b`);
- accuracy: log probabilities weighted as by `feroi calibrate a,b`, after Kim et al. 2015 ([17] of the paper);
- published: probabilities weighted by Kim et al.'s own rule, q by accuracy from -50 to 150;
- scored: a logistic regression on the members' log probabilities, after Hu et al. 2017 ([20]).

Takes three minutes on one thread.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, logsumexp, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from feroi.data.folds import held_out
from feroi.data.readers import read_dataset
from feroi.data.samples import VALIDATION, Samples
from feroi.evaluation.bootstrap import bootstrap_means
from feroi.evaluation.calibration import calibration_error, fit_calibration
from feroi.evaluation.committee import fit_weights, mean_log_probabilities, weights_of
from feroi.evaluation.evaluate import read
from feroi.inference import Compute
from feroi.network.description import SHIPPED
from feroi.network.load import Model, load_model
from feroi.outputs import FloatArray
from feroi.vocabulary import EXPRESSIONS

HOLD_OUT, COVERAGE, FOLDS = 0.05, 0.9, 5
GAIN, LINE = "gain, points (95 % interval)", f"\n|{' --- |' * 7}"
LABELS = {"fer2013": "FER-2013's own labels", "ferplus": "majority votes (FER+)"}
Labels = NDArray[np.int64]
Combiner = tuple[Callable[[FloatArray], FloatArray], str]
"""The members' log probabilities (M, N, 7) to logits (N, 7); and what was fitted, in words."""


class Answers(NamedTuple):
    """Probabilities (N, 7) of N faces, and which expressions are likely, (N, 7)."""

    probabilities: FloatArray
    likely: NDArray[np.bool_]


class Faces(NamedTuple):
    """Labelled faces as the single networks read them.

    labels: (N,). people: whose each is. read: (N, 7) log probabilities of each network. singles: the same as
    answers, by each one's own calibration. parts: how many are of each label set.
    """

    labels: Labels
    people: Sequence[str]
    read: dict[str, FloatArray]
    singles: dict[str, Answers]
    parts: Sequence[int]

    def of(self, members: Sequence[str]) -> FloatArray:
        return np.stack([self.read[name] for name in members])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, type=Path, help="FER-2013, with the votes of FER+")
    parser.add_argument("--london", required=True, type=Path, help="its faces, from feroi prepare folder")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--public-test", action="store_true", help="also read it, once all is chosen")
    asked = parser.parse_args()
    models = {name: load_model(name, Compute(threads=1)) for name in SHIPPED}
    samples = {layout: read_dataset(asked.data, layout) for layout in LABELS}
    held = with_both([faces_of(held_out(each, HOLD_OUT).validation, models) for each in samples.values()])
    london = faces_of(read_dataset(asked.london), models)
    chosen = {}
    for labels, faces in held.items():
        best = max(SHIPPED, key=lambda name: right(faces.singles[name], faces.labels).mean())
        print(f"\n## {labels}: {len(faces.labels)} labels of held-out images; the best single is {best}\n")
        print_head()
        entropies = {}
        for name in SHIPPED:
            print_row(name, faces.singles[name], faces, best, asked.seed)
        for members, way in systems():
            answers = cross_fitted(faces, members, way, asked.seed)
            print_row(f"{'+'.join(members)}, {way}", answers, faces, best, asked.seed)
            if way in ("equal", "accuracy"):
                entropies[members, way] = cross_entropy(answers, faces.labels)
        chosen[labels] = best, *min(entropies, key=lambda each: entropies[each])
        print(f"\nLondon, {len(london.labels)} faces; fitted on all of these held-out images\n")
        print_london(faces, london, best, asked.seed)
        print(f"\nchosen by cross entropy on the held-out images: {chosen[labels]}")
    if asked.public_test:
        test = with_both([faces_of(each.split(VALIDATION), models) for each in samples.values()])
        for labels, (best, members, way) in chosen.items():
            print(f"\n## PublicTest, {labels}: {len(test[labels].labels)} labels\n")
            print_head()
            for name in SHIPPED:
                print_row(name, test[labels].singles[name], test[labels], best, asked.seed)
            for each in (way, "scored"):
                answers = fitted(held[labels], members, each)(test[labels].of(members))
                print_row(f"{'+'.join(members)}, {each}", answers, test[labels], best, asked.seed)
    print("\n## Time of one face\n")
    print_times(models)


def with_both(each: Sequence[Faces]) -> dict[str, Faces]:
    """Faces under each label set, and under both at once, where most images stand twice."""
    both = Faces(
        np.concatenate([faces.labels for faces in each]),
        [person for faces in each for person in faces.people],
        {name: np.concatenate([faces.read[name] for faces in each]) for name in SHIPPED},
        {
            name: Answers(*map(np.concatenate, zip(*(faces.singles[name] for faces in each), strict=True)))
            for name in SHIPPED
        },
        [len(faces.labels) for faces in each],
    )
    return {**dict(zip(LABELS.values(), each, strict=True)), "both at once": both}


def systems() -> Iterator[tuple[tuple[str, ...], str]]:
    """Every committee of the shipped networks, by every way to combine them."""
    for size in range(2, len(SHIPPED) + 1):
        for members in combinations(SHIPPED, size):
            for way in WAYS:
                yield members, way


def faces_of(samples: Samples, models: dict[str, Model]) -> Faces:
    logits = {name: read(model.forward, model.config, samples).logits for name, model in models.items()}
    singles = {}
    for name, each in logits.items():
        probabilities = softmax(each.astype(np.float64), axis=1)
        singles[name] = Answers(probabilities, models[name].calibration.likely(probabilities))
    stems = [Path(row.name).stem for row in samples]
    # London's are called 001_03; whose face an image of FER-2013 shows, nobody knows
    people = [stem.partition("_")[0] if stem[:3].isdigit() else stem for stem in stems]
    logs = {name: log_softmax(each.astype(np.float64), axis=1) for name, each in logits.items()}
    return Faces(samples.labels, people, logs, singles, [len(samples)])


def equal(answers: FloatArray, labels: Labels) -> Combiner:
    return lambda each: each.mean(0), ""


def by_accuracy(answers: FloatArray, labels: Labels) -> Combiner:
    power, weights = fit_weights(answers, labels)
    return lambda each: mean_log_probabilities(each, weights), f"q {power}, weights {np.round(weights, 2)}"


def published(answers: FloatArray, labels: Labels) -> Combiner:
    """Weights in proportion to accuracy^q, of probabilities; the q of the highest accuracy."""
    accuracies = (answers.argmax(2) == labels).mean(1)
    tried = [weights_of(accuracies, power / 10) for power in range(-500, 1501)]
    shares = np.exp(answers)
    found = [(np.tensordot(each, shares, 1).argmax(1) == labels).mean() for each in tried]
    at = int(np.argmax(found))
    weights = tried[at]
    told = f"q {at / 10 - 50:.1f}, weights {np.round(weights, 2)}"
    return lambda each: logsumexp(each, axis=0, b=weights[:, None, None]), told


def scored(answers: FloatArray, labels: Labels) -> Combiner:
    classifier = LogisticRegression(max_iter=5000).fit(np.concatenate(answers, 1), labels)

    def combine(each: FloatArray) -> FloatArray:
        logits = np.full((each.shape[1], len(EXPRESSIONS)), -30.0)  # of expressions that nothing showed
        logits[:, classifier.classes_] = classifier.predict_log_proba(np.concatenate(each, 1))
        return logits

    return combine, ""


WAYS: dict[str, Callable[[FloatArray, Labels], Combiner]] = {
    "equal": equal, "accuracy": by_accuracy, "published": published, "scored": scored,
}  # fmt: skip


def fitted(
    held: Faces, members: Sequence[str], way: str, rows: NDArray[np.int64] | None = None
) -> Callable[[FloatArray], Answers]:
    """A committee fitted and calibrated on held-out faces, or some rows of them."""
    rows = np.arange(len(held.labels)) if rows is None else rows
    answers, labels = held.of(members)[:, rows], held.labels[rows]
    combine, told = WAYS[way](answers, labels)
    calibration = fit_calibration(combine(answers), labels, mirror=False, coverage=COVERAGE)
    if len(rows) == len(held.labels):
        print(f"({'+'.join(members)}, {way}: {told} temperature {calibration.temperature:.2f})")

    def answer(each: FloatArray) -> Answers:
        probabilities = softmax(combine(each) / calibration.temperature, axis=1)
        return Answers(probabilities, calibration.likely(probabilities))

    return answer


def cross_fitted(held: Faces, members: Sequence[str], way: str, seed: int) -> Answers:
    """What a committee says of held-out faces, each by one that was fitted without it."""
    probabilities = np.zeros((len(held.labels), len(EXPRESSIONS)))
    likely = np.zeros(probabilities.shape, bool)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for rows, others in folds.split(held.labels, held.labels, held.people):
        probabilities[others], likely[others] = fitted(held, members, way, rows)(held.of(members)[:, others])
    return Answers(probabilities, likely)


def right(answers: Answers, labels: Labels) -> NDArray[np.bool_]:
    return np.asarray(answers.probabilities.argmax(1) == labels)


def cross_entropy(answers: Answers, labels: Labels) -> float:
    return float(-np.log(answers.probabilities[np.arange(len(labels)), labels]).mean())


def gain(answers: Answers, faces: Faces, best: str, seed: int) -> str:
    """Percentage points over a single network on the same faces, with the 95 % interval."""
    more = 100.0 * (right(answers, faces.labels) * 1.0 - right(faces.singles[best], faces.labels))
    (interval,) = bootstrap_means(more[:, None], list(faces.people), seed)
    return f"{interval.mean:+.1f} ({interval.low:+.1f} to {interval.high:+.1f})"


def print_head() -> None:
    print(f"| model | right, % | {GAIN} | cross entropy | calibration error | covered, % | likely |{LINE}")


def print_row(name: str, answers: Answers, faces: Faces, best: str, seed: int) -> None:
    labels, rows = faces.labels, np.arange(len(faces.labels))
    hits = right(answers, labels)
    cells = [
        name,
        ", ".join(f"{100 * part.mean():.1f}" for part in np.split(hits, np.cumsum(faces.parts)[:-1])),
        gain(answers, faces, best, seed),
        f"{cross_entropy(answers, labels):.3f}",
        f"{calibration_error(answers.probabilities.max(1), hits):.3f}",
        f"{100 * answers.likely[rows, labels].mean():.1f}",
        f"{answers.likely.sum(1).mean():.2f}",
    ]
    print(f"| {' | '.join(cells)} |", flush=True)


def print_london(held: Faces, london: Faces, best: str, seed: int) -> None:
    rows = [(name, london.singles[name]) for name in SHIPPED]
    for members, way in systems():
        rows.append((f"{'+'.join(members)}, {way}", fitted(held, members, way)(london.of(members))))
    print(f"\n| model | neutral, % | smiling, % | {GAIN} | calibration error | covered, % | likely |{LINE}")
    for name, answers in rows:
        hits = right(answers, london.labels)
        parts = [100 * hits[london.labels == EXPRESSIONS.index(each)].mean() for each in ("neutral", "happy")]
        covered = answers.likely[np.arange(len(hits)), london.labels].mean()
        error = calibration_error(answers.probabilities.max(1), hits)
        cells = [
            name,
            *(f"{part:.0f}" for part in parts),
            gain(answers, london, best, seed),
            f"{error:.3f}",
            f"{100 * covered:.0f}",
            f"{answers.likely.sum(1).mean():.2f}",
        ]
        print(f"| {' | '.join(cells)} |")


def print_times(models: dict[str, Model]) -> None:
    """Median milliseconds a face, one at a time, on one thread."""
    face = np.full((1, 1, 48, 48), 0.5, np.float32)
    for members in ("default,ferplus", ",".join(SHIPPED)):
        models = {**models, members: load_model(members, Compute(threads=1))}
    taken: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(500):  # in turn, so that other work on the machine slows all alike
        for name, model in models.items():
            start = time.perf_counter()
            model.forward(face)
            taken[name].append(1000 * (time.perf_counter() - start))
    for name, each in taken.items():
        low, middle, high = np.percentile(each, [5, 50, 95])
        print(f"| {name} | {middle:.1f} ms ({low:.1f} to {high:.1f}) |")


if __name__ == "__main__":
    main()
