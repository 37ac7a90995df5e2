"""Does a verse model prefer a true poem to the same characters in random order?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wudao_rt.data.record import Record
from wudao_rt.data.verse.measures import shuffled
from wudao_rt.datasets import verse_prompt
from wudao_rt.glm import GLM


@dataclass(frozen=True)
class Pair:
    """Hold a poem and its shuffled twin, with the natural logarithm of the probability of each, end mark included."""

    poem: str
    mixed: str
    poem_log_prob: float
    mixed_log_prob: float

    @property
    def margin(self) -> float:
        """Nats by which the true poem is likelier."""
        return self.poem_log_prob - self.mixed_log_prob


def true_against_shuffled(model: GLM, records: Sequence[Record], seed: int = 0) -> list[Pair]:
    """Score held-out poems and their shuffled twins from the form tag alone.

    Both hold the same characters, so that only their order is judged.

    Args:
        model: a verse model.
        records: poems that it was not trained on.
        seed: of the shuffling.
    """
    poems = [record.text for record in records]
    mixed = [shuffled(poem, seed + i) for i, poem in enumerate(poems)]
    prompts = [verse_prompt(record.form) for record in records]
    found = model.score(prompts * 2, poems + mixed, include_end="eos")
    values = [one.log_prob for one in found]
    return [Pair(*row) for row in zip(poems, mixed, values[: len(poems)], values[len(poems) :], strict=True)]


def preferred(pairs: Sequence[Pair]) -> float:
    """Return the share of pairs whose true poem is the likelier one; 0.0 for no pairs."""
    return sum(pair.margin > 0 for pair in pairs) / len(pairs) if pairs else 0.0
