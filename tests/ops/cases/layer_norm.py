"""Layer norm."""

from __future__ import annotations

import numpy as np
from case import Case
from wudao_rt import ops

EPS = 1e-5


def _normal(x):
    mean = x.mean(axis=1, keepdims=True, dtype=x.dtype)
    centred = x - mean
    rstd = 1 / np.sqrt((centred * centred).mean(axis=1, keepdims=True, dtype=x.dtype) + x.dtype.type(EPS))
    return centred * rstd, rstd


def _forward(i):
    return _normal(i["x"])[0] * i["gamma"] + i["beta"]


def _backward(i, dy):
    normal, rstd = _normal(i["x"])
    g = dy * i["gamma"]
    dx = rstd * (g - g.mean(axis=1, keepdims=True) - normal * (g * normal).mean(axis=1, keepdims=True))
    return dx, (dy * normal).sum(axis=0), dy.sum(axis=0)


def _make(rng, rows, width):
    return {
        "x": rng.normal(loc=2.0, size=(rows, width)),
        "gamma": 1 + 0.3 * rng.normal(size=width),
        "beta": rng.normal(size=width),
    }


_X, _G = np.zeros((2, 3)), np.ones(3)

CASES = [
    Case(
        "layer_norm",
        [{"rows": r, "width": w} for r, w in ((3, 4), (2, 2), (1, 16), (5, 15), (3, 17), (130, 33), (65, 768))],
        _make,
        lambda i, dtype: ops.layer_norm(i["x"], i["gamma"], i["beta"], EPS, dtype=dtype),
        _forward,
        ("x", "gamma", "beta"),
        lambda i, dy, dtype: ops.layer_norm_backward(i["x"], i["gamma"], i["beta"], dy, EPS, dtype=dtype),
        _backward,
        stream=("x", "gamma", "beta"),
        errors=[
            (lambda: ops.layer_norm(_X, np.ones(4), _G), r"layer_norm: gamma: expected shape \(3,\), got \(4,\)\."),
            (lambda: ops.layer_norm(_X, _G, np.ones((3, 1))), r"layer_norm: beta: expected shape \(3,\), got \(3, 1\)"),
            (lambda: ops.layer_norm(_X, _G, _G, eps=0.0), "layer_norm: eps: expected a positive number, got 0"),
            (lambda: ops.layer_norm(_X, _G, _G, out="float32"),
             r"layer_norm: out: expected float64 for x of type float64, got float32\. Convert x first\."),
            (lambda: ops.layer_norm(_X, _G, _G, out="bfloat16"), "out: expected float64 .* got bfloat16"),
            (lambda: ops.layer_norm(_X, _G, _G, dtype="bfloat16", out="float64"),
             r"layer_norm: out: expected float32, bfloat16 or float16 for x of type float32, got float64\."),
            (lambda: ops.layer_norm_backward(_X, _G, _G, _X[:1]), r"layer_norm: dy: expected shape \(2, 3\), got \(1, 3\)"),
            (lambda: ops.layer_norm_backward(_X, _G, _G, _X, shards=4), "layer_norm: shards: .* got 4 shards for 2 rows"),
        ],
    ),
    # One column: y is beta. Its dx is exactly zero, a value with no scale to judge an error by: forward only.
    Case(
        "layer_norm_one_column",
        [{"rows": 2, "width": 1}],
        _make,
        lambda i, dtype: ops.layer_norm(i["x"], i["gamma"], i["beta"], EPS, dtype=dtype),
        _forward,
        stream=("x", "gamma", "beta"),
    ),
]
