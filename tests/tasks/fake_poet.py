"""A model that writes what it is told to and scores by a rule: for tests of what is done with a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any


@dataclass
class Text:
    text: str


@dataclass
class Scored:
    log_prob: float


@dataclass
class FakePoet:
    """Write `texts` in turn; score a text by how many of its characters stand in order of code point."""

    texts: Sequence[str]
    asked: list[dict[str, Any]] = field(default_factory=list)

    def generate(self, prompts: list[str], num_samples: int = 1, **options: Any) -> list[Text]:
        self.asked.append({"prompts": prompts, "num_samples": num_samples, **options})
        return [Text(self.texts[i % len(self.texts)]) for i in range(len(prompts) * num_samples)]

    def score(self, contexts: list[str], continuations: list[str], **options: Any) -> list[Scored]:
        self.asked.append({"contexts": contexts, **options})
        return [Scored(-float(sum(a > b for a, b in pairwise(text)))) for text in continuations]
