"""What the paper printed: protocols, the rows of Tables 5 and 7, and the matrices of Table 6."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from feroi.config import PAPER_FRONT_HW, PAPER_POSE_HW, Pipeline


class Protocol(NamedTuple):
    """One block of Table 5.

    title: as Table 5 calls its data. recipe: preset with the paper's epochs.
    pipeline: how its faces are prepared; `wild` in the case of none.
    input_hw: height and width of the paper's input in px.
    folds: five by subject, or one, the data set's own split.
    """

    title: str
    recipe: str
    pipeline: Pipeline
    input_hw: tuple[int, int]
    folds: int


PROTOCOLS: Mapping[str, Protocol] = {
    "front": Protocol("RaFD-FRONT", "paper-front", "front", PAPER_FRONT_HW, 5),
    "pose": Protocol("RaFD-POSE", "paper-pose", "pose", PAPER_POSE_HW, 5),
    "sfew": Protocol("SFEW", "paper-sfew", "front", PAPER_FRONT_HW, 1),
    "sfew-fer2013": Protocol("SFEW + FER-2013", "paper-sfew-fer2013", "front", PAPER_FRONT_HW, 1),
}


class Row(NamedTuple):
    """A row of Table 5.

    network: our preset of that method, None where it is none of our networks.
    accuracy: mean validation accuracy in %. std: over the folds, None where the paper has none.
    baseline: our name of those features with an SVM, None where it is none of them.
    """

    method: str
    network: str | None
    accuracy: float
    std: float | None = None
    baseline: str | None = None

    @property
    def ours(self) -> str | None:
        """What runs it here; None for what stays quoted."""
        return self.network or self.baseline


BASELINE = ("The baseline CNN", "paper-baseline")
FREE = ("The CNN with Visual Attention (use Eq. (4))", "paper-attention")
SYMMETRIC = ("The CNN with Visual Attention (use Eq. (5))", "paper-attention-symmetric")
AVERAGE = ("The CNN with global average pooling", "paper-gap")

TABLE_5: Mapping[str, tuple[Row, ...]] = {
    "front": (
        Row(*BASELINE, 97.3, 1.2),
        Row(*FREE, 95.2, 2.0),
        Row(*SYMMETRIC, 94.8, 0.8),
        Row(*AVERAGE, 96.3, 1.7),
        Row("LBP+SVM", None, 86.5, baseline="lbp"),
        Row("Gabor+SVM", None, 83.1, baseline="gabor"),
        Row("LPQ+SVM", None, 84.8, baseline="lpq"),
        Row("DS+SVM", None, 79.0, baseline="ds"),
        Row("LBP+FE-GEM+SVM (external data)", None, 94.5, baseline="lbp+fe-gem"),
        Row("Gabor+FE-GEM+SVM (external data)", None, 98.1, baseline="gabor+fe-gem"),
        Row("LPQ+FE-GEM+SVM (external data)", None, 94.4, baseline="lpq+fe-gem"),
        Row("DS+FE-GEM+SVM (external data)", None, 90.8, baseline="ds+fe-gem"),
    ),
    "pose": (
        Row(*BASELINE, 87.2, 2.8),
        Row(*FREE, 93.1, 0.6),
        Row(*AVERAGE, 92.8, 1.7),
        Row("Human recognition rate", None, 82.0),
    ),
    "sfew": (
        Row(*BASELINE, 38.5),
        Row(*FREE, 40.0),
        Row(*AVERAGE, 32.8),
        Row("PHOG+LPQ+SVM", None, 36.0, baseline="phog-lpq"),
    ),
    "sfew-fer2013": (
        Row(*BASELINE, 46.3),
        Row(*FREE, 48.3),
        Row(*AVERAGE, 42.8),
        Row("Kim's CNN (EmotiW 2015)", None, 52.5),
        Row("Levi's LBP+CNN (CASIA WebFace)", None, 44.7),
    ),
}
"""Table 5; of the methods of others on SFEW, those with external data stand below the joint training."""


class Aggregator(NamedTuple):
    """A row of Table 7, which holds words and no numbers.

    network: our preset that aggregates so. receptive_field, needs_learning: the paper's words on it; None for
    what it has no row for.
    """

    method: str
    network: str
    receptive_field: str | None
    needs_learning: str | None


TABLE_7 = (
    Aggregator("Max-pooling", "paper-baseline", "Small local patches", "No"),
    Aggregator("Stacked max-pooling", "stacked-max", "Large local patches", "No"),
    Aggregator("Global max-pooling (not in the table)", "global-max", None, None),
    Aggregator("Global average pooling", "paper-gap", "The whole image", "No"),
    Aggregator(
        "Visual attention mechanism", "paper-attention", "The region of interest of the whole image", "Yes"
    ),
)
"""Table 7. It names no network: that the baseline, which keeps all that its last max-pooling leaves, stands
for max-pooling is ours. Global max-pooling is here because section 4.7 says that it cannot be used."""

Matrix = tuple[tuple[float, ...] | None, ...]

TABLE_6: Mapping[tuple[str, str], Matrix] = {
    ("front", "paper-baseline"): (
        (100.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        (0.0, 100.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        (0.0, 0.0, 97.4, 0.0, 0.0, 0.0, 2.6),
        (0.0, 0.0, 0.0, 100.0, 0.0, 0.0, 0.0),
        (0.0, 0.0, 0.0, 0.0, 100.0, 0.0, 0.0),
        (0.0, 0.0, 0.0, 0.0, 5.1, 94.9, 0.0),
        (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 100.0),
    ),
    ("front", "paper-attention"): (
        (94.9, 0.0, 0.0, 0.0, 0.0, 5.1, 0.0),
        (0.0, 100.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        (0.0, 0.0, 89.7, 0.0, 0.0, 2.6, 7.7),
        (0.0, 0.0, 0.0, 100.0, 0.0, 0.0, 0.0),
        (0.0, 0.0, 0.0, 0.0, 100.0, 0.0, 0.0),
        (2.6, 0.0, 0.0, 0.0, 12.8, 84.6, 0.0),
        (0.0, 0.0, 2.6, 0.0, 0.0, 0.0, 97.4),
    ),
    ("pose", "paper-baseline"): (
        (86.2, 1.0, 2.1, 0.0, 7.2, 3.6, 0.0),
        (4.1, 90.3, 2.1, 1.5, 1.0, 1.0, 0.0),
        (0.0, 0.0, 81.5, 0.0, 7.2, 0.5, 10.8),
        (0.5, 0.5, 0.0, 99.0, 0.0, 0.0, 0.0),
        (6.2, 0.0, 0.5, 0.5, 83.6, 8.7, 0.5),
        (10.3, 0.0, 5.1, 0.0, 20.5, 62.6, 1.5),
        None,
    ),
    ("pose", "paper-attention"): (
        (97.4, 0.5, 0.0, 2.1, 0.0, 0.0, 0.0),
        (4.1, 92.8, 0.5, 2.1, 0.0, 0.0, 0.5),
        (0.0, 1.0, 97.4, 0.0, 0.0, 0.0, 1.5),
        (0.0, 0.0, 0.0, 100.0, 0.0, 0.0, 0.0),
        (2.1, 0.0, 3.1, 2.1, 87.2, 5.6, 0.0),
        (2.6, 0.5, 5.6, 0.0, 3.1, 88.2, 0.0),
        None,
    ),
}
"""Table 6, % of each row, rows labelled and columns read as `EXPRESSIONS`, validated on the first fold.
None: the row `surprise` of the two POSE matrices is missing from the text of the paper that was read."""
