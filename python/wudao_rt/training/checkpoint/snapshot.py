"""What a checkpoint holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from wudao_rt.data.tokenizer import Tokenizer
from wudao_rt.image.tokenizer import VQTokenizer
from wudao_rt.parameters import expert_of

FORMAT = 1
FOLDER = "checkpoints"
LAST = "last"
STATE = "state.json"
OPTIMIZER = "optimizer.safetensors"
EXPERTS = "experts-{:05d}-of-{:05d}.safetensors"


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Hold all that a run needs to go on as if it had never stopped.

    No time, host, thread count or rank count is in it, so that the same run gives the same bytes everywhere.

    Args:
        step: steps done; also the data position, as the batch of a step is a function of (seed, step).
        updates: updates of the optimizer (steps that were not skipped).
        tokens: tokens seen, padding left out.
        weights: parameters by name, those of experts that this rank holds among them.
        optimizer: moments by name, m. or v. and that of their parameter.
        config: text of config.toml without the settings of the machine layout.
        tokenizer: goes into its folder.
        image_tokenizer: goes into its folder too; None: a model of text alone.
        loss_scale: of float16, and the steps since it last changed.
    """

    step: int
    updates: int
    tokens: int
    weights: Mapping[str, np.ndarray]
    optimizer: Mapping[str, np.ndarray]
    config: str
    tokenizer: Tokenizer | None = None
    image_tokenizer: VQTokenizer | None = None
    loss_scale: tuple[float, int] | None = None

    def shared(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Return weights and moments that every rank has."""
        return ({k: v for k, v in self.weights.items() if expert_of(k) is None},
                {k: v for k, v in self.optimizer.items() if expert_of(k[2:]) is None})

    def experts(self) -> dict[str, np.ndarray]:
        """Return weights and moments of this rank's experts."""
        both = {**self.weights, **self.optimizer}
        return {k: v for k, v in both.items() if expert_of(k) or expert_of(k[2:])}

    def counters(self) -> dict[str, Any]:
        """Return the numbers of state.json."""
        scaled = {} if self.loss_scale is None else {"loss_scale": list(self.loss_scale)}
        return {"format": FORMAT, "step": self.step, "updates": self.updates, "tokens": self.tokens, **scaled}
