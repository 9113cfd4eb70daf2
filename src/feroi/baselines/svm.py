"""A support vector machine on features, with everything chosen on the training side alone."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
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
    """

    predicted: NDArray[np.int64]
    chosen: dict[str, Any]


class UnitSpread(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Divides centred features (N, D) by one number, so that their squared length is 1 on average.

    C and gamma then mean the same for 120 features and for 12,000.
    """

    def fit(self, features: Features, labels: object = None) -> UnitSpread:
        self.length_ = float(np.sqrt((np.asarray(features, np.float64) ** 2).sum(1).mean())) or 1.0
        return self

    def transform(self, features: Features) -> Features:
        return features / np.float32(self.length_)


def learn(training: Samples, features: Features, validation_features: Features, seed: int) -> Answer:
    """Learn from the faces `training`, whose features are (N, D), and answer for (M, D) others.

    Each feature is brought to mean 0 and variance 1, the whole to at most 300 principal components.
    Up to 2,000 faces: SVC, one expression against one, linear or with a Gaussian kernel; beyond,
    LinearSVC, one against all others. Kernel, C and gamma are those of the best mean accuracy in three
    inner folds, of other people where all of three people or more are known, else stratified; scaler and
    components are made anew in each.
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
    components = min(LARGEST_COMPONENTS, features.shape[1], *(len(rows) for rows, _ in inner))
    few = len(features) <= LARGEST_KERNEL
    candidates = list(ParameterGrid([_LINEAR, _RBF] if few else [{"C": _LINEAR["C"]}]))

    def machine(settings: dict[str, Any]) -> Any:
        return SVC(**settings) if few else LinearSVC(random_state=seed, **settings)

    reached = np.zeros((len(inner), len(candidates)))
    for row, (known, unknown) in enumerate(inner):
        before = _reduction(components, seed)
        learnt, asked = before.fit_transform(features[known]), before.transform(features[unknown])
        for column, settings in enumerate(candidates):
            reader = machine(settings).fit(learnt, labels[known])
            reached[row, column] = reader.score(asked, labels[unknown])
    best = int(reached.mean(0).argmax())
    before = _reduction(components, seed)
    reader = machine(candidates[best]).fit(before.fit_transform(features), labels)
    predicted = reader.predict(before.transform(validation_features))
    chosen = {"kernel": "linear", **candidates[best], "inner_accuracy": float(reached.mean(0)[best])}
    return Answer(predicted.astype(np.int64), chosen)


def _reduction(components: int, seed: int) -> Pipeline:
    return make_pipeline(StandardScaler(), PCA(components, random_state=seed), UnitSpread())
