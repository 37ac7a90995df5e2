"""The shape of a CogView, and the shapes that have names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wudao_rt.config.moe import MoETable
from wudao_rt.config.settings import setting
from wudao_rt.config.shape import TransformerShape, changed_preset
from wudao_rt.errors import ConfigError

KIND = "cogview"  # what a config.toml calls it
COMMANDS = 27  # PAD to POS8, behind the ids of codes and of text
SIDES = (8, 16, 32, 64)  # pictures of so many codes a side have a token of their own
_VOCAB_MULTIPLE = 128
_FRAME = 4  # tokens of a sequence that are neither text nor codes: ROI1, the size, BOI1, EOI1


@dataclass(frozen=True)
class CogViewConfig(TransformerShape):
    """Hold the shape of a CogView: a transformer over the ids of text and of picture codes together.

    Ids: codes 0 .. image_codes - 1, then text, then 27 commands, then padding to a multiple of 128, whatever the
    machine. Parameters: V h + P h + L (12 h^2 + 13 h, 17 h with sandwich) + 2 h.

    Raises:
        ConfigError: a number outside its range, heads that do not divide the hidden size, or no room for text.
    Source: CogView (Ding et al., NeurIPS 2021), sections 2.2 and 2.4.
    Example:
        >>> CogViewConfig.preset("4b").parameter_count
        3928849920
        >>> CogViewConfig.preset("4b").vocab_size, CogViewConfig.preset("4b").max_text
        (58240, 61)
    """

    image_codes: int = setting(doc="codes of the image tokenizer, M", low=2)
    text_tokens: int = setting(doc="tokens of the text tokenizer", low=1)
    hidden_size: int = setting(doc="width h, a multiple of the number of heads", low=1)
    num_layers: int = setting(doc="transformer layers L", low=1)
    num_heads: int = setting(doc="attention heads", low=1)
    max_positions: int = setting(doc="rows P of the position table; a picture and its text have to fit", low=1)
    side: int = setting(32, "codes on a side of a picture: 8, 16, 32 or 64", low=8, high=64)
    sandwich: bool = setting(True, "a layer norm behind every branch too")
    norm_scaling: str = setting("row", "what the inputs of layer norms are divided by first (PB-relax): row: max |x| / "
                                "8 of the row; tensor: of all rows, as the released code does, by which a picture "
                                "depends on its batch; none", choices=("row", "tensor", "none"))
    embedding_gradient: float = setting(1.0, "factor of the gradient that embeddings have of being looked up",
                                        low=1e-6, high=1)
    fixed_positions: bool = setting(False, "codes always have the positions that they have behind the longest text, "
                                    "whatever the text and whichever comes first; else positions count from 0 on")
    activation: str = setting("gelu_tanh", "activation between the feed-forward matrices",
                              choices=("gelu_tanh", "gelu_erf"))
    dropout: float = setting(0.0, "probability on embeddings, attention and sub-layer outputs", low=0, high=0.99)
    init_std: float = setting(0.02, "standard deviation of the initial weights", low=1e-9, high=10)
    image_tokenizer: str = setting("", "SHA-256 of the image tokenizer whose codes it learned; empty: not known")
    moe: MoETable | None = field(
        default=None, metadata={"doc": "experts in place of the feed-forward matrices; none: a dense model"})

    def __post_init__(self) -> None:
        self.check_shape()
        if self.side not in SIDES:
            raise ConfigError(f"CogViewConfig: side: expected 8, 16, 32 or 64 codes, got {self.side}. Choose one.")
        if self.max_text < 1:
            raise ConfigError(f"CogViewConfig: max_positions: expected at least {self.codes + _FRAME + 1} for "
                              f"{self.codes} codes and text, got {self.max_positions}. Raise it.")

    @classmethod
    def preset(cls, name: str, **changes: Any) -> CogViewConfig:
        """Return a named shape, with some fields changed.

        Raises:
            ConfigError: an unknown name or field, with the nearest known one.
        """
        return changed_preset(PRESETS, name, changes)

    @property
    def codes(self) -> int:
        """Return how many codes a picture has."""
        return self.side * self.side

    @property
    def max_text(self) -> int:
        """Return how many tokens of text a sequence has room for."""
        return self.max_positions - self.codes - _FRAME

    @property
    def unpadded_vocab_size(self) -> int:
        """Return the number of ids that mean something."""
        return self.image_codes + self.text_tokens + COMMANDS

    @property
    def vocab_size(self) -> int:
        """Return the rows of the word embedding."""
        return -(-self.unpadded_vocab_size // _VOCAB_MULTIPLE) * _VOCAB_MULTIPLE

    @property
    def dense_count(self) -> int:
        """Return the values of a model of this shape without experts."""
        h, norms = self.hidden_size, 4 if self.sandwich else 0
        layer = 12 * h * h + (13 + norms) * h
        return (self.vocab_size + self.max_positions) * h + self.num_layers * layer + 2 * h

    def to_core(self) -> dict[str, Any]:
        """Return the fields as the engine reads them, but for the experts."""
        return self.to_dict() | {"vocab_size": self.vocab_size, "unpadded_vocab_size": self.unpadded_vocab_size,
                                 "block_positions": False}


PRESETS: dict[str, CogViewConfig] = {
    "4b": CogViewConfig(8192, 50000, 2560, 48, 40, 1089, embedding_gradient=0.1, dropout=0.1),
    "212m": CogViewConfig(8192, 50000, 1024, 12, 16, 1089, dropout=0.1),
    "emoji": CogViewConfig(512, 2600, 192, 6, 6, 96, side=8, fixed_positions=True),
    "emoji-tiny": CogViewConfig(128, 1000, 96, 3, 3, 96, side=8, fixed_positions=True),
}
"""The published shape, that of its tutorial, and two for 32-pixel pictures."""
