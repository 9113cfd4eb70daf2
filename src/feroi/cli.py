"""The command table."""

from __future__ import annotations

from typing import Annotated

import typer

from feroi import __version__
from feroi.commands.compare import baseline
from feroi.commands.learn import agreement, calibrate, crossval, evaluate, export, rois, train
from feroi.commands.make import demo, reproduce, synth
from feroi.commands.page import page
from feroi.commands.photos import analyze, explain, group, prepare

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def main(
    version: Annotated[bool, typer.Option("--version", help="print the version")] = False,
) -> None:
    """Read facial expressions, and show which regions of the face made the decision."""
    if version:
        typer.echo(__version__)
        raise typer.Exit()


for command in (
    analyze,
    explain,
    group,
    prepare,
    train,
    calibrate,
    evaluate,
    crossval,
    baseline,
    rois,
    agreement,
    export,
    page,
    synth,
    reproduce,
    demo,
):
    app.command()(command)


if __name__ == "__main__":
    app()
