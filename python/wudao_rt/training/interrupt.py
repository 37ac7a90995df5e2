"""Signals that ask a run to save and stop."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


class Interrupt:
    """Catch SIGTERM, SIGINT and SIGUSR1 inside a `with`; `reason` says which one came.

    While `stepping` the first signal lets the step finish and the run save, and a second SIGINT ends the run at once;
    before that, in the preparation, there is nothing to save and each ends it at once. Outside the main
    thread, where Python takes no signals, nothing is caught.
    """

    def __init__(self) -> None:
        self.reason = ""
        self.stepping = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._caught) for number in _SIGNALS}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _caught(self, number: int, frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        if not self.stepping:
            raise KeyboardInterrupt(f"stopped by {name} before the first step; there was nothing to save yet")
        if self.reason and number == signal.SIGINT:
            raise KeyboardInterrupt("stopped at once; the last checkpoint is whole")
        self.reason = name
