"""Ops that work row by row or element by element."""

from __future__ import annotations

from wudao_rt import _core
from wudao_rt.ops.types import Array, DType, compute_type


def embedding(table: Array, ids: Array, dtype: DType | None = None) -> Array:
    """Look up rows of a table.

    y[n, :] = table[ids[n], :]

    Args:
        table: (V, C).
        ids: (N,) integers from 0 to V - 1.
        dtype: type of the computation.

    Returns:
        (N, C).

    Raises:
        ShapeError: an id lies outside of the table.

    Gradients: `embedding_backward`; dtable[v] is `gradient` times the sum of dy[n] over ids[n] = v.

    Example:
        >>> import numpy as np
        >>> embedding(np.array([[1.0, 2.0], [3.0, 4.0]]), [1, 1])
        array([[3., 4.],
               [3., 4.]])
    """
    return _core.embedding(table, ids, compute_type(table, dtype))


def embedding_backward(
    table: Array, ids: Array, dy: Array, shards: int = 1, dtype: DType | None = None, gradient: float = 1.0
) -> tuple[Array]:
    """Return (dtable,) for dy (N, C). Rows are summed per shard (N / shards rows each), then in the fixed tree."""
    return _core.embedding_backward(table, ids, dy, shards, gradient, compute_type(table, dtype))


def layer_norm(
    x: Array, gamma: Array, beta: Array, eps: float = 1e-5, dtype: DType | None = None, out: DType | None = None,
    scaling: str = "none",
) -> Array:
    """Normalise each row to mean 0 and variance 1, then scale and shift it.

    y = (x - mean(x)) / sqrt(var(x) + eps) * gamma + beta, var being the biased variance of the row.

    Args:
        x: (N, C). Read as float32 when `dtype` is bfloat16: it is the residual stream.
        gamma: (C,).
        beta: (C,).
        eps: added to the variance.
        dtype: type of the computation.
        out: type to which y is rounded; default `dtype`.
        scaling: "row" divides x by max |x| / 8 of the row before, "tensor" by that of all rows: CogView's precision
            bottleneck relaxation, which keeps squares small and makes y the same but for eps. Backward takes the
            divisor for a constant.

    Returns:
        (N, C).

    Raises:
        ShapeError: gamma or beta is not (C,).
        DTypeError: only one of `dtype` and `out` is float64.
        ConfigError: another scaling.

    Numerics: two passes; sums in float32 (float64 for float64).

    Source: Ba, Kiros, Hinton 2016, "Layer normalization", eq. 3-4; scaling: CogView (Ding et al., NeurIPS 2021).
    """
    kind = compute_type(x, dtype)
    return _core.layer_norm(x, gamma, beta, eps, scaling, kind, out or kind)


def layer_norm_backward(
    x: Array, gamma: Array, beta: Array, dy: Array, eps: float = 1e-5, shards: int = 1, dtype: DType | None = None,
    scaling: str = "none",
) -> tuple[Array, Array, Array]:
    """Return (dx, dgamma, dbeta) for dy (N, C)."""
    return _core.layer_norm_backward(x, gamma, beta, dy, eps, scaling, shards, compute_type(x, dtype))


def gelu(x: Array, form: str = "tanh", dtype: DType | None = None) -> Array:
    """Apply the Gaussian error linear unit.

    tanh form: y = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))); erf form: y = x/2 (1 + erf(x / sqrt(2))).

    Args:
        x: any shape.
        form: "tanh" (GLM's repository) or "erf" (its hub port).
        dtype: type of the computation.

    Returns:
        An array of x's shape.

    Source: Hendrycks and Gimpel 2016, section 2.

    Example:
        >>> import numpy as np
        >>> gelu(np.array([0.0, 100.0]))
        array([  0., 100.])
    """
    return _core.gelu(x, _is_tanh(form), compute_type(x, dtype))


def gelu_backward(x: Array, dy: Array, form: str = "tanh", dtype: DType | None = None) -> tuple[Array]:
    """Return (dx,) for dy of x's shape."""
    return _core.gelu_backward(x, dy, _is_tanh(form), compute_type(x, dtype))


def _is_tanh(form: str) -> bool:
    if form not in ("tanh", "erf"):
        from wudao_rt.errors import ConfigError

        raise ConfigError(f'gelu: form: expected "tanh" or "erf", got {form!r}.')
    return form == "tanh"


def dropout(x: Array, p: float, seed: int = 0, step: int = 0, stream: int = 0, dtype: DType | None = None) -> Array:
    """Set values to zero with probability p and scale the others by 1 / (1 - p).

    Element i is kept when u(seed, step, stream, i) >= p, u uniform on [0, 1) from Philox4x32-10.

    Args:
        x: any shape.
        p: probability of dropping, 0 <= p < 1.
        seed, step, stream: name the random numbers; the same names give the same mask.
        dtype: type of the computation.

    Returns:
        An array of x's shape.

    Raises:
        ConfigError: p is not in [0, 1).

    Source: Srivastava et al. 2014, section 4; Salmon et al. 2011 for the generator.
    """
    return _core.dropout(x, p, seed, step, stream, compute_type(x, dtype))


def dropout_backward(
    x: Array, dy: Array, p: float, seed: int = 0, step: int = 0, stream: int = 0, dtype: DType | None = None
) -> tuple[Array]:
    """Return (dx,): dy under the same mask."""
    return _core.dropout_backward(x, dy, p, seed, step, stream, compute_type(x, dtype))


def add(a: Array, b: Array, dtype: DType | None = None) -> Array:
    """Add two arrays of one shape: y = a + b."""
    return _core.add(a, b, compute_type(a, dtype))


def add_backward(a: Array, b: Array, dy: Array, dtype: DType | None = None) -> tuple[Array, Array]:
    """Return (da, db), both dy."""
    return _core.add_backward(a, b, dy, compute_type(a, dtype))
