"""Linear, alone and with bias, activation and residual fused in."""

from __future__ import annotations

import numpy as np
from case import Case
from wudao_rt import ops

from cases.elementwise import _gelu_erf, _gelu_erf_backward, _gelu_tanh, _gelu_tanh_backward

_ACTIVATION = {
    "none": (lambda i: i["x"], lambda i, dy: (dy,)),
    "gelu_tanh": (_gelu_tanh, _gelu_tanh_backward),
    "gelu_erf": (_gelu_erf, _gelu_erf_backward),
}


def _make(rng, rows, inner, outer):
    return {
        "x": rng.normal(size=(rows, inner)),
        "weight": rng.normal(size=(outer, inner)) / np.sqrt(inner),
        "bias": rng.normal(size=outer),
        "residual": rng.normal(size=(rows, outer)),
    }


def _case(name: str, activation: str, residual: bool) -> Case:
    act, act_backward = _ACTIVATION[activation]

    def pre(i):
        return (i["x"] @ i["weight"].T + i["bias"]).astype(i["x"].dtype)

    def forward(i):
        y = act({"x": pre(i)})
        return y + i["residual"] if residual else y

    def backward(i, dy):
        (du,) = act_backward({"x": pre(i)}, dy)
        out = (du @ i["weight"], du.T @ i["x"], du.sum(axis=0))
        return (*out, dy) if residual else out

    def arguments(i):
        return i["x"], i["weight"], i["bias"], i["residual"] if residual else None

    count = 4 if residual else 3
    return Case(
        name,
        [
            {"rows": r, "inner": k, "outer": n}
            for r, k, n in ((4, 3, 5), (1, 1, 1), (1, 64, 33), (7, 31, 129), (65, 192, 64), (130, 96, 200))
        ],
        _make,
        lambda i, dtype: ops.linear(*arguments(i), activation=activation, dtype=dtype),
        forward,
        ("x", "weight", "bias", "residual")[:count],
        lambda i, dy, dtype: ops.linear_backward(*arguments(i), dy, activation=activation, dtype=dtype)[:count],
        backward,
        stream=("bias", "residual"),
        wide_output=residual,
        errors=_ERRORS if name == "linear" else [],
    )


_X, _W = np.zeros((2, 3)), np.zeros((4, 3))
_ERRORS = [
    (lambda: ops.linear(_X, np.zeros((4, 2))), r"linear: weight: expected shape \(4, 3\), got \(4, 2\)\."),
    (lambda: ops.linear(_X, _W, np.zeros(3)), r"linear: bias: expected shape \(4,\), got \(3,\)\."),
    (lambda: ops.linear(_X, _W, None, _X), r"linear: residual: expected shape \(2, 4\), got \(2, 3\)\."),
    (lambda: ops.linear(_X[0], _W), r"linear: x: expected a matrix \(2 dimensions\), got \(3,\)\."),
    (lambda: ops.linear(_X, _W, activation="relu"), 'linear: activation: expected .*, got "relu"'),
    (lambda: ops.linear(_X, _W, dropout=1.5), "linear: dropout: expected a probability"),
    (lambda: ops.linear_backward(_X, _W, None, None, _X), r"linear: dy: expected shape \(2, 4\), got \(2, 3\)"),
]

CASES = [
    _case("linear", "none", residual=False),
    _case("linear_gelu_tanh", "gelu_tanh", residual=False),
    _case("linear_gelu_erf", "gelu_erf", residual=False),
    _case("linear_residual", "none", residual=True),
]
