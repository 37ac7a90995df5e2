"""The two libraries behind the face: plain text to ids and back, knowing nothing of command tokens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import tokenizers

from ..errors import DataError


class Backend(Protocol):
    """What the face needs of a library."""

    kind: str
    file_name: str

    def encode(self, texts: Sequence[str]) -> list[list[int]]: ...
    def decode(self, ids: Sequence[int]) -> str: ...
    def size(self) -> int: ...
    def token(self, number: int) -> str: ...
    def find(self, token: str) -> int | None: ...
    def dump(self) -> bytes: ...


class HuggingFace:
    """A Hugging Face tokenizer: characters, byte-level BPE or WordPiece."""

    kind = "huggingface"
    file_name = "tokenizer.json"

    def __init__(self, inner: tokenizers.Tokenizer) -> None:
        inner.encode_special_tokens = True  # the face finds command tokens; here a surface form is plain text
        self._inner = inner

    @classmethod
    def load(cls, path: Path) -> HuggingFace:
        """Read a `tokenizer.json`."""
        try:
            return cls(tokenizers.Tokenizer.from_file(str(path)))
        except Exception as error:  # the library raises plain Exception
            raise DataError(f"tokenizer: {path}: expected a tokenizer file, got: {error}. Use another file.") from error

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [found.ids for found in self._inner.encode_batch_fast(list(texts), add_special_tokens=False)]

    def decode(self, ids: Sequence[int]) -> str:
        return self._inner.decode(list(ids), skip_special_tokens=False)

    def size(self) -> int:
        return self._inner.get_vocab_size()

    def token(self, number: int) -> str:
        return self._inner.id_to_token(number) or ""

    def find(self, token: str) -> int | None:
        return self._inner.token_to_id(token)

    def dump(self) -> bytes:
        return self._inner.to_str(pretty=False).encode()


class Characters(HuggingFace):
    """A Hugging Face tokenizer with one token a character: encoded by looking characters up, five times as fast."""

    kind = "characters"

    def __init__(self, inner: tokenizers.Tokenizer) -> None:
        super().__init__(inner)
        vocabulary = inner.get_vocab()
        self._unknown = vocabulary[inner.model.unk_token]
        self._numbers = {token: number for token, number in vocabulary.items() if len(token) == 1}

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        find, unknown = self._numbers.get, self._unknown
        return [[find(character, unknown) for character in text] for text in texts]


class SentencePiece:
    """A SentencePiece model."""

    kind = "sentencepiece"
    file_name = "tokenizer.model"

    def __init__(self, model: bytes) -> None:
        import sentencepiece

        self._model = model
        self._inner = sentencepiece.SentencePieceProcessor(model_proto=model)

    @classmethod
    def load(cls, path: Path) -> SentencePiece:
        """Read a `.model` file."""
        try:
            return cls(path.read_bytes())
        except (OSError, RuntimeError) as error:
            raise DataError(f"tokenizer: {path}: expected a SentencePiece model, got: {error}. Use another file."
                            ) from error

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return self._inner.encode(list(texts), out_type=int)

    def decode(self, ids: Sequence[int]) -> str:
        return self._inner.decode(list(ids))

    def size(self) -> int:
        return self._inner.vocab_size()

    def token(self, number: int) -> str:
        return self._inner.id_to_piece(number)

    def find(self, token: str) -> int | None:
        number = self._inner.piece_to_id(token)
        return None if number == self._inner.unk_id() else number

    def dump(self) -> bytes:
        return self._model


BACKENDS: dict[str, type[HuggingFace | SentencePiece]] = {
    backend.kind: backend for backend in (Characters, HuggingFace, SentencePiece)}
