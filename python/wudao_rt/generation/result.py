"""What generation gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wudao_rt.data.tokenizer import Tokenizer


@dataclass(frozen=True)
class Blank:
    """Hold what was written into one blank.

    Args:
        text: empty without a tokenizer.
        token_ids: without the end mark.
        token_log_probs: natural logarithm of each token's probability under the model itself (temperature 1).
        end_log_prob: the same of the end mark; None when the blank did not end by itself.
        finish_reason: "eop" or "eos" (the model ended it), "length", or "cancelled".
    """

    text: str
    token_ids: list[int]
    token_log_probs: list[float]
    end_log_prob: float | None
    finish_reason: str


@dataclass(frozen=True)
class Generation:
    """Hold one sample of one prompt.

    Args:
        prompt: as it was given.
        prompt_index: its place among the prompts.
        sample: number of the sample within the prompt.
        blanks: what was written, one entry for each mask of the prompt.
        score: of the hypothesis after beam search, sum of log p / length^length_penalty; else None.
    """

    prompt: Any
    prompt_index: int
    sample: int
    blanks: tuple[Blank, ...]
    score: float | None

    @property
    def text(self) -> str:
        """The text written, blank after blank; empty without a tokenizer."""
        return "".join(blank.text for blank in self.blanks)

    @property
    def token_ids(self) -> list[int]:
        """The tokens written, blank after blank, without end marks."""
        return [number for blank in self.blanks for number in blank.token_ids]

    @property
    def token_log_probs(self) -> list[float]:
        """The natural log-probability of each of `token_ids` under the model (temperature 1)."""
        return [value for blank in self.blanks for value in blank.token_log_probs]

    @property
    def log_prob(self) -> float:
        """The sum of `token_log_probs`: what `score` gives for the same tokens."""
        return sum(self.token_log_probs)

    @property
    def finish_reason(self) -> str:
        """Why it ended: "length" when any blank was cut, else the reason of the last blank."""
        reasons = [blank.finish_reason for blank in self.blanks]
        return "length" if "length" in reasons and reasons[-1] != "cancelled" else reasons[-1]

    def to_json(self) -> dict[str, Any]:
        """Return plain values, as `wudao-rt generate --json` prints them."""
        prompt = self.prompt if isinstance(self.prompt, str) else [int(number) for number in self.prompt]
        return {"prompt": prompt, "sample": self.sample, "text": self.text, "token_ids": self.token_ids,
                "log_prob": self.log_prob, "finish_reason": self.finish_reason}


def read_result(raw: Mapping[str, Any], prompts: Sequence[Any], tokenizer: Tokenizer | None) -> Generation:
    """Make a result of what the engine returns."""
    blanks = tuple(
        Blank(tokenizer.decode(blank["token_ids"]) if tokenizer is not None else "", **blank) for blank in raw["blanks"]
    )
    return Generation(prompts[raw["prompt"]], raw["prompt"], raw["sample"], blanks, raw["score"])
