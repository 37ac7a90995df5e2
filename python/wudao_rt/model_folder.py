"""Models on disk: a folder of config.toml, model.safetensors and tokenizer/, for a CogView image_tokenizer/ too."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wudao_rt.compute_types import COMPUTE_TYPES
from wudao_rt.config.cogview import KIND, CogViewConfig
from wudao_rt.config.glm import GLMConfig
from wudao_rt.config.settings import build, refuse_unknown
from wudao_rt.errors import CheckpointError, ConfigError, shown
from wudao_rt.files import reason, write_whole
from wudao_rt.fitting import check_weights
from wudao_rt.glm import GLM
from wudao_rt.parameters import expert_of
from wudao_rt.quantized_file import quantization_table, restored, stored
from wudao_rt.safetensors_file import mapped_arrays

if TYPE_CHECKING:
    from wudao_rt.cogview import CogView
    from wudao_rt.distributed import Communicator

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_LONGEST_REASON = 300  # of a library's words
WEIGHTS, CONFIG, TOKENIZER, IMAGE_TOKENIZER = "model.safetensors", "config.toml", "tokenizer", "image_tokenizer"


def save(model: GLM | CogView, folder: Path) -> None:
    """Write a model to a folder. Each file is written beside its place and moved there when it is complete."""
    import tomli_w
    from safetensors import SafetensorError

    model.core.require_values("save")
    weights = model.weights()
    kind = {"kind": KIND} if isinstance(model.config, CogViewConfig) else {}
    tables = {"model": kind | model.config.to_dict(), "train": {"dtype": model.dtype}} | quantization_table(weights)
    temporary = folder / f".{WEIGHTS}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_file(stored(weights), temporary)
        os.replace(temporary, folder / WEIGHTS)
        write_whole(folder / CONFIG, tomli_w.dumps(tables))
    except (OSError, SafetensorError) as error:
        if folder.is_dir():
            temporary.unlink(missing_ok=True)
        raise CheckpointError(f"save: {folder}: expected to write it, got: {reason(error)}. Free space or choose "
                              "another folder; what was there is as it was.") from None
    if model.tokenizer is not None:
        model.tokenizer.save(folder / TOKENIZER)
    if kind and model.image_tokenizer is not None:  # type: ignore[union-attr]  # a CogView
        model.image_tokenizer.save(folder / IMAGE_TOKENIZER)  # type: ignore[union-attr]


def save_file(arrays: Mapping[str, Any], path: Path) -> None:
    """Write a safetensors file with the rights of any other new file (the library's own are for its owner alone).

    Raises:
        SafetensorError, OSError: it cannot be written.
    """
    from safetensors import numpy as safetensors_numpy

    path.touch()
    rights = path.stat().st_mode
    safetensors_numpy.save_file(dict(arrays), path)
    path.chmod(rights)


def expert_files(folder: Path) -> list[Path]:
    """Return the files of experts of a checkpoint that several ranks wrote, in their order.

    Raises:
        CheckpointError: one is missing, or they are of several checkpoints.
    """
    found = {path.name: path for path in folder.glob("experts-*.safetensors")}
    numbers = [re.fullmatch(r"experts-(\d{5})-of-(\d{5})\.safetensors", name) for name in found]
    count = max((int(number[2]) for number in numbers if number), default=0)
    wanted = [f"experts-{i:05d}-of-{count:05d}.safetensors" for i in range(1, count + 1)]
    for name in wanted:
        if name not in found:
            raise CheckpointError(f"load: {folder / name}: expected a file of experts, got none. Copy the whole "
                                  "folder.")
    for name in found:
        if name not in wanted:
            raise CheckpointError(f"load: {folder / name}: expected one of {count} files of experts, got another. Is "
                                  "it of another checkpoint?")
    return [found[name] for name in wanted]


def load(path: str | Path, dtype: str | None = None, *, comm: Communicator | None = None) -> Any:
    """Open the model of a folder: a saved model, a checkpoint, or a run folder (its last checkpoint).

    What it is stands in the folder's config.toml: a `GLM`, a `CogView` or a `VQTokenizer`.

    float32 weights stay in their file, mapped into memory, until they are trained. Replace such a file by a rename, as
    `save` does; one that is cut short in place takes the process with it.

    Args:
        path: the folder.
        dtype: compute type; default the one it was trained in.
        comm: ranks that share the experts; see `GLM`.

    Raises:
        CheckpointError: no such folder, or a file in it is missing, damaged or does not fit the others, or weights are
            not finite.
        ConfigError: the model's configuration has unknown keys or values that cannot be.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise CheckpointError(f"load: path: expected the path of a folder, got {path!r}. Give a text or a Path.")
    folder = resolve(Path(path))
    tables, trained_in = _read_config(folder / CONFIG)
    if "vq" in tables:
        from wudao_rt.image.folder import open_tokenizer

        return open_tokenizer(folder, tables["vq"], dtype or trained_in)
    config, quantization = _shape(folder / CONFIG, tables["model"]), tables.get("quantization")
    arrays = read_weights(folder / WEIGHTS)
    for file in expert_files(folder):
        arrays |= {name: array for name, array in read_weights(file).items() if expert_of(name)}
    weights = restored(folder, arrays, config, quantization)
    check_weights(folder / WEIGHTS, config, weights, comm)
    tokenizer = None
    if (folder / TOKENIZER).is_dir():
        from wudao_rt.data.tokenizer import Tokenizer

        tokenizer = Tokenizer.load(folder / TOKENIZER)
    try:
        if isinstance(config, CogViewConfig):
            return _cogview(folder, config, weights, dtype or trained_in, tokenizer, comm)
        return GLM.from_arrays(config, weights, dtype=dtype or trained_in, tokenizer=tokenizer, comm=comm)
    except ConfigError as error:
        raise CheckpointError(f"load: {folder}: expected files of one model. {error}") from None


def _cogview(folder: Path, config: CogViewConfig, weights: dict[str, Any], dtype: Any, tokenizer: Any,
             comm: Communicator | None) -> CogView:
    from wudao_rt.cogview import CogView
    from wudao_rt.image.folder import require_tokenizer

    beside = folder / IMAGE_TOKENIZER
    pictures = require_tokenizer(str(beside)) if beside.is_dir() else None
    return CogView.from_arrays(config, weights, dtype, tokenizer, pictures, comm=comm)


def _shape(path: Path, table: dict[str, Any]) -> GLMConfig | CogViewConfig:
    table = dict(table)
    kind = table.pop("kind", "glm")
    refuse_unknown(kind, ("glm", KIND), f"load: {path}: model.kind")
    try:
        return build(CogViewConfig if kind == KIND else GLMConfig, table, "model")
    except ConfigError as error:
        raise ConfigError(f"load: {path}: {str(error).removeprefix('config: ')}") from None


def resolve(folder: Path) -> Path:
    """Return the folder that holds the weights: the folder itself, or the checkpoint that `last` names."""
    if (folder / WEIGHTS).is_file():
        return folder
    last = folder / "last"
    if last.is_file():
        name = last.read_text(encoding="utf-8", errors="replace").strip()
        if re.fullmatch(r"step-\d+", name) is None:
            raise CheckpointError(f"load: {last}: expected the name of a checkpoint, got '{shown(name)}'. "
                                  "Give the folder of a checkpoint.")
        return folder / "checkpoints" / name
    raise CheckpointError(f"load: {folder}: expected a folder with {WEIGHTS} or a run folder, got neither. "
                          "Check the path.")


def read_weights(path: Path) -> dict[str, Any]:
    """Map a safetensors file: arrays by name that lie in it; see `wudao_rt.safetensors_file`.

    Raises:
        CheckpointError: the file is missing, truncated or not a safetensors file.
    """
    try:
        return mapped_arrays(path)
    except FileNotFoundError:
        raise CheckpointError(f"load: {path}: expected a file of weights, got none. Check the path.") from None
    except OSError as error:
        raise CheckpointError(f"load: {path}: expected a readable file, got '{reason(error)}'. Check its rights."
                              ) from None
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"load: {path}: expected a whole safetensors file, got: "
                              f"{shown(error, _LONGEST_REASON)}. Use another checkpoint.") from None


def _read_config(path: Path) -> tuple[dict[str, Any], str]:
    """Return the tables that say what the model is, and the compute type; the rest of a run's config is not read."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"load: {path}: expected the model's configuration, got: "
                              f"{shown(reason(error), _LONGEST_REASON)}. Is the folder complete?") from None
    shape, train = tables.get("vq", tables.get("model")), tables.get("train", {})
    if not isinstance(shape, dict) or not isinstance(train, dict):
        raise CheckpointError(f"load: {path}: expected tables [model] and [train], got something else. "
                              "Is this a model folder?")
    dtype = train.get("dtype", "float32")
    refuse_unknown(dtype, COMPUTE_TYPES, f"load: {path}: dtype")
    return tables, dtype
