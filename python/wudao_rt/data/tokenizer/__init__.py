"""Tokenizers: one face over Hugging Face `tokenizers` and `sentencepiece`, with GLM's command tokens.

    from wudao_rt.data.tokenizer import Tokenizer, train_character

    tokenizer = train_character(texts, min_count=2, own_tokens=("<五绝>",))
    ids = tokenizer.encode("春眠不觉晓[MASK]")
    tokenizer.decode(ids); tokenizer.token_id("sop"); tokenizer.vocab_size
    tokenizer.save(folder); Tokenizer.load(folder)
"""

from .foreign import from_byte_level_bpe, from_sentencepiece, from_wordpiece
from .special_tokens import LAYOUTS, SURFACES, CommandTokens, command_layout
from .tokenizer import Tokenizer
from .train import TrainReport, character_tokenizer, train_bpe, train_character, train_sentencepiece

__all__ = ["LAYOUTS", "SURFACES", "CommandTokens", "Tokenizer", "TrainReport", "character_tokenizer",
           "command_layout", "from_byte_level_bpe", "from_sentencepiece", "from_wordpiece", "train_bpe",
           "train_character", "train_sentencepiece"]
