"""Models on disk: a folder of config.toml, model.safetensors and tokenizer/."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import tomli_w
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from wudao_rt.config.glm import GLMConfig
from wudao_rt.errors import CheckpointError
from wudao_rt.glm import GLM

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

WEIGHTS, CONFIG, TOKENIZER = "model.safetensors", "config.toml", "tokenizer"


def save(model: GLM, folder: Path) -> None:
    """Write a model to a folder. Each file is written beside its place and moved there when it is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = {"model": model.config.to_dict(), "train": {"dtype": model.dtype}}
    temporary = folder / f".{WEIGHTS}.tmp"
    try:
        save_file(model.state_dict(copy=False), temporary)
        os.replace(temporary, folder / WEIGHTS)
        (folder / CONFIG).write_text(tomli_w.dumps(tables), encoding="utf-8")
    except (OSError, SafetensorError) as error:
        temporary.unlink(missing_ok=True)
        raise CheckpointError(f"save: {folder}: expected to write it, got: {error}. Free space or choose another "
                              "folder; what was there is as it was.") from None
    if model.tokenizer is not None:
        model.tokenizer.save(folder / TOKENIZER)


def load(path: str | Path, dtype: str | None = None) -> GLM:
    """Read a model from a folder: a saved model, a checkpoint, or a run folder (its last checkpoint).

    Args:
        path: the folder.
        dtype: compute type; default the one it was trained in.

    Raises:
        CheckpointError: no such folder, or a file in it is missing, damaged or does not fit the others.
    """
    folder = resolve(Path(path))
    tables = _read_config(folder / CONFIG)
    config = GLMConfig(**tables["model"])
    tokenizer = None
    if (folder / TOKENIZER).is_dir():
        from wudao_rt.data.tokenizer import Tokenizer

        tokenizer = Tokenizer.load(folder / TOKENIZER)
    model = GLM(config, dtype=dtype or tables.get("train", {}).get("dtype", "float32"), tokenizer=tokenizer)
    model.load_state_dict(read_weights(folder / WEIGHTS))
    return model


def resolve(folder: Path) -> Path:
    """Return the folder that holds the weights: the folder itself, or the checkpoint that `last` names."""
    if (folder / WEIGHTS).is_file():
        return folder
    last = folder / "last"
    if last.is_file():
        return folder / "checkpoints" / last.read_text(encoding="utf-8").strip()
    raise CheckpointError(f"load: {folder}: expected a folder with {WEIGHTS} or a run folder, got neither. "
                          "Check the path.")


def read_weights(path: Path) -> dict[str, Any]:
    """Read a safetensors file into arrays by name.

    Raises:
        CheckpointError: the file is missing, truncated or not a safetensors file.
    """
    try:
        return load_file(path)
    except FileNotFoundError:
        raise CheckpointError(f"load: {path}: expected a file of weights, there is none. Check the path.") from None
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"load: {path}: expected a whole safetensors file, got: {error}. "
                              "Use another checkpoint.") from None


def _read_config(path: Path) -> dict[str, Any]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"load: {path}: expected the model's configuration, got: {error}. "
                              "Is the folder complete?") from None
    if not isinstance(tables.get("model"), dict):
        raise CheckpointError(f"load: {path}: expected a table [model], got none. Is this a model folder?")
    return tables
