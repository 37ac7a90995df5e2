"""Captions of a training sample, in both languages, drawn anew each time a picture comes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from numpy.random import Generator

from ..blanks.keys import Stream
from .keys import SampleKey
from .record import PictureRecord
from .words import CATEGORIES_ZH, STYLES

SHARES: dict[str, float] = {
    "empty": 0.10,
    "name en": 0.15, "name zh": 0.15,
    "keywords en": 0.12, "keywords zh": 0.12,
    "picture en": 0.08, "picture zh": 0.08,
    "category en": 0.05, "category zh": 0.05,
    "style en": 0.05, "style zh": 0.05,
}
"""How often each kind of caption is drawn. A kind that a record has no words for leaves its share to the others."""

_MOST_KEYWORDS = 3
_JOINT = {"en": ", ", "zh": "、"}


def captions(record: PictureRecord, key: SampleKey) -> str:
    """Draw the caption of a sample.

    Args:
        record: the picture.
        key: (seed, step, index); the same key gives the same caption.

    Returns: a caption of a kind of `SHARES`; a tenth of them are empty, so that a model learns pictures without text.

    Example:
        >>> pizza = PictureRecord("twitter/1F355", "1F355", name_en="pizza", name_zh="披萨", vendor="twitter")
        >>> [captions(pizza, SampleKey(7, 0, index)) for index in range(4)]
        ['', '披萨的图片', 'pizza', '披萨的图片']
    """
    draws = key.draws(Stream.CAPTION)
    kind = _drawn_kind(possible_kinds(record), draws.random())
    return caption_of(record, kind, draws)


def possible_kinds(record: PictureRecord) -> list[str]:
    """Return the kinds of caption that the record has words for, `empty` first."""
    if record.captions:
        return ["empty", "own"]
    return [kind for kind in SHARES if kind == "empty" or all(_words(record, kind))]


def caption_of(record: PictureRecord, kind: str, draws: Generator) -> str:
    """Return a caption of one kind; `draws` chooses keywords, or one of several ready captions."""
    if kind == "empty":
        return ""
    if kind == "own":
        return record.captions[int(draws.integers(len(record.captions)))]
    what, language = kind.split()
    if what == "keywords":
        return _JOINT[language].join(_some(_words(record, kind)[0], draws))
    return _phrase(record, what, language)


def fixed_captions(record: PictureRecord, language: str) -> Iterator[str]:
    """Yield what captions of the record can say in `en` or `zh`, all keywords in one line, for text tokenizers."""
    for kind in possible_kinds(record):
        if kind.endswith(f" {language}"):
            what, _ = kind.split()
            joined = _JOINT[language].join(_words(record, kind)[0]) if what == "keywords" else ""
            yield joined or _phrase(record, what, language)


def _phrase(record: PictureRecord, what: str, language: str) -> str:
    *front, name = _words(record, f"{what} {language}")
    if what == "picture":
        return f"a picture of {name}" if language == "en" else f"{name}的图片"
    separator = ": " if language == "en" else "："
    return separator.join((*front, name))


def _words(record: PictureRecord, kind: str) -> tuple:
    """Return what a kind is made of; an empty part means that the record has no such caption."""
    what, language = kind.split()
    english = language == "en"
    if what == "keywords":
        return (record.keywords_en if english else record.keywords_zh,)
    name = record.name_en if english else record.name_zh
    if what == "category":
        return (record.category if english else CATEGORIES_ZH.get(record.category, ""), name)
    if what == "style":
        return (STYLES.get(record.vendor, ("", ""))[0 if english else 1], name)
    return (name,)


def _drawn_kind(kinds: list[str], place: float) -> str:
    if place < SHARES["empty"] or len(kinds) == 1:
        return kinds[0]
    place = (place - SHARES["empty"]) / (1 - SHARES["empty"]) * sum(SHARES.get(kind, 1) for kind in kinds[1:])
    for kind in kinds[1:]:
        place -= SHARES.get(kind, 1)
        if place < 0:
            return kind
    return kinds[-1]


def _some(keywords: Sequence[str], draws: Generator) -> list[str]:
    count = min(int(draws.integers(1, _MOST_KEYWORDS + 1)), len(keywords))
    return [keywords[place] for place in draws.choice(len(keywords), count, replace=False)]
