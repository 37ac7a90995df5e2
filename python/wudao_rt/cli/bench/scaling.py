"""wudao-rt bench scaling."""

from __future__ import annotations

import click

from wudao_rt.cli.options import json_option


@click.command("scaling")
@click.option("--pairs", type=click.IntRange(min=1), default=3, show_default=True, help="Steps at each point.")
@click.option("--quick", is_flag=True, help="Every third point.")
@click.option("--threads", metavar="N", type=click.IntRange(0, 1024), default=0,
              help="The most threads; 0: as many as this machine grants. One thread is measured too.")
@json_option
def scaling(pairs: int, quick: bool, threads: int, as_json: bool) -> None:
    """Measure our training step over lengths, widths and batches.

    \b
    Example:
      wudao-rt bench scaling
      wudao-rt bench scaling --quick --json >> results.jsonl
    """
    from wudao_rt import _core
    from wudao_rt.bench.measure import Options
    from wudao_rt.bench.scaling import lines
    from wudao_rt.bench.screen import Screen
    from wudao_rt.errors import Error

    with Screen(as_json) as screen:
        options = Options(pairs, threads=threads or int(_core.kernels()["threads"]), say=screen.say)
        found = [screen.line(line) for line in lines(options, quick)]
    failed = [line for line in found if "error" in line]
    if failed:
        raise Error(f"bench scaling: expected {len(found)} points, got {len(failed)} that failed; the first: "
                    f"{failed[0]['error']}")
