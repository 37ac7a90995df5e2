"""Convolutions of maps, and the elementwise activations of picture models."""

from __future__ import annotations

from functools import partial

import numpy as np
from case import Case, in_order
from wudao_rt import ops


def _windows(x, k, s, p):
    """(B, H', W', k, k, C): every window of a padded map."""
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    seen = np.lib.stride_tricks.sliding_window_view(padded, (k, k), axis=(1, 2))[:, ::s, ::s]
    return np.moveaxis(seen, 3, -1)


def _spread(rows, shape, k, s, p):
    """The adjoint of `_windows`: (B, H', W', k, k, C) added up in a map of `shape`."""
    b, h, w, c = shape
    out = np.zeros((b, h + 2 * p, w + 2 * p, c), rows.dtype)
    for ky in range(k):
        for kx in range(k):
            out[:, ky : ky + s * rows.shape[1] : s, kx : kx + s * rows.shape[2] : s] += rows[:, :, :, ky, kx]
    return out[:, p : p + h, p : p + w]


def _flat(dy):
    """(B, H', W', O) as rows."""
    return dy.reshape(-1, dy.shape[3])


def _sum(dy):
    return in_order("on,n->on", _flat(dy).T, np.ones(_flat(dy).shape[0], dy.dtype))


def _conv(i, k, s, p):
    seen = _windows(i["x"], k, s, p)
    y = in_order("nk,ok->nok", seen.reshape(-1, i["weight"].shape[1]), i["weight"])
    return y.reshape(*seen.shape[:3], -1) + i["bias"]


def _conv_backward(i, dy, k, s, p):
    seen = _windows(i["x"], k, s, p)
    rows = in_order("no,ok->nko", _flat(dy), i["weight"]).reshape(seen.shape)
    dw = in_order("no,nk->okn", _flat(dy), seen.reshape(-1, i["weight"].shape[1]))
    return _spread(rows, i["x"].shape, k, s, p), dw, _sum(dy)


def _transposed(i, k, s, p):
    b, h, width, _ = i["x"].shape
    rows = in_order("nc,rc->nrc", _flat(i["x"]), i["weight"]).reshape(b, h, width, k, k, -1)
    shape = (b, (h - 1) * s - 2 * p + k, (width - 1) * s - 2 * p + k, rows.shape[5])
    return _spread(rows, shape, k, s, p) + i["bias"]


def _transposed_backward(i, dy, k, s, p):
    seen = _windows(dy, k, s, p).reshape(-1, i["weight"].shape[0])
    dx = in_order("nr,rc->ncr", seen, i["weight"]).reshape(i["x"].shape)
    return dx, in_order("nr,nc->rcn", seen, _flat(i["x"])), _sum(dy)


def _make(rng, b, h, w, c, o, k, transposed):
    x = rng.normal(size=(b, h, w, c))
    shape = (k * k * o, c) if transposed else (o, k * k * c)
    return {"x": x, "weight": rng.normal(size=shape) / (k * c**0.5), "bias": rng.normal(size=(o,))}


# (kernel, stride, padding): CogView's halving, the usual 3 x 3, single pixels with and without a stride, and an odd one.
_SHAPES = [(4, 2, 1), (3, 1, 1), (1, 1, 0), (1, 2, 0), (5, 3, 2)]
_SIZES = [
    {"b": 2, "h": 4, "w": 6, "c": 2, "o": 3},
    {"b": 1, "h": 8, "w": 8, "c": 1, "o": 4},
    {"b": 4, "h": 7, "w": 5, "c": 17, "o": 33},
    {"b": 4, "h": 10, "w": 10, "c": 8, "o": 17},
    {"b": 2, "h": 6, "w": 5, "c": 64, "o": 19},  # whole slivers of a product lie side by side in the map
]


def _errors(op, transposed):
    name = op.__name__
    x, w = np.zeros((1, 8, 8, 2)), np.zeros((4, 2) if transposed else (1, 8))
    return [
        (lambda: op(np.zeros((8, 8)), w, kernel=2), rf"{name}: x: expected a map \(batch, height, width, channels\), got"),
        (lambda: op(x, np.zeros((3, 3)), kernel=2), f"{name}: weight: expected"),
        (lambda: op(x, w, np.zeros(7), kernel=2), rf"{name}: bias: expected shape \(1,\), got \(7,\)"),
        (lambda: op(x, w, kernel=0), f"{name}: (kernel|weight): expected"),
        (lambda: op(x, w, kernel=2, stride=0), f"{name}: stride: expected at least 1, got 0"),
        (lambda: op(x, w, kernel=2, padding=2), f"{name}: padding: expected from 0 to kernel - 1 = 1, got 2"),
    ]


def _case(name, shape, reference, backward, transposed):
    k, s, p = shape
    where = {"kernel": k, "stride": s, "padding": p}
    op, op_backward = getattr(ops, name), getattr(ops, f"{name}_backward")
    return Case(
        f"{name}_{k}_{s}_{p}",
        _SIZES,
        partial(_make, k=k, transposed=transposed),
        lambda i, dtype: op(i["x"], i["weight"], i["bias"], dtype=dtype, **where),
        lambda i: reference(i, k, s, p),
        ("x", "weight", "bias"),
        lambda i, dy, dtype: op_backward(i["x"], i["weight"], i["bias"], dy, dtype=dtype, **where),
        lambda i, dy: backward(i, dy, k, s, p),
        stream=("weight", "bias"),
        wide_output=True,
        errors=_errors(op, transposed) if k == 4 else [],
    )


def _swish(i):
    x = i["x"]
    return x / (1 + np.exp(-x))


def _swish_backward(i, dy):
    x = i["x"]
    s = 1 / (1 + np.exp(-x))
    return (dy * s * (1 + x * (1 - s)),)


_ACTIVATIONS = [
    Case(
        name,
        [{"n": n} for n in (5, 1, 15, 16, 17, 33, 1000)],
        lambda rng, n: {"x": rng.normal(scale=3.0, size=(n,))},
        lambda i, dtype, name=name: getattr(ops, name)(i["x"], dtype=dtype),
        reference,
        ("x",),
        lambda i, dy, dtype, name=name: getattr(ops, f"{name}_backward")(i["x"], dy, dtype=dtype),
        backward,
        errors=[(lambda name=name: getattr(ops, name)(np.array(["a"])), f"{name}: x: expected float32, got <U1")],
    )
    for name, reference, backward in (
        ("relu", lambda i: np.maximum(i["x"], 0), lambda i, dy: (dy * (i["x"] > 0),)),
        ("swish", _swish, _swish_backward),
    )
]

def _groups(x, groups):
    b, h, w, c = x.shape
    return x.reshape(b, h * w, groups, c // groups)


def _normal(i, groups):
    x = _groups(i["x"], groups)
    mean, var = x.mean((1, 3), keepdims=True), x.var((1, 3), keepdims=True)
    return (x - mean) / np.sqrt(var + 1e-6), 1 / np.sqrt(var + 1e-6)


def _group_norm(i, groups):
    normal, _ = _normal(i, groups)
    return normal.reshape(i["x"].shape) * i["gamma"] + i["beta"]


def _group_norm_backward(i, dy, groups):
    normal, rstd = _normal(i, groups)
    d = _groups(dy * i["gamma"], groups)
    dx = rstd * (d - d.mean((1, 3), keepdims=True) - normal * (d * normal).mean((1, 3), keepdims=True))
    return (dx.reshape(i["x"].shape), (dy * normal.reshape(dy.shape)).sum((0, 1, 2)), dy.sum((0, 1, 2)))


def _norm_case(groups):
    return Case(
        f"group_norm_{groups}",
        [{"b": 2, "h": 3, "w": 2, "c": 8}, {"b": 1, "h": 1, "w": 1, "c": 16}, {"b": 4, "h": 9, "w": 7, "c": 40}],
        lambda rng, b, h, w, c: {"x": 3 + rng.normal(size=(b, h, w, c)), "gamma": rng.normal(size=(c,)),
                                 "beta": rng.normal(size=(c,))},
        lambda i, dtype: ops.group_norm(i["x"], i["gamma"], i["beta"], groups, dtype=dtype),
        lambda i: _group_norm(i, groups),
        ("x", "gamma", "beta"),
        lambda i, dy, dtype: ops.group_norm_backward(i["x"], i["gamma"], i["beta"], dy, groups, dtype=dtype),
        lambda i, dy: _group_norm_backward(i, dy, groups),
        stream=("gamma", "beta"),
        errors=[(lambda: ops.group_norm(np.zeros((1, 2, 2, 8)), np.ones(8), np.zeros(8), 3),
                 "group_norm: groups: expected a divisor of the 8 channels, got 3"),
                (lambda: ops.group_norm(np.zeros((1, 2, 2, 8)), np.ones(7), np.zeros(8), 2), "group_norm: gamma: exp"),
                (lambda: ops.group_norm(np.zeros((1, 2, 2, 8)), np.ones(8), np.zeros(8), 2, eps=0.0),
                 "group_norm: eps: expected a positive number, got 0")],
    )


def _upsample(times):
    def backward(i, dy):
        b, h, w, c = i["x"].shape
        return (dy.reshape(b, h, times, w, times, c).sum((2, 4)),)

    return Case(
        f"upsample_nearest_{times}",
        [{"b": 2, "h": 3, "w": 2, "c": 3}, {"b": 1, "h": 1, "w": 1, "c": 1}, {"b": 3, "h": 5, "w": 9, "c": 17}],
        lambda rng, b, h, w, c: {"x": rng.normal(size=(b, h, w, c))},
        lambda i, dtype: ops.upsample_nearest(i["x"], times, dtype=dtype),
        lambda i: i["x"].repeat(times, 1).repeat(times, 2),
        ("x",),
        lambda i, dy, dtype: ops.upsample_nearest_backward(i["x"], dy, times, dtype=dtype),
        backward,
        errors=[(lambda: ops.upsample_nearest(np.zeros((1, 2, 2, 1)), 0), "upsample_nearest: times: expected at least 1"),
                (lambda: ops.upsample_nearest(np.zeros((2, 2))), "upsample_nearest: x: expected a map")],
    )


CASES = [
    *(_norm_case(groups) for groups in (1, 4, 8)),
    *(_upsample(times) for times in (2, 3)),
    *(_case("conv2d", shape, _conv, _conv_backward, False) for shape in _SHAPES),
    *(_case("conv_transpose2d", shape, _transposed, _transposed_backward, True) for shape in _SHAPES),
    *_ACTIVATIONS,
]
