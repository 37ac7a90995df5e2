"""Weights outside a model: safetensors files with GLM's names, of any float type, and the shape that they imply."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wudao_rt.config import GLMConfig
from wudao_rt.errors import CheckpointError, ConfigError, shown
from wudao_rt.files import PART, reason
from wudao_rt.fitting import check_weights
from wudao_rt.model_folder import TOKENIZER, resolve, save_file
from wudao_rt.model_folder import load as load_model
from wudao_rt.safetensors_file import mapped_arrays

if TYPE_CHECKING:
    from wudao_rt.glm import GLM

WORD = "word_embeddings.weight"
POSITION = "transformer.position_embeddings.weight"
BLOCK = "transformer.block_position_embeddings.weight"
_LAYER = "transformer.layers.{}.input_layernorm.weight"
_HEAD_WIDTH = 64


@dataclass(frozen=True, eq=False)
class Weights:
    """Hold the parameters of a GLM as float arrays, with its shape and, perhaps, its tokenizer's folder."""

    config: GLMConfig
    arrays: Mapping[str, np.ndarray]
    tokenizer: Path | None = None

    def with_positions(self, count: int) -> Weights:
        """Return the same model with position tables for `count` positions.

        Rows that exist are kept (checkpoints of shorter texts have fewer); new rows are N(0, init_std), seed 0.
        """
        rows = count + 1 if self.config.block_positions else count
        names = [name for name in (POSITION, BLOCK) if name in self.arrays]
        rng = np.random.default_rng(0)
        tables = {name: _resized(self.arrays[name], rows, rng, self.config.init_std) for name in names}
        return replace(self, config=replace(self.config, max_positions=count), arrays={**self.arrays, **tables})


def _resized(table: np.ndarray, rows: int, rng: np.random.Generator, std: float) -> np.ndarray:
    fresh = rng.normal(0.0, std, (rows, table.shape[1])).astype(table.dtype)
    kept = min(rows, len(table))
    fresh[:kept] = table[:kept]
    return fresh


def open_weights(source: Path, heads: int = 0, activation: str = "") -> Weights:
    """Read a model folder, or a .safetensors file with GLM's names.

    Args:
        source: folder or file.
        heads: attention heads of a file; 0: hidden size / 64, as all published models have.
        activation: of a file; default gelu_tanh.
    Raises:
        CheckpointError: nothing there, a damaged file, or names of another model.
        ConfigError: heads that do not divide the hidden size.
    """
    if source.is_dir():
        if heads or activation:
            raise ConfigError(f"convert: --{'heads' if heads else 'activation'}: expected with a weights file only, "
                              "got it "
                              f"with the folder {source}, which knows its own. Leave it out.")
        model, folder = load_model(source), resolve(source) / TOKENIZER
        return Weights(model.config, model.state_dict(), folder if folder.is_dir() else None)
    arrays = read_arrays(source)
    config = _shape_of(source, arrays, heads, activation or "gelu_tanh")
    check_weights(source, config, arrays)
    return Weights(config, arrays)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read a safetensors file of float64, float32, float16 or bfloat16 tensors; the halves are widened to float32."""
    try:
        arrays = mapped_arrays(path)
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"convert: {path}: expected a whole safetensors file, got: {shown(reason(error), 300)}. "
                              "Check the file.") from None
    return {name: _floats(path, name, array) for name, array in arrays.items()}


def _floats(path: Path, name: str, array: np.ndarray) -> np.ndarray:
    if array.dtype.kind != "f":
        raise CheckpointError(f"convert: {path}: {shown(name)}: expected a float tensor, got {array.dtype}. Leave it "
                              "out.")
    if array.dtype != np.float16:
        return array
    with np.errstate(invalid="ignore"):  # some NaN are "signaling"; they are told with the other numbers
        return array.astype(np.float32)


def _shape_of(path: Path, arrays: Mapping[str, np.ndarray], heads: int, activation: str) -> GLMConfig:
    missing = [name for name in (WORD, POSITION, _LAYER.format(0)) if name not in arrays]
    if missing:
        raise CheckpointError(f"convert: {path}: expected GLM's tensor {missing[0]}, got none of that name. "
                              "Is it another model?")
    flat = [name for name in (WORD, POSITION) if arrays[name].ndim != 2 or not arrays[name].size]
    if flat:
        raise CheckpointError(f"convert: {path}: expected a matrix {flat[0]}, got shape {arrays[flat[0]].shape}. "
                              "Is it another model?")
    vocab, hidden = arrays[WORD].shape
    layers = sum(_LAYER.format(i) in arrays for i in range(len(arrays)))
    block = BLOCK in arrays
    heads = heads or hidden // _HEAD_WIDTH
    if not heads or hidden % heads:
        raise ConfigError(f"convert: --heads: expected a divisor of the hidden size {hidden}, got {heads}. "
                          "Give --heads.")
    return GLMConfig(vocab, hidden, layers, heads, len(arrays[POSITION]) - int(block), block, activation)


def write_weights(model: Weights, target: Path, dtype: str) -> None:
    """Write a .safetensors file of float64, float32, float16 or bfloat16; rounding is to nearest even."""
    import ml_dtypes
    from safetensors import SafetensorError

    kind = ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype
    arrays = {name: np.ascontiguousarray(array).astype(kind) for name, array in model.arrays.items()}
    part = target.with_name(target.name + PART)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        save_file(arrays, part)
        part.replace(target)
    except (SafetensorError, OSError) as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise CheckpointError(f"convert: {target}: expected to write it, got: {reason(error)}. Make room or choose "
                              "another place.") from None


def write_folder(model: Weights, target: Path, dtype: str, tokenizer: Path | None = None) -> None:
    """Write a model folder.

    Args:
        model: the weights.
        target: the folder.
        dtype: compute type of the model; float16 is storage only and refused.
        tokenizer: folder of the tokenizer that goes with it; None: the source's, if any.
    Raises:
        ConfigError: float16; names or shapes that are not those of a GLM.
    """
    glm_of(model, dtype, tokenizer).save(target)


def glm_of(model: Weights, dtype: str, tokenizer: Path | None = None) -> GLM:
    """Make a model of the weights; arguments and errors as of `write_folder`."""
    from wudao_rt.data.tokenizer import Tokenizer
    from wudao_rt.glm import GLM

    if dtype == "float16":
        raise ConfigError("convert: --dtype: expected a compute type for a model folder, got float16. "
                          "Use float32 or bfloat16.")
    folder = tokenizer or model.tokenizer
    loaded = Tokenizer.load(folder) if folder else None
    return GLM.from_arrays(model.config, model.arrays, dtype=dtype, tokenizer=loaded)
