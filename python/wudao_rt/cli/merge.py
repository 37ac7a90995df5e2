"""wudao-rt merge."""

from __future__ import annotations

from pathlib import Path

import click

from wudao_rt.cli.options import FILE


@click.command("merge")
@click.argument("source", type=FILE)
@click.argument("target", type=FILE)
def command(source: Path, target: Path) -> None:
    """Put a checkpoint that several ranks wrote into one folder, as one process would have written it.

    SOURCE is a checkpoint or a run folder. The files have the same bytes, however many ranks trained the model.

    \b
    Example:
      wudao-rt merge runs/moe merged/
    """
    from wudao_rt.training.checkpoint import merge

    click.echo(str(merge(source, target)))
