"""The shape of a GLM, and the shapes that have names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wudao_rt.config.moe import MoETable
from wudao_rt.config.settings import setting
from wudao_rt.config.shape import TransformerShape, changed_preset
from wudao_rt.errors import ConfigError


@dataclass(frozen=True)
class GLMConfig(TransformerShape):
    """Hold the shape of a GLM: a pre-LN transformer with tied output and two position tables.

    Parameters: V h + 2 (P + 1) h + L (12 h^2 + 13 h) + 2 h, with one table of P rows when `block_positions` is off.

    Raises:
        ConfigError: a number outside its range, or heads that do not divide the hidden size.
    Source: GLM (Du et al., ACL 2022), section 2.
    Example:
        >>> GLMConfig.preset("base").parameter_count
        109338624
        >>> GLMConfig.preset("verse-tiny", vocab_size=100).vocab_size
        100
    """

    vocab_size: int = setting(doc="rows of the word embedding, padding included", low=1)
    hidden_size: int = setting(doc="width h, a multiple of the number of heads", low=1)
    num_layers: int = setting(doc="transformer layers L", low=1)
    num_heads: int = setting(doc="attention heads", low=1)
    max_positions: int = setting(doc="largest position P", low=1)
    block_positions: bool = setting(True, "two position tables of P + 1 rows; else one of P rows")
    activation: str = setting("gelu_tanh", "activation between the feed-forward matrices",
                              choices=("gelu_tanh", "gelu_erf"))
    dropout: float = setting(0.0, "probability on embeddings, attention and sub-layer outputs", low=0, high=0.99)
    unpadded_vocab_size: int = setting(0, "ids from here on are padding and never predicted; 0: none", low=0)
    init_std: float = setting(0.02, "standard deviation of the initial weights", low=1e-9, high=10)
    moe: MoETable | None = field(
        default=None, metadata={"doc": "experts in place of the feed-forward matrices; none: a dense model"})

    def __post_init__(self) -> None:
        self.check_shape()
        if self.moe and self.moe.picture_experts:
            raise ConfigError(f"GLMConfig: moe.picture_experts: expected 0, for a GLM has no codes of pictures, got "
                              f"{self.moe.picture_experts}. Leave it out.")
        if self.unpadded_vocab_size > self.vocab_size:
            raise ConfigError(f"GLMConfig: unpadded_vocab_size: expected at most vocab_size = {self.vocab_size}, "
                              f"got {self.unpadded_vocab_size}. Lower it.")

    @classmethod
    def preset(cls, name: str, **changes: Any) -> GLMConfig:
        """Return a named shape, with some fields changed.

        Raises:
            ConfigError: an unknown name or field, with the nearest known one.
        """
        return changed_preset(PRESETS, name, changes)

    @property
    def dense_count(self) -> int:
        """Return the values of a model of this shape without experts."""
        h, p = self.hidden_size, self.max_positions
        tables = 2 * (p + 1) * h if self.block_positions else p * h
        return self.vocab_size * h + tables + self.num_layers * (12 * h * h + 13 * h) + 2 * h


def _published(vocab_size: int, hidden_size: int, num_layers: int, num_heads: int, max_positions: int) -> GLMConfig:
    return GLMConfig(vocab_size, hidden_size, num_layers, num_heads, max_positions, dropout=0.1)


PRESETS: dict[str, GLMConfig] = {
    "verse-tiny": GLMConfig(4992, 192, 2, 3, 128),
    "verse-small": GLMConfig(4992, 192, 6, 6, 128),
    "verse-medium": GLMConfig(4992, 256, 8, 8, 256),
    "verse": GLMConfig(4992, 320, 8, 5, 256),
    "base": _published(30592, 768, 12, 12, 512),
    "large": _published(30592, 1024, 24, 16, 512),
    "410m": _published(30592, 1024, 30, 16, 512),
    "515m": _published(30592, 1152, 30, 18, 512),
    "roberta-large": _published(50304, 1024, 24, 16, 512),
    "large-chinese": _published(50048, 1024, 24, 16, 1024),
    "2b": _published(50304, 2048, 36, 32, 1024),
    "10b": _published(50304, 4096, 48, 64, 1024),
    "10b-chinese": _published(50048, 4096, 48, 64, 1024),
}
"""The published shapes (GLM, Du et al. 2022, and its configuration files), and four small ones for verse."""
