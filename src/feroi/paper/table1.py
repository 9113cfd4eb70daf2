"""Table 1 with figures: what built-in attention gives beside methods that locate after the fact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from feroi.data.batches import as_faces
from feroi.data.decoded import decode
from feroi.data.readers import read_dataset
from feroi.data.samples import VALIDATION, Samples
from feroi.evaluation.attention_targets import LeftOut, truth_names, truths_of
from feroi.evaluation.bootstrap import CONFIDENCE, Interval, bootstrap_means
from feroi.evaluation.evaluate import read
from feroi.evaluation.faithfulness import MEASURES, Tried, try_method
from feroi.explain.methods import BUILT_IN, CONTROLS, METHODS, locators
from feroi.files import write_json, write_text
from feroi.network.model import Network
from feroi.network.torch_forward import torch_forward, untrained_network
from feroi.network.weights import load_network
from feroi.outputs import FloatArray, Locator
from feroi.paper.datasets import Progress
from feroi.report.explanations import Explained, draw_explanations, spoken_seconds
from feroi.vocabulary import EXPRESSIONS

FACES = 100
_COLUMNS = {
    "cosine": "Action Units, cosine",
    "gain": "gain",
    "insertion": "insertion, high is good",
    "deletion": "deletion, low is good",
    "stays_40": "stays with 40 % shown",
    "falls_40": "falls with those hidden",
    "deletion_grey": "deletion to grey",
    "sameness": "like untrained, 0 is good",
    "seconds": "a map",
}
"""Of MEASURES, by the heads of their columns."""

TEMPLATE = "template of "
"""Before a built-in method: the mean of its maps over all these faces, the same for each face."""


class Chosen(NamedTuple):
    """Faces with a known truth. faces: (N, H, W). truths: (N, H, W). predicted: (N,), what was read."""

    samples: Samples
    faces: NDArray[np.uint8]
    truths: FloatArray
    predicted: NDArray[np.int64]
    truth: str


def reproduce_table1(
    paths: Sequence[Path],
    out: Path,
    models: Sequence[str],
    seed: int,
    on_progress: Progress,
    most: int = FACES,
) -> str:
    """Try every method on each of `models`, as `load_network` takes them; the table as markdown.

    paths: one data set, of which `most` faces with a known truth are drawn; its validation split, where it
    has one. Leaves table1.md, table1.json and one picture per model in `out`.
    Raises ValueError for several data sets, or where no truth is known of any face.
    """
    if len(paths) != 1:
        raise ValueError(f"table1 is made on one data set, got {len(paths)}")
    samples = read_dataset(paths[0])
    samples = samples.split(VALIDATION) if any(samples.attribute("split")) else samples
    blocks, told = [], []
    for number, model in enumerate(models):
        network = load_network(model)
        chosen = choose_faces(network, samples, seed, most)
        found = _tried(network, chosen, seed, on_progress)
        figures = _figures(found, chosen.samples, seed)
        picture = out / ("table1.png" if len(models) == 1 else f"table1-{number + 1}.png")
        draw_explanations(_examples(chosen, found), picture)
        blocks.append(table1_markdown(figures, _words(model, paths[0], chosen, seed)))
        told.append(_json(model, chosen, found, figures, seed))
        text = "\n".join(blocks)
        write_text(out / "table1.md", text)
        write_json(out / "table1.json", {"table": 1, "data": str(paths[0]), "seed": seed, "models": told})
    return text


def choose_faces(network: Network, samples: Samples, seed: int, most: int) -> Chosen:
    """Up to `most` of `samples` that are read right and whose truth is known, drawn by `seed`; neutral faces
    have none."""
    order = np.random.default_rng(seed).permutation(len(samples))
    moving = [int(i) for i in order if samples[int(i)].expression != "neutral"]
    readings = read(torch_forward(network), network.config, samples.take(moving))
    stored = decode(readings.samples, network.config.stored_hw).pixels
    names = truth_names(readings.samples)
    kept: list[int] = []
    truths = []
    for i, row in enumerate(readings.samples):
        if len(kept) == most:
            break
        if readings.predicted[i] != readings.samples.labels[i]:
            continue
        try:
            truths.append(truths_of(row, stored[i], network.config, names)[names[0]])
        except LeftOut:
            continue
        kept.append(i)
    if not kept:
        raise ValueError("no face is read right and has a known truth, so no map can be compared with it")
    return Chosen(
        readings.samples.take(kept),
        readings.faces[kept],
        np.stack(truths).astype(np.float64),
        readings.predicted[kept],
        names[0],
    )


def table1_markdown(figures: Mapping[str, Sequence[Interval]], caption: str) -> str:
    """One row per method: how it locates, and what is in `_COLUMNS` with its interval."""
    lines = [caption, "", "| method | locating procedure | " + " | ".join(_COLUMNS.values()) + " |"]
    lines.append("| " + " | ".join(["---"] * (2 + len(_COLUMNS))) + " |")
    for name, values in figures.items():
        measured = dict(zip(MEASURES, values, strict=True))
        cells = [_with_interval(measured[each]) for each in _COLUMNS if each != "seconds"]
        cells.append(spoken_seconds(measured["seconds"].mean))
        procedure = (
            "a control: the same for every face" if name.startswith(TEMPLATE) else METHODS[name].procedure
        )
        lines.append(f"| `{name}` | {procedure} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _tried(network: Network, chosen: Chosen, seed: int, on_progress: Progress) -> dict[str, Tried]:
    names = [name for name in METHODS if name not in BUILT_IN or network.config.weighs_locations]
    height, width = network.config.input_hw
    grid_hw = height // network.config.stride, width // network.config.stride
    trained, redrawn = (locators(names, each) for each in (network, untrained_network(network.config, seed)))
    forward, faces = torch_forward(network), as_faces(chosen.faces)
    found = {}
    for done, name in enumerate(names):
        on_progress(done, len(names))
        found[name] = try_method(forward, trained[name], redrawn[name], faces, chosen.truths, grid_hw, seed)
        if name in BUILT_IN:
            same = _always(found[name].maps.mean(0))
            found[TEMPLATE + name] = try_method(forward, same, same, faces, chosen.truths, grid_hw, seed)
    return found


def _always(template: FloatArray) -> Locator:
    """A method that gives one map (H, W) whatever it is shown."""
    return lambda faces, labels: np.broadcast_to(template, (len(faces), *template.shape)).copy()


def _figures(found: Mapping[str, Tried], rows: Samples, seed: int) -> dict[str, list[Interval]]:
    return {name: bootstrap_means(each.values, _whose(rows), seed) for name, each in found.items()}


def _whose(rows: Samples) -> list[str | int]:
    """Who is resampled: people, or images where nobody is known."""
    return [i if subject is None else subject for i, subject in enumerate(rows.subjects)]


def _examples(chosen: Chosen, found: Mapping[str, Tried]) -> list[Explained]:
    """The first face of each expression."""
    labels, rows = chosen.samples.labels, []
    for label, name in enumerate(EXPRESSIONS):
        for i in np.flatnonzero(labels == label)[:1]:
            read_as = EXPRESSIONS[chosen.predicted[i]]
            reading = name if read_as == name else f"{name}, read as\n{read_as}"
            maps = {method: tried.maps[i] for method, tried in found.items()}
            seconds = {method: float(tried.values[i, -1]) for method, tried in found.items()}
            rows.append(Explained(chosen.samples[int(i)].name, chosen.faces[i], reading, maps, seconds))
    return rows


def _words(model: str, path: Path, chosen: Chosen, seed: int) -> str:
    n = len(chosen.samples)
    people = len(set(chosen.samples.subjects) - {None})
    over = f"{people} subjects" if people else "images"
    return (
        f"Table 1 with figures. {model} on {n} faces of {path} that it reads right, without mirror images. "
        f"Truth: {chosen.truth}. What is hidden is blurred. Means over faces, {100 * CONFIDENCE:.0f} % "
        f"intervals over {over}, seed {seed}. Time is of a processor, one face at a time; that of attention "
        f"and evidence is the pass which reads the face."
    )


def _json(
    model: str,
    chosen: Chosen,
    found: Mapping[str, Tried],
    figures: Mapping[str, Sequence[Interval]],
    seed: int,
) -> dict[str, Any]:
    """JSON-ready; `ahead` is how far a method is above each control on the same faces."""
    plain = {name: _named(values) for name, values in figures.items()}
    ahead = {
        name: {
            control: _named(
                bootstrap_means(tried.values - found[control].values, _whose(chosen.samples), seed)
            )
            for control in CONTROLS
        }
        for name, tried in found.items()
        if name not in CONTROLS
    }
    methods = {
        name: {
            **plain[name],
            "ahead": ahead.get(name),
            "deletion_curve": tried.deletion.tolist(),
            "insertion_curve": tried.insertion.tolist(),
        }
        for name, tried in found.items()
    }
    return {
        "model": model,
        "n": len(chosen.samples),
        "subjects": len(set(chosen.samples.subjects) - {None}) or None,
        "truth": chosen.truth,
        "methods": methods,
    }


def _named(values: Sequence[Interval]) -> dict[str, dict[str, float | None]]:
    return {measure: value._asdict() for measure, value in zip(MEASURES, values, strict=True)}


def _with_interval(value: Interval) -> str:
    if value.low is None or value.high is None:
        return f"{value.mean:.2f}"
    return f"{value.mean:.2f} ({value.low:.2f}–{value.high:.2f})"
