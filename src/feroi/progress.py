"""A bar on standard error for whatever takes long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import track as rich_track

_SHOWN_FROM = 1000

Item = TypeVar("Item")


def track(items: Iterable[Item], description: str, images: int, total: int) -> Iterator[Item]:
    """Pass on `total` items, with a bar if they are the work of 1000 images or more on a terminal."""
    console = Console(stderr=True)
    if images < _SHOWN_FROM or not console.is_terminal:
        yield from items
    else:
        yield from rich_track(items, description, total, console=console, transient=True)


class Note(UserWarning):
    """What people are to know of how their data is read; commands say it, Python code sees a warning."""
