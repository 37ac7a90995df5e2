"""Held-out measures of a model: poems, long texts in windows, last words."""

from wudao_rt.evaluation.loss import HeldOut, held_out_loss
from wudao_rt.evaluation.tasks import last_words, perplexity, verse

__all__ = ["HeldOut", "held_out_loss", "last_words", "perplexity", "verse"]
