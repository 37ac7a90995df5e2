"""Cross-entropy fused with the output projection. Its result here: the sum over shards, as one number."""

from __future__ import annotations

import numpy as np
from case import Case
from wudao_rt import ops


def _make(rng, rows, width, vocab):
    weights = rng.uniform(0.1, 1.0, size=rows)
    weights[rng.random(rows) < 0.3] = 0.0
    weights[0] = 0.5
    return {
        "h": rng.normal(size=(rows, width)),
        "weight": rng.normal(size=(vocab, width)),
        "targets": rng.integers(0, vocab, size=rows),
        "weights": weights,
    }


def _log_softmax(i):
    z = i["h"] @ i["weight"].T
    z = z - z.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def _forward(i):
    picked = _log_softmax(i)[np.arange(len(i["targets"])), i["targets"]]
    return -np.sum(picked * i["weights"], keepdims=True)


def _backward(i, dy):
    dz = np.exp(_log_softmax(i))
    dz[np.arange(len(i["targets"])), i["targets"]] -= 1
    dz *= i["weights"][:, None].astype(dz.dtype)
    return dz @ i["weight"], dz.T @ i["h"]


def _arguments(i):
    return i["h"], i["weight"], i["targets"], i["weights"]


def _run_backward(i, dy, dtype):
    return tuple(g * float(dy[0]) for g in ops.output_loss_backward(*_arguments(i), dtype=dtype))


def _scaled_backward(i, dy):
    return tuple(g * dy[0] for g in _backward(i, dy))


_H, _W, _T, _S = np.zeros((2, 3)), np.zeros((5, 3)), np.zeros(2, int), np.ones(2)

CASES = [
    Case(
        "output_loss",
        [
            {"rows": r, "width": w, "vocab": v}
            for r, w, v in ((4, 3, 7), (1, 1, 1), (9, 16, 65), (300, 24, 130), (70, 64, 1000))
        ],
        _make,
        lambda i, dtype: ops.output_loss(*_arguments(i), dtype=dtype)[0],
        _forward,
        ("h", "weight"),
        _run_backward,
        _scaled_backward,
        stream=("weights",),
        wide_output=True,
        errors=[
            (lambda: ops.output_loss(_H, _W, [0, 5], _S), "output_loss: targets: expected numbers from 0 to 4, got 5 at index 1"),
            (lambda: ops.output_loss(_H, _W, _T, _S, logit_columns=6), "output_loss: logit_columns: expected at most 5, got 6"),
            (lambda: ops.output_loss(_H, _W, _T, np.ones(3)), r"output_loss: weights: expected shape \(2,\), got \(3,\)"),
            (lambda: ops.output_loss(_H, _W, _T, _S, shards=4), "output_loss: shards: .* got 4 shards for 2 rows"),
            (lambda: ops.output_loss(_H, np.zeros((5, 4)), _T, _S), r"output_loss: weight: expected shape \(5, 3\)"),
        ],
    )
]
