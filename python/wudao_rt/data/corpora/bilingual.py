"""`bilingual`: Chinese verse and prose with English prose and definitions, each block with its share of the tokens."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, groupby

from ..prepared import PreparedCorpus
from ..record import SPLITS, Record
from .family import Build, Corpus, Family

SHARES: dict[str, float] = {"verse": 0.35, "ci": 0.08, "bible-zh": 0.15, "english": 0.30, "wordnet": 0.12}
"""Share of the tokens by domain label; `english` is four novels, the King James Version and the Factbook."""


def build(build: Build) -> None:
    """Write all parts one after the other; how often each is drawn is said by the shares, not by repetition."""
    parts = (_chapters(corpus) if name == "bible" else _everything(corpus) for name, corpus in build.needed.items())
    build.write("bilingual", chain.from_iterable(parts), shares=SHARES)


def _everything(corpus: PreparedCorpus) -> Iterator[Record]:
    return chain.from_iterable(corpus.records(split) for split in SPLITS)


def _chapters(corpus: PreparedCorpus) -> Iterator[Record]:
    """Join the verses of a chapter, language by language: single verses are too short to learn prose from."""
    for split in SPLITS:
        for language in ("zh", "en"):
            verses = (record for record in corpus.records(split) if record.language == language)
            for chapter, group in groupby(verses, lambda record: record.id.rpartition(":")[0]):
                yield _joined(chapter, list(group))


def _joined(chapter: str, verses: list[Record]) -> Record:
    first = verses[0]
    between = " " if first.language == "en" else ""
    return Record(between.join(verse.text for verse in verses), chapter, first.split, first.domain, first.source,
                  first.language, first.title.rpartition(":")[0])


FAMILY = Family(
    name="bilingual",
    version=3,
    packages=(),
    needs=("verse", "ci", "bible", "austen", "factbook", "wordnet"),
    corpora=(Corpus("bilingual", "Chinese verse, ci and Bible with English prose and definitions, mixed by tokens",
                    tuple(SHARES)),),
    build=build,
)
