"""How well an image tokenizer keeps held-out pictures: the part `tokenizer`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wudao_rt.evaluation.images.held_out import MAIN_GROUPS, PictureSet, decode
from wudao_rt.evaluation.images.intervals import mean_interval
from wudao_rt.evaluation.images.result import Result
from wudao_rt.image.gallery import write_sheet
from wudao_rt.image.measures import Reconstruction, decibels, squared_errors
from wudao_rt.image.similarity import ssim
from wudao_rt.ops.types import Array

if TYPE_CHECKING:
    from wudao_rt.image.tokenizer import VQTokenizer

PART = "tokenizer"
_PAIRS, _PAIRS_IN_A_ROW = 32, 4


def measure_tokenizer(tokenizer: VQTokenizer, held_out: PictureSet, seed: int = 0) -> Iterator[Result]:
    """Yield PSNR, SSIM, and the use of codes, of all pictures and of flags and the others by themselves.

    psnr = 10 log10(1 / MSE), one MSE over all pixels of all pictures, on white, decoded ones cut off at black and white

    Args:
        tokenizer: that has not learned from the pictures.
        held_out: pictures with its codes.
        seed: of the intervals.
    """
    shown = decode(tokenizer, held_out.codes)
    errors, similar = squared_errors(shown, held_out.images), ssim(shown, held_out.images)
    for group, mask in held_out.groups().items():
        if group in MAIN_GROUPS:
            part = held_out.at(mask)
            counts = np.bincount(part.codes.ravel(), minlength=tokenizer.config.codes)
            yield from _group(Reconstruction.of(errors[mask], counts), errors[mask], similar[mask], part.bases, seed,
                              group)


def _group(found: Reconstruction, errors: Array, similar: Array, bases: list[str], seed: int, group: str
           ) -> Iterator[Result]:
    of = {"group": group}
    yield Result.between(PART, "psnr (dB)", mean_interval(errors, bases, seed, of=decibels), of)
    yield Result(PART, "psnr, median of pictures (dB)", found.psnr_median, found.pictures, of)
    yield Result.between(PART, "ssim", mean_interval(similar, bases, seed), of)
    yield Result(PART, "code use", found.code_use, found.pictures, of)
    yield Result(PART, "perplexity", found.perplexity, found.pictures, of)


def write_grid(file: Path, tokenizer: VQTokenizer, held_out: PictureSet) -> Path:
    """Write pictures beside what the tokenizer makes of them, as one PNG file.

    The pictures are evenly spaced in their order, so that nobody chooses them; right of each is its reconstruction.

    Raises:
        wudao_rt.data.DataError: it cannot be written.
    """
    count = min(_PAIRS, len(held_out))
    shown = held_out.at(np.arange(count) * len(held_out) // count)
    pairs = np.stack([shown.images, tokenizer.decode(shown.codes)], axis=1)
    return write_sheet(file, pairs.reshape(-1, *shown.images.shape[1:]), 2 * _PAIRS_IN_A_ROW)
