"""`python -m wudao_rt.quickstart`."""

from __future__ import annotations

from pathlib import Path

import click

from wudao_rt.cli import main
from wudao_rt.quickstart.learning import Plan
from wudao_rt.quickstart.page import Page
from wudao_rt.quickstart.program import run


@click.command()
@click.option("--recipe", default="verse-tiny", show_default=True, metavar="NAME", help="Recipe or TOML file to train.")
@click.option("--seconds", type=click.FloatRange(min=0), default=0.0, metavar="S",
              help="Seconds of training.  [default: the recipe's]")
@click.option("--folder", type=click.Path(path_type=Path), default=Path("runs/quickstart"), show_default=True,
              help="Run folder; if there is a run in it, the next free number is added.")
@click.option("--model", type=click.Path(path_type=Path), metavar="DIR",
              help="Do not train: measure this run folder or saved model.")
@click.option("--poems", type=click.IntRange(min=1), default=100, show_default=True,
              help="Poems of each form to write and measure.")
def command(recipe: str, seconds: float, folder: Path, model: Path | None, poems: int) -> None:
    """Train a GLM on Tang poems, read what it writes, and see it measured.

    \b
    Example:
      python -m wudao_rt.quickstart --seconds 60
      python -m wudao_rt.quickstart --model runs/verse
    """
    run(Plan(recipe, seconds, folder, model, poems), Page())


if __name__ == "__main__":
    main(command=command, name="quickstart")
