"""Pages that are one file and can be sent by mail."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from feroi.files import write_text


def write_page(template: str, path: Path, **values: Any) -> None:
    """Write `page` to `path`, whole or not at all."""
    write_text(path, page(template, **values))


def page(template: str, **values: Any) -> str:
    """`template` (a file of this folder) filled with `values`; text is escaped."""
    environment = Environment(
        loader=PackageLoader("feroi", "report"), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template(template).render(**values)


def inline_png(path: Path) -> str:
    """A PNG file as a data address, to stand inside a page."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
