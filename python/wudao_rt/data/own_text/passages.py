"""Cut a plain text into passages: long enough to learn from, short enough to hold some out."""

from __future__ import annotations

import re
from collections.abc import Iterator

PASSAGE_CHARACTERS = 1500
_ENDS = re.compile(r"[.!?。！？；…][\"'”’」』)）]*\s*|\s+")


def passages(text: str, limit: int = PASSAGE_CHARACTERS) -> Iterator[tuple[int, str]]:
    """Yield (number of the first line, passage): paragraphs in order, joined while they stay below `limit` characters.

    Paragraphs end at blank lines; a text without blank lines is cut at line ends. A longer paragraph is cut behind the
    last sentence that fits.
    """
    start, parts, size = 0, [], 0
    for line, part in _parts(text, limit):
        if parts and size + len(part) > limit:
            yield start, "".join(parts).strip("\n")
            parts, size = [], 0
        start = start if parts else line
        parts.append(part)
        size += len(part)
    if parts:
        yield start, "".join(parts).strip("\n")


def _parts(text: str, limit: int) -> Iterator[tuple[int, str]]:
    """Yield (line, paragraph with the line ends behind it), none longer than `limit` but for a single line end."""
    blank_between = re.search(r"\n[ \t]*\n", text)
    line = 1
    for paragraph in re.split(r"(?<=\n)(?=[ \t]*\n)", text) if blank_between else text.splitlines(keepends=True):
        at = line
        for piece in _cut(paragraph, limit):
            yield at, piece
            at += piece.count("\n")
        line += paragraph.count("\n")


def _cut(paragraph: str, limit: int) -> Iterator[str]:
    while len(paragraph) > limit:
        ends = [found.end() for found in _ENDS.finditer(paragraph, 0, limit)]
        at = ends[-1] if ends and ends[-1] > limit // 2 else limit
        yield paragraph[:at]
        paragraph = paragraph[at:]
    yield paragraph
