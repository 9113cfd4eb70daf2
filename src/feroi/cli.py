"""The command table."""

from __future__ import annotations

from typing import Annotated

import typer

from feroi import __version__
from feroi.commands.compare import baseline
from feroi.commands.learn import agreement, calibrate, crossval, evaluate, export, publish, rois, train
from feroi.commands.make import demo, reproduce, synth
from feroi.commands.page import page
from feroi.commands.photos import analyze, explain, group, prepare
from feroi.commands.serve import serve
from feroi.screen import any_encoding

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def main(
    version: Annotated[bool, typer.Option("--version", help="print the version")] = False,
) -> None:
    """Read facial expressions, and show which regions of the face made the decision.

    Begin with feroi demo, or feroi analyze PHOTO. feroi COMMAND --help lists the options of a command.
    """
    any_encoding()
    if version:
        typer.echo(__version__)
        raise typer.Exit()


PANELS = {
    "See it work": (demo,),
    "Read photos": (analyze, explain, group),
    "Get faces to learn from": (prepare, synth),
    "Train": (train, calibrate),
    "Measure": (evaluate, crossval, baseline, rois, agreement),
    "Hand a network on": (export, publish, serve, page),
    "Make the paper anew": (reproduce,),
}
"""The commands, in the README's order."""

for panel, commands in PANELS.items():
    for command in commands:
        app.command(rich_help_panel=panel)(command)

if __name__ == "__main__":
    app()
