"""The goals, and what a run says about them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from statistics import median
from typing import Any

from wudao_rt.bench.screen import figure

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_FILE = Path(__file__).with_name("goals.toml")
_KEYS = {"peer": "peer_name"}  # of a goal -> of a line
Line = Mapping[str, Any]


@dataclass(frozen=True)
class Quantity:
    """One figure of a line; which of several lines counts when all have to be good enough."""

    words: str
    of: Callable[[Line], float | None]
    percent: bool = False


def _difference(line: Line) -> float | None:
    return None if line.get("peer") is None else line["ours"] - line["peer"]


def _inverse(line: Line) -> float | None:
    return None if line.get("ratio") is None else 1 / line["ratio"]


QUANTITIES = {
    "ratio": Quantity("x the peer", lambda line: line.get("ratio")),
    "inverse": Quantity("x of it", _inverse),
    "roof": Quantity("of the roof", lambda line: line.get("share_of_roof"), percent=True),
    "ours": Quantity("ours", lambda line: line.get("ours")),
    "above": Quantity("more", _difference),
}


@dataclass(frozen=True)
class Verdict:
    """One goal of a row with what was measured; `measured` and `met` are None when nothing was."""

    work: str
    goal: str
    measured: str | None
    met: bool | None


def verdicts(lines: Sequence[Line]) -> Iterator[Verdict]:
    """Yield every goal in the order of the file."""
    for row in tomllib.loads(_FILE.read_text(encoding="utf-8"))["goal"]:
        chosen = [line for line in lines if "error" not in line and matches(line, row["lines"])]
        for name, quantity in QUANTITIES.items():
            if name in row:
                yield _verdict(row["work"], name, quantity, row[name], chosen)


def matches(line: Line, wanted: Mapping[str, str | list[str]]) -> bool:
    """Return whether a line is one that a goal speaks of; of a list, one pattern has to fit.

    Example:
        >>> line = {"bench": "train", "case": "91.7M", "variant": "eager, autocast"}
        >>> matches(line, {"case": ["13*", "91*"], "variant": "eager"})
        True
    """
    return all(any(_fits(line, key, one) for one in ([value] if isinstance(value, str) else value))
               for key, value in wanted.items())


def _fits(line: Line, key: str, pattern: str) -> bool:
    if key == "variant":
        return str(line.get(key) or "").startswith(pattern)
    return fnmatchcase(str(line.get(_KEYS.get(key, key))), pattern)


def _verdict(work: str, name: str, quantity: Quantity, limits: Mapping[str, float], lines: Sequence[Line]) -> Verdict:
    low, limit = "at_least" in limits, next(iter(limits.values()))
    goal = f"{'at least' if low else 'at most'} {_shown(quantity, limit)} {quantity.words}"
    value = _value(name, quantity, low, lines)
    if value is None:
        return Verdict(work, goal, None, None)
    return Verdict(work, goal, _shown(quantity, value), value >= limit if low else value <= limit)


def _value(name: str, quantity: Quantity, low: bool, lines: Sequence[Line]) -> float | None:
    """Return the worst line of a comparison, since a peer's best way counts; of our own figures each case's median."""
    cases: dict[tuple[str, str], list[float]] = {}
    for line in lines:
        if (value := quantity.of(line)) is not None:
            cases.setdefault((line["case"], line["dtype"]), []).append(value)
    worst = min if low else max
    own = name in ("ours", "roof")
    return worst((median(v) if own else worst(v) for v in cases.values()), default=None)


def _shown(quantity: Quantity, value: float) -> str:
    return f"{100 * value:.0f} %" if quantity.percent else figure(value)
