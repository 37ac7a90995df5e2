"""Held-out loss in nats per token."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from wudao_rt import _core
from wudao_rt.datasets import Rows
from wudao_rt.glm import GLM


@dataclass(frozen=True)
class HeldOut:
    """The sum of negative log-probabilities of `tokens` tokens of `n` rows."""

    nats: float
    tokens: int
    n: int

    @property
    def nats_per_token(self) -> float:
        """Return the mean; NaN for no tokens."""
        return self.nats / self.tokens if self.tokens else float("nan")

    def to_json(self) -> dict[str, float]:
        """Return the mean and the counts."""
        return {"nats_per_token": self.nats_per_token, "tokens": self.tokens, "n": self.n}


def held_out_loss(model: GLM | _core.Trainer, batches: Iterable[Rows], limit: int = 0) -> HeldOut:
    """Sum the loss over batches, dropout off.

    Args:
        model: any GLM; or the trainer of one, whose ranks share the work.
        batches: rows whose loss mask counts what is to be scored.
        limit: batches to take at most; 0: all.
    """
    nats, tokens, rows = 0.0, 0, 0
    core = model if isinstance(model, _core.Trainer) else model.core
    for batch in islice(batches, limit or None):
        samples = len(batch.arrays.sep)
        loss = core.loss(dict(batch.arrays), shards=min(8, samples & -samples), dropout=False, training=False)
        nats += loss * batch.weight + batch.extra_nats
        tokens += round(batch.weight)
        rows += len(batch.arrays.sep)
    return HeldOut(nats, tokens, rows)
