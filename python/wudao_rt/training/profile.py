"""A trace of some steps, for Perfetto or chrome://tracing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wudao_rt import _core
from wudao_rt.errors import ConfigError
from wudao_rt.training.log import StepInfo


class StepTrace:
    """Listen to a run and write what the engine did in a few steps as a Chrome trace (JSON).

    Each op, forward and backward, and each parameter's update is an event in the row of its thread; whole steps stand
    in a row of their own. Times count from the first event.

    Args:
        core: the engine's model.
        path: file to write; events are there once the last of the steps is done.
        say: tells people where the trace is.
        skip: steps before the first; they allocate and compile.
        steps: steps in the trace.
    """

    def __init__(self, core: _core.GLM, path: Path, say: Callable[[str], None], skip: int = 10,
                 steps: int = 10) -> None:
        self._core, self._path, self._say = core, path, say
        self._skip, self._steps = skip, steps
        self._seen, self._ends = 0, [time.monotonic_ns()]
        try:
            path.write_text("[]\n", encoding="utf-8")  # what cannot be written is told before the work
        except OSError as error:
            raise ConfigError(f"train: profile: expected a file that can be written, got {path} "
                              f"({error.strerror}). Choose another.") from None

    def on_step(self, info: StepInfo) -> None:
        """Start after `skip` steps, write after `steps` more."""
        self._seen += 1
        if self._seen == self._skip:
            self._core.start_profile()
            self._ends = [time.monotonic_ns()]
        elif self._seen > self._skip:
            self._ends.append(time.monotonic_ns())
        if self._seen == self._skip + self._steps:
            self._write(info.step)

    def _write(self, last: int) -> None:
        first = last - self._steps + 1
        spans = list(zip(self._ends, self._ends[1:], strict=False))
        events = [_event(f"step {first + i}", "", "step", 0, *span) for i, span in enumerate(spans)]
        events += [_event(name, where, phase, 1 + worker, begin, end)
                   for name, where, phase, worker, begin, end in self._core.stop_profile()]
        origin = min(event["ts"] for event in events)
        for event in events:
            event["ts"] -= origin
        rows = [_row_name(row) for row in sorted({event["tid"] for event in events})]
        self._path.write_text(json.dumps({"traceEvents": rows + events, "displayTimeUnit": "ms"}), encoding="utf-8")
        self._say(f"profile: steps {first} to {last} in {self._path}; open it in Perfetto or chrome://tracing")


def _event(name: str, where: str, phase: str, row: int, begin: int, end: int) -> dict[str, Any]:
    return {"name": f"{name} {phase}" if where else name, "cat": phase, "ph": "X", "ts": begin / 1000,
            "dur": (end - begin) / 1000, "pid": 1, "tid": row, "args": {"where": where}}


def _row_name(row: int) -> dict[str, Any]:
    name = f"thread {row - 1}" if row else "steps"
    return {"name": "thread_name", "ph": "M", "pid": 1, "tid": row, "args": {"name": name}}
