"""Ops between vectors and codes: the nearest code of a book, straight through."""

from __future__ import annotations

from wudao_rt import _core
from wudao_rt.ops.types import Array, DType, compute_type


def vq_assign(z: Array, book: Array, dtype: DType | None = None) -> Array:
    """Find the nearest code of a book for every row.

    nearest_n = argmin over k of |z_n - e_k|^2, as argmax of z_n . e_k - |e_k|^2 / 2; of equal scores the lowest k.

    Args:
        z: (N, C).
        book: (M, C), a code a row.
        dtype: "float32" or "float64".

    Returns:
        (N,) int32.

    Raises:
        ShapeError: the widths differ, or the book is empty.
        DTypeError: dtype is a half.

    Gradients: none; a quantizer passes gradients straight through.
    Numerics: scores are those of `linear` in the type; memory grows with N + M. A row that is not finite gets code 0.
    Source: van den Oord, Vinyals, Kavukcuoglu 2017, eq. 1.

    Example:
        >>> vq_assign([[0.9, 0.0], [0.0, 0.2]], [[0.0, 0.0], [1.0, 0.0]])
        array([1, 0], dtype=int32)
    """
    return _core.vq_assign(z, book, compute_type(z, dtype))


def vq_quantize(z: Array, book: Array, dtype: DType | None = None) -> Array:
    """Replace every row by the nearest code of a book.

    q_n = e_k, k = vq_assign(z, book)_n

    Args:
        z: (..., C). Read as float32 when `dtype` is a half, as the encoder's last layer leaves it.
        book: (M, C), a code a row; read as z is.
        dtype: type to which q is rounded.

    Returns:
        The shape of z. Row by row it is `embedding(book, codes)`.

    Raises:
        ShapeError: the widths differ, or the book is empty.

    Gradients: `vq_quantize_backward`, straight through: rounding to a code has no slope of its own.
    Source: van den Oord, Vinyals, Kavukcuoglu 2017, eq. 1-3.

    Example:
        >>> vq_quantize([[0.9, 0.1], [0.0, 0.2]], [[0.0, 0.0], [1.0, 0.0]])
        array([[1., 0.],
               [0., 0.]])
    """
    return _core.vq_quantize(z, book, compute_type(z, dtype))


def vq_quantize_backward(
    z: Array, book: Array, dy: Array, commitment: float = 0.0, dtype: DType | None = None
) -> tuple[Array]:
    """Return (dz,) for dy (..., C): dz = dy + commitment 2 (z - q) / (number of values of z).

    dy passes as if q were z; the second part is the gradient of commitment mean (stop(q) - z)^2. The book has no
    gradient: what its codes are assigned is `embedding_backward(book, codes, z)`, and averages move them.
    """
    return _core.vq_quantize_backward(z, book, dy, commitment, compute_type(z, dtype))
