"""The corpora that can be prepared; one module for each family that is built together."""

from __future__ import annotations

from ..errors import DataError
from . import austen, bible, bilingual, emoji, factbook, poetry, stamps, wordnet
from .family import Corpus, Family

FAMILIES: tuple[Family, ...] = (poetry.FAMILY, bible.FAMILY, austen.FAMILY, factbook.FAMILY, wordnet.FAMILY,
                                bilingual.FAMILY, emoji.FAMILY, stamps.FAMILY)
_BY_NAME = {corpus.name: (corpus, family) for family in FAMILIES for corpus in family.corpora}


def corpora() -> tuple[Corpus, ...]:
    """Return every corpus, the default one first."""
    return tuple(corpus for corpus, _ in _BY_NAME.values())


def find(name: str) -> tuple[Corpus, Family]:
    """Return a corpus and the family that builds it."""
    if name not in _BY_NAME:
        raise DataError(f"data: corpus: expected one of {', '.join(_BY_NAME)}, got '{name}'. Choose one of them.")
    return _BY_NAME[name]
