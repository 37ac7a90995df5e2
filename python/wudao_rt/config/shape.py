"""What the shapes of all transformers have in common: how many values they hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, TypeVar

from wudao_rt.config.settings import check, refuse_unknown
from wudao_rt.errors import ConfigError

if TYPE_CHECKING:
    from wudao_rt.config.moe import MoETable


Shape = TypeVar("Shape")


class TransformerShape:
    """Count the values of a dataclass with hidden_size, num_layers and moe; `dense_count` is its own."""

    if TYPE_CHECKING:
        hidden_size: int
        num_layers: int
        num_heads: int
        moe: MoETable | None
        dense_count: int

    @property
    def parameter_count(self) -> int:
        """Return the number of trained values."""
        return self.dense_count + self._expert_layers * (self.moe.layer_parameters(self) - self._ffn if self.moe else 0)

    @property
    def active_parameter_count(self) -> int:
        """Return the values that a token meets: of its experts only those that it is sent to."""
        spared = self.moe.layer_parameters(self) - self.moe.active_parameters(self) if self.moe else 0
        return self.parameter_count - self._expert_layers * spared

    def parameters_of_rank(self, ranks: int) -> int:
        """Return the values that one of so many ranks that share the experts holds at the most."""
        if self.moe is None:
            return self.parameter_count
        own = -(-self.moe.layer_parameters(self) // ranks)
        return self.parameter_count - self._expert_layers * (self.moe.layer_parameters(self) - own)

    @property
    def _expert_layers(self) -> int:
        return sum(self.moe.layers(self.num_layers)) if self.moe else 0

    @property
    def _ffn(self) -> int:
        return 8 * self.hidden_size**2 + 5 * self.hidden_size

    def to_core(self) -> dict[str, Any]:
        """Return the fields as the engine reads them, but for the experts."""
        return self.to_dict()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values; a dense model has no `moe`."""
        return {name: value for name, value in asdict(self).items() if value is not None}  # type: ignore[call-overload]

    def check_shape(self) -> None:
        """Raise ConfigError for a field outside its limits, or heads that do not divide the hidden size."""
        name = type(self).__name__
        check(self, name)
        if self.hidden_size % self.num_heads:
            raise ConfigError(f"{name}: hidden_size: expected a multiple of num_heads = {self.num_heads}, got "
                              f"{self.hidden_size}. Change one of them.")


def changed_preset(presets: Mapping[str, Shape], name: str, changes: Mapping[str, Any]) -> Shape:
    """Return a named shape, with some fields changed.

    Raises:
        ConfigError: an unknown name or field, with the nearest known one.
    """
    kind = type(next(iter(presets.values())))
    refuse_unknown(name, presets, f"{kind.__name__}.preset: name")
    for key in changes:
        refuse_unknown(key, kind.__dataclass_fields__, f"{kind.__name__}.preset: field")  # type: ignore[attr-defined]
    return replace(presets[name], **changes)  # type: ignore[type-var]  # a dataclass
