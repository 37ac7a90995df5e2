"""Batches made ahead of time by one thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Full, Queue
from typing import Generic, TypeVar

from wudao_rt.errors import InternalError

_POLL_SECONDS = 0.1
Batch = TypeVar("Batch")


class Prefetch(Generic[Batch]):
    """Make the batches of step `first`, `first + 1`, ... in a background thread, at most `depth` ahead.

    The order cannot change: one thread makes them, and every batch carries its step.

    Args:
        make: builds the batch of a step.
        first: first step.
        depth: batches that may wait.
    """

    def __init__(self, make: Callable[[int], Batch], first: int, depth: int = 4) -> None:
        self._make, self._first = make, first
        self._queue: Queue[tuple[int, Batch | BaseException]] = Queue(depth)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="wudao-batches", daemon=True)
        self._thread.start()

    def get(self, step: int) -> Batch:
        """Return the batch of the next step; raise what making it raised."""
        made, rows = self._queue.get()
        if isinstance(rows, BaseException):
            raise rows
        if made != step:
            raise InternalError(f"train: batch: expected the batch of step {step}, got that of {made}. Report this.")
        return rows

    def close(self) -> None:
        """End the thread; what waits is dropped."""
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        step = self._first
        while not self._stop.is_set():
            try:
                made: Batch | BaseException = self._make(step)
            except BaseException as error:  # handed to the thread that waits for the batch
                made = error
            self._put(step, made)
            if isinstance(made, BaseException):
                return
            step += 1

    def _put(self, step: int, made: Batch | BaseException) -> None:
        while not self._stop.is_set():
            try:
                self._queue.put((step, made), timeout=_POLL_SECONDS)
                return
            except Full:
                continue
