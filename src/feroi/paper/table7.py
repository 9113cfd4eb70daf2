"""Table 7 with figures: ways of aggregating the features of all locations, on the same convolutions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from feroi.config import NetworkConfig
from feroi.files import write_json, write_text
from feroi.network.model import Network, count_weights
from feroi.paper.datasets import Data
from feroi.paper.published import PROTOCOLS, TABLE_5, TABLE_7, Aggregator
from feroi.paper.runs import Plan, Runs
from feroi.paper.tables import NOT_RUN, Outcomes, data_lines, is_synthetic, percent, told_data

_HEADS = (
    "data", "method", "network", "receptive field, paper", "receptive field, px", "map attended, %",
    "needs learning, paper", "weights", "feature", "weights of the classifier", "paper, % (Table 5)",
    "ours, %", "recipe and input",
)  # fmt: skip


def reproduce_table7(runs: Runs, keys: Sequence[str], networks: Sequence[str]) -> str:
    """Train the aggregators of Table 7, or the `networks` named instead; the table as markdown.

    Leaves table7.md and table7.json in the runs' folder, anew after every network. Raises ValueError, before
    any training, for an input too small for one of them.
    """
    networks = networks or [row.network for row in TABLE_7]
    for key in keys:
        for network in networks:
            runs.plan.network_of(key, network)
    outcomes: Outcomes = {}
    text = ""
    for key in keys:
        for network in networks:
            outcomes = {**outcomes, (key, network): runs.outcome(key, network)}
            rows = table7_rows(outcomes, runs.plan)
            text = table7_markdown(rows, runs.data, runs.plan)
            write_text(runs.out / "table7.md", text)
            told = {"table": 7, "seed": runs.plan.seed, "data": told_data(runs.data), "rows": rows}
            write_json(runs.out / "table7.json", told)
    return text


def table7_rows(outcomes: Outcomes, plan: Plan) -> list[dict[str, Any]]:
    """A row for each of Table 7 and for each other network run, on each protocol that has an outcome.

    `paper` and `ours` are mean and standard deviation of accuracy in %, None where there is none. `paper` is
    Table 5's of that network; Table 7 has no numbers. `sizes` are given of networks that were run.
    """
    rows = []
    for key in dict.fromkeys(key for key, _ in outcomes):
        listed = [row.network for row in TABLE_7]
        others = [name for there, name in outcomes if there == key and name not in listed]
        printed = {row.network: [row.accuracy, row.std] for row in TABLE_5[key]}
        for row in (
            *TABLE_7,
            *(Aggregator(f"{name} (not in the table)", name, None, None) for name in others),
        ):
            outcome = outcomes.get((key, row.network))
            told: dict[str, Any] = {"data": PROTOCOLS[key].title, "key": key, **row._asdict()}
            told |= {"paper": printed.get(row.network), "sizes": None, "attended": None}
            told |= {"ours": None, "folds": None, "recipe": None}
            if outcome:
                std = None if outcome.std is None else 100 * outcome.std
                told |= {"ours": [100 * outcome.mean, std], "attended": outcome.attended}
                told |= {"folds": [100 * fold.accuracy for fold in outcome.folds]}
                told |= {"sizes": sizes(plan.network_of(key, row.network))}
                told |= {"recipe": plan.words(key, row.network)}
            rows.append(told)
    return rows


def sizes(config: NetworkConfig) -> dict[str, Any]:
    """What the head of a network sees and holds.

    receptive_field_hw: as the function of that name. feature: rows, columns and channels of what the
    classifier is given. weights: of the aggregation, biases counted.
    classifier_weights: seven for each number of the feature, and no biases, as the paper counts.
    """
    feature = (*config.feature_hw, config.channels)
    score = Network(config).score
    return {
        "receptive_field_hw": receptive_field_hw(config),
        "input_hw": config.input_hw,
        "feature": feature,
        "weights": count_weights(score) if score else 0,
        "classifier_weights": 7 * math.prod(feature),
    }


def receptive_field_hw(config: NetworkConfig) -> tuple[int, int]:
    """Height and width in px of what one number of the classifier's input can depend on: the whole input if
    the map is aggregated into one vector, else so much about a location, which may reach beyond the input."""
    if config.takes_any_size:
        return config.input_hw
    side = (config.stride << config.stacked_poolings) + 2 * config.reach_px
    return side, side


def table7_markdown(rows: Sequence[Mapping[str, Any]], data: Mapping[str, Data], plan: Plan) -> str:
    """Table 7: the paper's words beside what was computed of each network and what it reached."""
    caption = (
        f"Feature aggregating methods (Table 7, which holds words and no numbers). Receptive field: of one "
        f"number of the feature, px, width x height; it may reach beyond a small input. Map attended: e to "
        f"the entropy of its weights, in % of the locations, 100 where it is uniform. Accuracy: mean ± "
        f"standard deviation (n - 1) over folds by subject; weights of the last epoch; seed {plan.seed}. The "
        f"paper's accuracies are Table 5's. '{NOT_RUN}': not asked of the command that made this table."
    )
    lines = ["| " + " | ".join(_HEADS) + " |", "| " + " | ".join(["---"] * len(_HEADS)) + " |"]
    for row in rows:
        field = weights = feature = classifier = "–"
        if row["sizes"]:
            field, weights, feature, classifier = _sized(row["sizes"])
        ours = NOT_RUN
        if row["ours"]:
            ours = percent(row["ours"]) + (" (synthetic)" if is_synthetic(data, row["key"]) else "")
        cells = (
            row["data"], row["method"], row["network"], row["receptive_field"] or "–", field,
            f"{100 * row['attended']:.0f}" if row["attended"] else "–", row["needs_learning"] or "–", weights,
            feature, classifier, percent(row["paper"]) if row["paper"] else "–", ours, row["recipe"] or "",
        )  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([caption, data_lines(data), *lines]) + "\n"


def _sized(sizes: Mapping[str, Any]) -> tuple[str, str, str, str]:
    (high, wide), (height, width) = sizes["receptive_field_hw"], sizes["input_hw"]
    down, across, channels = sizes["feature"]
    field = f"{wide}x{high} (input {width}x{height})"
    return field, f"{sizes['weights']:,}", f"{across}x{down}x{channels}", f"{sizes['classifier_weights']:,}"
