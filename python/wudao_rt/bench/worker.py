"""A worker process as the harness sees it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from wudao_rt.errors import Error

_LAST_LINES = 5
_LIMIT_SECONDS = 1800.0


class WorkerError(Error, RuntimeError):
    """A worker died, or could not do what it was told."""


class Worker:
    """Start an engine in a process group of its own; `with` ends it whatever happens."""

    def __init__(self, name: str, command: Sequence[str | Path], environment: Mapping[str, str]) -> None:
        self.name = name
        self._groups: set[int] = set()
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        try:
            self._process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
                env=dict(environment), text=True, encoding="utf-8", start_new_session=True,
            )
        except OSError as error:
            self._errors.close()
            raise WorkerError(f"bench: {name}: expected {command[0]} to start, got '{error.strerror}'. Install it "
                              "again.") from None

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Return the process, which leads its group."""
        return self._process.pid

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Send one command and wait for its answer; `groups` in it are process groups that belong to the worker.

        Raises:
            WorkerError: it died or failed; with its last words.
        """
        assert self._process.stdin and self._process.stdout
        try:
            self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline() if self._answers() else ""
        except OSError:
            line = ""
        if not line:
            raise self._dead(do)
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(f"bench: {self.name}: expected '{do}' to work, got {answer['error']}. Its environment "
                              "may be damaged, or the machine too small.")
        self._groups.update(answer.pop("groups", ()))
        return answer

    def _answers(self) -> bool:
        return bool(select.select([self._process.stdout], [], [], _LIMIT_SECONDS)[0])

    def _dead(self, do: str) -> WorkerError:
        self._kill()
        self._errors.seek(0)
        lines = [line.strip() for line in self._errors.read().splitlines() if line.strip()]
        self.close()
        last = " / ".join(lines[-_LAST_LINES:]) or "nothing"
        return WorkerError(f"bench: {self.name}: expected an answer to '{do}', got the end of the process (code "
                           f"{self._process.returncode}); its last words: {last}. Mend that, or leave it out.")

    def pause(self) -> None:
        """Stop all of its processes, so that it takes no time from the other engine."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """Kill all of its processes and wait for the end of the first."""
        self._kill()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            with suppress(OSError):  # the pipe of a dead process
                stream and stream.close()

    def _kill(self) -> None:
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: int) -> None:
        """To its process group, and to those that a launcher made for its ranks."""
        for group in {self._process.pid, *self._groups}:
            with suppress(ProcessLookupError):  # it may be gone already
                os.killpg(group, number)
