"""What must never be trained on, decided before anything else sees the text.

Every poem, of whatever source, is reduced to its body: simplified characters (OpenCC `t2s`), of these only U+3400 to
U+9FFF, lines joined without separator, UTF-8. A body whose SHA-256 starts with a byte below 0x08 is held out: 0x00-0x03
is reported on, 0x04-0x07 stays untouched. A poem that shares a full line with any held-out poem is excluded.

A picture goes by the name of what it shows: for an emoji the field `unified` of its base, so that skin tones and
vendors follow their base. The first hexadecimal digit of the name's SHA-256 decides: 0 is reported on, 1 stays
untouched, 2 is for validation. Of the bases to train on, the skin tones whose own `unified` gives the digit 0 are held
out too, as combinations never seen: split `skin_tone`. Where several pictures share a name, those to train on that
share it with a held-out one are `excluded`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

REPORT_BELOW = 0x04
HELD_OUT_BELOW = 0x08

NOVELS = {"Northanger Abbey": "report", "Persuasion": "untouched"}
BIBLE_BOOKS = {"Ruth": "report", "Jude": "report", "Esther": "untouched", "Philippians": "untouched"}

PICTURE_SPLITS = ("train", "validation", "report", "untouched", "skin_tone", "excluded")
_PICTURE_DIGITS = {"0": "report", "1": "untouched", "2": "validation"}

_NOT_BODY = re.compile("[^\u3400-\u9fff]+")
_NOT_IDEOGRAPH = re.compile("[^\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")


def body(simplified: str) -> str:
    """Return the characters U+3400 to U+9FFF of a text that is already in simplified script.

    >>> body("床前明月光，疑是地上霜。")
    '床前明月光疑是地上霜'
    """
    return _NOT_BODY.sub("", simplified)


def body_digest(simplified: str) -> bytes:
    """Return the SHA-256 of the body."""
    return hashlib.sha256(body(simplified).encode()).digest()


def hash_split(simplified: str) -> str:
    """Return `report`, `untouched` or `train` by the body's hash alone."""
    return _byte_split(body_digest(simplified)[0])


def full_lines(simplified: str) -> set[str]:
    """Return the lines of a poem, reduced like the body.

    A line ends at anything that is not an ideograph. Rare ideographs outside the body's range stand inside a line, but
    are dropped from it; the pieces that they part count as lines too, so that either reading of the rule is kept.

    >>> sorted(full_lines("白日依山尽，黄河入海流。"))
    ['白日依山尽', '黄河入海流']
    """
    whole = {body(line) for line in _NOT_IDEOGRAPH.split(simplified)}
    return (whole | set(_NOT_BODY.split(simplified))) - {""}


def held_out_lines(poems: Iterable[str]) -> frozenset[str]:
    """Return every full line of every held-out poem among `poems` (simplified script, all sources)."""
    lines: set[str] = set()
    for poem in poems:
        if body_digest(poem)[0] < HELD_OUT_BELOW:
            lines |= full_lines(poem)
    return frozenset(lines)


def poem_split(simplified: str, held_out: frozenset[str], excluded: frozenset[str] = frozenset()) -> str:
    """Return the split of a poem: by its own hash, else `excluded` if it shares a full line with a held-out poem.

    Args:
        simplified: the poem in simplified script.
        held_out: `held_out_lines(...)` of all sources at hand.
        excluded: marks (16 hexadecimal characters of the body's SHA-256) of poems known to share a line with a held-out
            poem of a source that is not at hand.
    """
    digest = body_digest(simplified)
    split = _byte_split(digest[0])
    if split != "train":
        return split
    shares_line = digest.hex()[:16] in excluded or not held_out.isdisjoint(full_lines(simplified))
    return "excluded" if shares_line else "train"


def picture_split(base: str, variant: str = "") -> str:
    """Return the split of a picture.

    Args:
        base: name of what it shows: `unified` of the base emoji, or a path inside its package; ASCII.
        variant: `unified` of the skin tone, exactly as the source has it; empty for the base itself.

    Source: the first hexadecimal digit of SHA-256 of `base`, then of `variant`.

    Example:
        >>> picture_split("1F355"), picture_split("2764-FE0F")
        ('train', 'untouched')
    """
    split = _PICTURE_DIGITS.get(_first_digit(base), "train")
    return "skin_tone" if split == "train" and variant and _first_digit(variant) == "0" else split


def _first_digit(name: str) -> str:
    return hashlib.sha256(name.encode("ascii")).hexdigest()[0]


def _byte_split(first: int) -> str:
    return "report" if first < REPORT_BELOW else "untouched" if first < HELD_OUT_BELOW else "train"
