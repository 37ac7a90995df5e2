"""`wordnet`: words, what they mean and how they are used, one record for each synset."""

from __future__ import annotations

from collections.abc import Iterator

from ..package import PackageFiles
from ..record import Record
from .family import Build, Corpus, Family

# Usage examples quoted from Northanger Abbey, Persuasion and Philippians, which are held out.
QUOTING_HELD_OUT = frozenset({"adj/00702245", "adj/02114297", "adv/00468447", "adv/00497560"})
_KINDS = {"noun": "noun", "verb": "verb", "adj": "adjective", "adv": "adverb"}


def build(build: Build) -> None:
    """Write one record for each synset: its words, their part of speech, the gloss with its examples."""
    files = build.packages["wordnet-base"]
    build.write("wordnet", (record for part, kind in _KINDS.items() for record in _records(files, part, kind)))


def _records(files: PackageFiles, part: str, kind: str) -> Iterator[Record]:
    lines = files.path(f"usr/share/wordnet/data.{part}").read_text(encoding="latin-1").splitlines()
    for line in lines:
        if not line.startswith(" "):  # the licence stands in front, indented
            yield _record(part, kind, line)


def _record(part: str, kind: str, line: str) -> Record:
    """Read one line: offset, file, type, number of words (hexadecimal), word and sense pairs, ..., `|`, gloss."""
    data, _, gloss = line.partition(" | ")
    columns = data.split()
    words = [_word(columns[4 + 2 * i]) for i in range(int(columns[3], 16))]
    text = f"{', '.join(words)} ({kind}): {gloss.strip()}"
    identity = f"{part}/{columns[0]}"
    split = "excluded" if identity in QUOTING_HELD_OUT else "train"
    return Record(text, identity, split, "wordnet", "wordnet", "en", words[0])


def _word(raw: str) -> str:
    """Return a word without the position mark that some adjectives carry."""
    return raw.split("(")[0].replace("_", " ")


FAMILY = Family(
    name="wordnet",
    version=2,
    packages=("wordnet-base",),
    corpora=(Corpus("wordnet", "WordNet 3.0: words with glosses and usage examples", ("wordnet",)),),
    build=build,
)
