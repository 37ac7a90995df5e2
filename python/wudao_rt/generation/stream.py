"""Text as it is written: token by token, in whole characters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from wudao_rt.data.tokenizer import Tokenizer

Stream: TypeAlias = Callable[[int, int, int, str], Any]
"""Called with (prompt index, sample, token id, piece of text); returning False stops all generation."""

_INCOMPLETE = "\ufffd"  # what a decoder writes for the first bytes of a character whose others are still to come


class Pieces:
    """Turn tokens into pieces of text whose concatenation is the text.

    A piece is empty while the bytes of a character are incomplete, and always without a tokenizer.
    """

    def __init__(self, tokenizer: Tokenizer | None) -> None:
        self._tokenizer = tokenizer
        self._ids: dict[tuple[int, int, int], list[int]] = defaultdict(list)
        self._shown: dict[tuple[int, int, int], int] = defaultdict(int)

    def next(self, prompt: int, sample: int, blank: int, token: int) -> str:
        """Return what the token adds to the text of its blank."""
        if self._tokenizer is None:
            return ""
        key = (prompt, sample, blank)
        self._ids[key].append(token)
        text = self._tokenizer.decode(self._ids[key])
        if text.endswith(_INCOMPLETE):
            return ""
        piece = text[self._shown[key] :]
        self._shown[key] = len(text)
        return piece
