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
    each = np.concatenate([errors for errors, _ in told])
    counts = np.sum([counts for _, counts in told], axis=0)
    share = counts[counts > 0] / counts.sum()
    return Reconstruction(len(images), decibels(each.mean()), float(np.median([decibels(e) for e in each])),
                          len(share) / tokenizer.config.codes, float(np.exp(-np.sum(share * np.log(share)))))


def _measured(tokenizer: VQTokenizer, images: Array) -> tuple[Array, Array]:
    """Return the mean squared error of each picture, and how often each code occurs."""
    errors, counts = [np.zeros(0)], np.zeros(tokenizer.config.codes, np.int64)
    for begin in range(0, len(images), _AT_A_TIME):
        part = images[begin : begin + _AT_A_TIME]
        codes = tokenizer.encode(part)
        unit = part.astype(np.float64) / (255.0 if part.dtype == np.uint8 else 1.0)
        errors.append(np.mean((tokenizer.decode(codes, dtype="float32") - unit) ** 2, axis=(1, 2, 3)))
        counts += np.bincount(codes.reshape(-1), minlength=len(counts))
    return np.concatenate(errors), counts


def decibels(mse: float) -> float:
    """Return 10 log10(1 / mse); infinite for equal pictures."""
    return float(-10 * np.log10(mse)) if mse > 0 else float("inf")
