"""Find exact duplicates by hash and near duplicates by MinHash."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import rensa

NEAR = 0.8
_SEED = 1
_PERMUTATIONS, _BANDS = 128, 32
_BATCH = 20_000
_UNIT = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]|\w+")
_WIDTH = 3


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What to keep: indexes in order, and how many texts were left out, and why."""

    kept: list[int]
    exact: int
    near: int

    def to_json(self) -> dict[str, int]:
        """Return the counts."""
        return {"kept": len(self.kept), "exact": self.exact, "near": self.near}


def find_duplicates(texts: Sequence[str], near: float | None = NEAR) -> Duplicates:
    """Return which texts to keep: the first of each group of equal or nearly equal ones.

    Two texts are near duplicates if the Jaccard similarity of their sets of three successive units (hanzi or words),
    estimated from 128 MinHash values, is at least `near`.

    Args:
        texts: the texts.
        near: similarity from which on the later text is dropped; None looks for exact duplicates only.

    Source: A. Broder, "On the resemblance and containment of documents", 1997.
    """
    unique = _first_of_each(texts)
    kept = unique if near is None else _without_near([texts[i] for i in unique], unique, near)
    return Duplicates(kept, len(texts) - len(unique), len(unique) - len(kept))


def _first_of_each(texts: Sequence[str]) -> list[int]:
    first: dict[bytes, int] = {}
    for i, text in enumerate(texts):
        first.setdefault(hashlib.sha256(" ".join(text.split()).encode()).digest(), i)
    return list(first.values())


def _without_near(texts: list[str], places: list[int], near: float) -> list[int]:
    finder = rensa.RMinHashDeduplicator(near, _PERMUTATIONS, True, _BANDS, _SEED)
    kept: list[int] = []
    for start in range(0, len(texts), _BATCH):
        batch = range(start, min(start + _BATCH, len(texts)))
        sketches = rensa.RMinHash.from_token_sets([_shingles(texts[i]) for i in batch], _PERMUTATIONS, _SEED)
        new = finder.add_pairs([(str(i), sketch) for i, sketch in zip(batch, sketches, strict=True)])
        kept += [places[i] for i, is_new in zip(batch, new, strict=True) if is_new]
    return kept


def _shingles(text: str) -> list[str]:
    units = _UNIT.findall(text.lower())
    if len(units) < _WIDTH:  # too short for a set of its own kind: only equal texts are near
        return [f"short:{text.strip()}"]
    return list({"\x1f".join(units[i : i + _WIDTH]) for i in range(len(units) - _WIDTH + 1)})
