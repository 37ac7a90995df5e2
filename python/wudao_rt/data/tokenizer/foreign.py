"""Tokenizers that others trained: WordPiece, byte-level BPE and SentencePiece files with GLM's published ids."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer as Inner
from tokenizers import decoders, models, normalizers, pre_tokenizers

from ..errors import DataError
from .backend import HuggingFace, SentencePiece
from .special_tokens import command_layout
from .tokenizer import Tokenizer


def from_wordpiece(vocab: Path | str, lowercase: bool = True) -> Tokenizer:
    """Return BERT's WordPiece tokenizer with GLM's command tokens behind it.

    Args:
        vocab: `vocab.txt`, one token a line.
        lowercase: lower-case and strip accents, as the uncased vocabularies do.
    """
    inner = Inner(models.WordPiece.from_file(str(_existing(vocab)), unk_token="[UNK]"))
    inner.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    inner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    inner.decoder = decoders.WordPiece()
    return Tokenizer(HuggingFace(inner), command_layout("bert").tokens, strip_left=False)


def from_byte_level_bpe(vocab: Path | str, merges: Path | str, layout: str = "gpt2") -> Tokenizer:
    """Return a byte-level BPE tokenizer (`vocab.json`, `merges.txt`) with the ids of `gpt2` or `roberta`."""
    inner = Inner(models.BPE.from_file(str(_existing(vocab)), str(_existing(merges))))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    return Tokenizer(HuggingFace(inner), command_layout(layout).tokens)


def from_sentencepiece(model: Path | str, legacy: bool = False, fix_command_token: bool = False) -> Tokenizer:
    """Return the Chinese SentencePiece tokenizer of GLM; a legacy numbering is refused unless it is to be repaired."""
    layout = command_layout("chinese", legacy, fix_command_token)
    return Tokenizer(SentencePiece.load(_existing(model)), layout.tokens)


def _existing(path: Path | str) -> Path:
    if not Path(path).is_file():
        raise DataError(f"tokenizer: {path}: expected a file, there is none. Check the path.")
    return Path(path)
