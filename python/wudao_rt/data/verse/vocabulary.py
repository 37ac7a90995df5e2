"""The characters that poems are spelt with, and what an unknown one costs."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ..prepared import PreparedCorpus

LEAST_COUNT = 2


@dataclass(frozen=True, slots=True)
class QuatrainVocabulary:
    """Every character that occurs at least twice in the Tang quatrains that may be trained on, by code point."""

    characters: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """SHA-256 of the characters, joined without separator, as UTF-8."""
        return hashlib.sha256("".join(self.characters).encode()).hexdigest()

    def to_json(self) -> dict[str, object]:
        """Return size and hash."""
        return {"characters": len(self.characters), "sha256": self.sha256}


def quatrain_vocabulary(quatrains: PreparedCorpus) -> QuatrainVocabulary:
    """Return the vocabulary of the prepared corpus `tang-quatrains`: hanzi and punctuation of its training poems."""
    counts = Counter[str]()
    for text in quatrains.texts("train"):
        counts.update(text)
    return QuatrainVocabulary(tuple(sorted(c for c, count in counts.items() if count >= LEAST_COUNT)))


def unknown_types(texts: Iterable[str], vocabulary: QuatrainVocabulary) -> int:
    """Return how many different characters of `texts` the vocabulary lacks.

    A model that predicts "unknown" still has to say which of n unknown characters it is: each costs a further ln(n).
    """
    return len(set("".join(texts)) - set(vocabulary.characters))
