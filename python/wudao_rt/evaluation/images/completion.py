"""How well a model goes on with held-out pictures that are begun, behind their caption and behind another one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from wudao_rt.evaluation.images.drawing import PART
from wudao_rt.evaluation.images.held_out import PictureSet, decode
from wudao_rt.evaluation.images.intervals import derangement, mean_interval
from wudao_rt.evaluation.images.progress import Watch, silent
from wudao_rt.evaluation.images.result import Result
from wudao_rt.image.measures import decibels, squared_errors
from wudao_rt.ops.types import Array

if TYPE_CHECKING:
    from wudao_rt.cogview import CogView

SHARES = (25, 50, 75)  # per cent of the rows that are kept
_AT_ONCE = 32


def completions(model: CogView, asked: PictureSet, texts: list[str], seed: int = 0, watch: Watch = silent
                ) -> Iterator[Result]:
    """Yield how many codes of the rest are right, and its PSNR, with the true caption and with one of something else.

    The first rows are kept; of the others the most probable code is taken each time. PSNR is that of the pixels of
    those rows, beside the original picture; with the true codes it is what the tokenizer allows.

    Args:
        model: with both its tokenizers.
        asked: pictures with the model's codes.
        texts: of each.
        seed: of the captions' exchange and the intervals.
        watch: is told how far the work is.
    """
    captions = {"true caption": texts, "shuffled caption": [texts[at] for at in derangement(asked.bases, seed)]}
    side = asked.codes.shape[1]
    for share in SHARES:
        rows = side * share // 100
        keep, of = np.broadcast_to((np.arange(side) < rows)[:, None], (side, side)), {"kept": f"{share} %"}
        right: dict[str, Array] = {}
        for name, own in captions.items():
            found = _completed(model, own, asked.codes, keep, watch, f"completing from {share} %, {name}")
            right[name] = (found == asked.codes)[:, ~keep].mean(axis=1)
            yield Result.between(PART, f"codes right, {name}", mean_interval(right[name], asked.bases, seed), of)
            yield _psnr(model, asked, found, rows, name, of, seed)
        yield _psnr(model, asked, asked.codes, rows, "true codes", of, seed)
        gain = mean_interval(right["true caption"] - right["shuffled caption"], asked.bases, seed)
        yield Result.between(PART, "codes right, true minus shuffled", gain, of)


def _completed(model: CogView, texts: list[str], codes: Array, keep: Array, watch: Watch, what: str) -> Array:
    parts = []
    for begin in watch(range(0, len(codes), _AT_ONCE), what):
        part = slice(begin, begin + _AT_ONCE)
        parts.append(model.complete(texts[part], codes[part], keep, temperature=0, truncate=True)[:, 0])
    return np.concatenate(parts)


def _psnr(model: CogView, asked: PictureSet, codes: Array, rows: int, name: str, of: dict[str, str], seed: int
          ) -> Result:
    """Return the PSNR of what lies below the rows that are kept."""
    assert model.image_tokenizer is not None
    first = rows * model.image_tokenizer.config.pixels
    errors = squared_errors(decode(model.image_tokenizer, codes)[:, first:], asked.images[:, first:])
    found = mean_interval(errors, asked.bases, seed, of=decibels)
    return Result.between(PART, f"psnr of the rest (dB), {name}", found, of)

