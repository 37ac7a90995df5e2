"""wudao-rt bench alltoall."""

from __future__ import annotations

import click

from wudao_rt.cli.options import json_option


@click.command("alltoall")
@click.option("--ranks", type=click.IntRange(min=2, max=64), default=2, show_default=True, help="Processes.")
@click.option("--pairs", type=click.IntRange(min=1), default=7, show_default=True, help="Turns of each way.")
@click.option("--quick", is_flag=True, help="Fewer sizes.")
@json_option
def alltoall(ranks: int, pairs: int, quick: bool, as_json: bool) -> None:
    """Measure the exchange of rows between ranks of this machine.

    Our ways, in shared memory and by messages, take turns with MPI_Alltoallv (through mpi4py) in the same processes;
    all_to_all_single of PyTorch over gloo is measured after them. Microseconds of one exchange; every rank sends so
    many bytes to each, itself too.

    \b
    Example:
      wudao-rt bench alltoall
      wudao-rt bench alltoall --ranks 4 --json
    """
    from wudao_rt.bench.alltoall import lines
    from wudao_rt.bench.measure import Options
    from wudao_rt.bench.screen import Screen

    with Screen(as_json) as screen:
        for line in lines(Options(pairs, say=screen.say), quick, ranks):
            screen.line(line)
