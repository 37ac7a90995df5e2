"""wudao-rt bench report."""

from __future__ import annotations

from pathlib import Path

import click

from wudao_rt.cli.options import FILE


@click.command("report")
@click.argument("results", type=FILE, metavar="RESULTS.jsonl")
@click.argument("page", type=FILE, metavar="PAGE.md")
def report(results: Path, page: Path) -> None:
    """Write a page with the goals, tables and pictures of a run.

    roofline.png, bars.png and scaling.png are written beside it. What stands in PAGE_notes.md, if there is such a file,
    is put in after the goals.

    \b
    Example:
      wudao-rt bench all --json > results.jsonl
      wudao-rt bench report results.jsonl docs/benchmarks.md
    """
    from wudao_rt.bench.report import read_lines, write_report
    from wudao_rt.errors import ConfigError
    from wudao_rt.files import reason

    lines = read_lines(results)
    try:
        write_report(lines, page)
    except OSError as error:
        raise ConfigError(f"bench report: {page}: expected to write it, got: {reason(error)}. Choose another place."
                          ) from None
