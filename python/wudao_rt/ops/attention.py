"""Attention with GLM's mask."""

from __future__ import annotations

import numpy as np

from wudao_rt import _core
from wudao_rt.errors import ShapeError
from wudao_rt.ops.types import Array, DType, compute_type


def _fuse(op: str, q: Array, k: Array, v: Array) -> Array:
    """Lay (B, T, H, D) queries, keys and values side by side as the engine takes them: (B T, 3 H D)."""
    arrays = [np.asarray(a) for a in (q, k, v)]
    if arrays[0].ndim != 4 or any(a.shape != arrays[0].shape for a in arrays):
        raise ShapeError(f"{op}: q, k, v: expected three arrays (B, T, H, D) of one shape, "
                         f"got {', '.join(str(a.shape) for a in arrays)}.")
    batch, length, heads, width = arrays[0].shape
    return np.concatenate([a.reshape(batch * length, heads * width) for a in arrays], axis=1)


def attention(
    q: Array,
    k: Array,
    v: Array,
    sep: Array | None = None,
    mask: Array | None = None,
    dropout: float = 0.0,
    seed: int = 0,
    step: int = 0,
    stream: int = 0,
    dtype: DType | None = None,
) -> Array:
    """Attend with GLM's mask, without holding a T x T matrix.

    y = softmax(q k^T / sqrt(D) where visible) v, per sample and head

    Query i of sample b sees key j when j <= i or j < sep[b], or when mask[b, i, j]; give exactly one of the two. A
    query that sees nothing gives zeros. Dropout acts on the probabilities.

    Args:
        q, k, v: (B, T, H, D).
        sep: (B,) integers from 0 to T: length of the bidirectional part.
        mask: (B, T, T) bool, True = visible.
        dropout: probability of dropping; seed, step and stream name its random numbers.
        dtype: type of q, k, v and y; softmax in float32 (float64 for float64).

    Returns:
        (B, T, H, D).

    Raises:
        ShapeError: shapes do not fit, or not exactly one of sep and mask is given.
        DTypeError: the mask is not bool.

    Source: Vaswani et al. 2017, eq. 1; Du et al. 2022 (GLM), section 2; Dao et al. 2022, algorithm 1.
    """
    shape = np.shape(q)
    qkv = _fuse("attention", q, k, v)
    y = _core.attention(qkv, shape[0], shape[2], sep, mask, dropout, seed, step, stream, compute_type(qkv, dtype))
    return y.reshape(shape)


def attention_backward(
    q: Array,
    k: Array,
    v: Array,
    dy: Array,
    sep: Array | None = None,
    mask: Array | None = None,
    dropout: float = 0.0,
    seed: int = 0,
    step: int = 0,
    stream: int = 0,
    dtype: DType | None = None,
) -> tuple[Array, Array, Array]:
    """Return (dq, dk, dv) for dy (B, T, H, D). Probabilities are computed again block by block.

    Source: Dao et al. 2022, algorithm 4.
    """
    batch, length, heads, width = shape = np.shape(q)
    qkv = _fuse("attention_backward", q, k, v)
    flat = np.asarray(dy).reshape(batch * length, heads * width)
    kind = compute_type(qkv, dtype)
    (dqkv,) = _core.attention_backward(qkv, flat, batch, heads, sep, mask, dropout, seed, step, stream, kind)
    return tuple(part.reshape(shape) for part in np.split(dqkv, 3, axis=1))  # type: ignore[return-value]
