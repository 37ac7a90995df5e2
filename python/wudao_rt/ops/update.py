"""Ops that change parameters."""

from __future__ import annotations

from collections.abc import Sequence

from wudao_rt import _core
from wudao_rt.ops.types import Array, DType, compute_type


def adamw(
    p: Array,
    grad: Array,
    m: Array,
    v: Array,
    step: int,
    lr: float,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    dtype: DType | None = None,
) -> tuple[Array, Array, Array]:
    """Take one step of AdamW.

    m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
    p = p - lr ((m / (1 - b1^step)) / (sqrt(v / (1 - b2^step)) + eps) + weight_decay p)

    Args:
        p, grad, m, v: arrays of one shape; they are not changed.
        step: counted from 1.
        lr, beta1, beta2, eps, weight_decay: as in the formula.
        dtype: float32 or float64.

    Returns:
        The new (p, m, v).

    Source: Loshchilov and Hutter 2019, algorithm 2.
    """
    return _core.adamw(p, grad, m, v, step, lr, beta1, beta2, eps, weight_decay, compute_type(p, dtype))


def newton_schulz(gradient: Array, steps: int = 5, dtype: DType | None = None) -> Array:
    """Bring the singular values of a matrix close to 1.

    X = G / ||G||_F, then `steps` times X <- a X + (b A + c A^2) X with A = X X^T and
    (a, b, c) = (3.4445, -4.7750, 2.0315). Works on the transpose when G has more rows than columns.

    Args:
        gradient: (rows, columns).
        steps: 5 in Muon.
        dtype: type of the products.

    Returns:
        (rows, columns).

    Source: Jordan et al. 2024, Muon.
    """
    return _core.newton_schulz(gradient, steps, compute_type(gradient, dtype))


def global_norm(arrays: Sequence[Array], dtype: DType | None = None) -> float:
    """Return the square root of the sum of all squares of all arrays, summed in float64 in a fixed order."""
    arrays = list(arrays)
    return _core.global_norm(arrays, compute_type(arrays[0], dtype) if arrays else "float32")
