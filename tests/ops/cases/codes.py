"""From vectors to codes and back. Gather and scatter of a book's codes are `embedding` and its backward."""

from __future__ import annotations

import numpy as np
from case import Case
from wudao_rt import ops

_SIZES = [
    {"rows": 3, "codes": 4, "width": 2},
    {"rows": 1, "codes": 1, "width": 1},
    {"rows": 65, "codes": 300, "width": 7},
    {"rows": 130, "codes": 64, "width": 17},
]


def _make(rng, rows, codes, width):
    return {"z": rng.normal(size=(rows, width)), "book": rng.normal(size=(codes, width))}


def _nearest(i):
    return ((i["z"][:, None] - i["book"][None]) ** 2).sum(2).argmin(1)


_Z, _BOOK = np.zeros((2, 3)), np.zeros((4, 3))

CASES = [
    Case(
        "vq_assign",
        _SIZES,
        _make,
        lambda i, dtype: ops.vq_assign(i["z"], i["book"], dtype=dtype),
        lambda i: _nearest(i).astype(np.float64),
        dtypes=("float64", "float32"),
        errors=[
            (lambda: ops.vq_assign(_Z, np.zeros((4, 2))), r"vq_assign: book: expected shape \(4, 3\), got \(4, 2\)"),
            (lambda: ops.vq_assign(_Z, np.zeros((0, 3))), "vq_assign: book: expected at least one code"),
            (lambda: ops.vq_assign(_Z, _BOOK, dtype="bfloat16"), "vq_assign: z: expected float32 or float64"),
        ],
    ),
    Case(
        "vq_quantize",
        _SIZES,
        _make,
        lambda i, dtype: ops.vq_quantize(i["z"], i["book"], dtype=dtype),
        lambda i: i["book"][_nearest(i)],
        ("z",),
        lambda i, dy, dtype: ops.vq_quantize_backward(i["z"], i["book"], dy, dtype=dtype),
        lambda i, dy: (dy,),
        stream=("z", "book"),
        smooth=lambda i: i["z"],
        errors=[
            (lambda: ops.vq_quantize(np.zeros(3), _BOOK), r"vq_quantize: z: expected \(..., channels\), got \(3,\)"),
            (lambda: ops.vq_quantize(_Z, np.zeros((4, 2))), r"vq_assign: book: expected shape \(4, 3\), got \(4, 2\)"),
            (lambda: ops.vq_quantize_backward(_Z, _BOOK, np.zeros((3, 3)), 0.5),
             r"vq_quantize: dy: expected shape \(2, 3\), got \(3, 3\)"),
        ],
    ),
]
