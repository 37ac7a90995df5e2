"""The loads of experts that a run has written down."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wudao_rt.errors import ConfigError
from wudao_rt.ops.types import Array
from wudao_rt.training.history import read_lines


@dataclass(frozen=True)
class Loads:
    """Hold rows by step, layer and expert, over those of an equal share.

    Args:
        steps: (N,) numbers of the steps.
        loads: (N, layers, experts).
        dropped: rows that full experts let go, of all steps.
    """

    steps: Array
    loads: Array
    dropped: int

    def last_tenth(self) -> Array:
        """Return the mean over the last tenth of the steps, (layers, experts)."""
        return self.loads[-max(1, len(self.loads) // 10):].mean(0)


def read_loads(run: Path) -> Loads:
    """Read balance.jsonl of a run folder.

    Raises:
        ConfigError: there is none: no run, or one without experts.
    """
    lines = read_lines(run / "balance.jsonl") if (run / "balance.jsonl").is_file() else []
    if not lines:
        raise ConfigError(f"inspect balance: RUN: expected the folder of a run with experts, {run} has no "
                          "balance.jsonl with a step in it. Give one that was trained with [model.moe].")
    counts = np.array([line["counts"] for line in lines], np.float64)
    dropped = sum(sum(map(sum, line["dropped"])) for line in lines)
    return Loads(np.array([line["step"] for line in lines]), counts / np.maximum(counts.mean(2, keepdims=True), 1e-9),
                 dropped)
