"""What a run is made of: the TOML tables as frozen dataclasses, checked key by key.

    from wudao_rt.config import Config, load_config

    config = load_config("run.toml", changes=["train.lr=1e-3"])
    config.train.lr, config.model.glm(vocab_size=5000)
    config.save("copy.toml")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wudao_rt.lazy import lazy

if TYPE_CHECKING:
    from wudao_rt.config.cogview import CogViewConfig
    from wudao_rt.config.files import load_config, parse_config
    from wudao_rt.config.glm import GLMConfig
    from wudao_rt.config.model_table import ModelTable
    from wudao_rt.config.moe import MoETable
    from wudao_rt.config.tables import Config, DataTable, OutputTable, ParallelTable, TokenizerTable, TrainTable

__all__ = [
    "CogViewConfig",
    "Config",
    "DataTable",
    "GLMConfig",
    "MoETable",
    "ModelTable",
    "OutputTable",
    "ParallelTable",
    "TokenizerTable",
    "TrainTable",
    "load_config",
    "parse_config",
]

__getattr__, __dir__ = lazy(__name__, {
    "files": ("load_config", "parse_config"),
    "cogview": ("CogViewConfig",),
    "glm": ("GLMConfig",),
    "model_table": ("ModelTable",),
    "moe": ("MoETable",),
    "tables": ("Config", "DataTable", "OutputTable", "ParallelTable", "TokenizerTable", "TrainTable"),
})
