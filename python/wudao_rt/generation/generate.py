"""The verb `generate`."""
# Longer than the limit because the docstring of the verb explains every setting.

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import index
from typing import TYPE_CHECKING, Any

from wudao_rt import _core
from wudao_rt.data.blanks import SpecialIds
from wudao_rt.errors import ConfigError
from wudao_rt.generation.prompts import PromptLike, listed, part_a, read_ids
from wudao_rt.generation.result import Generation, read_result
from wudao_rt.generation.special import special_of
from wudao_rt.generation.stream import Pieces, Stream

if TYPE_CHECKING:
    from wudao_rt.glm import GLM


def generate(
    model: GLM,
    prompts: str | Sequence[PromptLike],
    max_new_tokens: int = 64,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 0.0,
    num_beams: int = 1,
    length_penalty: float = 1.0,
    num_samples: int = 1,
    seed: int = 0,
    repetition_penalty: float = 1.0,
    no_repeat_ngram: int = 0,
    min_new_tokens: int = 0,
    forbidden_ids: Sequence[int] = (),
    stream: Stream | None = None,
    special: SpecialIds | None = None,
    max_streams: int = 32,
    cache: str = "float",
) -> list[Generation]:
    """Fill the blanks of prompts.

    Every mask of a prompt is a blank; a prompt without one gets [gMASK] at its end and is continued. Blanks are filled
    left to right: each starts with sop, is written at the position of its mask, and ends with eop, eos or by length; a
    later blank sees the earlier ones.

    Args:
        prompts: texts (for a model with a tokenizer) or lists of token ids; one text stands for a list of one.
        max_new_tokens: per blank, at most; a blank also ends at the model's largest position.
        temperature: divides the logits; 0 always takes the most probable token.
        top_k: draw among the k most probable tokens; 0: all.
        top_p: draw among the fewest tokens whose probability reaches p; 0 or 1: all.
        num_beams: above 1, search for the `num_samples` (at most `num_beams`) texts with the best score.
        length_penalty: score = sum of log p / length^length_penalty, the end mark counted.
        num_samples: texts per prompt.
        seed: of the draws. A sample depends on the seed, its prompt and its number alone, never on the batch.
        repetition_penalty: logits of tokens written before are divided (positive) or multiplied (negative) by it.
        no_repeat_ngram: no n tokens in a row occur twice in a blank; 0: allowed.
        min_new_tokens: no blank ends before.
        forbidden_ids: tokens never written. With a tokenizer, neither are command tokens that stand for no text ([UNK],
            the masks, sop, ...).
        stream: called with (prompt index, sample, token id, piece of text) for each token as it is written (after beam
            search: for each token of each result); returning False ends everything where it is.
        special: ids of the command tokens; default those of the model's tokenizer.
        max_streams: texts decoded together; it changes speed and memory, never a result.
        cache: "float" keeps keys and values in the type the model computes in; "int8" as 8-bit codes with a scale for
            each token and head, half the bytes of bfloat16. Head sizes are then multiples of four.

    Returns:
        One `Generation` per prompt and sample, in that order, with `text`, `token_ids`, `log_prob` (natural logarithm,
        under the model at temperature 1, end marks not counted) and `finish_reason`.

    Raises:
        ConfigError: a setting out of its range, or no command tokens.
        ShapeError: a prompt that is empty, too long, or has ids outside the vocabulary.
        Error: the model gives logits that are not finite.

    Numerics: decoding with a float cache gives the bits of the full forward; an int8 cache rounds keys and values once.

    Source: Du et al. 2022 (GLM), section 2.1; Holtzman et al. 2020 (top-p); Keskar et al. 2019 (repetition penalty).

    Example:
        >>> from wudao_rt import GLM, GLMConfig
        >>> model = GLM(GLMConfig(vocab_size=32, hidden_size=16, num_layers=1, num_heads=2, max_positions=16))
        >>> special = SpecialIds(eos=0, cls=1, mask=2, sop=3, eop=4, gmask=5)
        >>> found = generate(model, [[8, 9]], max_new_tokens=4, min_new_tokens=4, special=special)
        >>> len(found), len(found[0].token_ids), found[0].finish_reason
        (1, 4, 'length')
    """
    prompts = listed("generate", "prompts", prompts)
    if stream is not None and not callable(stream):
        raise ConfigError(f"generate: stream: expected a function, got {stream!r}. See wudao_rt.generation.stream.")
    if cache not in ("float", "int8"):
        raise ConfigError(f'generate: cache: expected "float" or "int8", got {cache!r}. Change it.')
    special = special_of("generate", model, special)
    contexts = [part_a(read_ids("generate", f"prompts[{i}]", model, p), special) for i, p in enumerate(prompts)]
    options: dict[str, Any] = _whole(
        max_new_tokens=max_new_tokens, min_new_tokens=min_new_tokens, top_k=top_k, num_beams=num_beams,
        num_samples=num_samples, no_repeat_ngram=no_repeat_ngram, max_streams=max_streams, seed=seed,
    )  # fmt: skip
    options |= _real(temperature=temperature, top_p=top_p, length_penalty=length_penalty,
                     repetition_penalty=repetition_penalty)  # fmt: skip
    options |= {"sop": special.sop, "eop": special.eop, "eos": special.eos, "cache": cache}
    options["forbidden_ids"] = _forbidden(model, special, listed("generate", "forbidden_ids", forbidden_ids))
    pairs = [(context.ids, context.masks) for context in contexts]
    found = _core.generate(model.core, pairs, options, _listener(model, stream))
    return [read_result(raw, prompts, model.tokenizer) for raw in found]


def _forbidden(model: GLM, special: SpecialIds, wanted: Sequence[int]) -> list[int]:
    given = [_whole(forbidden_ids=number)["forbidden_ids"] for number in wanted]
    if model.tokenizer is None:
        return given
    return given + sorted(model.tokenizer.commands.without_text() - {special.eos, special.eop} - set(given))


def _whole(**settings: Any) -> dict[str, int]:
    for name, value in settings.items():
        try:
            number = index(value)
        except TypeError:
            raise ConfigError(f"generate: {name}: expected a whole number, got {value!r}. Change it.") from None
        low, high = (0, 2**64 - 1) if name == "seed" else (-(2**31), 2**31 - 1)
        if not low <= number <= high:
            raise ConfigError(f"generate: {name}: expected a number from {low} to {high}, got {number}. Change it.")
    return {name: index(value) for name, value in settings.items()}


def _real(**settings: Any) -> dict[str, float]:
    for name, value in settings.items():
        try:
            float(value)
        except (TypeError, ValueError):
            raise ConfigError(f"generate: {name}: expected a number, got {value!r}. Change it.") from None
    return {name: float(value) for name, value in settings.items()}


def _listener(model: GLM, stream: Stream | None) -> Callable[[int, int, int, int], Any] | None:
    if stream is None:
        return None
    pieces = Pieces(model.tokenizer)
    return lambda prompt, sample, blank, token: stream(
        prompt, sample, token, pieces.next(prompt, sample, blank, token)
    )
