"""Image tokenizers on disk: a folder of config.toml and model.safetensors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wudao_rt.config.settings import build
from wudao_rt.config.vq import VQConfig
from wudao_rt.errors import CheckpointError, ConfigError
from wudao_rt.files import reason, write_whole
from wudao_rt.model_folder import CONFIG, WEIGHTS, read_weights, save_file

if TYPE_CHECKING:
    from wudao_rt.image.tokenizer import VQTokenizer

TABLE = "vq"  # of config.toml: the file says by it what it describes


def save(tokenizer: VQTokenizer, folder: Path) -> None:
    """Write a tokenizer. Each file is written beside its place and moved there when it is complete."""
    import tomli_w
    from safetensors import SafetensorError

    tables = {TABLE: tokenizer.config.to_dict(), "train": {"dtype": tokenizer.dtype}}
    temporary = folder / f".{WEIGHTS}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_file(tokenizer.state_dict(), temporary)
        os.replace(temporary, folder / WEIGHTS)
        write_whole(folder / CONFIG, tomli_w.dumps(tables))
    except (OSError, SafetensorError) as error:
        if folder.is_dir():
            temporary.unlink(missing_ok=True)
        raise CheckpointError(f"save: {folder}: expected to write it, got: {reason(error)}. Free space or choose "
                              "another folder; what was there is as it was.") from None


def open_tokenizer(folder: Path, table: Any, dtype: str) -> VQTokenizer:
    """Return the tokenizer of a folder whose config.toml has this table.

    Raises:
        CheckpointError: the weights are missing, damaged or of another shape.
        ConfigError: the table has unknown keys or values that cannot be.
    """
    from wudao_rt.image.tokenizer import VQTokenizer

    try:
        config = build(VQConfig, table, TABLE)
    except ConfigError as error:
        raise ConfigError(f"load: {folder / CONFIG}: {str(error).removeprefix('config: ')}") from None
    tokenizer = VQTokenizer(config, dtype=dtype)  # type: ignore[arg-type]  # checked there
    try:
        tokenizer.load_state_dict(read_weights(folder / WEIGHTS))
    except CheckpointError as error:
        raise CheckpointError(f"load: {folder}: {str(error).removeprefix('load: ')}") from None
    return tokenizer


def require_tokenizer(folder: str) -> VQTokenizer:
    """Return the tokenizer of a folder.

    Raises:
        CheckpointError: the folder holds another model, or none.
    """
    from wudao_rt.image.tokenizer import VQTokenizer
    from wudao_rt.model_folder import load

    model = load(folder)
    if not isinstance(model, VQTokenizer):
        raise CheckpointError(f"load: {folder}: expected an image tokenizer, got a language model. Give the folder of "
                              "wudao-rt image train-tokenizer.")
    return model
