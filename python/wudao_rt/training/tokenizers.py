"""The tokenizer of a run: read, or trained on the training texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from wudao_rt.config import TokenizerTable
from wudao_rt.data.tokenizer import Tokenizer, train_bpe, train_character, train_sentencepiece


def make_tokenizer(table: TokenizerTable, texts: Callable[[], Iterable[str]], own_tokens: tuple[str, ...]) -> Tokenizer:
    """Return the tokenizer that a config asks for.

    Args:
        table: [tokenizer].
        texts: gives the training texts; not called when the tokenizer is read from a folder.
        own_tokens: special tokens that the data source needs, beside the table's.
    """
    wanted = (*own_tokens, *table.own_tokens)
    if table.path:
        return Tokenizer.load(table.path).with_tokens(wanted)
    if table.kind == "character":
        return train_character(texts(), table.min_count, wanted)
    if table.kind == "bpe":
        return train_bpe(texts(), table.vocab_size, wanted)
    return train_sentencepiece(texts(), table.vocab_size, own_tokens=wanted)


def beginning(texts: Iterable[str], characters: int) -> Iterator[str]:
    """Yield texts until so many characters have been seen: enough for a vocabulary, and quick."""
    seen = 0
    for text in texts:
        if seen >= characters:
            return
        seen += len(text)
        yield text
