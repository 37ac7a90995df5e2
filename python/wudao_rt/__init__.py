"""Train, generate and score with GLM on the CPU; turn pictures into codes and back.

The engine is C++ (`wudao_rt._core`); this package is thin. Names below are imported on first use, so that
`import wudao_rt` stays quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wudao_rt.errors import (
    CheckpointError,
    CommError,
    ConfigError,
    DeviceError,
    DTypeError,
    Error,
    InternalError,
    OutOfMemory,
    ShapeError,
)
from wudao_rt.lazy import lazy

if TYPE_CHECKING:
    from wudao_rt import ops
    from wudao_rt._core import __version__, info
    from wudao_rt.cogview import CogView
    from wudao_rt.config.cogview import CogViewConfig
    from wudao_rt.config.glm import GLMConfig
    from wudao_rt.config.vq import VQConfig
    from wudao_rt.glm import GLM
    from wudao_rt.image.tokenizer import VQTokenizer
    from wudao_rt.model_folder import load
    from wudao_rt.training import train

__all__ = [
    "GLM",
    "CheckpointError",
    "CogView",
    "CogViewConfig",
    "CommError",
    "ConfigError",
    "DTypeError",
    "DeviceError",
    "Error",
    "GLMConfig",
    "InternalError",
    "OutOfMemory",
    "ShapeError",
    "VQConfig",
    "VQTokenizer",
    "__version__",
    "info",
    "load",
    "ops",
    "train",
]

__getattr__, __dir__ = lazy(__name__, {
    "_core": ("__version__", "info"),
    "cogview.model": ("CogView",),
    "config.cogview": ("CogViewConfig",),
    "config.glm": ("GLMConfig",),
    "config.vq": ("VQConfig",),
    "glm": ("GLM",),
    "image.tokenizer": ("VQTokenizer",),
    "model_folder": ("load",),
    "ops": ("ops",),
    "training": ("train",),
})
