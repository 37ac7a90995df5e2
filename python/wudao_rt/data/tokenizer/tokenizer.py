"""The face: text to ids and back, with command tokens and a user's own special tokens."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from ..errors import DataError
from . import files
from .backend import Backend
from .special_tokens import ALIASES, MASK_NAMES, SURFACES, CommandTokens, checked_surfaces


class Tokenizer:
    """Text to token ids and back.

    Args:
        backend: the library that splits plain text.
        commands: ids of the command tokens.
        own_tokens: surface form -> id of a user's own special tokens.
        vocab_multiple: `vocab_size` is rounded up to a multiple of this.
        strip_left: whether a mask token swallows the white space on its left (GLM's BPE and SentencePiece
            vocabularies do so).

    Raises:
        DataError: two command tokens share an id.
    """

    def __init__(self, backend: Backend, commands: CommandTokens, own_tokens: dict[str, int] | None = None,
                 vocab_multiple: int = 128, strip_left: bool = True) -> None:
        self._backend = backend
        self.commands = commands.checked()
        self.own_tokens = dict(own_tokens or {})
        self.vocab_multiple = vocab_multiple
        self.strip_left = strip_left
        self._ids = _surface_ids(self.commands, self.own_tokens)
        self._surfaces = {number: surface for surface, number in reversed(self._ids.items())}
        self._pattern = _special_pattern(self._ids, strip_left)

    # -- sizes and ids --------------------------------------------------------------------------------------------

    @property
    def num_tokens(self) -> int:
        """The number of ids in use: the highest id plus one."""
        return max(self._backend.size(), max(self._surfaces) + 1)

    @property
    def vocab_size(self) -> int:
        """The number of rows of the embedding: `num_tokens` rounded up to a multiple of `vocab_multiple`."""
        return -(-self.num_tokens // self.vocab_multiple) * self.vocab_multiple

    def token_id(self, name: str) -> int:
        """Return the id of a command token (`sop`, `[gMASK]`, `eos`, ...), of an own token, or of a plain token.

        Raises:
            DataError: the vocabulary has no such token.
        """
        surface = SURFACES.get(ALIASES.get(name, name), name)
        number = self._ids.get(surface)
        number = self._backend.find(name) if number is None else number
        if number is None:
            raise DataError(f"tokenizer: token_id: expected one of {', '.join(self._ids)} or a token of the "
                            f"vocabulary, got '{name}'. Check the name.")
        return number

    def token(self, number: int) -> str:
        """Return the token of an id; an empty string for an id of the padding."""
        if number in self._surfaces:
            return self._surfaces[number]
        return self._backend.token(number) if 0 <= number < self._backend.size() else ""

    def fingerprint(self) -> str:
        """Return the SHA-256 of all tokens in id order, joined by line ends."""
        return hashlib.sha256("\n".join(self.token(i) for i in range(self.num_tokens)).encode()).hexdigest()

    def special_ids(self) -> frozenset[int]:
        """Return the ids of command tokens and own tokens."""
        return frozenset(self._surfaces)

    # -- text to ids ----------------------------------------------------------------------------------------------

    def encode(self, text: str, parse_special: bool = True) -> list[int]:
        """Return the ids of a text.

        Args:
            text: any string.
            parse_special: read surface forms such as `[MASK]` as command tokens; False takes them as plain text,
                which is right for text that others wrote.
        """
        return self.encode_batch([text], parse_special)[0]

    def encode_batch(self, texts: Sequence[str], parse_special: bool = True) -> list[list[int]]:
        """Return the ids of many texts; faster than one by one."""
        if not parse_special:
            return self._backend.encode(texts)
        pieces = [self._pattern.split(text) for text in texts]
        plain = iter(self._backend.encode([part for parts in pieces for part in parts[::2]]))
        return [self._merged(parts, plain) for parts in pieces]

    def _merged(self, parts: list[str], plain: Iterable[list[int]]) -> list[int]:
        ids: list[int] = []
        for i, part in enumerate(parts):
            ids += [self._ids[part]] if i % 2 else next(plain)
        return ids

    # -- ids to text ----------------------------------------------------------------------------------------------

    def decode(self, ids: Sequence[int], keep_special: bool = False) -> str:
        """Return the text of ids; special tokens are left out, or shown by their surface forms.

        Raises:
            DataError: an id outside the vocabulary.
        """
        numbers = [int(number) for number in ids]
        if wrong := [number for number in numbers if not 0 <= number < self.vocab_size]:
            raise DataError(f"tokenizer: decode: ids: expected ids in [0, {self.vocab_size}), got {wrong[0]}. "
                            "Check that the ids come from this tokenizer.")
        known = (number for number in numbers if number in self._surfaces or number < self._backend.size())
        return "".join(self._decoded(special, run, keep_special)
                       for special, run in groupby(known, lambda number: number in self._surfaces))

    def _decoded(self, special: bool, run: Iterable[int], keep_special: bool) -> str:
        if not special:
            return self._backend.decode(list(run))
        return "".join(self._surfaces[number] for number in run) if keep_special else ""

    # -- own tokens, disk -----------------------------------------------------------------------------------------

    def with_tokens(self, surfaces: Iterable[str]) -> Tokenizer:
        """Return a tokenizer that knows further special tokens, numbered from `num_tokens` on."""
        new = [surface for surface in dict.fromkeys(checked_surfaces(surfaces)) if surface not in self._ids]
        own = {**self.own_tokens, **{surface: self.num_tokens + i for i, surface in enumerate(new)}}
        return Tokenizer(self._backend, self.commands, own, self.vocab_multiple, self.strip_left)

    def save(self, folder: Path | str) -> Path:
        """Write the tokenizer to a folder; each file is whole or not there."""
        about = {"commands": self.commands.ids(), "own_tokens": self.own_tokens, "strip_left": self.strip_left,
                 "vocab_multiple": self.vocab_multiple}
        return files.save(Path(folder), self._backend, about)

    @classmethod
    def load(cls, folder: Path | str, fix_command_token: bool = False) -> Tokenizer:
        """Read a tokenizer from a folder.

        Args:
            folder: what `save` wrote.
            fix_command_token: repair the legacy ids of the Chinese vocabulary instead of refusing them.
        """
        backend, about = files.load(Path(folder))
        commands = files.command_tokens(about["commands"], fix_command_token)
        return cls(backend, commands, about["own_tokens"], about["vocab_multiple"], about["strip_left"])


def _surface_ids(commands: CommandTokens, own_tokens: dict[str, int]) -> dict[str, int]:
    return {**{SURFACES[name]: number for name, number in commands.ids().items()}, **own_tokens}


def _special_pattern(ids: dict[str, int], strip_left: bool) -> re.Pattern[str]:
    """Return a pattern whose only group is the surface form, so that `split` alternates plain text and tokens."""
    masks = {SURFACES[name] for name in MASK_NAMES}
    longest_first = sorted(ids, key=len, reverse=True)
    if not strip_left:
        return re.compile(f"({'|'.join(re.escape(surface) for surface in longest_first)})")
    before_mask = "|".join(re.escape(mask) for mask in masks)
    return re.compile(rf"(?:\s+(?={before_mask}))?({'|'.join(re.escape(surface) for surface in longest_first)})")
