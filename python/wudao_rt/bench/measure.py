"""Runs the cases: compares, then times turn by turn; a failure is named and the others go on."""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from wudao_rt.bench import environments
from wudao_rt.bench.case import Case, Rival
from wudao_rt.bench.compare import compare
from wudao_rt.bench.record import Machine, failure, machine, memory_record, record
from wudao_rt.bench.turns import take_turns, turn
from wudao_rt.bench.worker import Worker
from wudao_rt.errors import Error

_ROOF_RUNS = 2
_MEMORY_STEPS = 3
_MPI = "mpich"  # the environment whose mpiexec starts our ranks


@dataclass(frozen=True)
class Options:
    """How to measure.

    Args:
        pairs: turns of each engine.
        peers: that are wanted; empty: all.
        threads: of every process of an engine.
        alone: no peers at all.
        enough: seconds of turns after which a comparison ends before it has all its pairs.
        say: shows what is going on.
        start: starts the worker of a rival (None: ours) for a bench with changes of the environment; tests replace it.
        ranks: processes of an engine; those of each case are filled in.
    """

    pairs: int = 7
    peers: tuple[str, ...] = ()
    threads: int = 1
    alone: bool = False
    enough: float = math.inf
    say: Callable[[str], None] = lambda text: None
    start: Callable[[Options, Rival | None, str, Mapping[str, str]], Worker] = field(
        default=lambda options, rival, module, changes: start_worker(options, rival, module, changes))
    ranks: int = 1


def start_worker(options: Options, rival: Rival | None, module: str, changes: Mapping[str, str]) -> Worker:
    """Start an engine in its environment: serve.py, or group.py where it has several ranks."""
    peer, engine = (rival.peer, rival.engine) if rival else ("", "ours")
    variables = (environments.peer_environment(options.threads, changes) if peer
                 else environments.our_environment(options.threads, changes))
    if options.ranks == 1:
        python = environments.python_of(peer, options.say) if peer else Path(sys.executable)
        return Worker(peer or "wudao_rt", [python, "-B", environments.WORKERS / "serve.py", engine, module], variables)
    python = environments.python_of(peer or _MPI, options.say)  # ours are started by an MPI, and run on its library
    launcher = [] if peer else [python.with_name("mpiexec"), "-n", options.ranks]
    script = [environments.WORKERS / "group.py", options.ranks, engine, module, *launcher]
    return Worker(peer or "wudao_rt", [str(word) for word in (python, "-B", *script)], variables)


def measure(case: Case, options: Options) -> Iterator[dict[str, Any]]:
    """Yield one line for each wanted rival of a case."""
    rivals: list[Rival | None] = [r for r in case.rivals if not options.peers or r.peer in options.peers or not r.peer]
    if options.alone or not (case.rivals or options.peers):
        rivals = [None]
    if not rivals:
        return
    options = replace(options, ranks=case.ranks, threads=max(1, options.threads // case.ranks))
    with tempfile.TemporaryDirectory(prefix="wudao-bench-") as name:
        yield from _in_folder(case, rivals, options, Path(name))


def _in_folder(case: Case, rivals: list[Rival | None], options: Options, folder: Path) -> Iterator[dict[str, Any]]:
    where = machine(_all_threads(options))
    options.say(f"{case.bench}: {case.name} {case.dtype}")
    try:
        case.arrays(folder)
        if case.unit == "MB":
            yield from _memory(case, rivals, options, folder, where)
            return
        rate = _roof(case, replace(options, ranks=1, threads=_all_threads(options)))
        with options.start(options, None, case.module, case.environment) as ours:
            about = _prepare(ours, case, None, folder, options)
            ours.ask("result", path=str(folder / "ours.npz"))
            ours.pause()
            for rival in rivals:
                yield _one(case, rival, ours, about, rate, folder, options, where)
    except Error as error:
        yield failure(case, None, str(error), where)


def _one(case: Case, rival: Rival | None, ours: Worker, about: dict[str, Any], rate: float, folder: Path,
         options: Options, where: Machine) -> dict[str, Any]:
    if rival is None:
        return record(case, None, take_turns(ours, None, options.pairs, options.enough), rate, where, about)
    options.say(f"{case.bench}: {case.name} {case.dtype} against {rival.peer} {rival.variant}".rstrip())
    try:
        with options.start(options, rival, case.module, environments.KEEP_MEMORY) as peer:
            theirs = _prepare(peer, case, rival, folder, options)
            peer.ask("result", path=str(folder / "peer.npz"))
            bounds = case.bounds if rival.bounds is None else rival.bounds
            errors = compare(folder / "ours.npz", folder / "peer.npz", bounds, f"{rival.peer} {rival.variant}".strip())
            peer.pause()
            turns = take_turns(ours, peer, options.pairs, options.enough)
            more = about | {"versions": about["versions"] | theirs["versions"], "errors": errors}
            return record(case, rival, turns, rate, where, more)
    except Error as error:
        return failure(case, rival, str(error), where)


def _prepare(worker: Worker, case: Case, rival: Rival | None, folder: Path, options: Options) -> dict[str, Any]:
    spec = {**case.spec, **(rival.spec if rival else {}), "threads": options.threads,
            "ranks": options.ranks}
    return {"isa": _level(case), **worker.ask("prepare", spec=spec, folder=str(folder))}


def _all_threads(options: Options) -> int:
    return options.ranks * options.threads


def _level(case: Case) -> str:
    from wudao_rt import _core

    return case.environment.get("WUDAO_CPU_ISA") or str(_core.kernels()["level"])


def _roof(case: Case, options: Options) -> float:
    """Return the roof of a case in operations or bytes per second; the best that any of our matrix providers does."""
    if case.roof is None:
        return 0.0
    providers = [""] if "bytes" in case.roof.spec else _providers()
    rates = []
    for provider in providers:
        changes = {**case.environment, **({"WUDAO_MATMUL": provider} if provider else {})}
        with options.start(options, None, "roof", changes) as worker:
            worker.ask("prepare", spec=dict(case.roof.spec), folder="")
            rates += [turn(worker, 1)["counted"]["rate"] for _ in range(_ROOF_RUNS)]
    return max(rates)


def _providers() -> list[str]:
    """Return the matrix libraries of this machine's kind."""
    import platform

    return ["plain", "onednn"] if platform.machine() == "x86_64" else ["plain", "cblas"]


def _memory(case: Case, rivals: list[Rival | None], options: Options, folder: Path, where: Machine
            ) -> Iterator[dict[str, Any]]:
    """Yield megabytes above the imports and the parameters' state, each engine alone in a fresh process."""
    ours, about = _megabytes(case, None, options, folder)
    for rival in rivals:
        options.say(f"{case.bench}: {case.name} {case.dtype} {rival.variant if rival else ''}")
        try:
            peer, theirs = _megabytes(case, rival, options, folder) if rival else (None, about)
            more = about | {"versions": about["versions"] | theirs["versions"]}
            yield memory_record(case, rival, ours, peer, where, more)
        except Error as error:
            yield failure(case, rival, str(error), where)


def _megabytes(case: Case, rival: Rival | None, options: Options, folder: Path) -> tuple[float, dict[str, Any]]:
    with options.start(options, rival, case.module, {} if rival else case.environment) as worker:
        about = _prepare(worker, case, rival, folder, options)
        for _ in range(_MEMORY_STEPS):
            worker.ask("run", times=1, warm=False)
        found = worker.ask("memory")
    return (found["peak"] - found["imported"] - case.parameters) / 1e6, about
