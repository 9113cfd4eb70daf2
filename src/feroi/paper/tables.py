"""Tables 5 and 6 beside the paper's, as markdown, JSON and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from feroi.baselines.descriptors import BASELINES
from feroi.evaluation.crossval import in_percent
from feroi.files import write_json, write_text
from feroi.paper.datasets import Data
from feroi.paper.published import PROTOCOLS, TABLE_5, TABLE_6, Matrix
from feroi.paper.runs import Outcome, Plan, Runs
from feroi.report.figures import draw_confusion
from feroi.vocabulary import EXPRESSIONS

Outcomes = Mapping[tuple[str, str], Outcome]
NOT_RUN = "not run"
_LETTERS = ("A", "D", "F", "H", "N", "Sa", "Su")  # as in Table 6, in the order of EXPRESSIONS


def reproduce_table5(runs: Runs, keys: Sequence[str], networks: Sequence[str]) -> str:
    """Train what Table 5 lists, or the `networks` and baselines named instead; the table as markdown.

    Leaves table5.md and table5.json in the runs' folder, anew after every network.
    """
    outcomes: dict[tuple[str, str], Outcome] = {}
    for key in keys:
        for name in networks or [row.ours for row in TABLE_5[key] if row.ours]:
            outcomes[key, name] = runs.baseline(key, name) if name in BASELINES else runs.outcome(key, name)
            _write_table5(runs, outcomes)
    return _write_table5(runs, outcomes)


def reproduce_table6(runs: Runs, keys: Sequence[str], networks: Sequence[str]) -> str:
    """Confusion matrices of the first fold (Table 6), as markdown; pictures of ours beside it."""
    outcomes: dict[tuple[str, str], Outcome] = {}
    for key in keys:
        for network in networks or [name for there, name in TABLE_6 if there == key]:
            outcome = runs.outcome(key, network)
            outcomes[key, network] = outcome
            draw_confusion(outcome.folds[0], runs.out / f"table6-{key}-{network}.png")
    text = table6_markdown(outcomes, runs.data, runs.plan)
    write_text(runs.out / "table6.md", text)
    matrices = [
        {"data": key, "network": network, "recipe": runs.plan.words(key), **outcome.folds[0].to_json()}
        for (key, network), outcome in outcomes.items()
    ]
    write_json(runs.out / "table6.json", {"table": 6, "data": told_data(runs.data), "matrices": matrices})
    return text


def table5_rows(outcomes: Outcomes, plan: Plan) -> list[dict[str, Any]]:
    """A row for each of Table 5, and after its block one for each network of ours; % in both columns.

    `ours` is None where the row was not run, `paper` where the paper has no such row.
    """
    rows: list[dict[str, Any]] = []
    for key, protocol in PROTOCOLS.items():
        known = [(row.method, row.ours, [row.accuracy, row.std]) for row in TABLE_5[key]]
        listed = {row.ours for row in TABLE_5[key]}
        extra = [
            (_extra(name), name, None) for there, name in outcomes if there == key and name not in listed
        ]
        for method, name, paper in [*known, *extra]:
            outcome = outcomes.get((key, name)) if name else None
            row: dict[str, Any] = {"data": protocol.title, "key": key, "method": method}
            row |= {"network": name, "paper": paper}
            rows.append({**row, "recipe": None, "ours": None, "folds": None, "seconds_per_epoch": None})
            if outcome:
                std = None if outcome.std is None else 100 * outcome.std
                rows[-1]["recipe"] = plan.words(key, name or "")
                rows[-1]["ours"] = [100 * outcome.mean, std]
                rows[-1]["folds"] = [100 * fold.accuracy for fold in outcome.folds]
                rows[-1]["seconds_per_epoch"] = outcome.seconds
    return rows


def table5_markdown(outcomes: Outcomes, data: Mapping[str, Data], plan: Plan) -> str:
    """Table 5 with the paper's accuracies beside ours."""
    lines = [
        "| data | method | network | recipe and input | paper, % | ours, % | s an epoch of a fold |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in table5_rows(outcomes, plan):
        ours = NOT_RUN
        if row["ours"]:
            ours = percent(row["ours"]) + (" (synthetic)" if is_synthetic(data, row["key"]) else "")
        seconds = f"{row['seconds_per_epoch']:.1f}" if row["seconds_per_epoch"] else ""
        cells = (
            row["data"], row["method"], row["network"] or "", row["recipe"] or "",
            percent(row["paper"]) if row["paper"] else "–", ours, seconds,
        )  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    count = max([len(outcome.folds) for outcome in outcomes.values()], default=1)
    how = f"over {count} of the five" if count > 1 else "of fold 1 of the five"
    caption = (
        f"Validation accuracy (Table 5). RaFD: mean ± standard deviation (n - 1) {how} folds by subject; "
        f"SFEW: its own validation set, one training. Weights of the last epoch. Seed {plan.seed}. "
        f"'{NOT_RUN}': not asked of the command that made this table."
    )
    return "\n".join([caption, data_lines(data), *lines]) + "\n"


def table6_markdown(outcomes: Outcomes, data: Mapping[str, Data], plan: Plan) -> str:
    """The matrices of Table 6, the paper's to the left and ours to the right of each row."""
    caption = (
        f"Confusion matrices on the first fold (Table 6): % of each row, rows as labelled, columns as read. "
        f"Weights of the last epoch. Seed {plan.seed}."
    )
    parts = [caption, data_lines(data)]
    for key, network in dict.fromkeys([*TABLE_6, *outcomes]):
        outcome = outcomes.get((key, network))
        how = f"{plan.words(key)}, {outcome.folds[0].n} images" if outcome else NOT_RUN
        if outcome and is_synthetic(data, key):
            how += ", synthetic"
        parts.append(f"**{PROTOCOLS[key].title}, {network}**; ours: {how}\n")
        parts.append(_beside(TABLE_6.get((key, network)), outcome))
    return "\n".join(parts)


def _beside(paper: Matrix | None, outcome: Outcome | None) -> str:
    heads = ["", *(f"{letter}, paper" for letter in _LETTERS), *(f"{letter}, ours" for letter in _LETTERS)]
    lines = ["| " + " | ".join(heads) + " |", "| " + " | ".join(["---"] * len(heads)) + " |"]
    for number, expression in enumerate(EXPRESSIONS):
        theirs = paper[number] if paper else None
        left = [f"{value:.1f}" for value in theirs] if theirs else ["–"] * len(EXPRESSIONS)
        right = [NOT_RUN] * len(EXPRESSIONS)
        if outcome:
            counts = outcome.folds[0].confusion[number]
            total = int(counts.sum())
            right = (
                [f"{value:.1f}" for value in np.asarray(100 * counts / total)]
                if total
                else ["–"] * len(counts)
            )
        lines.append("| " + " | ".join([expression, *left, *right]) + " |")
    return "\n".join(lines) + "\n"


def _write_table5(runs: Runs, outcomes: Outcomes) -> str:
    text = table5_markdown(outcomes, runs.data, runs.plan)
    write_text(runs.out / "table5.md", text)
    rows = table5_rows(outcomes, runs.plan)
    told = {"table": 5, "seed": runs.plan.seed, "data": told_data(runs.data), "rows": rows}
    write_json(runs.out / "table5.json", told)
    return text


def _extra(network: str) -> str:
    return f"{network} (not in this block of the paper)"


def percent(values: Sequence[float | None]) -> str:
    """'95.2 ± 2.0' from a mean and a standard deviation, or None, in %."""
    mean, std = values
    assert mean is not None
    return in_percent((mean / 100, None if std is None else std / 100))


def is_synthetic(data: Mapping[str, Data], key: str) -> bool:
    """Whether the faces of a protocol are known to be rendered."""
    return key in data and data[key].synthetic


def told_data(data: Mapping[str, Data]) -> dict[str, dict[str, Any]]:
    """What each data set is, JSON-ready."""
    return {key: {"what": each.what, "synthetic": each.synthetic} for key, each in data.items()}


def data_lines(data: Mapping[str, Data]) -> str:
    """The same as lines of markdown."""
    titles = {key: protocol.title for key, protocol in PROTOCOLS.items()} | {"fer2013": "FER-2013"}
    lines = [f"- {titles[key]}, ours: {each.what}" for key, each in data.items()]
    return "\n".join(["", *lines, ""])
