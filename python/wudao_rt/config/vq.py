"""The shape of an image tokenizer, and the shapes that have names."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from wudao_rt.config.settings import check, refuse_unknown, setting
from wudao_rt.errors import ConfigError

# Product photographs on white, which the released CogView tokenizer was trained on.
_COGVIEW_MEAN, _COGVIEW_STD = (0.79093, 0.76271, 0.75340), (0.30379, 0.32279, 0.32800)

_MOST_CODES = 2**24  # of levels


@dataclass(frozen=True)
class VQConfig:
    """Hold the shape of an image tokenizer: strided convolutions, a book of codes, transposed convolutions.

    z = encoder((image - mean) / std); code = nearest e_k; image = decoder(e_k) std + mean, cut off at 0 and 1

    Quantizer "vq" has a book of codes that follows by averages. So has "gumbel", but in training the decoder gets a
    mixture of codes (`wudao_rt.ops.gumbel_quantize`). "fsq" has none: every channel of z is bounded and rounded to one
    of its levels (`wudao_rt.ops.fsq`), so `codes` is the product of the levels and `code_width` their number, whatever
    is given for the two.

    Raises:
        ConfigError: a number outside its range, or channels that cannot be halved often enough.
    Source: van den Oord et al. 2017; Razavi et al. 2019; CogView (Ding et al., NeurIPS 2021), section 2.2; Mentzer et
        al. 2023 for "fsq"; Jang, Gu, Poole 2017 for "gumbel".
    Example:
        >>> VQConfig.preset("cogview").pixels
        8
        >>> VQConfig(codes=256).code_width
        32
        >>> VQConfig(quantizer="fsq", levels=(8, 5, 5, 5)).codes
        1000
    """

    channels: int = setting(64, "channels of the widest hidden map", low=1)
    halvings: int = setting(2, "how often the sides are halved: a code stands for 2^halvings pixels each way", low=1,
                            high=6)
    simple: bool = setting(False, "all hidden maps as wide as `channels`; else each halving doubles them up to there, "
                           "and a 3 x 3 convolution follows")
    residual_blocks: int = setting(2, "residual blocks of the encoder, and as many of the decoder", low=0)
    residual_channels: int = setting(32, "channels between the convolutions of a residual block", low=1)
    quantizer: str = setting("vq", "what makes codes of features: a book, or levels of each channel",
                             choices=("vq", "gumbel", "fsq"))
    levels: tuple[int, ...] = setting((8, 8, 8), "levels of each channel, 2 at least; 5 or more work best. Of fsq only")
    codes: int = setting(512, "codes of the book, M; of fsq always the product of the levels", low=2)
    code_width: int = setting(32, "width of a code; of fsq always the number of levels", low=1)
    decay: float = setting(0.99, "of the averages that make the book", low=0, high=0.999999)
    epsilon: float = setting(1e-5, "added to how often a code is used, so that none is divided by 0", low=1e-12, high=1)
    commitment: float = setting(0.25, "weight of mean (q - z)^2 in the loss; of vq only", low=0)
    kl_weight: float = setting(5e-4, "weight of the codes' mean divergence from uniform; of gumbel only", low=0)
    l1: float = setting(0.0, "weight of the mean absolute difference of pixels", low=0)
    l2: float = setting(1.0, "weight of the mean squared difference of pixels", low=0)
    mean: tuple[float, ...] = setting((0.5, 0.5, 0.5), "subtracted from red, green and blue, which lie in [0, 1]")
    std: tuple[float, ...] = setting((0.5, 0.5, 0.5), "by which they are divided then")

    def __post_init__(self) -> None:
        if self.quantizer == "fsq":
            self._follow_levels()
        check(self, "config: vq")
        if not self.simple and self.channels % 2 ** (self.halvings - 1):
            raise ConfigError(f"config: vq: channels: expected a multiple of {2 ** (self.halvings - 1)} for "
                              f"{self.halvings} halvings, got {self.channels}. Change one of them, or set simple.")
        for name in ("mean", "std"):
            if len(getattr(self, name)) != 3:
                raise ConfigError(f"config: vq: {name}: expected three numbers, got {len(getattr(self, name))}. Give "
                                  "red, green and blue.")
        if min(self.std) <= 0:
            raise ConfigError(f"config: vq: std: expected positive numbers, got {min(self.std)}. Change it.")

    def _follow_levels(self) -> None:
        """Set what the levels decide."""
        levels = self.levels
        if not levels or any(isinstance(n, bool) or not isinstance(n, int) or n < 2 for n in levels):
            raise ConfigError(f"config: vq: levels: expected whole numbers of at least 2, got {list(levels)}. Write "
                              "levels = [8, 8, 8], for instance.")
        if math.prod(levels) > _MOST_CODES:
            raise ConfigError(f"config: vq: levels: expected a product of at most {_MOST_CODES}, got "
                              f"{math.prod(levels)}. Lower one of them.")
        object.__setattr__(self, "codes", math.prod(levels))
        object.__setattr__(self, "code_width", len(levels))

    @property
    def has_book(self) -> bool:
        """Return whether codes are those of a book."""
        return self.quantizer != "fsq"

    @property
    def penalty(self) -> tuple[str, float]:
        """Return name and weight of what is added to the loss of the pixels."""
        return ("kl", self.kl_weight) if self.quantizer == "gumbel" else ("commitment", self.commitment)

    @property
    def pixels(self) -> int:
        """Return how many pixels a code stands for each way."""
        return 2**self.halvings

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as TOML holds them."""
        return asdict(self)

    @classmethod
    def preset(cls, name: str, **changes: Any) -> VQConfig:
        """Return a named shape with some values changed: `cogview` (the released one), `small` (32-pixel pictures)."""
        refuse_unknown(name, PRESETS, "VQConfig: preset")
        return replace(PRESETS[name], **changes)


PRESETS = {
    "cogview": VQConfig(channels=512, halvings=3, simple=True, residual_blocks=0, codes=8192, code_width=256,
                        mean=_COGVIEW_MEAN, std=_COGVIEW_STD),
    "small": VQConfig(l1=0.5, l2=0.5),
}
