"""What an evaluation of pictures finds: one number after the other, each with what it is of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite, isnan
from typing import Any

from wudao_rt.evaluation.images.intervals import Interval


@dataclass(frozen=True)
class Result:
    """Hold one number.

    Args:
        part: of the evaluation: tokenizer, likelihood, retrieval or drawing.
        measure: what the number is, with its unit.
        value: the number.
        n: pictures, texts or samples that it is computed from.
        of: what it is computed of, for example {"language": "en", "group": "flags"}.
        low, high: ends of its 95 % interval, if it has one.
        chance: what guessing would give, if that is known.
        detail: whether people who look at a screen can do without it.
    """

    part: str
    measure: str
    value: float
    n: int
    of: Mapping[str, str] = field(default_factory=dict)
    low: float | None = None
    high: float | None = None
    chance: float | None = None
    detail: bool = False

    @classmethod
    def between(cls, part: str, measure: str, interval: Interval, of: Mapping[str, str], *,
                chance: float | None = None, detail: bool = False) -> Result:
        """Return a mean with its interval."""
        low, high = (None, None) if isnan(interval.low) else (interval.low, interval.high)
        return cls(part, measure, interval.value, interval.n, of, low, high, chance, detail)

    def to_json(self) -> dict[str, Any]:
        """Return plain values; what is not finite is null."""
        numbers = {"value": self.value, "low": self.low, "high": self.high, "chance": self.chance}
        kept = {name: number if number is not None and isfinite(number) else None
                for name, number in numbers.items() if name == "value" or number is not None}
        return {"part": self.part, "measure": self.measure, **self.of, **kept, "n": self.n}

    def line(self) -> str:
        """Return it for a person."""
        between = f"{_short(self.low)} .. {_short(self.high)}" if self.low is not None and self.high is not None else ""
        chance = f"  chance {_short(self.chance)}" if self.chance is not None else ""
        return (f"{self.part:<10}  {', '.join(self.of.values()):<34}  {self.measure:<46} {_short(self.value):>8}  "
                f"{between:<18}  n {self.n}{chance}")


def _short(number: float) -> str:
    size = abs(number)
    return f"{number:.4f}" if size < 1 else f"{number:.3f}" if size < 100 else f"{number:.1f}"
