"""A model of ours with the arrays that every engine gets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import wudao_rt
from wudao_rt import _core
from wudao_rt.config.glm import GLMConfig
from wudao_rt.glm import GLM

_QUANTIZED = ("int8", "int4")


def make(spec: dict[str, Any], folder: Path) -> GLM:
    """Return the model of a spec with the weights of weights.npz, read one by one."""
    dtype = spec["dtype"]
    model = GLM(GLMConfig(**spec["config"]), dtype="float32" if dtype in _QUANTIZED else dtype)
    with np.load(folder / "weights.npz") as weights:
        for name in weights:
            model.core.set(name, weights[name])
    return _quantized(model, dtype, folder) if dtype in _QUANTIZED else model


def _quantized(model: GLM, dtype: str, folder: Path) -> GLM:
    """Go the way of our users: save, convert, load."""
    whole, made = folder / "whole", folder / dtype
    model.save(whole)
    convert = [sys.executable, "-m", "wudao_rt", "convert", whole, made, "--dtype", "bfloat16", "--quantize", dtype,
               "--activation-bits", 8]
    subprocess.run([str(word) for word in convert], check=True)
    return wudao_rt.load(made)


def versions() -> dict[str, str]:
    """Return what is measured."""
    return {"wudao_rt": _core.__version__, "numpy": np.__version__}
