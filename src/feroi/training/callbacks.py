"""What a training tells of itself while it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

Metrics = dict[str, Any]
"""One epoch: epoch, learning_rate, loss, accuracy, validation_loss, validation_accuracy,
images_per_s, seconds."""


class Callbacks(NamedTuple):
    """Functions a training calls; by default none is heard.

    say: a line for people on what is about to happen.
    on_step: before each step, with (epoch, step, steps per epoch), counted from 1.
    on_epoch: after each epoch.
    """

    say: Callable[[str], None] = lambda line: None
    on_step: Callable[[int, int, int], None] = lambda epoch, step, steps: None
    on_epoch: Callable[[Metrics], None] = lambda metrics: None


SILENT = Callbacks()
