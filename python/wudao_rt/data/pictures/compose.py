"""Lay transparent pictures on a background."""

from __future__ import annotations

import numpy as np

WHITE = np.full(3, 255, np.float32)


def on_white(pixels: np.ndarray) -> np.ndarray:
    """Return pictures on white, as evaluation and the language model see them.

    y = a x + (1 - a) 255, a = opacity / 255, rounded to the nearest.

    Args:
        pixels: uint8 [..., S, S, 4].

    Returns: uint8 [..., S, S, 3].

    Example:
        >>> on_white(np.array([[[[0, 0, 0, 0], [9, 8, 7, 255]]]], np.uint8)).tolist()
        [[[[255, 255, 255], [9, 8, 7]]]]
    """
    return on_background(pixels[..., :3].astype(np.float32), pixels[..., 3:], WHITE)


def on_background(colour: np.ndarray, opacity: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Return pictures on plain backgrounds.

    Args:
        colour: float32 [..., S, S, 3], 0 to 255.
        opacity: uint8 [..., S, S, 1].
        background: float32, broadcast against `colour`.

    Returns: uint8 [..., S, S, 3].
    """
    share = opacity.astype(np.float32) / 255
    return np.rint(background + (colour - background) * share).astype(np.uint8)
