"""What an int8 cache costs a trained model: held-out nats per token of verse, every token decoded through the cache.

    python bench/cache_quality.py runs/verse-tiny
"""

from __future__ import annotations

import sys

import numpy as np
from wudao_rt import GLM, _core, load
from wudao_rt.data import prepare
from wudao_rt.datasets import report_rows


def logits_of(decoder: _core.Decoder, cache: _core.KvCache, row: tuple[np.ndarray, ...], sep: int) -> np.ndarray:
    """Feed the form tag at once and the poem token by token."""
    pieces = [(0, sep), *((t, t + 1) for t in range(sep, len(row[0])))]
    return np.concatenate([decoder.run([(cache, *(x[a:b] for x in row), a == 0)], "all") for a, b in pieces])


def nats_per_token(model: GLM, int8: bool) -> float:
    """Return the mean loss of the held-out quatrains."""
    decoder, losses = _core.Decoder(model.core), []
    records = list(prepare("tang-quatrains").records("report"))
    for arrays in (batch.arrays for batch in report_rows(records, model.tokenizer, 32)):
        for i, sep in enumerate(arrays.sep):
            counted = np.flatnonzero(arrays.loss_mask[i])
            row = tuple(x[i, : counted[-1] + 1] for x in (arrays.ids, arrays.positions, arrays.block_positions))
            logits = logits_of(decoder, _core.KvCache(model.core, int8=int8), row, int(sep))[counted].astype(np.float64)
            chosen = logits[np.arange(len(counted)), arrays.targets[i, counted]]
            losses.append(np.logaddexp.reduce(logits, axis=1) - chosen)
    return float(np.concatenate(losses).mean())


if __name__ == "__main__":
    trained = load(sys.argv[1], dtype="bfloat16")
    models = {"bfloat16": trained, "int8": trained.quantized("int8"), "int4": trained.quantized("int4")}
    for name, model in models.items():
        exact, rounded = nats_per_token(model, False), nats_per_token(model, True)
        print(f"{name} weights: float cache {exact:.4f}, int8 cache {rounded:.4f} ({rounded - exact:+.4f})")
