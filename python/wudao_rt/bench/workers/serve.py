"""A worker: one JSON command a line on standard input, one JSON answer a line on standard output.

    python serve.py ENGINE BENCH

It runs in the environments of the peers too, so it needs the standard library alone and nothing of wudao_rt. ENGINE is
a folder beside this file, BENCH a module in it that has a class `Case`: made from (spec, folder), with `run()`, which
does the timed work once and may return what it counted, and `result()`, the arrays that are compared.

Commands: prepare (spec, folder), run (times, warm), result (path), memory.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any, Protocol, TextIO

_PARENT_DIES = 1  # PR_SET_PDEATHSIG


class Answers(Protocol):
    """Who does what a command asks for."""

    def answer(self, command: dict[str, Any]) -> dict[str, Any]:
        """Do it."""


class Worker:
    """Answers commands for one case."""

    def __init__(self, engine: str, bench: str) -> None:
        self.module = importlib.import_module(f"{engine}.{bench}")
        self.imported = status("VmRSS")
        self.case: Any = None

    def answer(self, command: dict[str, Any]) -> dict[str, Any]:
        """Do what a command asks for."""
        return getattr(self, command.pop("do"))(**command)

    def prepare(self, spec: dict[str, Any], folder: str) -> dict[str, Any]:
        """Make the case."""
        self.case = self.module.Case(spec, Path(folder))
        return {"versions": getattr(self.module, "versions", dict)()}

    def run(self, times: int, warm: bool) -> dict[str, Any]:
        """Do the work `times` times; a warm-up before it when this process was stopped for a long time."""
        if warm:
            self.case.run()
        begin, counted, own = time.perf_counter(), {}, 0.0
        for _ in range(times):
            counted = self.case.run() or {}
            own += counted.get("seconds", 0.0)
        seconds = own or time.perf_counter() - begin
        return {"seconds": seconds / times, "counted": {k: v for k, v in counted.items() if k != "seconds"}}

    def result(self, path: str) -> dict[str, Any]:
        """Write the arrays to compare."""
        import numpy as np

        np.savez(path, **self.case.result())
        return {}

    def memory(self) -> dict[str, Any]:
        """Return bytes: resident after the imports, and the most so far."""
        return {"imported": self.imported, "peak": status("VmHWM")}


def status(field: str) -> int:
    """Return a size of this process in bytes; VmHWM begins anew with the program, unlike getrusage."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field + ":"):
            return 1024 * int(line.split()[1])
    return 0


def end_with_parent() -> None:
    """Have the system kill this process when the harness is gone, even while it is stopped."""
    with contextlib.suppress(OSError, AttributeError):  # not Linux: the end of the input does it
        ctypes.CDLL(None).prctl(_PARENT_DIES, signal.SIGKILL, 0, 0, 0)


def take_output() -> TextIO:
    """Return standard output for the answers alone: what libraries print goes to the errors and not between them."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def answer_all(worker: Answers, commands: TextIO, answers: TextIO) -> None:
    """Answer line by line until the commands end."""
    for line in commands:
        try:
            answer = worker.answer(json.loads(line))
        except Exception as error:  # whatever it is, the harness names it
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def main() -> None:
    """Answer what the harness asks."""
    end_with_parent()
    answers = take_output()
    answer_all(Worker(sys.argv[1], sys.argv[2]), sys.stdin, answers)


if __name__ == "__main__":
    main()
