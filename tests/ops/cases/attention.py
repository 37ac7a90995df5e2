"""Attention with GLM's mask in both forms."""

from __future__ import annotations

import numpy as np
from case import Case
from wudao_rt import ops


def visible(i) -> np.ndarray:
    if "mask" in i:
        return i["mask"]
    length = i["q"].shape[1]
    causal = np.tril(np.ones((length, length), bool))
    return causal[None] | (np.arange(length)[None, None, :] < i["sep"][:, None, None])


def in_order(product: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Sum the products of an einsum one after the other: the plain loop (NumPy's own sums keep several parts).

    `product` leaves the summed axis last.
    """
    return np.add.accumulate(np.einsum(product, a, b), axis=-1)[..., -1]


def _probabilities(i):
    scale = np.asarray(1 / np.sqrt(i["q"].shape[-1]), dtype=i["q"].dtype)
    scores = in_order("bihd,bjhd->bhijd", i["q"], i["k"]) * scale
    seen = visible(i)[:, None]
    top = np.max(np.where(seen, scores, -np.inf), axis=-1, keepdims=True)
    weights = np.where(seen, np.exp(scores - np.where(np.isfinite(top), top, 0)), 0)
    return (weights / np.maximum(weights.sum(axis=-1, keepdims=True), 1e-30)).astype(i["q"].dtype), scale


def _forward(i):
    return in_order("bhij,bjhd->bihdj", _probabilities(i)[0], i["v"])


def _backward(i, dy):
    p, scale = _probabilities(i)
    dp = in_order("bihd,bjhd->bhijd", dy, i["v"])
    ds = p * (dp - (dp * p).sum(axis=-1, keepdims=True)) * scale
    dq = in_order("bhij,bjhd->bihdj", ds, i["k"])
    dk = in_order("bhij,bihd->bjhdi", ds, i["q"])
    return dq, dk, in_order("bhij,bihd->bjhdi", p, dy)


def _make(rng, batch, length, heads, width, form="sep"):
    shape = (batch, length, heads, width)
    inputs = {name: rng.normal(size=shape) for name in "qkv"}
    if form == "sep":
        return inputs | {"sep": rng.integers(0, length + 1, size=batch)}
    mask = rng.random((batch, length, length)) < 0.4
    mask[0, 0] = False  # a query that sees nothing
    return inputs | {"mask": mask}


def _run(i, dtype):
    return ops.attention(i["q"], i["k"], i["v"], i.get("sep"), i.get("mask"), dtype=dtype)


def _run_backward(i, dy, dtype):
    return ops.attention_backward(i["q"], i["k"], i["v"], dy, i.get("sep"), i.get("mask"), dtype=dtype)


_Q = np.zeros((2, 4, 1, 8))
_M = np.ones((2, 4, 4), bool)


def _call(**changes):
    arguments = {"q": _Q, "k": _Q, "v": _Q} | changes
    return lambda: ops.attention(**arguments)


CASES = [
    Case(
        f"attention_{form}",
        [
            {"batch": b, "length": t, "heads": h, "width": d, "form": form}
            for b, t, h, d in (
                (2, 5, 2, 3), (1, 1, 1, 1), (3, 17, 2, 16), (2, 65, 1, 64), (1, 130, 3, 32), (2, 200, 2, 20),
            )
        ],
        _make,
        _run,
        _forward,
        ("q", "k", "v"),
        _run_backward,
        _backward,
        errors=[
            (_call(), "attention: mask: expected exactly one of sep and mask, got neither"),
            (_call(sep=[1, 2], mask=_M), "attention: mask: expected exactly one of sep and mask, got both"),
            (_call(sep=[1, 5]), "attention: sep: expected numbers from 0 to 4, got 5 at index 1"),
            (_call(sep=[1]), r"attention: sep: expected shape \(2,\), got \(1,\)"),
            (_call(mask=_M[:1]), r"attention: mask: expected shape \(2, 4, 4\), got \(1, 4, 4\)"),
            (_call(mask=_M.astype(float)), r"attention: mask: expected bool \(True = visible\), got float64"),
            (_call(k=_Q[:1], sep=[1, 1]), r"attention: q, k, v: expected three arrays \(B, T, H, D\) of one shape"),
        ],
    )
    for form in ("sep", "mask")
]
