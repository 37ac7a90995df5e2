"""Seconds of training: a stopwatch that rests during evaluation and sampling."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Count seconds from its making on, from a given start, pauses left out."""

    def __init__(self, start: float = 0.0) -> None:
        self._zero = time.perf_counter() - start
        self._stopped: float | None = None

    def seconds(self) -> float:
        """Return the seconds counted so far."""
        return (time.perf_counter() if self._stopped is None else self._stopped) - self._zero

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Do not count what happens inside."""
        self._stopped = begin = time.perf_counter()
        try:
            yield
        finally:
            self._zero += time.perf_counter() - begin
            self._stopped = None
