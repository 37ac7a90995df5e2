"""Where the ranks of a job may run, and how many threads each takes of the cores that they share."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from wudao_rt import _core

_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Place:
    """Where one rank may run.

    Args:
        node: name of its host, and what tells it from another host of that name. Containers count as hosts.
        cores: of its affinity mask, each by its first hyper-thread.
        permitted: cores that the control group leaves to it, wherever its launcher bound it.
        quota: processors' worth of time of the control group; None: no limit.
        asked: threads that the user asked for; 0: none.
        asked_by: the variable or key that did; empty: a call.
        most: upper bound of unasked threads (OMP_NUM_THREADS); None: none.
    """

    node: tuple[str, str]
    cores: frozenset[int]
    permitted: frozenset[int]
    quota: float | None = None
    asked: int = 0
    asked_by: str = ""
    most: int | None = None


def here() -> Place:
    """Return the place of this process.

    Raises:
        ConfigError: WUDAO_NUM_THREADS or OMP_NUM_THREADS is no such number.
    """
    limits = _core.thread_limits()
    sets = {name: frozenset(limits.pop(name)) for name in ("cores", "permitted")}
    return Place((socket.gethostname(), _boot()), **sets, **limits)


def share_of(place: Place, places: Sequence[Place]) -> tuple[int, str]:
    """Return the threads of a rank that nobody asked otherwise, and why so many.

    t = max(1, min(C / R, ceil(Q) / N)), rounded down

    Args:
        place: of that rank: C cores in its mask, a quota of Q processors.
        places: of all ranks, its own included: N are on its node, R of them have a core of its mask in theirs.

    Example:
        >>> one, two = (Place(("a", ""), frozenset(cores), frozenset(range(8))) for cores in (range(4), range(4, 8)))
        >>> share_of(one, [one, two])
        (4, '4 cores of this rank alone')
        >>> share_of(one, [one, one])
        (2, '4 cores shared by 2 ranks of this node')
    """
    node = [other for other in places if other.node == place.node]
    ranks = sum(not place.cores.isdisjoint(other.cores) for other in node)
    shared = "of this rank alone" if ranks == 1 else f"shared by {ranks} ranks of this node"
    threads, reason = len(place.cores) // ranks, f"{counted(len(place.cores), 'core')} {shared}"
    if place.quota is not None and ceil(place.quota) // len(node) < threads:
        threads = ceil(place.quota) // len(node)
        reason = f"processor quota of the control group: {place.quota:g} for {len(node)} ranks of this node"
    return max(1, threads), reason


def threads_of(place: Place, places: Sequence[Place]) -> int:
    """Return the threads that a rank takes, asked or not."""
    share, _ = share_of(place, places)
    return place.asked or min(share, place.most or share)


def counted(number: int, what: str) -> str:
    """Return a number of things in words.

    Example:
        >>> counted(1, "core"), counted(2, "core")
        ('1 core', '2 cores')
    """
    return f"{number} {what}{'' if number == 1 else 's'}"


def _boot() -> str:
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""
