"""wudao-rt info."""

from __future__ import annotations

from contextlib import suppress

import click

from wudao_rt.cli.options import echo_json, json_option, threads_option
from wudao_rt.errors import CommError


@click.command("info")
@threads_option
@json_option
def command(as_json: bool) -> None:
    """Show the engine's version, the CPU level, the threads, and the kernels and matrix products really used.

    \b
    Example:
      wudao-rt info
      WUDAO_CPU_ISA=avx2 wudao-rt info --json
    """
    from wudao_rt import _core
    from wudao_rt.distributed import init

    with suppress(CommError):  # ranks divide the cores of their node; `wudao-rt mpi list` is about MPI
        init()
    about = {**_core.info(), **_core.kernels()}
    if as_json:
        echo_json(about)
        return
    environment = about.pop("environment")
    for name, value in about.items():
        click.echo(f"{name}: {', '.join(map(str, value)) if isinstance(value, (list, tuple)) else value}")
    click.echo("environment variables:")
    for name, entry in environment.items():
        click.echo(f"  {name}={entry['value'] or ''}  {entry['meaning']} (unset: {entry['unset']})")
