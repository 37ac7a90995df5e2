"""Change training pictures a little, each as a function of its key."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..blanks.keys import Stream
from ..errors import DataError
from .compose import WHITE, on_background
from .keys import SampleKey

_DRAWS = 10
_PASTEL_LOWEST = 192


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How far a picture may be changed; the defaults are for the training of an image tokenizer.

    `shift` is in whole pixels each way, `hue` a share of the full circle each way, `brightness` a share each way,
    `flip` the share of pictures that are mirrored, `pastel` of those on a random light background instead of white.
    """

    shift: int = 2
    smallest: float = 0.85
    largest: float = 1.1
    hue: float = 0.03
    brightness: float = 0.1
    flip: float = 0.5
    pastel: float = 0.03


TOKENIZER = Augmentation()
# Pixels stay what they are, and where a language model will see them: codes are spent on what there is.
MOVED = Augmentation(shift=1, smallest=1, largest=1, hue=0, brightness=0, pastel=0)
# Captions speak of left and right and of colours, so that a picture with a caption is only shifted.
CAPTIONED = Augmentation(shift=1, smallest=1, largest=1, hue=0, brightness=0, flip=0, pastel=0)


def augmented(pixels: np.ndarray, seed: int, step: int, first: int = 0, how: Augmentation = TOKENIZER) -> np.ndarray:
    """Return changed pictures on a background.

    Shifted, scaled and mirrored in one bilinear step around the centre; hue turned around the grey axis; then laid on
    white, or on a random pastel.

    Args:
        pixels: uint8 [B, S, S, 4].
        seed, step: of the run.
        first: place of the first picture in the global batch; row i is a function of (seed, step, first + i).
        how: what may change.

    Returns: uint8 [B, S, S, 3].

    Raises:
        DataError: pixels of another shape or type.

    Numerics: hue and brightness work on the picture's own colours; white stays white.
    """
    _require_pixels(pixels)
    keys = (SampleKey(seed, step, first + row) for row in range(len(pixels)))
    draws = np.array([key.draws(Stream.AUGMENT).random(_DRAWS) for key in keys]).reshape(-1, _DRAWS)
    moved = _moved(pixels, draws[:, :4], how)
    colour = _coloured(moved[..., :3].astype(np.float32), draws[:, 4:6], how)
    return on_background(colour, moved[..., 3:], _backgrounds(draws[:, 6:], how))


def _require_pixels(pixels: np.ndarray) -> None:
    shape = pixels.shape
    if pixels.dtype != np.uint8 or len(shape) != 4 or shape[1] != shape[2] or shape[3] != 4:
        raise DataError(f"data pictures: pixels: expected uint8 [B, S, S, 4], got {pixels.dtype} {list(shape)}. "
                        "Pass them with their opacity, before they lie on a background.")


def _moved(pixels: np.ndarray, draws: np.ndarray, how: Augmentation) -> np.ndarray:
    shifts = np.floor(draws[:, :2] * (2 * how.shift + 1)) - how.shift
    scales = how.smallest + draws[:, 2] * (how.largest - how.smallest)
    mirror = np.where(draws[:, 3] < how.flip, -1, 1)
    rows = zip(pixels, shifts, scales, mirror, strict=True)
    return np.array([_affine(*row) for row in rows], dtype=np.uint8).reshape(pixels.shape)


def _affine(pixels: np.ndarray, shift: np.ndarray, scale: float, mirror: int) -> np.ndarray:
    """Return the picture whose place p shows what was at c + (p - c - shift) / scale, c the centre."""
    size = len(pixels)
    centre = size / 2
    across, down = mirror / scale, 1 / scale
    map_back = (across, 0, centre - across * (centre + shift[0]), 0, down, centre - down * (centre + shift[1]))
    # Whole pixels need no interpolation: what is only shifted or mirrored stays exact.
    between = Image.Resampling.NEAREST if scale == 1 else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(pixels).transform((size, size), Image.Transform.AFFINE, map_back, between))


def _coloured(colour: np.ndarray, draws: np.ndarray, how: Augmentation) -> np.ndarray:
    bright = 1 + (2 * draws[:, 1] - 1) * how.brightness
    turn = _hue_turns(2 * np.pi * (2 * draws[:, 0] - 1) * how.hue) * bright[:, None, None]
    size, channels = colour.shape[1], colour.shape[3]
    flat = colour.reshape(len(colour), size * size, channels) @ turn.astype(np.float32).transpose(0, 2, 1)
    return np.clip(flat, 0, 255).reshape(colour.shape)


def _hue_turns(angles: np.ndarray) -> np.ndarray:
    """Return rotations around the grey axis [B, 3, 3] (Rodrigues' formula for the axis (1, 1, 1) / sqrt 3)."""
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    cos, sin = np.cos(angles)[:, None, None], np.sin(angles)[:, None, None]
    return cos * np.eye(3) + sin * cross + (1 - cos) / 3


def _backgrounds(draws: np.ndarray, how: Augmentation) -> np.ndarray:
    pastel = _PASTEL_LOWEST + draws[:, 1:4] * (255 - _PASTEL_LOWEST)
    chosen = np.where(draws[:, :1] < how.pastel, pastel, WHITE)
    return chosen.astype(np.float32)[:, None, None, :]
