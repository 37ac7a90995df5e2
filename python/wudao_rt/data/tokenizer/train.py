"""Train tokenizers from texts: one character a token, byte-level BPE, SentencePiece."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import sentencepiece
from tokenizers import Regex, decoders, models, pre_tokenizers
from tokenizers import Tokenizer as Inner
from tokenizers.trainers import BpeTrainer

from ..errors import DataError
from .backend import Characters, HuggingFace, SentencePiece
from .interruptible import interruptible
from .special_tokens import SURFACES, CommandTokens, checked_surfaces
from .tokenizer import Tokenizer

_SPACE = "\u2581"  # how SentencePiece spells a space; a corpus without spaces must not lose it


@dataclass(frozen=True, slots=True)
class TrainReport:
    """What a trained tokenizer looks like, for people and for scripts."""

    kind: str
    num_tokens: int
    vocab_size: int
    sha256: str

    @classmethod
    def of(cls, tokenizer: Tokenizer, kind: str) -> TrainReport:
        """Describe a tokenizer."""
        return cls(kind, tokenizer.num_tokens, tokenizer.vocab_size, tokenizer.fingerprint())

    def to_json(self) -> dict[str, object]:
        """Return plain values."""
        return {"kind": self.kind, "num_tokens": self.num_tokens, "vocab_size": self.vocab_size, "sha256": self.sha256}


def train_character(texts: Iterable[str], min_count: int = 2, own_tokens: Sequence[str] = (),
                    vocab_multiple: int = 128) -> Tokenizer:
    """Return a tokenizer with one token for every character that occurs at least `min_count` times.

    Example:
        >>> tokenizer = train_character(["春眠不觉晓", "春风"], min_count=1)
        >>> tokenizer.decode(tokenizer.encode("春风晓"))
        '春风晓'
    """
    counts = Counter[str]()
    for text in _some(texts):
        counts.update(text)
    kept = [character for character, count in counts.items() if count >= min_count]
    if not kept:
        raise DataError(f"tokenizer train: min_count: expected a character that occurs {min_count} times, got none. "
                        "Lower it, or give more text.")
    return character_tokenizer(kept, own_tokens, vocab_multiple)


def character_tokenizer(characters: Iterable[str], own_tokens: Sequence[str] = (),
                        vocab_multiple: int = 128) -> Tokenizer:
    """Return a tokenizer over the given characters; ids are special tokens first, then characters by code point."""
    first, commands, own = _special_first(own_tokens)
    tokens = first + sorted(set(characters))
    inner = Inner(models.BPE({token: i for i, token in enumerate(tokens)}, [], unk_token=SURFACES["unk"]))
    inner.decoder = decoders.Fuse()
    return Tokenizer(Characters(inner), commands, own, vocab_multiple, strip_left=False)


def train_bpe(texts: Iterable[str], vocab_size: int, own_tokens: Sequence[str] = (), vocab_multiple: int = 128,
              progress: bool = False) -> Tokenizer:
    """Return a byte-level BPE tokenizer of at most `vocab_size` tokens, special tokens included.

    Runs of hanzi are parted from everything else first, so that no merge joins a line with its neighbours.
    """
    first, commands, own = _special_first(own_tokens)
    least = len(first) + 256
    if vocab_size < least:
        raise DataError(f"tokenizer train: vocab_size: expected at least {least} (bytes and special tokens), "
                        f"got {vocab_size}. Raise it.")
    inner = Inner(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"\p{Han}+"), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    inner.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = BpeTrainer(vocab_size=vocab_size, special_tokens=first, initial_alphabet=alphabet, min_frequency=2,
                         show_progress=progress)
    interruptible(lambda: inner.train_from_iterator(_some(texts), trainer))
    return Tokenizer(HuggingFace(inner), commands, own, vocab_multiple)


def train_sentencepiece(texts: Iterable[str], vocab_size: int, model_type: str = "bpe",
                        own_tokens: Sequence[str] = (), vocab_multiple: int = 128) -> Tokenizer:
    """Return a SentencePiece tokenizer; its special tokens are numbered after the pieces, as GLM's Chinese one does.

    Args:
        texts: training texts, kept as they are (no normalisation: Chinese punctuation stays).
        vocab_size: pieces, special tokens not counted.
        model_type: `bpe` or `unigram`.
        own_tokens: further special tokens.
        vocab_multiple: padding of the vocabulary.
    """
    model = io.BytesIO()
    try:
        interruptible(lambda: sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=_lines(texts), model_writer=model, vocab_size=vocab_size, model_type=model_type,
            byte_fallback=True, character_coverage=0.9995, normalization_rule_name="identity", minloglevel=2,
            add_dummy_prefix=False, remove_extra_whitespaces=False, max_sentence_length=1 << 16, hard_vocab_limit=False,
            required_chars=_SPACE))
    except (RuntimeError, OSError) as error:
        reason = str(error).splitlines()[-1].rpartition("] ")[2].partition(". ")[0]
        raise DataError(f"tokenizer train: sentencepiece: expected a model of {vocab_size} pieces, got: {reason}. "
                        "Give more text or ask for another vocab_size.") from error
    backend = SentencePiece(model.getvalue())
    commands = CommandTokens(**{name: backend.size() + i for i, name in enumerate(SURFACES)})
    return Tokenizer(backend, commands, {}, vocab_multiple).with_tokens(own_tokens)


def _special_first(own_tokens: Sequence[str]) -> tuple[list[str], CommandTokens, dict[str, int]]:
    own = [token for token in dict.fromkeys(checked_surfaces(own_tokens)) if token not in SURFACES.values()]
    first = [*SURFACES.values(), *own]
    commands = CommandTokens(**{name: i for i, name in enumerate(SURFACES)})
    return first, commands, {token: len(SURFACES) + i for i, token in enumerate(own)}


def _some(texts: Iterable[str]) -> Iterator[str]:
    """Yield the texts that hold something; raise if there is none."""
    found = False
    for text in texts:
        if text.strip():
            found = True
            yield text
    if not found:
        raise DataError("tokenizer train: texts: expected at least one text that is not empty, got none. "
                        "Give files with text.")


def _lines(texts: Iterable[str]) -> Iterator[str]:
    return (line for text in _some(texts) for line in text.split("\n") if line)
