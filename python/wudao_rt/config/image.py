"""What a run that trains an image tokenizer is made of: the tables of its TOML file."""

from __future__ import annotations

from dataclasses import dataclass, field

from wudao_rt.config.settings import check, setting
from wudao_rt.config.vq import VQConfig
from wudao_rt.errors import ConfigError


@dataclass(frozen=True)
class ImageData:
    """Hold what is learned from."""

    corpus: str = setting("emoji", "prepared pictures: emoji or stamps; or a folder that `write_pictures` filled")
    skin_tone: float = setting(0.3, "weight of a skin tone beside other pictures", low=0)
    augment: str = setting("full", "full: shift, scale, tint, flip and put on other backgrounds; moved: shift by a "
                           "pixel and flip; none", choices=("full", "moved", "none"))

    def __post_init__(self) -> None:
        check(self, "config: data")


@dataclass(frozen=True)
class ImageTrain:
    """Hold how it is learned."""

    steps: int = setting(8000, "optimizer steps", low=1)
    batch: int = setting(64, "pictures of a step", low=1)
    lr: float = setting(1e-3, "peak learning rate of AdamW", low=0)
    warmup: float = setting(0.01, "share of the steps in which it rises", low=0, high=0.99)
    decay_ratio: float = setting(0.1, "share of the peak that a cosine leaves at the end", low=0, high=1)
    clip: float = setting(1.0, "limit of the global gradient norm; 0: none", low=0)
    weight_decay: float = setting(0.0, "of weights, not of biases", low=0)
    beta1: float = setting(0.9, "decay of AdamW's first moment", low=0, high=0.999999)
    beta2: float = setting(0.95, "decay of AdamW's second moment", low=0, high=0.999999)
    seed: int = setting(1, "of weights, order, augmentation and revival", low=0)
    dtype: str = setting("float32", "compute type", choices=("float32", "bfloat16", "float64"))
    virtual_shards: int = setting(8, "shards in whose tree sums are made: a power of two that divides the batch", low=1)
    micro_shards: int = setting(0, "shards that go through the model together; 0: all", low=0, layout=True)
    threads: int = setting(0, "threads; 0: as many as this machine grants", low=0, high=1024, layout=True)
    temperature: float = setting(1.0, "of gumbel's mixture in the first step", low=1e-6)
    temperature_end: float = setting(0.1, "of gumbel's mixture in the last step; each step divides it alike", low=1e-6)
    revive_every: int = setting(20, "steps between revivals of codes that are hardly used; 0: none", low=0)
    revive_below: float = setting(0.1, "codes used less often than this, on average, are revived", low=0)
    revive_until: float = setting(0.7, "share of the run after which codes stay as they are", low=0, high=1)
    eval_every: int = setting(1000, "steps between looks at the held-out pictures; 0: at the end", low=0)
    checkpoint_every: int = setting(1000, "steps between checkpoints; 0: at the end", low=0)

    def __post_init__(self) -> None:
        check(self, "config: train")
        if self.virtual_shards & (self.virtual_shards - 1) or self.batch % self.virtual_shards:
            raise ConfigError("config: train.virtual_shards: expected a power of two that divides the batch of "
                              f"{self.batch}, got {self.virtual_shards}. Change one of them.")


@dataclass(frozen=True)
class ImageOutput:
    """Hold where it goes."""

    folder: str = setting("", "run folder; default runs/ and the name of the file or recipe", layout=True)
    keep_last: int = setting(2, "checkpoints that stay", low=1)
    log_every: int = setting(50, "steps between step lines", low=1, layout=True)

    def __post_init__(self) -> None:
        check(self, "config: output")


@dataclass(frozen=True)
class ImageConfig:
    """Hold all settings of a run that trains an image tokenizer.

    Example:
        >>> ImageConfig().vq.codes
        512
    """

    vq: VQConfig = field(default_factory=lambda: VQConfig.preset("small"))
    data: ImageData = field(default_factory=ImageData)
    train: ImageTrain = field(default_factory=ImageTrain)
    output: ImageOutput = field(default_factory=ImageOutput)
