"""Pictures that are looked at: chosen by their place in the corpus, on white, with what is known about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from wudao_rt.data import DataError
from wudao_rt.data.pictures import PictureRecord, Pictures, on_white
from wudao_rt.ops.types import Array

if TYPE_CHECKING:
    from wudao_rt.image.tokenizer import VQTokenizer

T = TypeVar("T")

LANGUAGES = ("en", "zh", "own")
MAIN_GROUPS = ("all", "without flags", "flags")
_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class PictureSet:
    """Hold pictures.

    Args:
        records: what is known of each, N of them.
        images: uint8 (N, S, S, 3), on white.
        codes: int32 (N, h, w) of a tokenizer.
    """

    records: list[PictureRecord]
    images: Array
    codes: Array

    def __len__(self) -> int:
        return len(self.records)

    @property
    def bases(self) -> list[str]:
        """What each shows: the clusters of intervals."""
        return [record.base for record in self.records]

    def at(self, places: Array) -> PictureSet:
        """Return the pictures at these places, or where a mask (N,) is true."""
        index = np.flatnonzero(places) if np.asarray(places).dtype == bool else np.asarray(places, np.int64)
        return PictureSet([self.records[place] for place in index], self.images[index], self.codes[index])

    def texts(self, language: str) -> list[str]:
        """Return the name of each picture in `en` or `zh`, or its first ready caption (`own`); empty if it has none."""
        return [caption(record, language) for record in self.records]

    def groups(self) -> dict[str, Array]:
        """Return masks (N,) of what is reported apart: all, flags, the others, skin tones, and every category."""
        flags = np.array([record.flag for record in self.records], bool)
        tones = np.array([record.skin_tone for record in self.records], bool)
        categories = np.array([record.category for record in self.records])
        found = {"all": np.ones(len(self), bool), "without flags": ~flags, "flags": flags, "skin tones": tones}
        found |= {name: categories == name for name in sorted(set(categories)) if name and name != "Flags"}
        return {name: mask for name, mask in found.items() if mask.any()}


def caption(record: PictureRecord, language: str) -> str:
    """Return what a record is called in a language; `own`: its first ready caption."""
    own = record.captions[0] if record.captions else ""
    return {"en": record.name_en, "zh": record.name_zh, "own": own}[language]


def languages(records: list[PictureRecord]) -> list[str]:
    """Return the languages that any of the records has a text in."""
    return [language for language in LANGUAGES if any(caption(record, language) for record in records)]


def held_out(pictures: Pictures, tokenizer: VQTokenizer, split: str, limit: int = 0) -> PictureSet:
    """Return the pictures of a split with their codes.

    Args:
        pictures: prepared ones.
        tokenizer: makes the codes.
        split: of the pictures.
        limit: of how many bases, evenly spaced in the order of the file, pictures are taken; 0: all.

    Raises:
        DataError: the split is empty.
    """
    return chosen(pictures, tokenizer, pictures.indices(split), limit)


def chosen(pictures: Pictures, tokenizer: VQTokenizer, places: Array, limit: int = 0) -> PictureSet:
    """Return the pictures at these places of the corpus, of at most so many bases; see `held_out`."""
    records = [pictures.records[place] for place in places]
    if not records:
        raise DataError("eval image: --split: expected pictures, there are none. Choose another split or corpus.")
    kept = set(spaced(list(dict.fromkeys(record.base for record in records)), limit))
    index = np.array([place for place, record in zip(places, records, strict=True) if record.base in kept])
    images = on_white(np.asarray(pictures.pixels[index]))
    return PictureSet([pictures.records[place] for place in index], images, encode(tokenizer, images))


def spaced(items: list[T], count: int) -> list[T]:
    """Return `count` items, evenly spaced in their order; all if there are not more, or `count` is 0.

    Example:
        >>> spaced(["a", "b", "c", "d", "e"], 2)
        ['a', 'c']
    """
    if not 0 < count < len(items):
        return items
    return [items[place * len(items) // count] for place in range(count)]


def encode(tokenizer: VQTokenizer, images: Array) -> Array:
    """Return the codes of pictures, a few of them at a time."""
    return in_parts(tokenizer.encode, images)


def decode(tokenizer: VQTokenizer, codes: Array) -> Array:
    """Return the pictures of codes, float32 from 0 to 1, a few of them at a time."""
    return in_parts(lambda part: tokenizer.decode(part, dtype="float32"), codes)


def in_parts(compute: Callable[[Array], Array], rows: Array) -> Array:
    """Apply a function to a few rows at a time."""
    return np.concatenate([compute(rows[begin : begin + _AT_ONCE]) for begin in range(0, len(rows), _AT_ONCE)])
