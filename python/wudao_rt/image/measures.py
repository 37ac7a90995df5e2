"""How well a tokenizer keeps pictures that it has not learned from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wudao_rt.ops.types import Array

if TYPE_CHECKING:
    from wudao_rt.image.tokenizer import VQTokenizer
    from wudao_rt.training.ranks import Ranks

_AT_A_TIME = 64
_WHITE = 255.0


@dataclass(frozen=True)
class Reconstruction:
    """Hold what came of encoding and decoding pictures.

    Args:
        pictures: how many.
        psnr: 10 log10(1 / MSE), one MSE over all pixels and colours in [0, 1], decibels.
        psnr_median: median of the same for each picture by itself, decibels.
        code_use: share of the codes that occur.
        perplexity: exp(entropy) of how often each occurs: as many codes, used alike, would be as surprising.
    """

    pictures: int
    psnr: float
    psnr_median: float
    code_use: float
    perplexity: float

    @classmethod
    def of(cls, errors: Array, counts: Array) -> Reconstruction:
        """Return the measures of pictures with these squared errors (N,), whose codes occur so often (M,)."""
        share = counts[counts > 0] / counts.sum()
        return cls(len(errors), float(decibels(errors.mean())), float(np.median(decibels(errors))),
                   len(share) / len(counts), float(np.exp(-np.sum(share * np.log(share)))))

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    def line(self) -> str:
        """Return them for a person."""
        return (f"{self.pictures} pictures | PSNR {self.psnr:.2f} dB (median {self.psnr_median:.2f}) | codes used "
                f"{100 * self.code_use:.1f} % | perplexity {self.perplexity:.0f}")


def reconstruction(tokenizer: VQTokenizer, images: Array, ranks: Ranks | None = None) -> Reconstruction:
    """Encode and decode pictures, and compare.

    Args:
        tokenizer: that has not learned from them.
        images: uint8 (N, H, W, 3) or floats from 0 to 1, N at least 1.
        ranks: that share the work; all call this, and get the same.
    """
    if ranks is None or ranks.size == 1:
        told = [_measured(tokenizer, images)]
    else:
        begin, end = (len(images) * (ranks.world.rank + i) // ranks.size for i in (0, 1))
        told = ranks.all_of(_measured(tokenizer, images[begin:end]))
    return Reconstruction.of(np.concatenate([errors for errors, _ in told]),
                             np.sum([counts for _, counts in told], axis=0))


def _measured(tokenizer: VQTokenizer, images: Array) -> tuple[Array, Array]:
    """Return the mean squared error of each picture, and how often each code occurs."""
    errors, counts = [np.zeros(0)], np.zeros(tokenizer.config.codes, np.int64)
    for begin in range(0, len(images), _AT_A_TIME):
        part = images[begin : begin + _AT_A_TIME]
        codes = tokenizer.encode(part)
        errors.append(squared_errors(tokenizer.decode(codes, dtype="float32"), part))
        counts += np.bincount(codes.reshape(-1), minlength=len(counts))
    return np.concatenate(errors), counts


def squared_errors(shown: Array, images: Array) -> Array:
    """Return the mean squared error of each picture, of numbers from 0 to 1.

    Args:
        shown, images: (N, ...) uint8, or floats from 0 to 1.

    Returns: float64 (N,).

    Example:
        >>> squared_errors(np.zeros((1, 2, 2, 3)), np.full((1, 2, 2, 3), 255, np.uint8))
        array([1.])
    """
    return np.mean((unit(shown) - unit(images)) ** 2, axis=tuple(range(1, images.ndim)))


def unit(images: Array) -> Array:
    """Return pictures as float64 from 0 to 1."""
    return images.astype(np.float64) / (_WHITE if images.dtype == np.uint8 else 1.0)


def decibels(mse: Array | float) -> Array:
    """Return 10 log10(1 / mse), of one or of many; infinite for equal pictures."""
    with np.errstate(divide="ignore"):
        return -10 * np.log10(mse)
