"""Matrix products in all four layouts."""

from __future__ import annotations

import numpy as np
from case import Case
from wudao_rt import ops


def _case(ta: bool, tb: bool) -> Case:
    def make(rng, m, k, n):
        return {"a": rng.normal(size=(k, m) if ta else (m, k)), "b": rng.normal(size=(n, k) if tb else (k, n))}

    def straight(i):
        return i["a"].T if ta else i["a"], i["b"].T if tb else i["b"]

    def forward(i):
        a, b = straight(i)
        return a @ b

    def backward(i, dy):
        a, b = straight(i)
        da, db = dy @ b.T, a.T @ dy
        return da.T if ta else da, db.T if tb else db

    return Case(
        f"matmul_{'t' if ta else 'n'}{'t' if tb else 'n'}",
        [{"m": m, "k": k, "n": n} for m, k, n in ((2, 3, 4), (1, 1, 1), (1, 65, 17), (33, 7, 63), (129, 200, 70))],
        make,
        lambda i, dtype: ops.matmul(i["a"], i["b"], ta, tb, dtype=dtype),
        forward,
        ("a", "b"),
        lambda i, dy, dtype: ops.matmul_backward(i["a"], i["b"], dy, ta, tb, dtype=dtype),
        backward,
        wide_output=True,
        dtypes=("float64", "float32") if (ta or tb) else ("float64", "float32", "bfloat16", "float16"),
        errors=[
            (
                lambda: ops.matmul(np.zeros((2, 3)), np.zeros((2, 3))),
                "matmul: b: expected an inner dimension of 3 as in a, got 2. Transpose one of the two",
            )
        ],
    )


CASES = [_case(ta, tb) for ta in (False, True) for tb in (False, True)]
