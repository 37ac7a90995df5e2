"""GELU in both forms, and add."""

from __future__ import annotations

import math

import numpy as np
from case import Case
from wudao_rt import ops

_erf = np.vectorize(math.erf, otypes=[np.float64])  # 1 unit in the last place: enough for the truth of float64 too
_C, _A = math.sqrt(2 / math.pi), 0.044715


def _gelu_tanh(i):
    x = i["x"]
    return (0.5 * x * (1 + np.tanh(_C * (x + _A * x**3)))).astype(x.dtype)


def _gelu_tanh_backward(i, dy):
    x = i["x"]
    t = np.tanh(_C * (x + _A * x**3))
    return ((dy * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * _C * (1 + 3 * _A * x * x))).astype(x.dtype),)


def _gelu_erf(i):
    x = i["x"]
    return (0.5 * x * (1 + _erf(x / math.sqrt(2)))).astype(x.dtype)


def _gelu_erf_backward(i, dy):
    x = i["x"]
    density = np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    return ((dy * (0.5 * (1 + _erf(x / math.sqrt(2))) + x * density)).astype(x.dtype),)


def _make(rng, n):
    x = rng.normal(scale=3.0, size=(n,))
    x[: min(n, 4)] = [0.0, -12.0, 12.0, 1e-4][: min(n, 4)]
    return {"x": x}


_SIZES = [{"n": n} for n in (5, 1, 15, 16, 17, 33, 1000)]

CASES = [
    Case(
        f"gelu_{form}",
        _SIZES,
        _make,
        lambda i, dtype, form=form: ops.gelu(i["x"], form, dtype=dtype),
        forward,
        ("x",),
        lambda i, dy, dtype, form=form: ops.gelu_backward(i["x"], dy, form, dtype=dtype),
        backward,
        errors=[(lambda: ops.gelu(np.zeros(3), "relu"), r'gelu: form: expected "tanh" or "erf", got .relu')],
    )
    for form, forward, backward in (
        ("tanh", _gelu_tanh, _gelu_tanh_backward),
        ("erf", _gelu_erf, _gelu_erf_backward),
    )
] + [
    Case(
        "add",
        [{"n": 3}, {"n": 1}, {"n": 1000}],
        lambda rng, n: {"a": rng.normal(size=(n, 2)), "b": rng.normal(size=(n, 2))},
        lambda i, dtype: ops.add(i["a"], i["b"], dtype=dtype),
        lambda i: i["a"] + i["b"],
        ("a", "b"),
        lambda i, dy, dtype: ops.add_backward(i["a"], i["b"], dy, dtype=dtype),
        lambda i, dy: (dy, dy),
        errors=[
            (lambda: ops.add(np.zeros((2, 3)), np.zeros((3, 2))), r"add: b: expected shape \(2, 3\), got \(3, 2\)\."),
            (lambda: ops.add(np.zeros(2), np.array(["a", "b"])), "add: b: expected float64, got <U1"),
            (lambda: ops.add(np.zeros(2), np.zeros(2), dtype="int8"), 'dtype: name: expected .*, got "int8"'),
        ],
    )
]
