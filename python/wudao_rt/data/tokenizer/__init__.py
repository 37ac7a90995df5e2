"""Tokenizers: one face over Hugging Face `tokenizers` and `sentencepiece`, with GLM's command tokens.

    from wudao_rt.data.tokenizer import Tokenizer, train_character

    tokenizer = train_character(texts, min_count=2, own_tokens=("<五绝>",))
    ids = tokenizer.encode("春眠不觉晓[MASK]")
    tokenizer.decode(ids); tokenizer.token_id("sop"); tokenizer.vocab_size
    tokenizer.save(folder); Tokenizer.load(folder)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wudao_rt.lazy import lazy

if TYPE_CHECKING:
    from wudao_rt.data.tokenizer.foreign import from_byte_level_bpe, from_sentencepiece, from_wordpiece
    from wudao_rt.data.tokenizer.special_tokens import LAYOUTS, SURFACES, CommandTokens, command_layout
    from wudao_rt.data.tokenizer.tokenizer import Tokenizer
    from wudao_rt.data.tokenizer.train import (
        TrainReport,
        character_tokenizer,
        train_bpe,
        train_character,
        train_sentencepiece,
    )

__all__ = ["LAYOUTS", "SURFACES", "CommandTokens", "Tokenizer", "TrainReport", "character_tokenizer",
           "command_layout", "from_byte_level_bpe", "from_sentencepiece", "from_wordpiece", "train_bpe",
           "train_character", "train_sentencepiece"]

__getattr__, __dir__ = lazy(__name__, {
    "foreign": ("from_byte_level_bpe", "from_sentencepiece", "from_wordpiece"),
    "special_tokens": ("LAYOUTS", "SURFACES", "CommandTokens", "command_layout"),
    "tokenizer": ("Tokenizer",),
    "train": ("TrainReport", "character_tokenizer", "train_bpe", "train_character", "train_sentencepiece"),
})
