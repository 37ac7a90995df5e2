"""AdamW and Newton-Schulz."""

from __future__ import annotations

import numpy as np
from case import Case
from wudao_rt import ops

LR, B1, B2, EPS, DECAY, STEP = 0.01, 0.9, 0.98, 1e-6, 0.1, 3


def _adamw(i):
    p, g, m, v = (i[k] for k in ("p", "grad", "m", "v"))
    m, v = B1 * m + (1 - B1) * g, B2 * v + (1 - B2) * g * g
    update = (m / (1 - B1**STEP)) / (np.sqrt(v / (1 - B2**STEP)) + EPS) + DECAY * p
    return np.stack([p - LR * update, m, v]).astype(p.dtype)


def _run_adamw(i, dtype):
    return np.stack(ops.adamw(i["p"], i["grad"], i["m"], i["v"], STEP, LR, B1, B2, EPS, DECAY, dtype=dtype))


def _newton_schulz(i):
    x = i["g"] / (np.linalg.norm(i["g"]) + 1e-7)
    for _ in range(5):
        x = x.T if i["g"].shape[0] > i["g"].shape[1] else x
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
        x = x.T if i["g"].shape[0] > i["g"].shape[1] else x
    return x.astype(i["g"].dtype)


CASES = [
    Case(
        "adamw",
        [{"n": n} for n in (1, 15, 16, 17, 5000)],
        lambda rng, n: {k: rng.normal(size=n) ** (2 if k == "v" else 1) for k in ("p", "grad", "m", "v")},
        _run_adamw,
        _adamw,
        dtypes=("float64", "float32"),
        errors=[
            (lambda: ops.adamw(np.zeros(3), np.zeros(2), np.zeros(3), np.zeros(3), 1, 0.1),
             r"adamw: grad: expected shape \(3,\), got \(2,\)"),
        ],
    ),
    Case(
        "newton_schulz",
        [{"rows": r, "cols": c} for r, c in ((3, 5), (5, 3), (8, 8), (64, 192), (192, 64))],
        lambda rng, rows, cols: {"g": rng.normal(size=(rows, cols))},
        lambda i, dtype: ops.newton_schulz(i["g"], dtype=dtype),
        _newton_schulz,
        dtypes=("float64", "float32"),
        errors=[(lambda: ops.newton_schulz(np.zeros(3)), r"newton_schulz: gradient: expected a matrix")],
    ),
]
