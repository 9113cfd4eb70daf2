"""Settings as people write them: field=value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from feroi.config import NetworkConfig
from feroi.recipe import RecipeConfig


def with_settings(
    network: NetworkConfig, recipe: RecipeConfig, settings: Sequence[str]
) -> tuple[NetworkConfig, RecipeConfig]:
    """Both with the fields named in `settings` replaced, each "field=value", as `poolings=2`.

    Raises ValueError for an unknown field or a value of another type.
    """
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise ValueError(f"a setting is field=value, got {setting!r:.60}")
        if name in _SETTABLE[NetworkConfig]:
            network = replace(network, **{name: _parsed(name, text, getattr(network, name))})
        elif name in _SETTABLE[RecipeConfig]:
            recipe = replace(recipe, **{name: _parsed(name, text, getattr(recipe, name))})
        else:
            known = ", ".join(field for names in _SETTABLE.values() for field in names)
            raise ValueError(f"unknown setting {name!r:.60}; choose from {known}")
    return network, recipe


_SETTABLE: dict[type, list[str]] = {
    NetworkConfig: [
        field.name for field in fields(NetworkConfig) if field.name not in ("input_hw", "pipeline")
    ],
    RecipeConfig: [field.name for field in fields(RecipeConfig)],
}


def _parsed(name: str, text: str, like: Any) -> Any:
    kind: Any = type(like)
    if kind is tuple:
        kind = _whole_numbers
    if kind is bool:
        if text not in ("true", "false"):
            raise ValueError(f"{name} is true or false, got {text!r:.60}")
        return text == "true"
    try:
        return kind(text)
    except ValueError:
        wanted = {int: "a whole number", _whole_numbers: "whole numbers with commas between"}.get(
            kind, "a number"
        )
        raise ValueError(f"{name} is {wanted}, got {text!r:.60}") from None


def _whole_numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(","))
