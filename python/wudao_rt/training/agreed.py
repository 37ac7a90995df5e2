"""What the ranks of a run agree on between two steps: the time, whether to stop, what was sent."""

from __future__ import annotations

import numpy as np

DEPTH = 4  # batches that wait, beside the one in the making
STOPS = ("", "SIGTERM", "SIGINT", "SIGUSR1")


class Agreed:
    """Hold what all ranks go by: the clock of the first, and what any of them was told.

    Args:
        seconds: of training before the first step of this process.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = self._start = seconds
        self.over = self.watch = False
        self.stop = ""
        self.spent: list[float] = []
        self._at: dict[int, float] = {}

    def take(self, step: int, told: np.ndarray) -> None:
        """Take the numbers of all ranks, (ranks, 4 + those that are summed up), after `step` steps."""
        self.seconds = self._at[step] = float(told[0, 0])
        self.over, self.watch = bool(told[:, 1].any()), bool(told[0, 2])
        self.stop = STOPS[int(told[:, 3].max())]
        self.spent = told[:, 4:].sum(axis=0).tolist()
        self._at.pop(step - 3 * DEPTH, None)

    def before(self, step: int) -> float:
        """Return the seconds that were agreed on when no rank can have begun with the batch of `step`."""
        return self._at.get(step - DEPTH - 2, self._start)
