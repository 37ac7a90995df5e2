"""What a model gives held-out pictures behind their caption, another one, and none: the part `likelihood`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from wudao_rt.evaluation.images.held_out import MAIN_GROUPS, PictureSet, languages
from wudao_rt.evaluation.images.intervals import derangement, mean_interval
from wudao_rt.evaluation.images.progress import Watch, silent
from wudao_rt.evaluation.images.result import Result
from wudao_rt.ops.types import Array

if TYPE_CHECKING:
    from wudao_rt.cogview import CogView

PART = "likelihood"
TRUE, SHUFFLED, NONE, UNIGRAM = "true caption", "shuffled caption", "no caption", "code unigram"
_AT_ONCE = 64


def measure_likelihood(model: CogView, held_out: PictureSet, learned: Array, seed: int = 0, watch: Watch = silent
                       ) -> Iterator[Result]:
    """Yield -log p of pictures in nats per code and bits per picture, and what the true caption gains.

    Beside the true caption stand: the caption of a picture of something else, fixed by the seed; none; and the
    frequencies of codes among the pictures that were learned, (n_k + 1) / (n + M), which know neither text nor place.

    Args:
        model: with both its tokenizers.
        held_out: pictures with the model's codes.
        learned: codes of the pictures that it learned from.
        seed: of the captions' exchange and the intervals.
        watch: is told how far the work is.
    """
    none = picture_nats(model, [""] * len(held_out), held_out.codes, watch, PART)
    unigram = unigram_nats(learned, held_out.codes, model.config.image_codes)
    for language in languages(held_out.records):
        named = np.array([bool(text) for text in held_out.texts(language)])
        part = held_out.at(named)
        texts = part.texts(language)
        other = [texts[place] for place in derangement(part.bases, seed)]
        nats = {TRUE: picture_nats(model, texts, part.codes, watch, f"{PART} {language}"),
                SHUFFLED: picture_nats(model, other, part.codes, watch, f"{PART} {language}, shuffled"),
                NONE: none[named], UNIGRAM: unigram[named]}
        for group, mask in part.groups().items():
            yield from _group({kind: each[mask] for kind, each in nats.items()}, part.at(mask), seed,
                              {"language": language, "group": group})


def _group(nats: dict[str, Array], part: PictureSet, seed: int, of: dict[str, str]) -> Iterator[Result]:
    codes, bases, apart = part.codes[0].size, part.bases, of["group"] not in MAIN_GROUPS
    for kind, each in nats.items():
        mean = mean_interval(each / codes, bases, seed)
        yield Result.between(PART, f"nats per code, {kind}", mean, of, detail=apart and kind != TRUE)
        yield Result(PART, f"bits per picture, {kind}", float(each.mean() / np.log(2)), len(part), of,
                     detail=apart or kind != TRUE)
    for kind in (SHUFFLED, NONE, UNIGRAM):
        gain = mean_interval((nats[kind] - nats[TRUE]) / codes, bases, seed)
        yield Result.between(PART, f"gain over {kind} (nats per code)", gain, of, detail=apart and kind != SHUFFLED)
    wins = mean_interval(nats[TRUE] < nats[SHUFFLED], bases, seed)
    yield Result.between(PART, "share where true beats shuffled", wins, of, chance=0.5)


def picture_nats(model: CogView, texts: list[str], codes: Array, watch: Watch = silent, what: str = PART) -> Array:
    """Return -log p(picture | text) of pairs, in nats: float64 (N,). Texts that are too long lose their end."""
    parts = []
    for begin in watch(range(0, len(texts), _AT_ONCE), what):
        part = slice(begin, begin + _AT_ONCE)
        parts.append(model.image_loss(texts[part], codes[part], "sum", truncate=True).astype(np.float64))
    return np.concatenate(parts)


def unigram_nats(learned: Array, codes: Array, count: int) -> Array:
    """Return -log p of pictures whose codes are drawn one by one with the frequencies of those that were learned.

    p(k) = (n_k + 1) / (n + M)

    Args:
        learned, codes: integers (N, h, w) below `count`.
        count: M, how many codes there are.

    Returns: nats, float64 (N,).

    Example:
        >>> unigram_nats(np.array([[[0, 0]]]), np.array([[[0, 1]]]), 2).round(4)  # log 4/3 + log 4
        array([1.674])
    """
    counts = np.bincount(np.ravel(learned), minlength=count) + 1
    return (-np.log(counts / counts.sum()))[codes].reshape(len(codes), -1).sum(axis=1)
