"""Generation by the slow road: every token from a full forward over all rows, rules in plain Python."""

from __future__ import annotations

import numpy as np
from wudao_rt import GLM, GLMConfig
from wudao_rt.data.blanks import SpecialIds
from wudao_rt.generation import PartA

SPECIAL = SpecialIds(eos=0, cls=1, mask=2, sop=3, eop=4, gmask=5, smask=6)


def tiny(vocab_size=32, dtype="float32", seed=1, **settings) -> GLM:
    """A model whose weights are large enough for its predictions to differ."""
    settings = {"hidden_size": 24, "num_layers": 2, "num_heads": 3, "max_positions": 24, "init_std": 0.4} | settings
    return GLM(GLMConfig(vocab_size=vocab_size, **settings), seed=seed, dtype=dtype)


def rows_of(context: PartA, blanks: list[list[int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """ids, positions and block positions of Part A and of blanks begun, (1, T), and sep (1,)."""
    ids, positions, blocks = list(context.ids), list(range(len(context.ids))), [0] * len(context.ids)
    for mask, tokens in zip(context.masks, blanks, strict=False):
        ids += [SPECIAL.sop, *tokens]
        positions += [mask] * (len(tokens) + 1)
        blocks += range(1, len(tokens) + 2)
    return *(np.array([x]) for x in (ids, positions, blocks)), np.array([len(context.ids)])


def next_logits(model: GLM, context: PartA, blanks: list[list[int]]) -> np.ndarray:
    """Logits after the last token of the last blank, float64 (V,)."""
    ids, positions, blocks, sep = rows_of(context, blanks)
    return model.logits(ids, positions, blocks, sep=sep)[0, -1].astype(np.float64)


def log_softmax(scores: np.ndarray) -> np.ndarray:
    top = scores.max()
    return scores - top - np.log(np.exp(scores - top).sum())


def with_rules(logits, blank, before=(), penalty=1.0, ngram=0, minimum=0, forbidden=()) -> np.ndarray:
    """The logits after repetition penalty and bans; -inf for what may not follow."""
    scores = logits.copy()
    for token in {*before, *blank}:
        scores[token] = scores[token] / penalty if scores[token] > 0 else scores[token] * penalty
    scores[list(forbidden)] = -np.inf
    for token in range(len(scores)):
        grams = [tuple([*blank, token][i : i + ngram]) for i in range(len(blank) + 2 - ngram)]
        if ngram and len(blank) + 1 > ngram and grams[-1] in grams[:-1]:
            scores[token] = -np.inf
    if len(blank) < minimum:
        scores[[SPECIAL.eop, SPECIAL.eos]] = -np.inf
    return scores


def greedy(model: GLM, context: PartA, limit: int, **rules) -> list[list[int]]:
    """The tokens of each blank by arg-max."""
    blanks: list[list[int]] = []
    for _ in context.masks:
        blanks.append([])
        while len(blanks[-1]) < limit:
            before = [token for blank in blanks[:-1] for token in blank]
            scores = with_rules(next_logits(model, context, blanks), blanks[-1], before, **rules)
            if (token := int(scores.argmax())) in (SPECIAL.eop, SPECIAL.eos):
                break
            blanks[-1].append(token)
    return blanks
