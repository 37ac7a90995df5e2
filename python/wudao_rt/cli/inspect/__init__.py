"""wudao-rt inspect."""

from __future__ import annotations

import click

from wudao_rt.cli.inspect.balance import balance
from wudao_rt.cli.inspect.domains import domains
from wudao_rt.cli.mistakes import Group


@click.group("inspect", cls=Group)
def command() -> None:
    """Look into a run: how its experts were loaded, and what they are for.

    \b
    Example:
      wudao-rt inspect balance runs/moe-bilingual
      wudao-rt inspect domains runs/moe-bilingual --against runs/dense
    """


for _one in (balance, domains):
    command.add_command(_one)
