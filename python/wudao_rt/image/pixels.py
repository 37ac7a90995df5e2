"""Pictures as arrays: what people give, what a tokenizer computes with, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from wudao_rt.config.vq import VQConfig
from wudao_rt.errors import DTypeError, ShapeError
from wudao_rt.ops.types import Array

_WHITE = 255.0


def normalised(op: str, images: Any, config: VQConfig, dtype: str) -> Array:
    """Return (image - mean) / std of pictures (B, H, W, 3): uint8, or floats from 0 to 1.

    Raises:
        ShapeError: another shape; sides that are no multiple of what a code stands for.
        DTypeError: neither uint8 nor floats; floats that are not finite or outside of [0, 1].
    """
    array = np.asarray(images)
    if array.ndim != 4 or array.shape[3] != 3:
        raise ShapeError(f"{op}: images: expected (batch, height, width, 3), got {array.shape}. One picture is "
                         "images[None]; an alpha channel has to be put on a background first.")
    if 0 in array.shape[1:3] or any(side % config.pixels for side in array.shape[1:3]):
        raise ShapeError(f"{op}: images: expected sides that are multiples of {config.pixels} pixels, got "
                         f"{array.shape[1]} x {array.shape[2]}. Crop or resize them.")
    kind = np.float64 if dtype == "float64" else np.float32
    mean, std = np.asarray(config.mean, kind), np.asarray(config.std, kind)
    return (_unit(op, array, kind) - mean) / std


def _unit(op: str, array: Array, kind: type) -> Array:
    """Return the pixels as numbers from 0 to 1."""
    if array.dtype == np.uint8:
        return array.astype(kind) / kind(_WHITE)
    if array.dtype.kind != "f":
        raise DTypeError(f"{op}: images: expected uint8, or floats from 0 to 1, got {array.dtype}. Use .astype.")
    if array.size and not (np.min(array) >= 0 and np.max(array) <= 1):
        raise DTypeError(f"{op}: images: expected floats from 0 to 1, got {np.min(array):.4g} to {np.max(array):.4g}. "
                         "Divide pictures of 0 to 255 by 255, or give them as uint8.")
    return array.astype(kind)


def pictures(maps: Array, config: VQConfig, dtype: str) -> Array:
    """Return what a decoder made as pictures, cut off at black and white: uint8 (to the nearest), or float32 in [0, 1].

    Raises:
        DTypeError: another dtype is asked for.
    """
    if dtype not in ("uint8", "float32"):
        raise DTypeError(f"decode: dtype: expected uint8 or float32, got {dtype!r}. Choose one of them.")
    unit = np.clip(maps * np.asarray(config.std, maps.dtype) + np.asarray(config.mean, maps.dtype), 0, 1)
    if dtype == "uint8":
        return np.rint(unit * _WHITE).astype(np.uint8)
    return unit.astype(np.float32)
