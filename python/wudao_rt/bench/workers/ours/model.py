"""A model of ours with the arrays that every engine gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from wudao_rt import _core
from wudao_rt.config.glm import GLMConfig
from wudao_rt.glm import GLM


def make(spec: dict[str, Any], folder: Path) -> GLM:
    """Return the model of a spec with the weights of weights.npz, read one by one."""
    model = GLM(GLMConfig(**spec["config"]), dtype=spec["dtype"])
    with np.load(folder / "weights.npz") as weights:
        for name in weights:
            model.core.set(name, weights[name])
    return model


def versions() -> dict[str, str]:
    """Return what is measured."""
    return {"wudao_rt": _core.__version__, "numpy": np.__version__}
