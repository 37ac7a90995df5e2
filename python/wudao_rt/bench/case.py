"""What is measured: a case, the peers that do the same, and the roof above it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Rival:
    """One way in which a peer does the work of a case.

    Args:
        peer: name of its environment; "" for ours.
        engine: folder of its worker below `workers`.
        variant: what sets it apart from the peer's other ways.
        spec: what is added to the case's spec.
        bounds: instead of the case's, where its arithmetic differs.
    """

    peer: str
    engine: str
    variant: str = ""
    spec: Mapping[str, Any] = field(default_factory=dict)
    bounds: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Roof:
    """What the machine could do at most.

    Args:
        spec: of the worker `roof`: {"products": [[m, n, k], ...], "dtype": ...} or {"bytes": ...}.
        cost: operations or bytes that one unit of the case takes.
        intensity: operations for each byte from memory; its place in the roofline picture. 0: not in it.
    """

    spec: Mapping[str, Any]
    cost: float
    intensity: float = 0.0


@dataclass(frozen=True)
class Case:
    """One line of the table, once for each rival.

    Args:
        bench: the command.
        name: of the case within it.
        dtype: of the arithmetic or of the weights.
        unit: of what is reported: "tokens/s", "GFLOP/s", ..., "s" or "MB".
        amount: units of work in a turn; unused for "s" and "MB".
        spec: what workers are told; "threads" and "ranks" are added.
        arrays: writes the files that workers read into a folder.
        rivals: who does the same; nobody: ours is measured alone.
        bounds: largest error of each array of the result.
        environment: variables of our worker.
        parameters: for "MB": their bytes of weights, gradients and optimizer are taken off.
        worker: module of the engines that does it; "": as the bench.
        ranks: processes of each engine, which share its threads.
    """

    bench: str
    name: str
    dtype: str
    unit: str
    amount: float
    spec: Mapping[str, Any]
    arrays: Callable[[Path], None]
    rivals: tuple[Rival, ...]
    bounds: Mapping[str, float]
    roof: Roof | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    parameters: int = 0
    worker: str = ""
    ranks: int = 1

    @property
    def module(self) -> str:
        """Return the module of the engines that does the work."""
        return self.worker or self.bench
