"""Measures of written poems: form, copied lines, repeated characters, tones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from ..held_out import body
from ..poetry.clean import form_of, is_clean, lines_of, punctuated
from ..prepared import PreparedCorpus
from .tones import ToneClasses, tone_alternation


def has_form(text: str, form: str) -> bool:
    """Return whether a poem has exactly the form: its lines, a mark behind each, and nothing else.

    >>> has_form("白日依山尽，黄河入海流。欲穷千里目，更上一层楼。", "五绝")
    True
    """
    return is_clean(text) and form_of(text) == form and punctuated(text) == text


def training_lines(*corpora: PreparedCorpus) -> frozenset[str]:
    """Return every line of every poem that may be trained on."""
    return frozenset(line for corpus in corpora for text in corpus.texts("train") for line in lines_of(text))


def copied_lines(poems: Iterable[str], known: frozenset[str]) -> list[str]:
    """Return the lines of the poems that stand in training poems, each as often as it is written."""
    return [line for poem in poems for line in lines_of(poem) if line in known]


def repeated_characters(poems: Iterable[str]) -> float:
    """Return the share of hanzi that stand earlier in the same poem already; 0.0 for no hanzi.

    >>> repeated_characters(["一一二"])
    0.3333333333333333
    """
    bodies = [body(poem) for poem in poems]
    total = sum(map(len, bodies))
    return sum(len(text) - len(set(text)) for text in bodies) / total if total else 0.0


def shuffled(poem: str, seed: int) -> str:
    """Return the poem with its hanzi in random order; the punctuation stays where it is."""
    hanzi = list(body(poem))
    np.random.Generator(np.random.Philox(key=seed)).shuffle(hanzi)
    rest = iter(hanzi)
    return "".join(next(rest) if body(character) else character for character in poem)


@dataclass(frozen=True, slots=True)
class VerseReport:
    """What was measured on a set of poems."""

    poems: int
    form_rate: float
    lines: int
    copied: tuple[str, ...]
    repeated_characters: float
    tone_alternation: float

    @property
    def copy_rate(self) -> float:
        """Share of the lines that were copied."""
        return len(self.copied) / self.lines if self.lines else 0.0

    def to_json(self) -> dict[str, object]:
        """Return plain values."""
        return {**asdict(self), "copied": list(self.copied), "copy_rate": self.copy_rate}


def measure(poems: Sequence[str], forms: Sequence[str], known: frozenset[str], tones: ToneClasses) -> VerseReport:
    """Measure poems that were asked for in the given forms.

    Args:
        poems: texts as written.
        forms: the form tag that each was to have.
        known: `training_lines(...)`.
        tones: `ToneClasses.load(verse)`.
    """
    lines = [line for poem in poems for line in lines_of(poem)]
    kept = sum(map(has_form, poems, forms))
    return VerseReport(len(poems), kept / len(poems) if poems else 0.0, len(lines),
                       tuple(copied_lines(poems, known)), repeated_characters(poems), tone_alternation(lines, tones))
