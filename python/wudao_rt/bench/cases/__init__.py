"""The cases of every bench."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from importlib import import_module

from wudao_rt.bench.case import Case
from wudao_rt.config.settings import refuse_unknown
from wudao_rt.errors import ConfigError, shown

BENCHES = ("train", "attention", "decode", "prefill", "batch", "load", "kernels", "moe", "vq", "draw")


def cases_of(bench: str, quick: bool) -> list[Case]:
    """Return the cases of a bench; `quick` leaves the long ones out."""
    make: Callable[[bool], list[Case]] = import_module(f"wudao_rt.bench.cases.{bench}").cases
    return make(quick)


def chosen(cases: Sequence[Case], patterns: Sequence[str], dtypes: Sequence[str], op: str) -> list[Case]:
    """Return the cases whose name holds one of the patterns and whose dtype is one of these; nothing given: all.

    Raises:
        ConfigError: a pattern or dtype that no case has, or no case that has both.
    """
    names = dict.fromkeys(case.name for case in cases)
    for dtype in dtypes:
        refuse_unknown(dtype, dict.fromkeys(case.dtype for case in cases), f"{op}: --dtype")
    for pattern in patterns:
        if not any(_holds(name, [pattern]) for name in names):
            raise ConfigError(f"{op}: --case: expected part of one of these: {'; '.join(names)}; got {shown(pattern)}. "
                              "Choose one of them.")
    found = [case for case in cases if _holds(case.name, patterns) and (not dtypes or case.dtype in dtypes)]
    if not found:
        raise ConfigError(f"{op}: --case and --dtype: expected cases that have both, got none. Leave one out.")
    return found


def _holds(name: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatchcase(name, f"*{pattern}*") for pattern in patterns)
