"""The King James Version, from the compressed text of the Debian package `bible-kjv-text`."""

from __future__ import annotations

import re
import struct

from ...formats.unix_compress import decompress
from ...package import PackageFiles
from .books import BOOKS, Verse

_FILE = "usr/lib/bible.data"
# Big-endian: at 0x58 the number of windows, then where each begins, then one `compress` header for all of them.
_COUNT_AT, _PLACES_AT = 0x58, 0x5C
_VERSE = re.compile(r"^(\d?[A-Za-z]+)(\d+):(\d+) (.+)$", re.MULTILINE)


def english_verses(files: PackageFiles) -> dict[Verse, str]:
    """Return the verses."""
    names = {book.english: book.name for book in BOOKS}
    text = _text(files.path(_FILE).read_bytes())
    return {Verse(names[mark], int(chapter), int(number)): words.strip()
            for mark, chapter, number, words in _VERSE.findall(text)}


def _text(data: bytes) -> str:
    (count,) = struct.unpack_from(">I", data, _COUNT_AT)
    starts = struct.unpack_from(f">{count}I", data, _PLACES_AT)
    header = data[starts[0] - 3 : starts[0]]
    windows = (data[start:end] for start, end in zip(starts, (*starts[1:], len(data)), strict=True))
    return b"".join(decompress(header + window) for window in windows).decode("ascii")
