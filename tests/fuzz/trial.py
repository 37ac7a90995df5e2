"""Trials with made inputs: each ends with an object or with one error of ours, soon and in little memory.

The inputs of a run follow from one seed. A failure names it; `FUZZ_SEED=n FUZZ_TRIAL=i` makes that input again, and the
input itself is left in build/fuzz/. FUZZ_SECONDS says how long a test goes on.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import random
import re
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from wudao_rt.errors import Error, InternalError

FOLDER = Path(__file__).parents[2] / "build" / "fuzz"
PATTERN = re.compile(r"[^:]+: .+?: expected .+, (got|came):? .+[.?!] [A-Z].*[.?!]")
LONGEST_TEXT = 1000
SECONDS_OF_A_TRIAL = 5.0
SECONDS_OF_A_HANG = 60.0
MEMORY = 1 << 30


def outcome(action: Callable[[], Any]) -> Any:
    """Return what `action` returns, or the error of ours that it raises; anything else fails the trial."""
    start = time.monotonic()
    try:
        found = action()
    except Error as error:
        found = error
        assert not isinstance(error, InternalError), f"a defect of ours: {error}"
        assert is_told_well(str(error)), f"not `what: argument: expected, got. What to do.`: {str(error)[:2000]!r}"
    except BaseException as error:  # a panic of a library is no Exception
        raise AssertionError(f"{type(error).__name__} came through: {str(error)[:2000]!r}") from error
    seconds = time.monotonic() - start
    assert seconds < SECONDS_OF_A_TRIAL, f"took {seconds:.1f} s"
    return found


def is_told_well(text: str) -> bool:
    """Return whether a text is one short line of the house pattern."""
    return len(text) <= LONGEST_TEXT and text.isprintable() and PATTERN.fullmatch(text) is not None


@contextlib.contextmanager
def limited_memory() -> Iterator[None]:
    """Let an allocation fail that takes the process a gigabyte beyond what it has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def fuzz(name: str, trial: Callable[[random.Random, Path], Any]) -> dict[str, int]:
    """Run trials until the time is over; return how often each kind of outcome came.

    Args:
        name: folder of the inputs, below build/fuzz.
        trial: makes an input from a generator of random numbers, in a folder, and returns what `outcome` returned.
    """
    seed = int(os.environ.get("FUZZ_SEED", time.time_ns() % 1_000_000))
    end = time.monotonic() + float(os.environ.get("FUZZ_SECONDS", "60"))
    only = os.environ.get("FUZZ_TRIAL")
    counts: dict[str, int] = {}
    number = int(only or 0)
    with limited_memory():
        while time.monotonic() < end:
            kind = _guarded(trial, seed, number, FOLDER / name)
            counts[kind] = counts.get(kind, 0) + 1
            number += 1
            if only is not None:
                break
    print(f"fuzz {name}: FUZZ_SEED={seed}, {number} trials: {counts}")
    return counts


def _guarded(trial: Callable[[random.Random, Path], Any], seed: int, number: int, folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "trial").write_text(f"FUZZ_SEED={seed} FUZZ_TRIAL={number}\n")  # for the one that ends the process
    faulthandler.dump_traceback_later(SECONDS_OF_A_HANG, exit=True)
    try:
        return type(trial(random.Random(f"{seed} {number}"), folder)).__name__
    except BaseException as error:
        where = f"repeat with FUZZ_SEED={seed} FUZZ_TRIAL={number}; the input is in {folder}"
        raise AssertionError(f"{error}\n{where}") from error
    finally:
        faulthandler.cancel_dump_traceback_later()
