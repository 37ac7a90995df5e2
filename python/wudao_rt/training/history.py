"""What the log of a run tells afterwards: how long it took, how fast it was, when it passed the goal."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class History:
    """Hold a run's course.

    Args:
        steps, tokens: trained.
        seconds: of training, evaluation and sampling left out.
        share_of_peak: mean over the time.
        held_out: (seconds, nats per token) of the evaluations.
    """

    steps: int = 0
    tokens: int = 0
    seconds: float = 0.0
    share_of_peak: float = 0.0
    held_out: tuple[tuple[float, float], ...] = ()

    @property
    def tokens_per_second(self) -> float:
        """Mean over the time."""
        return self.tokens / self.seconds if self.seconds else 0.0

    @classmethod
    def read(cls, run: Path) -> History:
        """Read log.jsonl and eval.jsonl of a run folder; a folder without them tells nothing."""
        steps, evaluations = read_lines(run / "log.jsonl"), read_lines(run / "eval.jsonl")
        if not steps:
            return cls()
        last = steps[-1]
        ends = [0.0, *(step["seconds"] for step in steps)]
        spent = [end - begin for begin, end in pairwise(ends)]
        share = sum(step["share_of_peak"] * time for step, time in zip(steps, spent, strict=True))
        points = tuple(timed(steps, evaluations))
        return cls(last["step"], last["tokens"], last["seconds"], share / last["seconds"], points)

    def reached(self, loss: float) -> float | None:
        """Return the seconds of the first evaluation at or below a loss; None if there was none.

        >>> History(held_out=((10.0, 5.0), (20.0, 4.3), (30.0, 4.2))).reached(4.31)
        20.0
        """
        return next((seconds for seconds, nats in self.held_out if nats <= loss), None)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a JSON-lines file; none if there is no file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []


def timed(steps: list[dict[str, Any]], evaluations: list[dict[str, Any]]) -> list[tuple[float, float]]:
    """Return (seconds of training, held-out loss) of the evaluations."""
    when = {step["step"]: step["seconds"] for step in steps}
    return [(when[e["step"]], e["nats_per_token"]) for e in evaluations if e["step"] in when]
