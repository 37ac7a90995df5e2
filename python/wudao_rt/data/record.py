"""The record: one text with what is known about it, as a dataclass and as a line of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

SPLITS = ("train", "report", "untouched", "excluded")


@dataclass(frozen=True, slots=True)
class Record:
    """One text.

    `split` is `train` (may be learned from), `report` (held out, results are reported on it), `untouched` (held out,
    left for a last look) or `excluded` (not held out, but shares a full line with a held-out poem).
    `domain` is the block of the mix that the text belongs to; `source` the collection inside it.
    """

    text: str
    id: str
    split: str = "train"
    domain: str = ""
    source: str = ""
    language: str = "zh"
    title: str = ""
    author: str = ""
    form: str = ""

    def to_json(self) -> dict[str, str]:
        """Return the fields that hold something."""
        return {name: value for name in _NAMES if (value := getattr(self, name))}

    def with_split(self, split: str) -> Record:
        """Return the same record in another split."""
        return replace(self, split=split)


_NAMES = tuple(field.name for field in fields(Record))


class RecordWriter:
    """Write records to one JSON-lines file per split, and count them."""

    def __init__(self, folder: Path, splits: tuple[str, ...] = SPLITS) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._files = {split: (folder / f"{split}.jsonl").open("w", encoding="utf-8") for split in splits}
        self.counts = dict.fromkeys(splits, 0)
        self.characters = dict.fromkeys(splits, 0)

    def write(self, record: Record) -> None:
        """Append a record to the file of its split."""
        self._files[record.split].write(json.dumps(record.to_json(), ensure_ascii=False) + "\n")
        self.counts[record.split] += 1
        self.characters[record.split] += len(record.text)

    def write_all(self, records: Iterable[Record]) -> RecordWriter:
        """Append records and close the files."""
        for record in records:
            self.write(record)
        self.close()
        return self

    def close(self) -> None:
        """Flush and close the files."""
        for file in self._files.values():
            file.close()


def read_records(path: Path) -> Iterator[Record]:
    """Yield the records of a JSON-lines file that RecordWriter made."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield Record(**json.loads(line))
