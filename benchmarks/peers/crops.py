"""Reading prepared crops: milliseconds, and accuracy of the same files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from networks import CALIBRATION_IMAGES, Crops, Reader, answers, fer_reader, feroi_readers
from rounds import Row, interleave, print_table

from feroi.data.readers import EMBEDDED, read_dataset
from feroi.data.samples import TRAINING, VALIDATION, Samples
from feroi.vocabulary import EXPRESSIONS

THREADS, BATCHES = (1, 2), (1, 64)


def compare_crops(models: Sequence[str], data: str | None, rounds: int) -> dict[str, list[Row]]:
    """Time every reader on crops; with `data`, calibrate int8 on its training split and score all on its
    validation split."""
    samples = read_dataset(data) if data else None
    training = _some(samples.split(TRAINING), CALIBRATION_IMAGES) if samples else None
    with tempfile.TemporaryDirectory() as folder:
        readers = [r for model in models for r in feroi_readers(model, training, Path(folder))]
        readers += fer_reader()
        results = {"crops": _timed(readers, rounds)}
        if samples:
            results["accuracy"] = _scored(readers, samples.split(VALIDATION))
    return results


def _some(samples: Samples, count: int) -> Samples:
    chosen = np.random.default_rng(0).permutation(len(samples))[:count]
    return samples.take(sorted(chosen.tolist()))


def _timed(readers: Sequence[Reader], rounds: int) -> list[Row]:
    rows: list[Row] = []
    faces = _some(read_dataset(EMBEDDED), max(BATCHES))
    crops = [reader.crops(faces) for reader in readers]
    for threads in THREADS:
        for batch in BATCHES:
            calls = {
                f"{reader.model} {reader.arithmetic}": _call(reader, shown[:batch], threads)
                for reader, shown in zip(readers, crops, strict=True)
            }
            for call in calls.values():
                call()
            timings = interleave(calls, rounds)
            fer_ms = next((timings[name].median_ms for name in timings if name.startswith("fer ")), None)
            rows += [
                {
                    "network": reader.model,
                    "how": reader.arithmetic,
                    "threads": threads,
                    "batch": batch,
                    "ms a crop": timing.median_ms / batch,
                    "quartiles": [timing.low_ms / batch, timing.high_ms / batch],
                    "crops a second": 1000 * batch / timing.median_ms,
                    "times as fast as fer": fer_ms and fer_ms / timing.median_ms,
                }
                for reader, timing in zip(readers, timings.values(), strict=True)
            ]
    print_table("Reading crops, median and quartiles of the rounds", [_shown(row) for row in rows])
    return rows


def _call(reader: Reader, crops: Crops, threads: int) -> Callable[[], object]:
    read = reader.load(threads, len(crops))
    return lambda: read(crops)


def _shown(row: Row) -> Row:
    low, high = row["quartiles"]
    ratio = row["times as fast as fer"]
    return row | {
        "ms a crop": f"{row['ms a crop']:.3f}",
        "quartiles": f"{low:.3f}–{high:.3f}",
        "crops a second": f"{row['crops a second']:.0f}",
        "times as fast as fer": f"{ratio:.2f}" if ratio else "",
    }


def _scored(readers: Sequence[Reader], samples: Samples) -> list[Row]:
    """Accuracy in %, and the points it differs from the same network in its first arithmetic."""
    rows: list[Row] = []
    plain: dict[str, float] = {}
    batch = max(BATCHES)
    for reader in readers:
        said = answers(reader.load(max(THREADS), batch), reader.crops(samples), batch)
        known = np.array([EXPRESSIONS.index(name) for name in reader.expressions])
        accuracy = 100 * float((known[said.argmax(1)] == samples.labels).mean())
        first = plain.setdefault(reader.model, accuracy)
        rows.append(
            {
                "network": reader.model,
                "how": reader.arithmetic,
                "accuracy, %": round(accuracy, 2),
                "points from first": round(accuracy - first, 2),
            }
        )
    print_table(f"Accuracy on the validation split, {len(samples)} crops", rows)
    return rows
