"""The command that writes the page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from feroi.cli.results import clear_errors, say


def page(
    folder: Annotated[
        Path, typer.Argument(help="folder to write; files of a former page are replaced", metavar="DIR")
    ],
    model: Annotated[str, typer.Option(help="an .onnx file, or the name of a shipped network")] = "default",
    runtime: Annotated[
        Path | None, typer.Option(help="folder with ort.js and ort.wasm, instead of what `make page` fetched")
    ] = None,
) -> None:
    """Write a web page that reads faces in the browser.

    For any server of static files.
    """
    with clear_errors():
        from feroi.web import write_page

        size = write_page(folder, model, runtime)
        say(f"{folder / 'index.html'} and what it needs, {size / 1e6:.1f} MB; look at it by")
        say(f"python3 -m http.server --bind 127.0.0.1 --directory {folder} 8000   # http://127.0.0.1:8000")
