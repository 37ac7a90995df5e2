"""How a set of pictures lies beside another one, in the features of a classifier."""

from __future__ import annotations

import numpy as np

from wudao_rt.errors import ShapeError
from wudao_rt.image.measures import unit
from wudao_rt.image.similarity import along, gaussian
from wudao_rt.ops.types import Array

_REACH = 4  # sigmas of a blur that are looked at


def frechet_distance(first: Array, second: Array) -> float:
    """Compute the Frechet distance of two sets of features, each taken as a Gaussian.

    d = |m1 - m2|^2 + trace(C1 + C2 - 2 (C1 C2)^(1/2))

    Args:
        first, second: (N, D) and (M, D), N and M at least 2. With less than D + 1 rows a covariance is singular,
            and distances of sets of different sizes are not to be compared.

    Returns: at least 0; 0 for sets of the same mean and covariance.

    Raises:
        ShapeError: other shapes.

    Numerics: float64; the trace of the root is the sum of the roots of the eigenvalues of C1^(1/2) C2 C1^(1/2).
    Source: Dowson and Landau 1982; Heusel et al. 2017, "GANs trained by a two time-scale update rule", section 3, who
        take the features of another network: numbers of another classifier are not to be compared with theirs.

    Example:
        >>> square = np.array([[0.0, 0.0], [0.0, 2.0], [2.0, 0.0], [2.0, 2.0]])
        >>> round(frechet_distance(square, square + 3), 6)
        18.0
    """
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1] or min(len(first), len(second)) < 2:
        raise ShapeError(f"frechet_distance: first: expected (N, D) and (M, D) with N and M at least 2, got "
                         f"{first.shape} and {second.shape}. Take more pictures.")
    mean_1, cov_1 = _moments(first)
    mean_2, cov_2 = _moments(second)
    values, vectors = np.linalg.eigh(cov_1)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    between = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ cov_2 @ root), 0)).sum()
    return max(0.0, float(((mean_1 - mean_2) ** 2).sum() + np.trace(cov_1) + np.trace(cov_2) - 2 * between))


def _moments(rows: Array) -> tuple[Array, Array]:
    rows = rows.astype(np.float64)
    return rows.mean(axis=0), np.atleast_2d(np.cov(rows, rowvar=False))


def inception_style_score(chances: Array) -> float:
    """Compute how sure a classifier is of single pictures, and how different they are.

    score = exp(mean over pictures of KL(p(y | x) || p(y))), p(y) the mean of p(y | x)

    Args:
        chances: (N, classes) p(y | x), rows that sum to 1.

    Returns: from 1, all alike or unsure, to the number of classes, each certain and as frequent as any.

    Source: Salimans et al. 2016, "Improved techniques for training GANs", section 4, with another network.

    Example:
        >>> round(inception_style_score(np.eye(9)), 6), round(inception_style_score(np.full((5, 9), 1 / 9)), 6)
        (9.0, 1.0)
    """
    chances = chances.astype(np.float64)
    mean = chances.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where(chances > 0, chances * (np.log(chances) - np.log(mean)), 0).sum(axis=1)
    return float(np.exp(each.mean()))


def blurred(images: Array, sigma: float) -> Array:
    """Blur pictures with a Gaussian; what lies beyond an edge is like the edge.

    Args:
        images: (N, H, W, 3), uint8 or floats from 0 to 1.
        sigma: standard deviation in pixels; 0 leaves them as they are.

    Returns: float64 (N, H, W, 3) from 0 to 1.

    Example:
        >>> bool((blurred(np.full((1, 8, 8, 3), 255, np.uint8), 1.0).round(9) == 1).all())
        True
    """
    maps = unit(images)
    radius = int(np.ceil(_REACH * sigma))
    if radius == 0:
        return maps
    window = gaussian(sigma, radius)
    wide = np.pad(maps, ((0, 0), (radius, radius), (radius, radius), (0, 0)), mode="edge")
    return along(along(wide, window, 1), window, 2)
