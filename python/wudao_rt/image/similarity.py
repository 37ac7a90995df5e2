"""Structural similarity of pictures."""

from __future__ import annotations

import numpy as np

from wudao_rt.errors import ShapeError
from wudao_rt.image.measures import unit
from wudao_rt.ops.types import Array

LUMINANCE = (0.299, 0.587, 0.114)  # of red, green, blue: ITU-R BT.601
_WINDOW, _SIGMA = 11, 1.5
_C1, _C2 = 0.01**2, 0.03**2


def ssim(shown: Array, images: Array) -> Array:
    """Compute the structural similarity of pictures, on their luminance.

    SSIM = mean over windows of (2 m_x m_y + C1)(2 s_xy + C2) / ((m_x^2 + m_y^2 + C1)(s_x^2 + s_y^2 + C2)),
    C1 = 0.01^2, C2 = 0.03^2, for luminances from 0 to 1

    Means m, variances s^2 and covariance s_xy are weighted by a Gaussian of sigma 1.5 over 11 x 11 pixels (the largest
    odd window that fits, in smaller pictures). Windows lie inside the picture.

    Args:
        shown, images: (N, H, W, 3), uint8 or floats from 0 to 1.

    Returns: float64 (N,), 1 for equal pictures.

    Raises:
        ShapeError: pictures of different or other shapes.

    Source: Wang, Bovik, Sheikh, Simoncelli 2004, "Image quality assessment", equation 13 and section III.C.

    Example:
        >>> black, white = np.zeros((1, 16, 16, 3)), np.ones((1, 16, 16, 3))
        >>> ssim(black, black), ssim(black, white).round(6)  # of these, C1 / (1 + C1)
        (array([1.]), array([0.0001]))
    """
    if shown.shape != images.shape or images.ndim != 4 or images.shape[3] != 3 or 0 in images.shape[1:3]:
        raise ShapeError(f"ssim: shown: expected two arrays (pictures, height, width, 3) of one shape, got "
                         f"{shown.shape} and {images.shape}. Compare pictures of one size.")
    x, y = (unit(one) @ np.array(LUMINANCE) for one in (shown, images))
    window = gaussian(_SIGMA, min(_WINDOW, *(side - (side % 2 == 0) for side in x.shape[1:])) // 2)
    mean_x, mean_y = _filtered(x, window), _filtered(y, window)
    var_x, var_y = _filtered(x * x, window) - mean_x**2, _filtered(y * y, window) - mean_y**2
    covariance = _filtered(x * y, window) - mean_x * mean_y
    above = (2 * mean_x * mean_y + _C1) * (2 * covariance + _C2)
    return (above / ((mean_x**2 + mean_y**2 + _C1) * (var_x + var_y + _C2))).mean(axis=(1, 2))


def gaussian(sigma: float, radius: int) -> Array:
    """Return exp(-i^2 / (2 sigma^2)) for i from -radius to radius, divided by its sum."""
    weights = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))
    return weights / weights.sum()


def _filtered(maps: Array, window: Array) -> Array:
    """Return the weighted means of all windows inside maps (N, H, W)."""
    return along(along(maps, window, 1), window, 2)


def along(maps: Array, window: Array, axis: int) -> Array:
    """Return the sums of neighbours along an axis, weighted by a window, where it lies inside."""
    count = maps.shape[axis] - len(window) + 1
    return sum(weight * np.take(maps, range(place, place + count), axis)  # type: ignore[return-value]  # of arrays
               for place, weight in enumerate(window))
