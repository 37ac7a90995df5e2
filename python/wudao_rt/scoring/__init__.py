"""What the model thinks of given texts: continuations, spans, choices, last words, long texts."""

from wudao_rt.scoring.choices import score_choices
from wudao_rt.scoring.last_words import LastWord, score_last_words
from wudao_rt.scoring.perplexity import Perplexity, score_text
from wudao_rt.scoring.rows import best_ids, log_probs
from wudao_rt.scoring.score import Score, score

__all__ = [
    "LastWord",
    "Perplexity",
    "Score",
    "best_ids",
    "log_probs",
    "score",
    "score_choices",
    "score_last_words",
    "score_text",
]
