"""Train, generate and score with GLM on the CPU.

The engine is C++ (`wudao_rt._core`); this package is thin. Names below are imported on first use, so that
`import wudao_rt` stays quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from wudao_rt import ops
    from wudao_rt._core import __version__, info
    from wudao_rt.config.glm import GLMConfig
    from wudao_rt.glm import GLM
    from wudao_rt.model_folder import load
    from wudao_rt.training import train

# Public name -> module that defines it. A module with the name itself (ops) stands for itself.
_PUBLIC = {
    "__version__": "wudao_rt._core",
    "GLM": "wudao_rt.glm",
    "GLMConfig": "wudao_rt.config.glm",
    "info": "wudao_rt._core",
    "load": "wudao_rt.model_folder",
    "ops": "wudao_rt.ops",
    "train": "wudao_rt.training",
}

__all__ = [
    "GLM",
    "CheckpointError",
    "CommError",
    "ConfigError",
    "DTypeError",
    "DeviceError",
    "Error",
    "GLMConfig",
    "InternalError",
    "OutOfMemory",
    "ShapeError",
    "__version__",
    "info",
    "load",
    "ops",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'wudao_rt' has no attribute {name!r}")
    module = importlib.import_module(_PUBLIC[name])
    value = module if module.__name__ == f"wudao_rt.{name}" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_PUBLIC))
