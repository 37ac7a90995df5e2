"""wudao-rt replay."""

from __future__ import annotations

from pathlib import Path

import click

from wudao_rt.cli.options import FILE, echo_json, json_option


@click.command("replay")
@click.argument("run", type=FILE)
@click.option("--step", type=click.IntRange(1), metavar="N",
              help="A recorded step; default the newest of those that need the least training again.")
@click.option("--shard", type=click.IntRange(0), metavar="V", help="A virtual shard; default all of them.")
@json_option
@click.pass_context
def command(ctx: click.Context, run: Path, step: int | None, shard: int | None, as_json: bool) -> None:
    """Compute a recorded step again on this one process and compare what every rank computed.

    RUN is a run folder, trained on however many ranks. Ends with 0 where all agrees, with 1 where a rank computed
    something else: it is named, with the first thing that differs.

    \b
    Example:
      wudao-rt replay runs/moe-bilingual
      wudao-rt replay runs/moe-bilingual --step 501 --shard 3
    """
    from wudao_rt.training.replay import Replay

    wrong = False
    for finding in Replay(run, step, shard, lambda text: click.echo(text, err=True)).findings():
        echo_json(finding.to_json()) if as_json else click.echo(finding.line())
        wrong |= bool(finding.what)
    ctx.exit(1 if wrong else 0)
