"""Level and oblique tones: classes of characters, and how far lines alternate."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..poetry.clean import lines_of
from ..prepared import PreparedCorpus

LEVEL, OBLIQUE, EITHER = "平", "仄", "○"
AGREEMENT = 0.9
_MARKS = (LEVEL, OBLIQUE, EITHER)


def count_tones(poems: Iterable[tuple[str, Sequence[str]]]) -> dict[str, list[int]]:
    """Count how often each character is marked level, oblique and either over aligned poems.

    Args:
        poems: (text, tone pattern by paragraph) pairs; a poem whose pattern has other line lengths is left out.

    Returns:
        character -> [level, oblique, either].
    """
    pairs = Counter[tuple[str, str]]()
    for text, strains in poems:
        lines, patterns = lines_of(text), _pattern_lines(strains)
        if list(map(len, lines)) == list(map(len, patterns)):
            pairs.update(zip("".join(lines), "".join(patterns), strict=True))
    characters = {character for character, tone in pairs if tone in _MARKS}
    return {character: [pairs[character, tone] for tone in _MARKS] for character in sorted(characters)}


def _pattern_lines(strains: Sequence[str]) -> list[str]:
    return [line for line in "".join(strains).replace("。", "，").split("，") if line]


@dataclass(frozen=True, slots=True)
class ToneClasses:
    """The tone class of every character; a character never seen is `EITHER`."""

    classes: dict[str, str]

    @classmethod
    def from_counts(cls, counts: dict[str, Sequence[int]]) -> ToneClasses:
        """Give each character its majority class, `EITHER` where under 90 % of its uses agree."""
        return cls({character: _majority(*count) for character, count in counts.items()})

    @classmethod
    def load(cls, verse: PreparedCorpus) -> ToneClasses:
        """Read the counts that the prepared corpus `verse` holds (training poems only)."""
        return cls.from_counts(json.loads((verse.path / "tones.json").read_text(encoding="utf-8")))

    def of(self, character: str) -> str:
        """Return `LEVEL`, `OBLIQUE` or `EITHER`."""
        return self.classes.get(character, EITHER)

    def alternates(self, line: str) -> bool:
        """Return whether the 2nd, 4th (and 6th) characters can be read as alternating in tone."""
        tones = [self.of(character) for character in line[1::2][: len(line) // 2]]
        return any(all(tone in (EITHER, wanted[i]) for i, tone in enumerate(tones)) for wanted in _ALTERNATIONS)


_ALTERNATIONS = (LEVEL + OBLIQUE + LEVEL, OBLIQUE + LEVEL + OBLIQUE)


def _majority(level: int, oblique: int, either: int) -> str:
    total = level + oblique + either
    if total and level >= AGREEMENT * total:
        return LEVEL
    return OBLIQUE if total and oblique >= AGREEMENT * total else EITHER


def tone_alternation(lines: Iterable[str], classes: ToneClasses) -> float:
    """Return the share of lines whose 2nd, 4th (and 6th) characters alternate in tone.

    Args:
        lines: lines of five or seven characters without punctuation; other lengths count as failing.
        classes: tone classes.

    Returns:
        A share in [0, 1]; 0.0 for no lines.
    """
    judged = [len(line) in (5, 7) and classes.alternates(line) for line in lines]
    return sum(judged) / len(judged) if judged else 0.0
