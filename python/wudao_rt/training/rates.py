"""Learning rates of a run, by step or by the clock."""

from __future__ import annotations

from wudao_rt.config import TrainTable
from wudao_rt.errors import ConfigError
from wudao_rt.schedules import schedule_from_config

_CLOCK_STEPS = 1_000_000


class Rates:
    """Return the schedule's share of the peak learning rates, how far the run is, and whether it is over.

    A run of so many seconds follows the clock: its learning rates, and so its bits, depend on the machine's speed. A
    run of so many steps or tokens does not.
    """

    def __init__(self, train: TrainTable) -> None:
        self._train = train
        self._steps = train.total_steps or _CLOCK_STEPS
        extra = {"decay": train.decay} if train.schedule == "warmup-stable-decay" else {}
        try:
            self._schedule = schedule_from_config(train.schedule, {
                "lr": 1.0, "steps": self._steps, "warmup": train.warmup, "decay_ratio": train.decay_ratio, **extra})
        except ValueError as error:
            raise ConfigError(f"config: train: {error}") from None

    def share(self, step: int, seconds: float) -> float:
        """Return the factor on the peak of update `step` (counted from 1) at `seconds` of training."""
        if not self._train.seconds:
            return self._schedule.lr_at(step)
        # Never 0, so that the first update of a warm-up by the clock is one.
        return max(self._schedule.lr_at(self.done(step, seconds) * _CLOCK_STEPS), 1e-3)

    def done(self, steps_done: int, seconds: float) -> float:
        """Return the share of the run that is over, 0 to 1."""
        return min(1.0, seconds / self._train.seconds if self._train.seconds else steps_done / self._steps)

    def over(self, steps_done: int, seconds: float) -> bool:
        """Return whether the run has its full length."""
        if self._train.seconds:
            return seconds >= self._train.seconds
        return steps_done >= self._steps
