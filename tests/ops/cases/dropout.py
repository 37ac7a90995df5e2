"""Dropout against Philox4x32-10 written again in Python."""

from __future__ import annotations

import numpy as np
from case import Case
from wudao_rt import ops

SEED, STEP, STREAM, P = 0x1234_5678_9ABC_DEF0, 11, 5, 0.3


def philox(counter: list[int], key: list[int]) -> list[int]:
    """Philox4x32-10 of Salmon et al. 2011 in whole numbers."""
    c, (k0, k1) = counter, key
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k0, p1 & 0xFFFFFFFF, (p0 >> 32) ^ c[3] ^ k1, p0 & 0xFFFFFFFF]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c


def uniform(index: int, seed: int = SEED, step: int = STEP, stream: int = STREAM) -> float:
    block = index // 4
    words = philox([block & 0xFFFFFFFF, block >> 32, step, stream], [seed & 0xFFFFFFFF, seed >> 32])
    return (words[index % 4] >> 8) * 2.0**-24


def _apply(x: np.ndarray) -> np.ndarray:
    keep = np.array([uniform(i) >= np.float32(P) for i in range(x.size)]).reshape(x.shape)
    return np.where(keep, x / x.dtype.type(1 - P), x.dtype.type(0))


CASES = [
    Case(
        "dropout",
        [{"n": 7}, {"n": 1}, {"n": 4}, {"n": 130}, {"n": 1021}],
        lambda rng, n: {"x": rng.normal(size=(n,))},
        lambda i, dtype: ops.dropout(i["x"], P, SEED, STEP, STREAM, dtype=dtype),
        lambda i: _apply(i["x"]),
        ("x",),
        lambda i, dy, dtype: ops.dropout_backward(i["x"], dy, P, SEED, STEP, STREAM, dtype=dtype),
        lambda i, dy: (_apply(dy),),
        errors=[
            (lambda: ops.dropout(np.zeros(3), 1.0), "dropout: p: expected a probability of at least 0 and below 1, got 1"),
            (lambda: ops.dropout(np.zeros(3), float("nan")), "dropout: p: expected a probability"),
        ],
    )
]
