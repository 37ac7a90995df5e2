"""What ranks agree on about their threads, once they have found each other."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from wudao_rt import _core
from wudao_rt.distributed.communicator import Communicator
from wudao_rt.distributed.crowding import complaints
from wudao_rt.distributed.launchers import find_launcher
from wudao_rt.distributed.objects import gather_objects
from wudao_rt.distributed.places import Place, here, share_of

_places: list[Place] = []  # of all ranks, once they are known; of one process none
_told: dict[Any, Any] = {}  # the registry of `warnings`: what was said is not said again


def share_threads(comm: Communicator) -> None:
    """Give every rank its share of the cores of its node, unless it asked for a number.

    Args:
        comm: all ranks of the job, on which nothing else goes on.

    Raises:
        ConfigError: WUDAO_NUM_THREADS or OMP_NUM_THREADS is no such number.
    """
    if comm.size == 1 or _places:
        return
    mine = here()
    _places.extend(gather_objects(comm, mine))
    _core.share_threads(*share_of(mine, _places))


def warn_of_threads(rank: int, asked: Sequence[int] = ()) -> None:
    """Warn of ranks that crowd each other or sit on one core of many; rank 0 does, once for each line.

    Args:
        rank: of this process.
        asked: threads that the config of a run asks for, rank by rank; 0: none.
    """
    if rank or not _places:
        return
    places = [replace(place, asked=count, asked_by="train.threads") if count else place
              for place, count in zip(_places, asked or [0] * len(_places), strict=True)]
    for line in complaints(places, find_launcher(os.environ)):
        warnings.warn_explicit(line, RuntimeWarning, "wudao_rt", 0, registry=_told)  # no line of a program is to blame
