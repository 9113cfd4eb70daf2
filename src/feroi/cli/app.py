"""The command table."""

from __future__ import annotations

from typing import Annotated

import typer

from feroi import __version__
from feroi.cli.learn import agreement, calibrate, crossval, evaluate, export, train
from feroi.cli.make import demo, reproduce, synth
from feroi.cli.photos import analyze, explain, prepare
from feroi.cli.screen import any_encoding
from feroi.cli.serve import page, serve

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def main(
    version: Annotated[bool, typer.Option("--version", help="print the version")] = False,
) -> None:
    """Read facial expressions from photos and video, and show which parts of the face decided.

    Begin with feroi analyze PHOTO. feroi COMMAND --help lists the options of a command.
    """
    any_encoding()
    if version:
        typer.echo(__version__)
        raise typer.Exit()


PANELS = {
    "Read photos and video": (analyze, explain, serve, page),
    "Prepare faces": (prepare, synth),
    "Train": (train, calibrate, crossval),
    "Measure": (evaluate, agreement),
    "Share a network": (export,),
    "Reproduce the paper": (demo, reproduce),
}
"""The commands, as the help groups them."""

for panel, commands in PANELS.items():
    for command in commands:
        app.command(rich_help_panel=panel)(command)

if __name__ == "__main__":
    app()
