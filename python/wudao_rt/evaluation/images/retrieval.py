"""How often a model finds the caption of a picture among others: the part `retrieval`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from wudao_rt.data.blanks.keys import Stream, generator
from wudao_rt.evaluation.images.held_out import PictureSet, languages
from wudao_rt.evaluation.images.intervals import mean_interval
from wudao_rt.evaluation.images.progress import Watch, silent
from wudao_rt.evaluation.images.result import Result
from wudao_rt.ops.types import Array

if TYPE_CHECKING:
    from wudao_rt.cogview import CogView

PART, SIZES = "retrieval", (16, 64)
Loss = Callable[[list[str], Array], Array]  # (texts, codes) to (N,), the lower the better


def measure_retrieval(
    model: CogView, held_out: PictureSet, seed: int = 0, watch: Watch = silent, sizes: Sequence[int] = SIZES
) -> Iterator[Result]:
    """Yield how often the right caption is the best of 16 and of 64, by -log p(picture | text) and by CapLoss.

    One picture of each base is asked for, by the vendors in turn and without skin tones; the other captions are drawn
    from the names of all other bases.

    Args:
        model: with both its tokenizers.
        held_out: pictures with the model's codes.
        seed: of the other captions and the intervals.
        watch: is told how far the work is.
        sizes: numbers of captions; one that is larger than the number of names is left out.
    """
    losses: dict[str, Loss] = {
        "picture likelihood": lambda texts, codes: model.image_loss(texts, codes, truncate=True),
        "caption loss": lambda texts, codes: model.caption_loss(texts, codes, truncate=True)}
    asked = held_out.at(one_of_each_base(held_out))
    for language in languages(asked.records):
        part = asked.at(np.array([bool(text) for text in asked.texts(language)]))
        texts = part.texts(language)
        possible = [size for size in sizes if size <= len(set(texts))]
        if not possible:
            continue
        offered = candidates(texts, max(possible), seed)
        for name, loss in losses.items():
            found = candidate_losses(loss, offered, part.codes, watch, f"{PART} {language}, {name}")
            for size in possible:
                of = {"language": language, "by": name}
                right = mean_interval(hits(found[:, :size]), part.bases, seed)
                yield Result.between(PART, f"right caption of {size}", right, of, chance=1 / size)


def one_of_each_base(held_out: PictureSet) -> Array:
    """Return the place of one picture of every base, its vendors taken in turn; skin tones only where there is else
    nothing: int64."""
    of_base: dict[str, list[int]] = {}
    for place, record in sorted(enumerate(held_out.records), key=lambda one: one[1].skin_tone):
        of_base.setdefault(record.base, []).append(place)
    plain = {base: [place for place in places if not held_out.records[place].skin_tone] or places
             for base, places in of_base.items()}
    return np.array([places[turn % len(places)] for turn, places in enumerate(plain.values())], np.int64)


def candidates(texts: Sequence[str], count: int, seed: int) -> list[list[str]]:
    """Return for each text itself, and behind it `count` - 1 different others in a drawn order."""
    names = list(dict.fromkeys(texts))
    offered = []
    for place, text in enumerate(texts):
        order = generator(seed, Stream.DISTRACT, place).permutation(len(names))
        others = [names[other] for other in order if names[other] != text]
        offered.append([text, *others[: count - 1]])
    return offered


def candidate_losses(loss: Loss, offered: list[list[str]], codes: Array, watch: Watch = silent, what: str = PART
                     ) -> Array:
    """Return the loss of every caption that is offered for a picture: (N, count)."""
    return np.stack([loss(offered[place], np.repeat(codes[place][None], len(offered[place]), axis=0))
                     for place in watch(range(len(offered)), what)])


def hits(losses: Array) -> Array:
    """Return how far the first of each row is the lowest: 1, 0, or 1 / k where k are as low: float64 (N,).

    Example:
        >>> hits(np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 1.0]]))
        array([1. , 0. , 0.5])
    """
    lowest = losses == losses.min(axis=1, keepdims=True)
    return lowest[:, 0] / lowest.sum(axis=1)
