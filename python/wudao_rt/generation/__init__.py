"""Writing text: blanks are filled left to right with a key/value cache, by sampling or by beam search."""

from wudao_rt.generation.generate import Stream, generate
from wudao_rt.generation.prompts import PartA, PromptLike, part_a, read_ids
from wudao_rt.generation.result import Blank, Generation
from wudao_rt.generation.special import special_of

__all__ = ["Blank", "Generation", "PartA", "PromptLike", "Stream", "generate", "part_a", "read_ids", "special_of"]
