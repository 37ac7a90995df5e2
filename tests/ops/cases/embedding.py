"""Embedding: a look-up, and a scatter of its gradient."""

from __future__ import annotations

import numpy as np
from case import Case
from wudao_rt import ops


def _make(rng, rows, vocab, width):
    return {"table": rng.normal(size=(vocab, width)), "ids": rng.integers(0, vocab, size=rows)}


def _backward(i, dy):
    table = np.zeros_like(i["table"])
    np.add.at(table, i["ids"], dy)
    return (table,)


_T = np.zeros((4, 2))

CASES = [
    Case(
        "embedding",
        [
            {"rows": 6, "vocab": 4, "width": 3},
            {"rows": 1, "vocab": 1, "width": 1},
            {"rows": 40, "vocab": 3, "width": 17},
            {"rows": 200, "vocab": 1000, "width": 33},
        ],
        _make,
        lambda i, dtype: ops.embedding(i["table"], i["ids"], dtype=dtype),
        lambda i: i["table"][i["ids"]],
        ("table",),
        lambda i, dy, dtype: ops.embedding_backward(i["table"], i["ids"], dy, dtype=dtype),
        _backward,
        stream=("table",),
        wide_output=True,
        errors=[
            (lambda: ops.embedding(_T, [0, 4]), "embedding: ids: expected numbers from 0 to 3, got 4 at index 1"),
            (lambda: ops.embedding(_T, [-1]), "embedding: ids: .* got -1 at index 0"),
            (lambda: ops.embedding(_T, [0.5]), r"embedding: ids: expected whole numbers \(int32\), got float64"),
            (lambda: ops.embedding(np.zeros(4), [0]), r"embedding: table: expected a matrix \(2 dimensions\), got \(4,\)"),
            (lambda: ops.embedding(_T, [2**40]), "embedding: ids: expected numbers that fit int32"),
            (lambda: ops.embedding_backward(_T, [0, 1], np.zeros((3, 2))), r"embedding: dy: expected shape \(2, 2\)"),
        ],
    )
]
