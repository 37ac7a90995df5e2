"""What a layer of experts is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from numbers import Integral, Real
from typing import Any

from wudao_rt.config.moe import LOSSES
from wudao_rt.config.settings import refuse_unknown
from wudao_rt.errors import ConfigError, shown
from wudao_rt.moe.routing import Gate, read_capacity

EXCHANGES = ("flat", "two_level")


@dataclass(frozen=True)
class MoEConfig:
    """Say what a layer of experts is: y_t = sum over j of w_tj FFN_{e_tj}(x_t), FFN(x) = W_2 gelu(W_1 x + b_1) + b_2.

    Args:
        hidden_size: width of x and y.
        num_experts: of one width. Or give `classes`.
        expert_width: rows of W_1; default 4 hidden_size.
        k: experts of each token.
        gate: a name or a `Gate`.
        classes: ((count, width), ...): experts of several widths, in the order of their ids.
        shared_width: of one more expert that sees every token with weight 1; 0: there is none.
        activation: "gelu_tanh" or "gelu_erf".
        capacity_factor, drop, groups: as of `route`.
        losses: how much of each balance loss is in the objective, by name.
        bias_rate: of the bias gate: how far a batch of training moves the bias of an expert.
        jitter: in training the router sees x times uniform numbers of [1 - jitter, 1 + jitter).
        init_std, output_std: of the first weights; W_2 has output_std, default init_std.
        exchange: "flat": every rank sends to every other; "two_level": within supernodes and across them, with fewer
            messages. The bits are the same.
        supernode_size: ranks of a supernode, for two_level and for the counters; 0: all ranks are one.

    Raises:
        ConfigError: a field that cannot be.
    """

    hidden_size: int
    num_experts: int = 0
    expert_width: int = 0
    k: int = 2
    gate: str | Gate = "naive"
    classes: tuple[tuple[int, int], ...] = ()
    shared_width: int = 0
    activation: str = "gelu_tanh"
    capacity_factor: float | None = None
    drop: str = "probability"
    groups: int = 1
    losses: Mapping[str, float] = field(default_factory=dict)
    bias_rate: float = 1e-3
    jitter: float = 0.0
    init_std: float = 0.02
    output_std: float | None = None
    exchange: str = "flat"
    supernode_size: int = 0

    def __post_init__(self) -> None:
        for name, low in (("hidden_size", 1), ("num_experts", 0), ("expert_width", 0), ("k", 1), ("shared_width", 0),
                          ("groups", 1), ("supernode_size", 0)):
            _whole(name, getattr(self, name), low)
        refuse_unknown(self.activation, ("gelu_tanh", "gelu_erf"), "MoEConfig: activation")
        refuse_unknown(self.exchange, EXCHANGES, "MoEConfig: exchange")
        for name in self.losses:
            refuse_unknown(name, LOSSES, "MoEConfig: losses")
        if bool(self.num_experts) == bool(self.classes):
            raise ConfigError("MoEConfig: num_experts: expected either num_experts or classes, got "
                              f"{'both' if self.classes else 'neither'}. Give one of them.")
        for pair in self.classes:
            for value in pair:
                _whole("classes", value, 1)
        for name in ("bias_rate", "jitter", "init_std", "output_std"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, Real) or not 0 <= value < 1e6):
                raise ConfigError(f"MoEConfig: {name}: expected a number of at least 0, got {shown(value)}. Change it.")
        self.gate_options()

    @property
    def expert_widths(self) -> tuple[int, ...]:
        """Return the width of every expert, by id."""
        return tuple(width for count, width in self.all_classes for _ in range(count))

    @property
    def all_classes(self) -> tuple[tuple[int, int], ...]:
        """Return (count, width) of every class."""
        return self.classes or ((self.num_experts, self.expert_width or 4 * self.hidden_size),)

    def gate_options(self) -> dict[str, Any]:
        """Return what the engine's gate takes."""
        gate = self.gate if isinstance(self.gate, Gate) else Gate(self.gate)
        return asdict(gate) | {"k": self.k, "capacity_factor": read_capacity(self.capacity_factor), "drop": self.drop,
                               "groups": self.groups, "train": True}

    def to_core(self) -> dict[str, Any]:
        """Return what the engine's layer takes."""
        std = self.init_std
        return {"hidden_size": self.hidden_size, "classes": list(self.all_classes), "shared_width": self.shared_width,
                "activation": self.activation, "gate": self.gate_options(), "losses": dict(self.losses),
                "bias_rate": self.bias_rate, "jitter": self.jitter, "init_std": std,
                "output_std": std if self.output_std is None else self.output_std,
                "exchange": self.exchange, "supernode_size": self.supernode_size, "picture_experts": 0}


def _whole(name: str, value: Any, low: int) -> None:
    if not isinstance(value, Integral) or isinstance(value, bool) or not low <= value < 2**31:
        raise ConfigError(f"MoEConfig: {name}: expected a whole number of at least {low}, got {shown(value)}. Change "
                          "it.")
