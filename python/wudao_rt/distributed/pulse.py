"""A rank that works while the others wait for as long as it lives."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread
from types import TracebackType
from typing import TypeVar

import numpy as np

from wudao_rt.distributed.communicator import Communicator

T = TypeVar("T")
_SECONDS = 0.25  # between two beats; WUDAO_COMM_TIMEOUT is at least 1
_LAST_SECONDS = 1.0  # for the beat under way, where the work has failed
_BEAT, _READY = np.zeros(1, np.uint8), np.ones(1, np.uint8)


def lead(comm: Communicator, work: Callable[[], T]) -> T:
    """Return what `work` returns, on rank 0, while the others `follow`.

    However long that takes, they wait, as every beat starts WUDAO_COMM_TIMEOUT anew. A first rank that is stopped sends
    none and is named.

    Args:
        comm: all ranks; `work` must not use it.
    """
    with _Pulse(comm):
        found = work()
    comm.broadcast(_READY)
    return found


def follow(comm: Communicator) -> None:
    """Wait, on every other rank, until rank 0 has done the work that it leads with."""
    while not comm.broadcast(_BEAT)[0]:
        pass


class _Pulse:
    """Tell the other ranks, at every beat, that this one works; MPI is called by one thread at a time all the same."""

    def __init__(self, comm: Communicator) -> None:
        self._comm = comm
        self._over = Event()
        self._thread = Thread(target=self._beat, daemon=True)
        self._trouble: BaseException | None = None

    def __enter__(self) -> None:
        if self._comm.size > 1:
            self._thread.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join(None if kind is None else _LAST_SECONDS)
        if kind is None and self._trouble is not None:
            raise self._trouble

    def _beat(self) -> None:
        try:
            while not self._over.wait(_SECONDS):
                self._comm.broadcast(_BEAT)
        except BaseException as trouble:  # for the thread that works
            self._trouble = trouble
