"""Reading on a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from feroi.cli.results import progress_bar, say, say_counts

if TYPE_CHECKING:
    from feroi.reading import ReadingOptions


def read_on_cluster(address: str, places: Sequence[str], model: Path, options: ReadingOptions) -> None:
    """Read all places but the last, and write to that. Raises as `cluster.readings.analyze_on_cluster`."""
    from feroi.cluster.readings import analyze_on_cluster
    from feroi.cluster.storage import public

    if len(places) < 2:
        raise ValueError("with --ray, give what to read and then where to write: SRC... DST")
    *sources, destination = places
    with progress_bar("reading shards") as on_progress:
        counts = analyze_on_cluster(sources, destination, address, model, options, on_progress=on_progress)
    say(f"the readings are in {public(destination)}, in parts that are one table together")
    say_counts(counts)
