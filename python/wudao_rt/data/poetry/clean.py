"""Keep what is whole: no gaps, brackets, notes, Latin letters or digits; regulated verse by its line lengths."""

from __future__ import annotations

import re

_IDEOGRAPH = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_MARKS = "，。？！；：、"
_FOREIGN = re.compile(f"[^{_IDEOGRAPH}{_MARKS}\n]")
_LINE = re.compile(f"([{_IDEOGRAPH}]+)([{_MARKS}]?)")

FORMS: dict[tuple[int, int], str] = {(5, 4): "五绝", (7, 4): "七绝", (5, 8): "五律", (7, 8): "七律"}
"""Form tag by (characters a line, lines): quatrains (绝) and eight-line verse (律) of five and seven characters."""


def is_clean(text: str) -> bool:
    """Return whether a text is ideographs and plain punctuation only, and not empty."""
    return bool(text.strip()) and not _FOREIGN.search(text)


def lines_of(text: str) -> list[str]:
    """Return the lines of a clean text without their punctuation.

    >>> lines_of("白日依山尽，黄河入海流。")
    ['白日依山尽', '黄河入海流']
    """
    return [line for line, _ in _LINE.findall(text)]


def form_of(text: str) -> str:
    """Return the form tag, or an empty string for any other shape.

    >>> form_of("白日依山尽，黄河入海流。欲穷千里目，更上一层楼。")
    '五绝'
    """
    lines = lines_of(text)
    lengths = {len(line) for line in lines}
    return FORMS.get((lengths.pop(), len(lines)), "") if len(lengths) == 1 else ""


def punctuated(text: str) -> str:
    """Return the poem on one line with a mark behind every verse: its own, else a comma, every second time a stop."""
    parts = _LINE.findall(text)
    return "".join(line + (mark or "，。"[i % 2]) for i, (line, mark) in enumerate(parts))


def joined(text: str) -> str:
    """Return a text of several paragraphs in one line, each paragraph ending in a mark."""
    paragraphs = (part for part in text.split("\n") if part)
    return "".join(part if part[-1] in _MARKS else part + "。" for part in paragraphs)
