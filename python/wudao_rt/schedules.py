"""Learning-rate schedules: constant, linear, cosine and warmup-stable-decay."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import cos, pi
from typing import Any

from wudao_rt.errors import ConfigError


@dataclass(frozen=True)
class Schedule:
    """Hold what every schedule shares and rise linearly to the peak: lr * t / W for t <= W.

    Args:
        lr: peak learning rate.
        steps: N, steps until the decay ends.
        warmup: share of N that rises; W = warmup * N stays a real number.
        decay_ratio: r, learning rate at the end over the peak.
    Raises:
        ConfigError: a number outside its range.
    """

    lr: float
    steps: int
    warmup: float = 0.0
    decay_ratio: float = 0.1

    def __post_init__(self) -> None:
        limits = {"lr": (0, 1e9), "steps": (1, 1e15), "warmup": (0, 0.999999), "decay_ratio": (0, 1)}
        for name, (low, high) in (limits | self._limits()).items():
            if not low <= getattr(self, name) <= high:
                raise ConfigError(
                    f"schedule: {name}: expected {low}..{high}, got {getattr(self, name)}. Change the config."
                )

    @property
    def warmup_steps(self) -> float:
        """Return W = warmup * N."""
        return self.warmup * self.steps

    def lr_at(self, step: float) -> float:
        """Return the learning rate of step t >= 0."""
        if self.warmup_steps > 0 and step <= self.warmup_steps:
            return self.lr * step / self.warmup_steps
        return self._after_warmup(step - self.warmup_steps, self.steps - self.warmup_steps)

    def _limits(self) -> dict[str, tuple[float, float]]:
        return {}

    def _after_warmup(self, elapsed: float, span: float) -> float:
        raise NotImplementedError


@dataclass(frozen=True)
class Constant(Schedule):
    """Stay at the peak after the warmup."""

    def _after_warmup(self, elapsed: float, span: float) -> float:
        return self.lr


@dataclass(frozen=True)
class Linear(Schedule):
    """Fall in a straight line: lr - lr (1 - r) (t - W) / D, D = N - W.

    As in the reference the line has no floor: past N it goes on below r * lr, and below zero, so end the run at N.
    """

    def _after_warmup(self, elapsed: float, span: float) -> float:
        return self.lr - self.lr * (1 - self.decay_ratio) * elapsed / span


@dataclass(frozen=True)
class Cosine(Schedule):
    """Fall on half a cosine: lr r [(cos(pi min(1, (t - W) / D)) + 1) (1/r - 1) / 2 + 1], D = N - W; then r lr.

    Example:
        >>> schedule = Cosine(lr=1e-4, steps=175000, warmup=0.04, decay_ratio=0.1)
        >>> [round(schedule.lr_at(step), 10) for step in (3500, 7000, 91000, 175000)]
        [5e-05, 0.0001, 5.5e-05, 1e-05]
    """

    def _after_warmup(self, elapsed: float, span: float) -> float:
        wave = (cos(pi * min(1.0, elapsed / span)) + 1) / 2
        return self.lr * (self.decay_ratio + (1 - self.decay_ratio) * wave)  # the same product, and r = 0 is allowed


@dataclass(frozen=True)
class WarmupStableDecay(Schedule):
    """Stay at the peak, then fall in a straight line to r * lr over the last `decay` share of N; then r * lr.

    Source: Hu et al., MiniCPM (2024), section 4.
    """

    decay: float = 0.2

    def _limits(self) -> dict[str, tuple[float, float]]:
        return {"decay": (1e-9, 1 - self.warmup)}

    def _after_warmup(self, elapsed: float, span: float) -> float:
        length = self.decay * self.steps
        fallen = min(1.0, max(0.0, (elapsed - (span - length)) / length))
        return self.lr * (1 - (1 - self.decay_ratio) * fallen)


SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "linear": Linear,
    "cosine": Cosine,
    "warmup-stable-decay": WarmupStableDecay,
}


def schedule_from_config(name: str, keys: Mapping[str, Any]) -> Schedule:
    """Build the schedule called `name` from the keys of a config table.

    Raises:
        ConfigError: an unknown name or key, with the nearest known one.
    Example:
        >>> schedule_from_config("linear", {"lr": 1.0, "steps": 10, "decay_ratio": 0.5}).lr_at(10)
        0.5
    """
    _refuse_unknown(name, list(SCHEDULES), "schedule: name")
    for key in keys:
        _refuse_unknown(key, [field.name for field in fields(SCHEDULES[name])], f"schedule {name}: key")
    return SCHEDULES[name](**keys)


def _refuse_unknown(name: str, known: list[str], what: str) -> None:
    if name not in known:
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0)[0]
        raise ConfigError(f"{what}: expected one of {', '.join(known)}, got {name}. Did you mean {nearest}?")
