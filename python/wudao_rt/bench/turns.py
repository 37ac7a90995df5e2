"""Turns: two workers do the same work alternately, the idle one is stopped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

from wudao_rt.bench.worker import Worker

_LEAST_SECONDS = 0.2  # of a turn: shorter work is repeated within it


@dataclass(frozen=True)
class Spread:
    """Median and quartiles of some values."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return the spread of at least one value.

        Example:
            >>> Spread.of([3.0, 1.0, 2.0])
            Spread(low=1.5, middle=2.0, high=2.5)
        """
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, _, high = quantiles(values, n=4, method="inclusive")
        return cls(low, median(values), high)


@dataclass(frozen=True)
class Turns:
    """Seconds of every pair of turns, and what the last turns counted."""

    ours: list[float]
    peer: list[float]
    counted: dict[str, Any]

    @property
    def ratio(self) -> float:
        """Return the median of peer / ours: above 1, we need less time.

        Example:
            >>> Turns([1.0, 1.0, 2.0], [2.0, 3.0, 3.0], {}).ratio
            2.0
        """
        return median(p / o for o, p in zip(self.ours, self.peer, strict=True))


def order(pair: int) -> tuple[int, int]:
    """Return who goes first in a pair, 0 for us: ours, peer, peer, ours, ... so that a drift hits both alike.

    Example:
        >>> [order(pair) for pair in range(3)]
        [(0, 1), (1, 0), (0, 1)]
    """
    return (0, 1) if pair % 2 == 0 else (1, 0)


def take_turns(ours: Worker, peer: Worker | None, pairs: int, enough: float = math.inf) -> Turns:
    """Warm both up, then time `pairs` turns of each, or fewer (one at least) once they have taken `enough` seconds."""
    workers = [ours] if peer is None else [ours, peer]
    times = [_repeats(worker) for worker in workers]
    seconds: list[list[float]] = [[] for _ in workers]
    counted: dict[str, Any] = {}
    spent = 0.0
    for pair in range(pairs):
        for who in order(pair) if peer else (0,):
            answer = turn(workers[who], times[who])
            seconds[who].append(answer["seconds"])
            counted |= answer["counted"] if who == 0 else {f"peer_{k}": v for k, v in answer["counted"].items()}
            spent += times[who] * answer["seconds"]
        if spent >= enough:
            break
    return Turns(seconds[0], seconds[1] if peer else [], counted)


def turn(worker: Worker, times: int) -> dict[str, Any]:
    """Let one worker work; short work is warmed up within its turn, for another was at the caches meanwhile."""
    worker.resume()
    try:
        return worker.ask("run", times=times, warm=times > 1)
    finally:
        worker.pause()


def _repeats(worker: Worker) -> int:
    """Warm up twice: first calls compile and allocate."""
    turn(worker, 1)
    return max(1, math.ceil(_LEAST_SECONDS / max(1e-6, turn(worker, 1)["seconds"])))
