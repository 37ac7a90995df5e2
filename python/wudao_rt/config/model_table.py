"""[model]: the shape of a run's model."""

from __future__ import annotations

import dataclasses
from dataclasses import MISSING, dataclass, fields
from typing import Any

from wudao_rt.config.cogview import KIND, CogViewConfig
from wudao_rt.config.glm import GLMConfig
from wudao_rt.config.moe import MoETable
from wudao_rt.config.settings import check, setting
from wudao_rt.errors import ConfigError


@dataclass(frozen=True)
class ModelTable:
    """[model]: a preset, and whatever differs from it; some keys are of one kind of model only."""

    kind: str = setting("glm", "glm: text; cogview: text and pictures", choices=("glm", KIND))
    preset: str | None = setting(None, "named shape to start from; none: every field of the shape is given")
    vocab_size: int | None = setting(None, "rows of the word embedding; default the tokenizer's", low=1)
    hidden_size: int | None = setting(None, "width, a multiple of num_heads", low=1)
    num_layers: int | None = setting(None, "transformer layers", low=1)
    num_heads: int | None = setting(None, "attention heads", low=1)
    max_positions: int | None = setting(None, "largest position", low=1)
    block_positions: bool | None = setting(None, "two position tables (GLM) or one")
    activation: str | None = setting(None, "gelu_tanh or gelu_erf", choices=("gelu_tanh", "gelu_erf"))
    dropout: float | None = setting(None, "dropout probability", low=0, high=0.99)
    unpadded_vocab_size: int | None = setting(None, "ids from here on are padding; default the tokenizer's", low=0)
    init_std: float | None = setting(None, "standard deviation of the initial weights", low=1e-9, high=10)
    image_codes: int | None = setting(None, "cogview: codes of the image tokenizer; default its own", low=2)
    text_tokens: int | None = setting(None, "cogview: tokens of the text tokenizer; default its own", low=1)
    side: int | None = setting(None, "cogview: codes on a side of a picture: 8, 16, 32 or 64", low=8, high=64)
    sandwich: bool | None = setting(None, "cogview: a layer norm behind every branch too")
    norm_scaling: str | None = setting(None, "cogview: PB-relax of layer norms", choices=("row", "tensor", "none"))
    embedding_gradient: float | None = setting(None, "cogview: factor of the gradient of looked-up embeddings",
                                               low=1e-6, high=1)
    fixed_positions: bool | None = setting(None, "cogview: codes have the same positions whatever the text")
    image_tokenizer: str | None = setting(None, "cogview: SHA-256 of the image tokenizer; found by itself")
    moe: MoETable | None = dataclasses.field(
        default=None, metadata={"doc": "table of its own: experts in place of the feed-forward matrices"})

    def __post_init__(self) -> None:
        check(self, "config: model")

    def glm(self, **defaults: Any) -> GLMConfig:
        """Return the shape; `defaults` (of the tokenizer) hold where the table is silent, before the preset's."""
        return self._built(GLMConfig, "verse-tiny", defaults)

    def cogview(self, **defaults: Any) -> CogViewConfig:
        """Return the shape; `defaults` (of the tokenizers) hold where the table is silent, before the preset's."""
        return self._built(CogViewConfig, "emoji", defaults)

    def shape(self) -> GLMConfig | CogViewConfig:
        """Return the shape of a table that spells it out."""
        return self.cogview() if self.kind == KIND else self.glm()

    def _built(self, kind: type[Any], example: str, defaults: dict[str, Any]) -> Any:
        own = {f.name for f in fields(kind)}
        said = {f.name: getattr(self, f.name) for f in fields(self)}
        given = {name: value for name, value in said.items() if value is not None}
        for name in set(given) - own - {"kind", "preset"}:
            raise ConfigError(f"config: model.{name}: expected no such key for a {self.kind}, got {given[name]}. Leave "
                              f"it out, or set model.kind.")
        given = defaults | {name: value for name, value in given.items() if name in own}
        if self.preset:
            return kind.preset(self.preset, **given)
        missing = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING
                   and f.name not in given]
        if missing:
            raise ConfigError(f"config: model.{missing[0]}: expected a value or a preset, got neither. "
                              f"Add the key, or preset = \"{example}\".")
        return kind(**given)

    @classmethod
    def of(cls, shape: GLMConfig | CogViewConfig) -> ModelTable:
        """Return the table that spells out a shape."""
        kind = KIND if isinstance(shape, CogViewConfig) else "glm"
        return cls(kind=kind, **{f.name: getattr(shape, f.name) for f in fields(shape)})
