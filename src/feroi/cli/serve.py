"""Commands that serve photos: over HTTP, and as a page in the browser."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from feroi.cli.options import (
    AbstainOption,
    BiggestOption,
    DetectorOption,
    DeviceOption,
    LandmarksOption,
    PipelineOption,
    ReadingModelOption,
)
from feroi.cli.results import clear_errors, say


def serve(
    model: ReadingModelOption = Path("default"),
    host: Annotated[
        str, typer.Option(help="address to listen at; any but loopback needs a token")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="port to listen at", min=1, max=65535)] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="FEROI_TOKEN",
            help="token that clients send; prefer the environment variable: others can see command lines",
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="photos read at once", min=1, show_default="one a core")
    ] = None,
    waiting: Annotated[int, typer.Option(help="requests let in beside those; others get 503", min=0)] = 16,
    page: Annotated[
        Path | None, typer.Option(help="folder of a static page to serve at /, with an index.html")
    ] = None,
    detector: DetectorOption = "yunet",
    biggest: BiggestOption = False,
    pipeline: PipelineOption = None,
    landmarks: LandmarksOption = "face-mesh",
    abstain: AbstainOption = False,
    device: DeviceOption = "cpu",
) -> None:
    """Read photos over HTTP.

    On this machine alone unless --host is given.
    """
    with clear_errors():
        from feroi.reader import Reader
        from feroi.server.access import access_at
        from feroi.server.app import create_app
        from feroi.server.limits import Limits
        from feroi.server.run import server_of

        if page is not None and not (page / "index.html").is_file():
            raise FileNotFoundError(f"{page} holds no index.html, so it is no page to serve")
        access = access_at(host, token)
        limits = Limits(workers=workers or os.cpu_count() or 1, waiting=waiting)
        reader = Reader(model, detector, biggest, pipeline, 1, landmarks, abstain, device)
        app = create_app(reader, limits, page, access)
        address = f"[{host}]" if ":" in host else host
        say(f"feroi answers at http://{address}:{port}; what can be asked: http://{address}:{port}/docs")
        server_of(app, host, port, limits).run()


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
