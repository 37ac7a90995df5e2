"""What a run costs: useful arithmetic, the roof of the matrix products, core-hours, memory."""

from __future__ import annotations

import resource
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from wudao_rt import _core
from wudao_rt.config.shape import TransformerShape

_ROOF_SIZE = 1024
_ROOF_SECONDS = 0.25


def step_flops(shape: TransformerShape, tokens: int, pairs: int) -> float:
    """Return the useful arithmetic of a training step: 6 N tokens + 12 L h pairs.

    N are the parameters that a token meets; each visible (query, key) pair costs 4 h forward in each of L layers, and
    twice that backward.

    Args:
        shape: of the model.
        tokens: tokens of the step, padding left out.
        pairs: (query, key) pairs that the mask shows.
    Source: Kaplan et al., Scaling laws for neural language models (2020), section 2.1.
    Example:
        >>> from wudao_rt.config import GLMConfig
        >>> step_flops(GLMConfig(8, 4, 1, 1, 8), tokens=1, pairs=1) == 6 * 356 + 12 * 4
        True
    """
    return 6.0 * shape.active_parameter_count * tokens + 12.0 * shape.num_layers * shape.hidden_size * pairs


def matmul_roof(dtype: str, seconds: float = _ROOF_SECONDS) -> float:
    """Measure the best rate of the engine's own matrix product, all threads, in operations per second.

    Products of 1024 x 1024 x 1024 run for about `seconds`; the fastest counts.
    """
    return _core.matmul_roof(dtype, _ROOF_SIZE, seconds)


def peak_memory_bytes() -> int:
    """Return the largest resident memory of this process so far.

    Linux counts a parent's memory into the ru_maxrss of a program that it starts, so its own status is read there.
    """
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.is_file() else []
    for line in lines:
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@dataclass(frozen=True)
class Report:
    """How a run went and what it cost.

    Args:
        steps, tokens: done since the run's first step.
        loss: of the last step, nats.
        held_out: nats per token of the held-out texts, None when there are none.
        seconds: of training in this process; evaluation and sampling left out.
        tokens_per_second, share_of_peak: means over this process's steps.
        core_hours_per_million_tokens: threads * time.
        peak_memory_bytes: of the whole process.
        threads: used.
        finished: whether the run has its full length; else `reason` says why it stopped.
        folder: run folder.
    """

    steps: int
    tokens: int
    loss: float
    held_out: float | None
    seconds: float
    tokens_per_second: float
    share_of_peak: float
    core_hours_per_million_tokens: float
    peak_memory_bytes: int
    threads: int
    finished: bool
    reason: str
    folder: str

    def to_json(self) -> dict[str, Any]:
        """Return plain values; the loss of a run without a step, or one that is not finite, is null."""
        return asdict(self) | {"loss": self.loss if isfinite(self.loss) else None}

    def lines(self) -> str:
        """Return the report for people."""
        held_out = "" if self.held_out is None else f", held-out {self.held_out:.4f} nats/token"
        return (f"trained {self.steps} steps, {self.tokens} tokens: loss {self.loss:.4f}{held_out}\n"
                f"cost: {self.tokens_per_second:.0f} tokens/s, {100 * self.share_of_peak:.1f} % of peak, "
                f"{self.core_hours_per_million_tokens:.4f} core-hours per million tokens, "
                f"{self.peak_memory_bytes / 2**20:.0f} MiB peak memory, {self.threads} threads, {self.seconds:.1f} s")
