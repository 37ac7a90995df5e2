"""wudao-rt inspect domains."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wudao_rt.cli.options import FILE, echo_json, json_option, open_model, threads_option

if TYPE_CHECKING:
    from wudao_rt.evaluation.domains import Domain

_FAVOURITES = 3


@click.command("domains")
@click.argument("run", type=FILE)
@click.option("--against", type=FILE, metavar="RUN", help="Another run on the same texts, to compare losses with.")
@click.option("--windows", type=click.IntRange(min=0), default=0, metavar="N",
              help="Batches of each domain at most; 0: all held-out texts.")
@threads_option
@json_option
def domains(run: Path, against: Path | None, windows: int, as_json: bool) -> None:
    """Show held-out nats per token of each domain, and the experts that its tokens went to.

    The texts are the split `report` of what RUN was trained on, left to right. An expert's share is printed for those
    with the largest ones, layer by layer, as expert:percent; an equal share is 100 / experts.

    \b
    Example:
      wudao-rt inspect domains runs/moe-bilingual --against runs/dense --windows 20
    """
    from wudao_rt.evaluation.domains import held_out_domains

    model = open_model(str(run), "inspect domains")
    other = open_model(str(against), "inspect domains") if against else None
    found = list(_progress(held_out_domains(model, run, windows)))
    theirs = {one.name: one.loss for one in _progress(held_out_domains(other, against, windows))} if against else {}
    if as_json:
        for one in found:
            more = {"against": theirs[one.name].nats_per_token} if one.name in theirs else {}
            echo_json(one.to_json() | more)
        return
    width = max(len(one.name) for one in found)
    click.echo(f"{'domain':<{width}}  tokens  nats/token{'  against' if theirs else ''}  experts")
    for one in found:
        extra = f"  {theirs[one.name].nats_per_token:7.3f}" if one.name in theirs else ("         " if theirs else "")
        click.echo(f"{one.name:<{width}}  {one.loss.tokens:>6}  {one.loss.nats_per_token:10.3f}{extra}  "
                   + "  ".join(_favourites(layer) for layer in one.shares))


def _favourites(shares: Sequence[float]) -> str:
    best = sorted(range(len(shares)), key=lambda e: -shares[e])[:_FAVOURITES]
    return " ".join(f"{e}:{100 * shares[e]:.0f}" for e in best)


def _progress(domains: Iterable[Domain]) -> Iterator[Domain]:
    """Show long work on a terminal."""
    for one in domains:
        if sys.stderr.isatty():
            click.echo(f"{one.name}: {one.loss.nats_per_token:.3f} nats/token", err=True)
        yield one
