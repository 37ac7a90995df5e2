"""wudao-rt mpi."""

from __future__ import annotations

import os
from pathlib import Path

import click

from wudao_rt.cli.mistakes import Group
from wudao_rt.cli.options import echo_json, json_option


@click.group("mpi", cls=Group)
def command() -> None:
    """Show the MPI libraries of this machine, or make a plugin for one.

    \b
    Example:
      wudao-rt mpi list
      wudao-rt mpi build --mpicxx /opt/openmpi/bin/mpicxx
    """


@command.command("list")
@json_option
def list_libraries(as_json: bool) -> None:
    """List the MPI libraries that would be tried, best first.

    \b
    Example:
      wudao-rt mpi list
    """
    from wudao_rt import _core
    from wudao_rt.distributed.libraries import Library, find_libraries
    from wudao_rt.errors import CommError

    def about(library: Library) -> dict[str, str]:
        try:
            version = _core.mpi_version(str(library.plugin), library.path)
        except CommError as error:
            version = f"does not open: {error}"
        return {"abi": library.abi, "library": library.path, "plugin": str(library.plugin), "origin": library.origin,
                "version": version}

    found = [about(library) for library in find_libraries(os.environ.get("WUDAO_MPI", ""))]
    if as_json:
        echo_json(found)
    elif not found:
        click.echo("No MPI was found. pip install mpich brings one; one process needs none.")
    for entry in found if not as_json else []:
        where = f"{entry['library'] or entry['plugin']}, {entry['origin']}"
        click.echo(f"{entry['abi']:10} {entry['version']}\n{'':10} {where}")


@command.command("build")
@click.option("--mpicxx", required=True, metavar="PATH", help="The C++ compiler wrapper of that MPI.")
@click.option("--name", default="", metavar="NAME", help="What to call it; default: openmpi, mpich or the vendor's.")
@json_option
def build(mpicxx: str, name: str, as_json: bool) -> None:
    """Make a plugin for any MPI with its own compiler, into the cache.

    \b
    Example:
      wudao-rt mpi build --mpicxx /usr/bin/mpicxx
    """
    from wudao_rt.distributed.plugins import build_plugin

    made, version = build_plugin(mpicxx, name)
    report = {"plugin": str(made), "abi": Path(made).stem, "version": version}
    if as_json:
        echo_json(report)
    else:
        click.echo(f"{made}\n{version}")
