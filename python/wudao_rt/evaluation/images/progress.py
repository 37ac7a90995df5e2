"""How far long work is, for those who watch."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")


class Watch(Protocol):
    """Go through pieces of work, and tell how many are done."""

    def __call__(self, pieces: Sequence[T], what: str) -> Iterable[T]:
        """Return the pieces, one after the other; `what` they are is shown."""


def silent(pieces: Sequence[T], what: str) -> Iterable[T]:
    """Tell nothing."""
    del what
    return pieces


def on_screen(pieces: Sequence[T], what: str) -> Iterator[T]:
    """Draw a bar on a terminal, which disappears when the work is done; elsewhere nothing."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"),
               TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        yield from bar.track(pieces, description=what)
