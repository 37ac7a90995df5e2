"""The cases of every bench."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from wudao_rt.bench.case import Case

BENCHES = ("train", "attention", "decode", "prefill", "batch", "load", "kernels", "moe")


def cases_of(bench: str, quick: bool) -> list[Case]:
    """Return the cases of a bench; `quick` leaves the long ones out."""
    make: Callable[[bool], list[Case]] = import_module(f"wudao_rt.bench.cases.{bench}").cases
    return make(quick)
