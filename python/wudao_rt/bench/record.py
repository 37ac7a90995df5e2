"""One JSON object for each comparison."""

from __future__ import annotations

import platform
import subprocess
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from wudao_rt.bench.case import Case, Rival
from wudao_rt.bench.turns import Spread, Turns


@dataclass(frozen=True)
class Machine:
    """What every line says about where it was measured."""

    commit: str
    cpu: str
    threads: int
    date: str


@cache
def commit() -> str:
    """Return the commit of the sources, with + when they have changed since; without a repository the version."""
    from wudao_rt import _core

    folder = Path(__file__).resolve().parent
    try:
        git = ["git", "-C", str(folder), "describe", "--always", "--dirty=+", "--exclude=*"]
        found = subprocess.run(git, capture_output=True, text=True, check=False)
    except OSError:
        return _core.__version__
    return found.stdout.strip() if found.returncode == 0 else _core.__version__


def machine(threads: int) -> Machine:
    """Return this machine with `threads` at work."""
    from wudao_rt import _core

    return Machine(commit(), _core.info()["cpu"] or platform.machine(), threads, date.today().isoformat())


def in_unit(case: Case, seconds: float) -> float:
    """Return what is reported for a turn of so many seconds."""
    return seconds if case.unit == "s" else case.amount / seconds


def record(case: Case, rival: Rival | None, turns: Turns, rate: float, where: Machine, more: dict[str, Any]
           ) -> dict[str, Any]:
    """Return the line of a case against a rival; `rate` is the roof in operations or bytes per second, 0 for none."""
    ours = Spread.of([in_unit(case, one) for one in turns.ours])
    peer = Spread.of([in_unit(case, one) for one in turns.peer]) if rival else None
    roof = rate / case.roof.cost if case.roof and rate else None
    share = ours.middle / roof if roof else None
    return {
        **_head(case, rival),
        "ours": ours.middle, "ours_quartiles": [ours.low, ours.high],
        "peer": peer.middle if peer else None, "peer_quartiles": [peer.low, peer.high] if peer else None,
        "ratio": turns.ratio if rival else None,
        "roof": roof, "share_of_roof": share, "roof_rate": rate or None,
        "intensity": case.roof.intensity if case.roof and case.roof.intensity else None,
        "cost": case.roof.cost if case.roof else None,
        "pairs": len(turns.ours), **_where(where), **more, **turns.counted,
    }


def memory_record(case: Case, rival: Rival | None, ours: float, peer: float | None, where: Machine,
                  more: dict[str, Any]) -> dict[str, Any]:
    """Return the line of a case that counts megabytes; the ratio is peer / ours, as everywhere."""
    return {
        **_head(case, rival), "ours": ours, "ours_quartiles": [ours, ours], "peer": peer,
        "peer_quartiles": None if peer is None else [peer, peer], "ratio": None if peer is None else peer / ours,
        "roof": None, "share_of_roof": None, "pairs": 1, **_where(where), **more,
    }


def failure(case: Case, rival: Rival | None, reason: str, where: Machine) -> dict[str, Any]:
    """Return the line of a comparison that could not be made."""
    return {**_head(case, rival), "error": reason, **_where(where)}


def _head(case: Case, rival: Rival | None) -> dict[str, Any]:
    return {"bench": case.bench, "case": case.name, "dtype": case.dtype, "unit": case.unit,
            "peer_name": rival.peer or rival.variant if rival else None, "variant": rival.variant if rival else None}


def _where(where: Machine) -> dict[str, Any]:
    return {"commit": where.commit, "cpu": where.cpu, "threads": where.threads, "date": where.date}
