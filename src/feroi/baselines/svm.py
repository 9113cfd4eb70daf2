"""A support vector machine on features, with everything chosen on the training side alone."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.decomposition import PCA
from sklearn.model_selection import GroupKFold, ParameterGrid, StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from feroi.data.samples import Samples

INNER_FOLDS = 3
LARGEST_COMPONENTS = 300
LARGEST_KERNEL = 2000
"""Training faces up to which kernels are tried: their time grows with the square of the number."""

_LINEAR = {"kernel": ["linear"], "C": [0.1, 1.0, 10.0, 100.0]}
_RBF = {"kernel": ["rbf"], "gamma": [0.3, 1.0, 3.0], "C": [1.0, 10.0, 100.0]}

Features = NDArray[np.float32]


class Answer(NamedTuple):
    """predicted: (M,) expressions of the validation faces, as indices into EXPRESSIONS.

    chosen: kernel and hyper-parameters, with the accuracy (0..1) they reached in the inner folds.
    where: (rows, columns) share of the features that a selector chose at each place of the face.
    """

    predicted: NDArray[np.int64]
    chosen: dict[str, Any]
    where: NDArray[np.float64] | None = None


class Selector(Protocol):
    """Chooses among features (N, D) by expressions (N,); an estimator of scikit-learn, to be cloned."""

    def fit(self, features: Features, labels: NDArray[np.int64]) -> Selector: ...

    def transform(self, features: Features) -> Features: ...

    @property
    def where(self) -> NDArray[np.float64]:
        """(rows, columns) share of what was chosen at each place of the face, summing to 1."""
        ...


class UnitSpread(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Divides centred features (N, D) by one number, so that their squared length is 1 on average.

    C and gamma then mean the same for 120 features and for 12,000.
    """

    def fit(self, features: Features, labels: object = None) -> UnitSpread:
        self.length_ = float(np.sqrt((np.asarray(features, np.float64) ** 2).sum(1).mean())) or 1.0
        return self

    def transform(self, features: Features) -> Features:
        return features / np.float32(self.length_)


def learn(
    training: Samples,
    features: Features,
    validation_features: Features,
    seed: int,
    selector: Selector | None = None,
) -> Answer:
    """Learn from the faces `training`, whose features are (N, D), and answer for (M, D) others.

    Each feature is brought to mean 0 and variance 1, the whole to at most 300 principal components.
    Up to 2,000 faces: SVC, one expression against one, linear or with a Gaussian kernel; beyond,
    LinearSVC, one against all others. Kernel, C and gamma are those of the best mean accuracy in three
    inner folds, of other people where all of three people or more are known, else stratified; scaler and
    components are made anew in each.
    selector: chooses among the features before all that, likewise anew in each inner fold; the machine is
        then linear. It is left unfitted.
    seed: of the components, of the inner folds where people are unknown, and of LinearSVC.
    Raises ValueError unless there are two expressions or more, and three faces or more of one of them.
    """
    labels = training.labels
    counts = np.bincount(labels)
    if np.count_nonzero(counts) < 2 or counts.max() < INNER_FOLDS:
        raise ValueError(
            f"an SVM needs two expressions and {INNER_FOLDS} faces of one of them to learn from, found "
            f"{ {name: n for name, n in training.counts().items() if n} }"
        )
    subjects = training.subjects
    if None not in subjects and len(set(subjects)) >= INNER_FOLDS:
        inner = list(GroupKFold(INNER_FOLDS).split(features, labels, subjects))
    else:
        folds = StratifiedKFold(INNER_FOLDS, shuffle=True, random_state=seed)
        inner = list(folds.split(features, labels))
    components = min(LARGEST_COMPONENTS, *(len(rows) for rows, _ in inner))
    few = len(features) <= LARGEST_KERNEL
    kernels = [_LINEAR] if selector else [_LINEAR, _RBF]
    candidates = list(ParameterGrid(kernels if few else [{"C": _LINEAR["C"]}]))

    def machine(settings: dict[str, Any]) -> Any:
        return SVC(**settings) if few else LinearSVC(random_state=seed, **settings)

    reached = np.zeros((len(inner), len(candidates)))
    for row, (known, unknown) in enumerate(inner):
        _, learnt, asked = _reduced(
            selector, features[known], labels[known], features[unknown], components, seed
        )
        for column, settings in enumerate(candidates):
            reader = machine(settings).fit(learnt, labels[known])
            reached[row, column] = reader.score(asked, labels[unknown])
    best = int(reached.mean(0).argmax())
    fitted, learnt, asked = _reduced(selector, features, labels, validation_features, components, seed)
    predicted = machine(candidates[best]).fit(learnt, labels).predict(asked)
    chosen = {"kernel": "linear", **candidates[best], "inner_accuracy": float(reached.mean(0)[best])}
    return Answer(predicted.astype(np.int64), chosen, fitted.where if fitted else None)


def _reduced(
    selector: Selector | None,
    features: Features,
    labels: NDArray[np.int64],
    asked: Features,
    components: int,
    seed: int,
) -> tuple[Selector | None, Features, Features]:
    """The selector fitted to `features`, and these and those `asked` of after selection and reduction."""
    if selector:
        selector = clone(selector).fit(features, labels)
        features, asked = selector.transform(features), selector.transform(asked)
    before = _reduction(min(components, features.shape[1]), seed)
    return selector, before.fit_transform(features), before.transform(asked)


def _reduction(components: int, seed: int) -> Pipeline:
    return make_pipeline(StandardScaler(), PCA(components, random_state=seed), UnitSpread())
