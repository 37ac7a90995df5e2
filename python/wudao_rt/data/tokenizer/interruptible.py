"""Long calls into libraries that do not look for Ctrl-C."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

_POLL_SECONDS = 0.1


def interruptible(call: Callable[[], Any]) -> None:
    """Make a call in another thread and wait for it, so that Ctrl-C ends the wait.

    The thread then runs on by itself until the process ends.

    Raises:
        whatever the call raises.
    """
    failed: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:  # handed to the thread that waits
            failed.append(error)

    thread = threading.Thread(target=run, name="wudao-tokenizer", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_POLL_SECONDS)
    if failed:
        raise failed[0]
