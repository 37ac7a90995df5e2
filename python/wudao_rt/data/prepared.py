"""A prepared corpus: JSON-lines files by split, and a card that says what is in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .errors import DataError
from .held_out import PICTURE_SPLITS
from .record import SPLITS, Record, RecordWriter, read_records

CARD = "card.json"
_KNOWN_SPLITS = tuple(dict.fromkeys((*SPLITS, *PICTURE_SPLITS)))


@dataclass(frozen=True)
class PreparedCorpus:
    """A corpus on disk, ready to be read.

    Args:
        name: the corpus.
        path: its folder: `train.jsonl`, `report.jsonl`, `untouched.jsonl`, `excluded.jsonl`, `card.json` and, for some
            corpora, further splits and files that `card` lists.
    """

    name: str
    path: Path

    @cached_property
    def card(self) -> dict:
        """What the corpus holds: counts by split, licence, sources, and what is special to it."""
        return json.loads((self.path / CARD).read_text(encoding="utf-8"))

    @property
    def licence(self) -> str:
        """Under what terms the packages are used."""
        return "; ".join(f"{package['name']}: {package['licence']}" for package in self.card["packages"])

    def records(self, split: str = "train") -> Iterator[Record]:
        """Yield the records of a split, in the corpus's fixed order."""
        splits = [one for one in _KNOWN_SPLITS if self._file(one).is_file()]
        if split not in splits:
            raise DataError(f"data: records: split: expected one of {', '.join(splits)}, got '{split}'. Choose one.")
        return read_records(self._file(split))

    def texts(self, split: str = "train") -> Iterator[str]:
        """Yield the texts of a split."""
        return (record.text for record in self.records(split))

    def _file(self, split: str) -> Path:
        return self.path / f"{split}.jsonl"

    def summary(self) -> str:
        """Return what the corpus holds in a few lines for a person."""
        records = self.card["records"]
        lines = [f"{self.name}: {self.card['summary']}", f"records: {_counted(records)}",
                 f"characters to train on: {self.card['characters']['train']:,}"]
        if pictures := self.card.get("pictures"):
            lines.append(f"pictures of {pictures['size']} by {pictures['size']}: {_counted(pictures['splits'])}")
        if packages := self.card["packages"]:
            sources = ", ".join(f"{package['source']} {package['version']}" for package in packages)
            lines += [f"source: {sources}", f"licence: {self.licence}"]
            credits = dict.fromkeys(package["credit"] for package in packages if package.get("credit"))
            lines += [f"credit: {credit}" for credit in credits]
        if removed := self.card.get("removed"):
            lines.append(f"removed: {removed['exact']:,} exact and {removed['near']:,} near duplicates")
        if ignored := self.card.get("ignored_files"):
            lines.append(f"ignored: {len(ignored):,} files that are neither .txt nor .jsonl")
        return "\n  ".join([*lines, f"folder: {self.path}"])

    def to_json(self) -> dict[str, object]:
        """Return the card and the folder as plain values."""
        return {**self.card, "path": str(self.path)}


def _counted(splits: dict[str, int]) -> str:
    return ", ".join(f"{split} {count:,}" for split, count in splits.items() if count or split == "train")


def write_card(folder: Path, writer: RecordWriter, about: dict[str, object]) -> None:
    """Write the card of a corpus whose records are all written."""
    card = {**about, "records": writer.counts, "characters": writer.characters}
    (folder / CARD).write_text(json.dumps(card, ensure_ascii=False, indent=1), encoding="utf-8")
