"""[model.moe]: which layers have experts in place of their two linear layers, and how tokens find them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wudao_rt.config.settings import check, refuse_unknown, setting
from wudao_rt.errors import ConfigError, shown

if TYPE_CHECKING:
    from wudao_rt.config.shape import TransformerShape

GATES = ("naive", "noisy", "switch", "gshard", "group_limited", "bias")
LOSSES = ("switch", "gshard", "importance", "load", "z", "sequence", "global_batch")
_FIXED_K = {"switch": 1, "gshard": 2}


@dataclass(frozen=True)
class MoETable:
    """Hold what the layers of experts of a model have in common.

    y_t = x_t + sum over j of w_tj FFN_{e_tj}(LN(x_t)), j in order, + the shared expert of LN(x_t)

    Raises:
        ConfigError: a number outside its range; k beyond the experts, or another than the gate has.
    """

    num_experts: int = setting(0, "experts of a layer, all of `expert_width`; or give `classes`", low=0)
    expert_width: int = setting(0, "width between the two matrices of an expert; 0: 4 times the hidden size", low=0)
    classes: tuple[tuple[int, ...], ...] = setting((), "experts of several widths: [count, width] of each class")
    k: int = setting(2, "experts of a token", low=1)
    shared_width: int = setting(0, "width of one more expert that sees every token; 0: none", low=0)
    pattern: str = setting("m", "layers: m has experts, d is dense; repeated over the layers")
    gate: str = setting("naive", "how experts are chosen; docs/moe.md has the formulas", choices=GATES)
    expert_groups: int = setting(1, "group_limited: equal groups of experts", low=1)
    topk_groups: int = setting(1, "group_limited: groups that a token's experts may lie in", low=1)
    bias_rate: float = setting(1e-3, "bias: how far a step moves the bias of an expert", low=0, high=1)
    capacity_factor: float = setting(0.0, "an expert takes this times k tokens / experts rows of a group; 0: all",
                                     low=0)
    min_capacity: int = setting(0, "rows that an expert takes at least", low=0)
    drop: str = setting("probability", "which rows a full expert lets go: the least probable, or the last",
                        choices=("probability", "position"))
    groups: int = setting(0, "groups of tokens of a batch for capacity and balance losses, a multiple of the virtual "
                          "shards; 0: these", low=0)
    losses: dict[str, float] = dataclasses.field(
        default_factory=dict,
        metadata={"doc": "how much of each balance loss is in the objective: " + ", ".join(LOSSES)})
    picture_experts: int = setting(0, "cogview: the last so many experts see codes of pictures alone, the others the "
                                   "rest; 0: all see all", low=0)
    jitter: float = setting(0.0, "in training the router sees x times numbers of [1 - jitter, 1 + jitter)", low=0,
                            high=0.999)

    def __post_init__(self) -> None:
        check(self, "config: model.moe")
        for name in self.losses:
            refuse_unknown(name, LOSSES, "config: model.moe.losses")
        if bool(self.num_experts) == bool(self.classes):
            raise ConfigError("config: model.moe.num_experts: expected either num_experts or classes, got "
                              f"{'both' if self.classes else 'neither'}. Give one of them.")
        for pair in self.classes:
            if len(pair) != 2 or min(pair) < 1:
                raise ConfigError("config: model.moe.classes: expected pairs [count, width] of at least 1, got "
                                  f"{shown(list(pair))}. Change it.")
        if not self.pattern or set(self.pattern) - {"m", "d"}:
            raise ConfigError(f"config: model.moe.pattern: expected letters m and d, got '{shown(self.pattern)}'. "
                              "Write one for each layer, or a part that repeats.")
        if self.k > self.experts:
            raise ConfigError(f"config: model.moe.k: expected at most the {self.experts} experts, got {self.k}. Lower "
                              "it.")
        if self.picture_experts and not self.k <= self.picture_experts <= self.experts - self.k:
            raise ConfigError(f"config: model.moe.picture_experts: expected {self.k} to {self.experts - self.k}, so "
                              f"that text and pictures have k = {self.k} each, got {self.picture_experts}. Change it.")
        if self.k != _FIXED_K.get(self.gate, self.k):
            raise ConfigError(f"config: model.moe.k: expected {_FIXED_K[self.gate]}, as gate {self.gate} has, got "
                              f"{self.k}. Change one of them.")

    @property
    def experts(self) -> int:
        """Return E, the experts of a layer."""
        return self.num_experts or sum(count for count, _ in self.classes)

    def all_classes(self, hidden: int) -> tuple[tuple[int, int], ...]:
        """Return (count, width) of every class of a model of that width."""
        if self.num_experts:
            return ((self.num_experts, self.expert_width or 4 * hidden),)
        return tuple((count, width) for count, width in self.classes)

    def layers(self, count: int) -> list[bool]:
        """Return for each of `count` layers whether it has experts."""
        return [self.pattern[i % len(self.pattern)] == "m" for i in range(count)]

    def layer_parameters(self, shape: TransformerShape) -> int:
        """Return the trained values that a layer has in place of its two linear layers."""
        return sum(self._parts(shape, self.all_classes(shape.hidden_size)))

    def active_parameters(self, shape: TransformerShape) -> int:
        """Return those of them that a token meets: router, shared expert and k of the widest experts."""
        widest = max(width for _, width in self.all_classes(shape.hidden_size))
        return sum(self._parts(shape, ((self.k, widest),)))

    def _parts(self, shape: TransformerShape, classes: tuple[tuple[int, int], ...]) -> list[int]:
        h = shape.hidden_size
        ffn = [count * (2 * h * width + width + h) for count, width in classes]
        shared = 2 * h * self.shared_width + self.shared_width + h if self.shared_width else 0
        return [self.experts * h * (2 if self.gate == "noisy" else 1), shared, *ffn]
