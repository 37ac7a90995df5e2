"""What a corpus declares, and what its builder is given."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..package import PackageFiles
from ..pins import pinned
from ..prepared import PreparedCorpus, write_card
from ..record import SPLITS, Record, RecordWriter


@dataclass(frozen=True, slots=True)
class Corpus:
    """A corpus by name, with one line about it and the domain labels of its records."""

    name: str
    summary: str
    domains: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """Corpora that one pass over the same packages builds together.

    `version` goes up whenever the builder would write something else: prepared folders of older versions are then left
    behind. `needs` names corpora of other families that the builder reads.
    """

    name: str
    version: int
    packages: tuple[str, ...]
    corpora: tuple[Corpus, ...]
    build: Callable[[Build], None]
    needs: tuple[str, ...] = ()

    def fingerprint(self, needed: Iterable[str] = ()) -> str:
        """Return a short hash of all that decides the prepared files."""
        pins = [sorted(pinned(name).files.items()) for name in self.packages]
        return hashlib.sha256(json.dumps([self.name, self.version, pins, *needed]).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Build:
    """What a builder works with: verified packages, prepared corpora it needs, and the folder to fill."""

    family: Family
    folder: Path
    packages: dict[str, PackageFiles]
    needed: dict[str, PreparedCorpus] = field(default_factory=dict)

    def write(self, name: str, records: Iterable[Record], splits: tuple[str, ...] = SPLITS, **about: object) -> Path:
        """Write the records and the card of one corpus of the family; return its folder."""
        corpus = next(corpus for corpus in self.family.corpora if corpus.name == name)
        folder = self.folder / name
        writer = RecordWriter(folder, splits).write_all(records)
        own = [files.package.to_json() for files in self.packages.values()]
        used = [package for other in self.needed.values() for package in other.card["packages"]] + own
        packages = list({package["name"]: package for package in used}.values())
        card = {"name": name, "summary": corpus.summary, "domains": corpus.domains, "packages": packages, **about}
        write_card(folder, writer, card)
        return folder
