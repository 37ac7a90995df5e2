"""Ops between vectors and codes: the nearest code of a book, and levels of each channel; straight through."""

from __future__ import annotations

from collections.abc import Sequence

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


def gumbel_quantize(
    z: Array, book: Array, tau: float = 1.0, seed: int | None = None, step: int = 0, dtype: DType | None = None
) -> Array:
    """Mix the codes of a book by Gumbel-softmax.

    q_n = sum over k of y_nk e_k, y_n = softmax over k of (s_nk + g_nk) / tau, s_nk = -|z_n - e_k|^2

    Args:
        z: (..., C). Read as float32 when `dtype` is a half, as the encoder's last layer leaves it.
        book: (M, C), a code a row; read as z is.
        tau: temperature, positive. The smaller it is, the nearer is q to one code.
        seed: of the noise g, standard Gumbel, with `step` and the places n and k; None: without noise, where q goes to
            the nearest code as tau goes to 0.
        step: see `seed`.
        dtype: type to which q is rounded.

    Returns:
        The shape of z.

    Raises:
        ShapeError: the widths differ, or the book is empty.
        ConfigError: tau is not positive.

    Gradients: `gumbel_quantize_backward`.
    Numerics: the softmax in double; memory grows with N M.
    Source: Jang, Gu, Poole 2017, "Categorical reparameterization with Gumbel-softmax", eq. 2; the negative squared
        distance as logits: CogView (Ding et al., NeurIPS 2021), section 2.2.

    Example:
        >>> gumbel_quantize([[0.9, 0.0]], [[0.0, 0.0], [1.0, 0.0]], tau=1e-3)
        array([[1., 0.]])
    """
    return _core.gumbel_quantize(z, book, tau, seed, step, compute_type(z, dtype))


def gumbel_quantize_backward(
    z: Array, book: Array, dy: Array, tau: float = 1.0, seed: int | None = None, step: int = 0, kl_weight: float = 0.0,
    dtype: DType | None = None,
) -> tuple[Array]:
    """Return (dz,) for dy (..., C), and with kl_weight the gradient of kl_weight `code_divergence(z, book)`."""
    return _core.gumbel_quantize_backward(z, book, dy, tau, seed, step, kl_weight, compute_type(z, dtype))


def code_divergence(z: Array, book: Array, dtype: DType | None = None) -> float:
    """Return how far the choice of codes is from the uniform, in nats: 0 for all alike, log M where one is certain.

    mean over n of sum over k of p_nk log(M p_nk), p_n = softmax over k of -|z_n - e_k|^2

    Args:
        z: (N, C).
        book: (M, C), a code a row.
        dtype: "float32" or "float64"; sums are in double.

    Raises:
        ShapeError: the widths differ, or the book is empty.

    Gradients: `gumbel_quantize_backward` with kl_weight.
    Source: the Kullback-Leibler divergence from the uniform; Ramesh et al. 2021, "Zero-shot text-to-image generation",
        section 2.1.

    Example:
        >>> code_divergence([[0.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]])
        0.0
    """
    return _core.code_divergence(z, book, compute_type(z, dtype))


def fsq(z: Array, levels: Sequence[int], dtype: DType | None = None) -> Array:
    """Round every channel to one of its levels: finite scalar quantization.

    q = round(h tanh(z + shift) - offset) / w; of L levels h = (L - 1) (1 - 0.001) / 2, offset = 1/2 for even L and else
    0, shift = tan(offset / h), w = L / 2 rounded down.

    Args:
        z: (..., C). Read as float32 when `dtype` is a half, as the encoder's last layer leaves it.
        levels: C whole numbers of at least 2, their product at most 2^24.
        dtype: type to which q is rounded.

    Returns:
        The shape of z, from -1 to 1 - 1 / w for even levels and to 1 for odd ones.

    Raises:
        ShapeError: another number of channels.
        ConfigError: levels that cannot be.

    Gradients: `fsq_backward`, straight through the rounding.
    Numerics: in double whatever the type; of two levels equally near the even one.
    Source: Mentzer et al. 2023, "Finite scalar quantization: VQ-VAE made simple", section 3.1 and appendix A.1.

    Example:
        >>> fsq([[-9.0, 0.0, 9.0]], levels=[8, 5, 5])
        array([[-1.,  0.,  1.]])
    """
    return _core.fsq(z, list(levels), compute_type(z, dtype))


def fsq_backward(z: Array, dy: Array, levels: Sequence[int], dtype: DType | None = None) -> tuple[Array]:
    """Return (dz,) for dy (..., C): dz = dy h (1 - tanh(z + shift)^2) / w, as if nothing were rounded."""
    return _core.fsq_backward(z, dy, list(levels), compute_type(z, dtype))


def fsq_codes(q: Array, levels: Sequence[int], dtype: DType | None = None) -> Array:
    """Return the numbers of what `fsq` made.

    code_n = sum over c of (w_c q_nc + w_c) (product of the levels before c)

    Args:
        q: (N, C).
        levels: as of `fsq`.
        dtype: type in which q is read.

    Returns:
        (N,) int32, from 0 to the product of the levels - 1. What is not a number has digit 0.

    Raises:
        ShapeError, ConfigError: as of `fsq`.

    Gradients: none.
    Source: as of `fsq`.

    Example:
        >>> fsq_codes([[-1.0, -1.0], [0.75, 1.0]], levels=[8, 5])
        array([ 0, 39], dtype=int32)
    """
    return _core.fsq_codes(q, list(levels), compute_type(q, dtype))


def fsq_vectors(codes: Array, levels: Sequence[int], dtype: DType = "float32") -> Array:
    """Return the vectors of numbers: the inverse of `fsq_codes`.

    q_nc = (digit c of code_n - w_c) / w_c, digits being those of the mixed radix of the levels, the first one lowest.

    Args:
        codes: (N,) whole numbers from 0 to the product of the levels - 1.
        levels: as of `fsq`.
        dtype: "float32" or "float64".

    Returns:
        (N, C).

    Raises:
        ShapeError: a number that is no code.
        ConfigError: levels that cannot be.

    Gradients: none.
    Source: as of `fsq`.

    Example:
        >>> fsq_vectors([0, 39], levels=[8, 5]).tolist()
        [[-1.0, -1.0], [0.75, 1.0]]
    """
    return _core.fsq_vectors(codes, list(levels), dtype)
