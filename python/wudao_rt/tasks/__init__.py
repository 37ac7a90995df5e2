"""Inputs of scoring and evaluation: rows to run, and the slots whose log-probabilities count."""

from wudao_rt.tasks.choices import ChoiceBatch, ChoiceRow, choice_scores, collate_choices, multiple_choice
from wudao_rt.tasks.cloze import Segment, cloze, cloze_score, pad_scores
from wudao_rt.tasks.continuation import Mode, continuation
from wudao_rt.tasks.last_word import last_word, split_last_word
from wudao_rt.tasks.perplexity import Window, adjusted_perplexity, mean_loss, perplexity_windows, window_count
from wudao_rt.tasks.seq2seq import SEQ2SEQ_TASKS, Seq2SeqTask, answer_last, summary

__all__ = [
    "SEQ2SEQ_TASKS",
    "ChoiceBatch",
    "ChoiceRow",
    "Mode",
    "Segment",
    "Seq2SeqTask",
    "Window",
    "adjusted_perplexity",
    "answer_last",
    "choice_scores",
    "cloze",
    "cloze_score",
    "collate_choices",
    "continuation",
    "last_word",
    "mean_loss",
    "multiple_choice",
    "pad_scores",
    "perplexity_windows",
    "split_last_word",
    "summary",
    "window_count",
]
