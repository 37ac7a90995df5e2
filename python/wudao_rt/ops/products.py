"""Ops built on matrix products."""

from __future__ import annotations

from wudao_rt import _core
from wudao_rt.ops.types import Array, DType, compute_type


def linear(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    residual: Array | None = None,
    activation: str = "none",
    dropout: float = 0.0,
    seed: int = 0,
    step: int = 0,
    stream: int = 0,
    dtype: DType | None = None,
) -> Array:
    """Multiply by a weight matrix, with what usually follows fused in.

    y = residual + dropout(activation(x W^T + bias))

    Args:
        x: (N, in).
        weight: (out, in).
        bias: (out,), optional.
        residual: (N, out), optional.
        activation: "none", "gelu_tanh" or "gelu_erf".
        dropout: probability of dropping, 0 <= p < 1; seed, step and stream name its random numbers.
        dtype: type of the product; sums are float32 (float64 for float64).

    Returns:
        (N, out); float32 when a residual is given, whatever the compute type.

    Raises:
        ShapeError: shapes do not fit.
        ConfigError: unknown activation, or dropout outside of [0, 1).

    Numerics: each element adds its products in one fixed order, whatever N and the number of threads.
    """
    kind = compute_type(x, dtype)
    return _core.linear(x, weight, bias, residual, activation, dropout, seed, step, stream, kind)


def linear_backward(
    x: Array,
    weight: Array,
    bias: Array | None,
    residual: Array | None,
    dy: Array,
    activation: str = "none",
    dropout: float = 0.0,
    seed: int = 0,
    step: int = 0,
    stream: int = 0,
    shards: int = 1,
    dtype: DType | None = None,
) -> tuple[Array, Array, Array | None, Array | None]:
    """Return (dx, dweight, dbias, dresidual) for dy (N, out); None for what was not given."""
    kind = compute_type(x, dtype)
    return _core.linear_backward(
        x, weight, bias, residual, dy, activation, dropout, seed, step, stream, shards, kind
    )


def matmul(
    a: Array, b: Array, transpose_a: bool = False, transpose_b: bool = False, dtype: DType | None = None
) -> Array:
    """Multiply two matrices: op(a) op(b), op being the transpose where asked.

    Args:
        a: (M, K), or (K, M) with transpose_a.
        b: (K, N), or (N, K) with transpose_b.
        dtype: type of the product.

    Returns:
        (M, N).

    Raises:
        ShapeError: the inner dimensions differ.

    Example:
        >>> import numpy as np
        >>> matmul(np.eye(2), np.array([[1.0, 2.0], [3.0, 4.0]]))
        array([[1., 2.],
               [3., 4.]])
    """
    return _core.matmul(a, b, transpose_a, transpose_b, compute_type(a, dtype))


def matmul_backward(
    a: Array, b: Array, dy: Array, transpose_a: bool = False, transpose_b: bool = False, dtype: DType | None = None
) -> tuple[Array, Array]:
    """Return (da, db) for dy (M, N)."""
    return _core.matmul_backward(a, b, dy, transpose_a, transpose_b, compute_type(a, dtype))


def output_loss(
    h: Array, weight: Array, targets: Array, weights: Array, logit_columns: int = 0, shards: int = 1,
    dtype: DType | None = None,
) -> tuple[Array, Array]:
    """Compute the cross-entropy of the output projection without holding its logits.

    z_n = h_n W^T;  loss_s = sum over rows n of shard s of weights[n] (logsumexp(z_n) - z_n[targets[n]])

    Args:
        h: (N, C) final hidden states.
        weight: (V, C).
        targets: (N,) integers from 0 to V - 1.
        weights: (N,) at least 0; rows of weight 0 cost nothing.
        logit_columns: columns from here on are padding and get probability 0; 0: none.
        shards: parts of N / shards rows each.
        dtype: type of the products.

    Returns:
        (shards,) float64 losses in nats, and (N,) float64 unweighted losses of the rows (0 where weights is 0).

    Raises:
        ShapeError: shapes do not fit, a target lies outside, or shards does not divide N.

    Source: Du et al. 2022 (GLM), eq. 1-2.
    """
    kind = compute_type(h, dtype)
    return _core.output_loss(h, weight, targets, weights, logit_columns, False, shards, kind)[:2]


def output_loss_backward(
    h: Array, weight: Array, targets: Array, weights: Array, logit_columns: int = 0, shards: int = 1,
    dtype: DType | None = None,
) -> tuple[Array, Array]:
    """Return (dh, dweight) of the sum of the losses of all shards."""
    kind = compute_type(h, dtype)
    return _core.output_loss(h, weight, targets, weights, logit_columns, True, shards, kind)[2:]


def log_softmax(x: Array, dtype: DType | None = None) -> Array:
    """Subtract the logsumexp of each row.

    y = x - log(sum(exp(x)))

    Args:
        x: (N, C), float32 or float64.
        dtype: type of x; bfloat16 computes and returns float32.

    Returns:
        (N, C), in float32 (float64 for float64).

    Example:
        >>> import numpy as np
        >>> np.exp(log_softmax(np.zeros((1, 4))))
        array([[0.25, 0.25, 0.25, 0.25]])
    """
    return _core.log_softmax(x, compute_type(x, dtype))


def log_softmax_backward(x: Array, dy: Array, dtype: DType | None = None) -> tuple[Array]:
    """Return (dx,) for dy (N, C): dx = dy - softmax(x) sum(dy) along each row."""
    return _core.log_softmax_backward(x, dy, compute_type(x, dtype))
