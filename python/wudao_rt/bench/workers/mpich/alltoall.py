"""Ranks that exchange bytes, our ways and MPI's own by turns: python alltoall.py PAIRS BYTES ...; rank 0 prints JSON.

Rows are there already when the clock starts, and where they came to is memory already. MPI_Alltoallv is called through
mpi4py, which adds about half a microsecond to a call.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import numpy as np
from mpi4py import MPI
from wudao_rt import distributed

_SECONDS = 0.2  # of a turn


def main() -> None:
    """Measure every size."""
    world, comm = distributed.init(), MPI.COMM_WORLD
    for size in map(int, sys.argv[2:]):
        ways = {"shared memory": lambda times, size=size: world.core.exchange_seconds(size, times, False),
                "messages": lambda times, size=size: world.core.exchange_seconds(size, times, True),
                "MPI_Alltoallv": lambda times, size=size: _alltoallv(comm, size, times)}
        seconds = {name: [] for name in ways}
        times = {name: _repeats(world, way) for name, way in ways.items()}
        for pair in range(int(sys.argv[1])):
            for name in list(ways)[:: 1 if pair % 2 == 0 else -1]:
                seconds[name].append(float(world.all_reduce(np.array([ways[name](times[name])]), "max")[0]))
        if world.rank == 0:
            print(json.dumps({"bytes": size, "ranks": world.size, "seconds": seconds}), flush=True)


def _repeats(world: distributed.Communicator, way: Callable[[int], float]) -> int:
    once = max(1e-7, way(3))
    return int(world.broadcast(np.array([max(3, round(_SECONDS / once))]))[0])


def _alltoallv(comm: MPI.Comm, size: int, times: int) -> float:
    sent, got = np.ones(size * comm.size, np.uint8), np.ones(size * comm.size, np.uint8)
    counts = [size] * comm.size
    comm.Barrier()
    begin = time.perf_counter()
    for _ in range(times):
        comm.Alltoallv([sent, counts], [got, counts])
    return (time.perf_counter() - begin) / times


if __name__ == "__main__":
    main()
