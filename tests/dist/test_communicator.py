"""One set of bodies against `self` and `mpi`."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
from comm_bodies import BODIES
from jobs import HERE, ROOT, mpi

from wudao_rt import distributed

RANKS = (1, 2, 3, 4, 8)


@cache
def outcome(ranks: int, shared: str) -> dict[str, list[str]]:
    """What every rank of one job said of every body."""
    folder = Path(ROOT) / "build" / "mpi" / f"outcome-{ranks}-{shared}"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    try:
        done = mpi(ranks, str(HERE / "run_bodies.py"), str(folder / "rank"), *BODIES, WUDAO_COMM_TIMEOUT="20",
                   WUDAO_COMM_SHARED=shared)
    except AssertionError as hangs:
        return {name: [str(hangs)] for name in BODIES}
    if done.code != 0:
        return {name: [done.err] for name in BODIES}
    told = [json.loads((folder / f"rank.{r}").read_text("utf-8")) for r in range(ranks)]
    assert all(one["size"] == ranks for one in told)
    return {name: [one["told"][name] for one in told] for name in BODIES}


@pytest.mark.parametrize("body", BODIES)
def test_alone(body):
    BODIES[body](distributed.init())


@pytest.mark.parametrize("ranks", RANKS)
@pytest.mark.parametrize("body", BODIES)
def test_over_mpi(body, ranks):
    assert not any(outcome(ranks, "1")[body]), outcome(ranks, "1")[body]


@pytest.mark.parametrize("body", BODIES)
def test_by_messages_alone(body):  # as between nodes
    assert not any(outcome(4, "0")[body]), outcome(4, "0")[body]


COUNTED = """
import numpy as np
from wudao_rt import distributed
from wudao_rt.distributed.objects import gather_objects
from wudao_rt.moe import MoEConfig, MoELayer

comm = distributed.init()
x = np.random.default_rng(comm.rank).normal(size=(50 * comm.rank, 32))
for exchange, size in (("flat", 2), ("two_level", 1), ("two_level", 2), ("two_level", 4)):
    layer = MoELayer(MoEConfig(32, 9, 16, exchange=exchange, supernode_size=size), dtype="float64", comm=comm)
    layer.loss_and_gradients(x, x)
    counted = sorted(comm.counters.items())
    for rank, theirs in enumerate(gather_objects(comm, counted)):  # launchers mix the lines of several ranks
        if comm.rank == 0:
            print(exchange, size, rank, theirs)
"""


def test_counters_are_those_of_messages():
    told = [mpi(4, "-c", COUNTED, WUDAO_COMM_SHARED=shared) for shared in "10"]
    assert [one.code for one in told] == [0, 0], told
    assert len(told[0].out.splitlines()) == 16
    assert sorted(told[0].out.splitlines()) == sorted(told[1].out.splitlines())
