"""Ops on maps, arrays (B, H, W, C) with channels last: convolutions and elementwise activations."""

from __future__ import annotations

from wudao_rt import _core
from wudao_rt.ops.types import Array, DType, compute_type


def conv2d(
    x: Array, weight: Array, bias: Array | None = None, kernel: int = 3, stride: int = 1, padding: int = 0,
    rectify: bool = False, dtype: DType | None = None,
) -> Array:
    """Convolve a map.

    y[b, i, j, o] = bias_o + sum over ky, kx, c of w[o, (ky, kx, c)] x[b, i s - p + ky, j s - p + kx, c], x being 0
    outside.

    Args:
        x: (B, H, W, C).
        weight: (O, kernel kernel C), rows ordered (ky, kx, c): PyTorch's weight (O, C, ky, kx) as
            `weight.transpose(0, 2, 3, 1).reshape(O, -1)`.
        bias: (O,).
        kernel: pixels of a side, k.
        stride: pixels between neighbouring outputs, s.
        padding: rows and columns of zeros on each side, p, less than `kernel`.
        rectify: convolve `relu(x)`, without making it.
        dtype: type of the computation.

    Returns:
        (B, H', W', O) with H' = (H + 2 p - k) // s + 1.

    Raises:
        ShapeError: x is no map, or the weight does not fit it.
        ConfigError: kernel, stride or padding make no sense.

    Gradients: `conv2d_backward`.
    Numerics: each element adds its products in the order (ky, kx, c) of `linear`, whatever B and the threads.
    Source: Dumoulin and Visin 2016, chapter 2.

    Example:
        >>> import numpy as np
        >>> conv2d(np.arange(9.0).reshape(1, 3, 3, 1), np.ones((1, 4)), kernel=2)[0, :, :, 0]
        array([[ 8., 12.],
               [20., 24.]])
    """
    return _core.conv2d(x, weight, bias, kernel, stride, padding, rectify, compute_type(x, dtype))


def conv2d_backward(
    x: Array, weight: Array, bias: Array | None, dy: Array, kernel: int = 3, stride: int = 1, padding: int = 0,
    rectify: bool = False, shards: int = 1, dtype: DType | None = None,
) -> tuple[Array, Array, Array | None]:
    """Return (dx, dweight, dbias) for dy (B, H', W', O).

    Pictures are summed per shard (B / shards pictures each), then in the fixed tree.
    """
    return _core.conv2d_backward(x, weight, bias, dy, kernel, stride, padding, rectify, shards, compute_type(x, dtype))


def conv_transpose2d(
    x: Array, weight: Array, bias: Array | None = None, kernel: int = 3, stride: int = 1, padding: int = 0,
    rectify: bool = False, dtype: DType | None = None,
) -> Array:
    """Convolve a map the other way: the adjoint of `conv2d` in its x.

    y[b, i s - p + ky, j s - p + kx, o] gets w[(ky, kx, o), c] x[b, i, j, c] from every i, j, ky, kx, c, and bias_o.

    Args:
        x: (B, H, W, C).
        weight: (kernel kernel O, C), rows ordered (ky, kx, o): PyTorch's weight (C, O, ky, kx) as
            `weight.transpose(2, 3, 1, 0).reshape(-1, C)`.
        bias: (O,).
        kernel: pixels of a side, k.
        stride: pixels between what neighbouring inputs reach, s.
        padding: rows and columns cut off on each side, p, less than `kernel`.
        rectify: convolve `relu(x)`, without making it.
        dtype: type of the computation.

    Returns:
        (B, H', W', O) with H' = (H - 1) s - 2 p + k.

    Raises:
        ShapeError: x is no map, the weight does not fit it, or nothing is left of the result.
        ConfigError: kernel, stride or padding make no sense.

    Gradients: `conv_transpose2d_backward`.
    Numerics: products add over c, then windows in the order (ky, kx), in the accumulator type.
    Source: Dumoulin and Visin 2016, chapter 4.

    Example:
        >>> import numpy as np
        >>> conv_transpose2d(np.ones((1, 2, 2, 1)), np.ones((4, 1)), kernel=2)[0, :, :, 0]
        array([[1., 2., 1.],
               [2., 4., 2.],
               [1., 2., 1.]])
    """
    return _core.conv_transpose2d(x, weight, bias, kernel, stride, padding, rectify, compute_type(x, dtype))


def conv_transpose2d_backward(
    x: Array, weight: Array, bias: Array | None, dy: Array, kernel: int = 3, stride: int = 1, padding: int = 0,
    rectify: bool = False, shards: int = 1, dtype: DType | None = None,
) -> tuple[Array, Array, Array | None]:
    """Return (dx, dweight, dbias) for dy (B, H', W', O), summed as `conv2d_backward` does."""
    return _core.conv_transpose2d_backward(
        x, weight, bias, dy, kernel, stride, padding, rectify, shards, compute_type(x, dtype))


def relu(x: Array, dtype: DType | None = None) -> Array:
    """Cut off what is negative: y = max(x, 0).

    Args:
        x: any shape.
        dtype: type of the computation.

    Returns:
        The shape of x. What is not a number stays so.

    Gradients: `relu_backward`, slope 0 at 0.
    Source: Nair and Hinton 2010.

    Example:
        >>> relu([-1.0, 2.0])
        array([0., 2.])
    """
    return _core.activation_map(x, "relu", compute_type(x, dtype))


def relu_backward(x: Array, dy: Array, dtype: DType | None = None) -> tuple[Array]:
    """Return (dx,): dy where x is positive, else 0."""
    return _core.activation_map_backward(x, dy, "relu", compute_type(x, dtype))


def swish(x: Array, dtype: DType | None = None) -> Array:
    """Weigh x by its own sigmoid: y = x / (1 + exp(-x)), also known as SiLU.

    Args:
        x: any shape.
        dtype: type of the computation.

    Returns:
        The shape of x.

    Gradients: `swish_backward`.
    Source: Ramachandran, Zoph, Le 2017; Hendrycks and Gimpel 2016.

    Example:
        >>> swish([0.0])
        array([0.])
    """
    return _core.activation_map(x, "swish", compute_type(x, dtype))


def swish_backward(x: Array, dy: Array, dtype: DType | None = None) -> tuple[Array]:
    """Return (dx,): dy s (1 + x (1 - s)), s being the sigmoid of x."""
    return _core.activation_map_backward(x, dy, "swish", compute_type(x, dtype))


def group_norm(
    x: Array, gamma: Array, beta: Array, groups: int, eps: float = 1e-6, dtype: DType | None = None
) -> Array:
    """Normalise groups of channels of each picture, then scale and shift every channel.

    y[b, i, j, c] = (x[b, i, j, c] - mean) / sqrt(var + eps) gamma_c + beta_c, mean and biased var over the pixels of
    picture b and the channels of c's group.

    Args:
        x: (B, H, W, C).
        gamma: (C,).
        beta: (C,).
        groups: of channels that lie next to each other; divides C.
        eps: added to the variance.
        dtype: type of the computation.

    Returns:
        (B, H, W, C).

    Raises:
        ShapeError: x is no map, or gamma or beta do not fit it.
        ConfigError: groups do not divide the channels; eps is not positive.

    Gradients: `group_norm_backward`.
    Numerics: computed in double, float64 wider still.
    Source: Wu and He 2018.

    Example:
        >>> import numpy as np
        >>> group_norm(np.array([[[[1.0, 3.0]]]]), np.ones(2), np.zeros(2), groups=1, eps=1e-12).round(3)
        array([[[[-1.,  1.]]]])
    """
    return _core.group_norm(x, gamma, beta, groups, eps, compute_type(x, dtype))


def group_norm_backward(
    x: Array, gamma: Array, beta: Array, dy: Array, groups: int, eps: float = 1e-6, shards: int = 1,
    dtype: DType | None = None,
) -> tuple[Array, Array, Array]:
    """Return (dx, dgamma, dbeta) for dy (B, H, W, C), summed over pictures as `conv2d_backward` does."""
    return _core.group_norm_backward(x, gamma, beta, dy, groups, eps, shards, compute_type(x, dtype))


def upsample_nearest(x: Array, times: int = 2, dtype: DType | None = None) -> Array:
    """Enlarge a map: y[b, i, j, c] = x[b, i // times, j // times, c].

    Args:
        x: (B, H, W, C).
        times: how many pixels each way a pixel becomes.
        dtype: type of the values.

    Returns:
        (B, times H, times W, C).

    Raises:
        ShapeError: x is no map.
        ConfigError: times is less than 1.

    Gradients: `upsample_nearest_backward`.
    Source: Dumoulin and Visin 2016, chapter 4.

    Example:
        >>> import numpy as np
        >>> upsample_nearest(np.array([[[[1.0], [2.0]]]]))[0, :, :, 0]
        array([[1., 1., 2., 2.],
               [1., 1., 2., 2.]])
    """
    return _core.upsample_nearest(x, times, compute_type(x, dtype))


def upsample_nearest_backward(x: Array, dy: Array, times: int = 2, dtype: DType | None = None) -> tuple[Array]:
    """Return (dx,): every pixel gets the sum of those that it became."""
    return _core.upsample_nearest_backward(x, dy, times, compute_type(x, dtype))
