"""What `feroi COMMAND` runs: each a thin call to functions people can import."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """`from feroi.cli import app` gives the commands, as it did when this was one module."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from feroi.cli.app import app

    globals()["app"] = app  # over the module, which the line above has put there
    return app
