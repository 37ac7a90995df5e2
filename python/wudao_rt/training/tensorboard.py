"""TensorBoard events, written where they arise.

tensorboardX's own writer hands events to a thread through a queue; when the disk is full that thread dies and the run
then waits for it for ever. Its file format and messages are used here without that thread: a full disk is an OSError.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog


class Events:
    """Write one event file into a folder.

    Args:
        folder: is made if need be.
        resumed_at: steps done when a resumed run takes over; TensorBoard drops what came after them.
    """

    def __init__(self, folder: Path, resumed_at: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = EventsWriter(str(folder / "events"))
        if resumed_at:
            self._add(resumed_at + 1, session_log=SessionLog(status=SessionLog.START))

    def scalar(self, name: str, value: float, step: int) -> None:
        """Add a number."""
        self._add(step, summary=summary.scalar(name, value))

    def text(self, name: str, text: str, step: int) -> None:
        """Add a text in Markdown."""
        self._add(step, summary=summary.text(name, text))

    def flush(self) -> None:
        """Push everything to the disk."""
        self._file.flush()

    def close(self) -> None:
        """Push everything to the disk and close the file."""
        self._file.close()

    def _add(self, step: int, **content: Any) -> None:
        self._file.write_event(Event(wall_time=time.time(), step=step, **content))
