"""From vectors to codes and back. Gather and scatter of a book's codes are `embedding` and its backward."""

from __future__ import annotations

import numpy as np
from case import Case, in_order
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


def _mixture(i, tau):
    """Softmax of -|z - e|^2 / tau, of which |z|^2 is the same for all codes."""
    s = (2 * in_order("nc,kc->nkc", i["z"], i["book"]) - (i["book"] ** 2).sum(1)) / tau
    y = np.exp(s - s.max(1, keepdims=True))
    return y / y.sum(1, keepdims=True)


def _mixed(i, tau):
    return in_order("nk,kc->nck", _mixture(i, tau), i["book"])


def _mixture_backward(i, dy, tau):
    y, dmix = _mixture(i, tau), in_order("nc,kc->nkc", dy, i["book"])
    ds = y * (dmix - (y * dmix).sum(1, keepdims=True)) / tau
    return (in_order("nk,kc->nck", 2 * ds, i["book"]),)


def _gumbel(tau):
    return Case(
        f"gumbel_quantize_{tau}",
        _SIZES,
        _make,
        lambda i, dtype: ops.gumbel_quantize(i["z"], i["book"], tau, dtype=dtype),
        lambda i: _mixed(i, tau),
        ("z",),
        lambda i, dy, dtype: ops.gumbel_quantize_backward(i["z"], i["book"], dy, tau, dtype=dtype),
        lambda i, dy: _mixture_backward(i, dy, tau),
        stream=("z", "book"),
        errors=[
            (lambda: ops.gumbel_quantize(_Z, _BOOK, 0.0), "gumbel_quantize: tau: expected a positive number, got 0"),
            (lambda: ops.gumbel_quantize(_Z, np.zeros((4, 2))), r"gumbel_quantize: book: expected shape \(4, 3\), got"),
            (lambda: ops.gumbel_quantize(_Z, np.zeros((0, 3))), "gumbel_quantize: book: expected at least one code"),
            (lambda: ops.gumbel_quantize(np.zeros(3), _BOOK), r"gumbel_quantize: z: expected \(..., channels\), got"),
            (lambda: ops.gumbel_quantize_backward(_Z, _BOOK, np.zeros((3, 3))), "gumbel_quantize: dy: expected shape"),
        ],
    )


def _bounds(i):
    """(tanh(z + shift), h, offset, w), written down from the paper."""
    levels = i["levels"].astype(i["z"].dtype)
    h, offset = (levels - 1) * (1 - i["z"].dtype.type(1e-3)) / 2, np.where(levels % 2 == 0, 0.5, 0.0)
    return np.tanh(i["z"] + np.tan(offset / h)), h, offset, levels // 2


def _bound(i):
    t, h, offset, w = _bounds(i)
    return (t * h - offset) / w


def _fsq(i):
    _, _, _, w = _bounds(i)
    return np.rint(_bound(i) * w) / w


def _fsq_backward(i, dy):
    t, h, _, w = _bounds(i)
    return (dy * h * (1 - t * t) / w,)


def _make_fsq(rng, rows, levels):
    return {"z": rng.normal(scale=1.5, size=(rows, len(levels))), "levels": np.array(levels)}


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
    *(_gumbel(tau) for tau in (1.0, 0.5)),
    Case(
        "fsq",
        [{"rows": r, "levels": levels} for r, levels in
         ((4, (8, 5, 3)), (1, (2,)), (16, (4, 4)), (17, (8, 8, 8)), (500, (8, 5, 5, 5)), (300, (2, 3, 16, 7, 6)))],
        _make_fsq,
        lambda i, dtype: ops.fsq(i["z"], i["levels"], dtype=dtype),
        _fsq,
        ("z",),
        lambda i, dy, dtype: ops.fsq_backward(i["z"], dy, i["levels"], dtype=dtype),
        _fsq_backward,
        stream=("z",),
        smooth=_bound,
        errors=[
            (lambda: ops.fsq(_Z, [8, 8]), r"fsq: z: expected \(..., 2\), a channel for each of the levels, got \(2, 3\)"),
            (lambda: ops.fsq(_Z, [8, 1, 8]), "fsq: levels: expected from 2 to 16777216 of a channel, got 1"),
            (lambda: ops.fsq(_Z, [5000, 5000, 2]), "fsq: levels: expected a product of at most 16777216, got more"),
            (lambda: ops.fsq_backward(_Z, np.zeros((3, 3)), [8, 8, 8]), r"fsq: dy: expected shape \(2, 3\), got \(3, 3\)"),
            (lambda: ops.fsq_codes(np.zeros(3), [8, 8, 8]), r"fsq_codes: q: expected a matrix \(2 dimensions\), got \(3,\)"),
            (lambda: ops.fsq_vectors([0, 64], [8, 8]), "fsq_vectors: codes: expected numbers from 0 to 63, got 64 at index 1"),
            (lambda: ops.fsq_vectors([0], []), "fsq_vectors: levels: expected at least one, got none"),
        ],
    ),
]
