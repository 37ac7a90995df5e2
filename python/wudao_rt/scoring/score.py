"""The verb `score`."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from wudao_rt.data.blanks import Sample, SpecialIds
from wudao_rt.errors import ConfigError, ShapeError
from wudao_rt.generation.prompts import PromptLike, listed, mask_indices, part_a, read_ids
from wudao_rt.generation.special import special_of
from wudao_rt.scoring.rows import check_room, log_probs
from wudao_rt.scoring.spans import filled
from wudao_rt.tasks import Mode, continuation

if TYPE_CHECKING:
    from wudao_rt.glm import GLM

Answer: TypeAlias = PromptLike | Sequence[PromptLike]


@dataclass(frozen=True)
class Score:
    """Hold what the model thinks of one continuation.

    Args:
        context, continuation: as they were given.
        token_ids: the tokens scored, the end mark among them if it was asked for.
        token_log_probs: natural logarithm of the probability of each.
    """

    context: Any
    continuation: Any
    token_ids: list[int]
    token_log_probs: list[float]

    @property
    def log_prob(self) -> float:
        """The sum of `token_log_probs`."""
        return sum(self.token_log_probs)

    def __float__(self) -> float:
        return self.log_prob


def score(
    model: GLM,
    contexts: str | Sequence[PromptLike],
    continuations: str | Sequence[Answer],
    mode: Mode = "bi",
    include_end: bool | str = False,
    special: SpecialIds | None = None,
) -> list[Score]:
    """Compute the log-probability of continuations, or of texts for the blanks of their contexts.

    log p = sum over tokens of log softmax(logits)[token]

    Args:
        contexts: texts or lists of token ids; one text stands for as many as there are continuations. A context with
            masks is scored at them (mode "bi" only): its continuation fills the mask, or is a list with one text per
            mask. A context may be empty.
        continuations: texts or lists of token ids, one entry per context.
        mode: "bi" reads the context in both directions, as Part A; "uni" left to right, in Part B behind [CLS] [gMASK].
        include_end: score the end mark too: True or "eop", or "eos" for models that end texts with it.
        special: ids of the command tokens; default those of the model's tokenizer.

    Returns:
        One `Score` per continuation, with `log_prob` (also `float(score)`), `token_log_probs` (natural
        logarithms) and `token_ids`.

    Raises:
        ConfigError: an unknown mode or end mark, or no command tokens.
        ShapeError: lists of unequal length, an empty or too long text, ids outside the vocabulary.
        Error: the model gives logits that are not finite.

    Numerics: sums in the accumulator type; a text's bits do not depend on the others.

    Source: Du et al. 2022 (GLM), sections 2.3 and 3.3.

    Example:
        >>> from wudao_rt import GLM, GLMConfig
        >>> model = GLM(GLMConfig(vocab_size=32, hidden_size=16, num_layers=1, num_heads=2, max_positions=16))
        >>> special = SpecialIds(eos=0, cls=1, mask=2, sop=3, eop=4, gmask=5)
        >>> one, two = score(model, [[8, 9], [8]], [[10], [11, 12]], special=special)
        >>> one.token_ids, two.token_ids
        ([10], [11, 12])
    """
    continuations = listed("score", "continuations", continuations)
    contexts = [contexts] * len(continuations) if isinstance(contexts, str) else listed("score", "contexts", contexts)
    if len(contexts) != len(continuations):
        raise ShapeError(f"score: continuations: expected one for each of {len(contexts)} contexts, got "
                         f"{len(continuations)}. Give lists of one length.")
    special = special_of("score", model, special)
    end = _end(include_end, special)
    if mode not in ("bi", "uni"):
        raise ConfigError(f"score: mode: expected bi or uni, got {mode!r}. Use bi for contexts read both ways.")
    pairs = list(zip(contexts, continuations, strict=True))
    rows = [_row(model, i, pair, mode, end, special) for i, pair in enumerate(pairs)]
    values = log_probs(model, rows)
    return [Score(context, answer, row.targets[row.slots].tolist(), found.tolist())
            for (context, answer), row, found in zip(pairs, rows, values, strict=True)]


def _end(include_end: bool | str, special: SpecialIds) -> int | None:
    ends = {False: None, True: special.eop, "eop": special.eop, "eos": special.eos}
    if not isinstance(include_end, (bool, str)) or include_end not in ends:
        raise ConfigError(f"score: include_end: expected True, False, 'eop' or 'eos', got {include_end!r}. Change it.")
    return ends[include_end]


def _row(
    model: GLM, number: int, pair: tuple[PromptLike, Answer], mode: Mode, end: int | None, special: SpecialIds
) -> Sample:
    name = f"contexts[{number}]"
    context = [] if isinstance(pair[0], Sized) and len(pair[0]) == 0 else read_ids("score", name, model, pair[0])
    answers = _answers(model, number, pair[1])
    masks = mask_indices(context, special)
    if masks and mode == "uni":
        raise ConfigError(f"score: {name}: expected no mask in mode uni, got {len(masks)}. Use mode bi.")
    if len(answers) != max(1, len(masks)):
        raise ShapeError(f"score: continuations[{number}]: expected one text for each of {max(1, len(masks))} blanks, "
                         f"got {len(answers)}. Give a list with one entry per mask.")
    if masks:
        row = filled(part_a(context, special), answers, special, end)
    else:
        row = continuation(context, answers[0], special, mode, end)
    check_room("score", name, f"continuations[{number}]", model, row)
    return row


def _answers(model: GLM, number: int, answer: Answer) -> list[list[int]]:
    listed_answers = isinstance(answer, Sequence) and not isinstance(answer, str) and len(answer) > 0
    several = listed_answers and not _is_number(answer[0])
    answers = answer if several else [answer]
    return [read_ids("score", f"continuations[{number}]", model, one, parse_special=False) for one in answers]


def _is_number(value: object) -> bool:
    return hasattr(value, "__index__")
