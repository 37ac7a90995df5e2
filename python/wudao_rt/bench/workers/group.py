"""A worker of several processes: every command goes to all ranks, and is answered when all of them have answered.

    python group.py RANKS ENGINE BENCH [LAUNCHER ...]

LAUNCHER, mpiexec and its options, starts the ranks; without one they are started here. A rank finds its number in the
spec, as "rank". The standard library alone, and NumPy where arrays are joined.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import serve

_JOIN = {"seconds": max, "imported": sum, "peak": sum}  # of all ranks; of what is not here, the first rank's
_LOOK_SECONDS = 0.5


class Group:
    """The ranks, in their order."""

    def __init__(self, ranks: int, engine: str, bench: str, launcher: list[str], folder: str) -> None:
        address = f"{folder}/ranks"
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(address)
            server.listen(ranks)
            server.settimeout(_LOOK_SECONDS)
            self.started = _start(ranks, engine, bench, launcher, address)
            self.members = sorted((self._next(server) for _ in range(ranks)), key=lambda member: member.rank)

    def _next(self, server: socket.socket) -> Member:
        """Wait for a rank; a launcher or rank that has ended will send none."""
        while all(process.poll() is None for process in self.started):
            with contextlib.suppress(TimeoutError):
                return Member(server.accept()[0])
        raise SystemExit("a rank ended before it was ready")

    def answer(self, command: dict[str, Any]) -> dict[str, Any]:
        """Do what a command asks for, on all ranks."""
        for member in self.members:
            member.send(_for_rank(command, member.rank))
        answers = self._answers()
        if "path" in command:
            join_arrays(command["path"], len(self.members))
        return joined(answers) | ({"groups": [member.group for member in self.members]}
                                  if command["do"] == "prepare" else {})

    def _answers(self) -> list[dict[str, Any]]:
        """Collect the answers as they come: the others wait in vain for a rank that failed."""
        answers: dict[int, dict[str, Any]] = {}
        while len(answers) < len(self.members):
            waiting = [member for member in self.members if member.rank not in answers]
            for member in select.select(waiting, [], [])[0]:
                answers[member.rank] = answer = member.receive()
                if "error" in answer:
                    raise RuntimeError(f"rank {member.rank}: {answer['error']}")
        return [answers[rank] for rank in sorted(answers)]


class Member:
    """One rank at the other end of a socket; it says first who it is."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(None)
        self._connection, self._lines = connection, connection.makefile("r", encoding="utf-8")
        about = self.receive()
        self.rank, self.group = int(about["rank"]), int(about["group"])

    def fileno(self) -> int:
        """Return what select waits for."""
        return self._connection.fileno()

    def send(self, command: dict[str, Any]) -> None:
        """Hand it a command."""
        self._connection.sendall((json.dumps(command) + "\n").encode())

    def receive(self) -> dict[str, Any]:
        """Return its answer; the end of the rank is one too."""
        try:
            return json.loads(self._lines.readline() or '{"error": "the process ended"}')
        except OSError as error:
            return {"error": str(error)}


def _for_rank(command: dict[str, Any], rank: int) -> dict[str, Any]:
    """Return a command as one rank gets it: its number is in the spec, and its arrays go to a file of their own."""
    changes: dict[str, Any] = {}
    if "spec" in command:
        changes["spec"] = {**command["spec"], "rank": rank}
    if "path" in command:
        changes["path"] = f"{command['path']}.{rank}.npz"
    return command | changes


def _start(ranks: int, engine: str, bench: str, launcher: list[str], address: str) -> list[subprocess.Popen[bytes]]:
    command = [sys.executable, "-B", str(Path(__file__).with_name("rank.py")), engine, bench, address,
               "PMI_RANK" if launcher else "RANK"]
    if launcher:
        # It ends with this process, and its ranks with it: the harness may be killed while all of them are stopped.
        return [subprocess.Popen([*launcher, *command], stdin=subprocess.DEVNULL, preexec_fn=serve.end_with_parent)]
    return [subprocess.Popen(command, stdin=subprocess.DEVNULL, env={**os.environ, "RANK": str(rank)})
            for rank in range(ranks)]


def joined(answers: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one answer: a turn lasts as long as its slowest rank, and memory is that of all."""
    return {key: _JOIN[key](answer[key] for answer in answers) if key in _JOIN else value
            for key, value in answers[0].items()}


def join_arrays(path: str, ranks: int) -> None:
    """Write the arrays of all ranks, one after the other along the first axis."""
    import numpy as np

    with contextlib.ExitStack() as stack:
        parts = [stack.enter_context(np.load(f"{path}.{rank}.npz")) for rank in range(ranks)]
        np.savez(path, **{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def main() -> None:
    """Answer until the input ends."""
    serve.end_with_parent()
    answers = serve.take_output()
    ranks, engine, bench, *launcher = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="wudao-ranks-") as folder:  # gone before work begins: who leads is killed
        group = Group(int(ranks), engine, bench, launcher, folder)
    serve.answer_all(group, sys.stdin, answers)


if __name__ == "__main__":
    main()
