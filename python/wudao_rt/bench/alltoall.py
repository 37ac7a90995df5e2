"""Rows between ranks of one machine: our two ways, MPI's own collective, and gloo."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from wudao_rt.bench import environments
from wudao_rt.bench.measure import Options
from wudao_rt.bench.record import machine
from wudao_rt.bench.turns import Spread
from wudao_rt.errors import Error

SIZES = (4 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20)
_OURS = ("shared memory", "messages")
_LIMIT_SECONDS = 600


def lines(options: Options, quick: bool, ranks: int) -> Iterator[dict[str, Any]]:
    """Yield a line for each size, way of ours and peer."""
    sizes = SIZES[::2] if quick else SIZES
    options.say(f"alltoall: {ranks} ranks over MPI")
    found = {line["bytes"]: line["seconds"] for line in _mpi(options, ranks, sizes)}
    options.say(f"alltoall: {ranks} processes over gloo")
    gloo = {line["bytes"]: line["seconds"] for line in _gloo(options, ranks, sizes)}
    for size in sizes:
        for way in _OURS:
            for peer, theirs in (("MPI_Alltoallv", found[size]["MPI_Alltoallv"]), ("gloo", gloo[size]["gloo"])):
                yield _line(options, ranks, size, way, found[size][way], peer, theirs)


def _mpi(options: Options, ranks: int, sizes: Sequence[int]) -> list[dict[str, Any]]:
    python = environments.python_of("mpich", options.say)
    variables = environments.our_environment(1, {})  # mpi4py is there first, and brings the library
    script = environments.WORKERS / "mpich" / "alltoall.py"
    return _run([python.with_name("mpiexec"), "-n", ranks, python, "-P", script, options.pairs, *sizes],
                variables)


def _gloo(options: Options, ranks: int, sizes: Sequence[int]) -> list[dict[str, Any]]:
    python = environments.python_of("torch", options.say)
    script = environments.WORKERS / "pytorch" / "alltoall.py"
    return _run([python, script, options.pairs, ranks, *sizes], environments.peer_environment(1, {}))


def _run(words: Sequence[Any], variables: dict[str, str]) -> list[dict[str, Any]]:
    done = subprocess.run([str(word) for word in words], env=variables, capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=_LIMIT_SECONDS)
    if done.returncode:
        last = " / ".join(done.stderr.strip().splitlines()[-3:])
        raise Error(f"bench alltoall: expected {Path(str(words[0])).name} to do its work, got: {last}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def _line(options: Options, ranks: int, size: int, way: str, ours: Sequence[float], peer: str, theirs: Sequence[float]
          ) -> dict[str, Any]:
    own, other = (Spread.of([1e6 * one for one in seconds]) for seconds in (ours, theirs))
    where = machine(1)
    return {"bench": "alltoall", "case": f"{ranks} ranks, {size >> 10} KiB to each, {way}", "dtype": "bytes",
            "unit": "us", "ours": own.middle, "ours_quartiles": [own.low, own.high], "peer": other.middle,
            "peer_quartiles": [other.low, other.high], "ratio": other.middle / own.middle, "roof": None,
            "share_of_roof": None, "pairs": len(ours), "peer_name": peer, "variant": "", "commit": where.commit,
            "cpu": where.cpu, "threads": 1, "date": where.date}
