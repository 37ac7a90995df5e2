"""log_softmax."""

from __future__ import annotations

import numpy as np
from case import Case
from wudao_rt import ops


def _forward(i):
    x = i["x"] - i["x"].max(axis=1, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=1, keepdims=True))


def _backward(i, dy):
    return (dy - np.exp(_forward(i)) * dy.sum(axis=1, keepdims=True),)


CASES = [
    Case(
        "log_softmax",
        [{"rows": r, "cols": c} for r, c in ((3, 5), (1, 1), (2, 16), (4, 17), (5, 300))],
        lambda rng, rows, cols: {"x": rng.normal(scale=4.0, size=(rows, cols))},
        lambda i, dtype: ops.log_softmax(i["x"], dtype=dtype),
        _forward,
        ("x",),
        lambda i, dy, dtype: ops.log_softmax_backward(i["x"], dy, dtype=dtype),
        _backward,
        dtypes=("float64", "float32"),
        errors=[
            (lambda: ops.log_softmax(np.zeros(3)), r"log_softmax: x: expected"),
            (lambda: ops.log_softmax_backward(np.zeros((2, 3)), np.zeros((2, 4))), r"log_softmax_backward: dy: expected"),
        ],
    )
]
