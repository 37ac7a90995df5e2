"""One set of bodies against `self` and `mpi`."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
from comm_bodies import BODIES
from jobs import HERE, ROOT, mpi

from wudao_rt import distributed

RANKS = (1, 2, 3, 4)


@cache
def outcome(ranks: int) -> dict[str, list[str]]:
    """What every rank of one job said of every body."""
    folder = Path(ROOT) / "build" / "mpi" / f"outcome-{ranks}"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    done = mpi(ranks, str(HERE / "run_bodies.py"), str(folder / "rank"), *BODIES)
    assert done.code == 0, done.err
    told = [json.loads((folder / f"rank.{r}").read_text("utf-8")) for r in range(ranks)]
    assert all(one["size"] == ranks for one in told)
    return {name: [one["told"][name] for one in told] for name in BODIES}


@pytest.mark.parametrize("body", BODIES)
def test_alone(body):
    BODIES[body](distributed.init())


@pytest.mark.parametrize("ranks", RANKS)
@pytest.mark.parametrize("body", BODIES)
def test_over_mpi(body, ranks):
    assert not any(outcome(ranks)[body]), outcome(ranks)[body]
