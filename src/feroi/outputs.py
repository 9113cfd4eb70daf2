"""What one pass of a network saw: the currency between networks, runtimes and everything above."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Values = TypeVar("Values")


class NetworkOutput(NamedTuple, Generic[Values]):
    """Logits, where the network looked, and what it saw there; tensors or arrays alike.

    logits: (N, 7), in the order of `vocabulary.EXPRESSIONS`.
    attention: (N, H, W), the weight B of each location of the last feature map; uniform for
        `gap`. None for `flatten`, `stacked-max` and `max`, which weigh no location.
    focus: (N, C), the focused feature z; for `flatten` the whole map, (N, C·H·W), for `stacked-max`
        what is left of it.
    evidence: (N, 7, H, W), how much each location speaks for each expression against their mean:
        B (W_k - mean W) A0. Over the locations it sums to the logit less the mean of the logits, but for the
        biases. None where there is no attention, and while a network is trained.
    """

    logits: Values
    attention: Values | None
    focus: Values
    evidence: Values | None = None


FloatArray = NDArray[np.floating[Any]]
Forward = Callable[[NDArray[np.float32]], NetworkOutput[FloatArray]]
"""A network as evaluators see it: (N, C, H, W) float32 in 0..1 to a NetworkOutput of arrays.

C is 1, the intensity; 2, with depth, for a network that sees it.
"""

ScoreMap = Callable[[NDArray[np.float32]], FloatArray]
"""The attention's score A2 (Eq. 3) before any soft-max: faces as for `Forward` to (N, H, W)."""

Locator = Callable[[NDArray[np.float32], NDArray[np.int64]], FloatArray]
"""A method that says where an expression is seen: faces as for `Forward` and the index (N,) of an expression
for each, to maps (N, H, W) on the pixels of the input, not negative, in multiples of a uniform map."""


def equal(one: Any, other: Any) -> bool:
    """Whether two values are the same: arrays by shape and content, lists and tuples by what
    they hold, and what is no number equals itself."""
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(one, other, equal_nan=True)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other or (one != one and other != other))
