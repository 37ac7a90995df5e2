"""Weights of few bits in a model folder: arrays NAME.codes and NAME.scales, and a table [quantization]."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from wudao_rt import _core
from wudao_rt.config.shape import TransformerShape
from wudao_rt.errors import CheckpointError, shown
from wudao_rt.parameters import core_config, places
from wudao_rt.quantization import BITS, GROUP, Format, QuantizedWeight, quantized_forms

_CODES, _SCALES = ".codes", ".scales"


def stored(weights: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arrays of a file from those of a model."""
    arrays: dict[str, Any] = {}
    for name, weight in weights.items():
        if isinstance(weight, QuantizedWeight):
            arrays |= {name + _CODES: weight.codes, name + _SCALES: weight.scales}
        else:
            arrays[name] = weight
    return arrays


def quantization_table(weights: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table of config.toml, or nothing for a model of floats."""
    few = [weight for weight in weights.values() if isinstance(weight, QuantizedWeight)]
    if not few:
        return {}
    least = min(weight.bits for weight in few)
    form = next(form for form, bits in BITS.items() if bits == least)
    return {"quantization": {"format": form, "activation_bits": few[0].activation_bits}}


def restored(folder: Path, arrays: dict[str, Any], config: TransformerShape, table: Any) -> dict[str, Any]:
    """Put codes and scales together again, in the order of the model.

    Raises:
        CheckpointError: the table or an array of codes or scales is not what the shape says.
    """
    if table is None:
        return arrays
    form, activation_bits = _read_table(folder, table)
    if config.num_layers > len(arrays):  # a config may ask for more layers than anybody could list
        raise _unfit(folder, f"arrays of {shown(config.num_layers)} layers", len(arrays))
    model = _core.GLM(core_config(config), "float32", 0, dry_run=True)
    names = places(model)
    for name, own in quantized_forms(config.num_layers, form).items():
        if name not in names:  # a layer of experts, which stay floats
            continue
        out, width = model.shape(name)
        groups = 1 if own == "int8" else width // GROUP
        codes = _take(folder, arrays, name + _CODES, "uint8", (out, width * BITS[own] // 8))
        scales = _take(folder, arrays, name + _SCALES, "float32", (out, groups))
        if not np.isfinite(scales).all():
            raise _unfit(folder, f"finite numbers in {name}{_SCALES}", "others")
        arrays[name] = QuantizedWeight(codes, scales, BITS[own], activation_bits)
    return {name: arrays.pop(name) for name in names if name in arrays} | arrays


def _read_table(folder: Path, table: Any) -> tuple[Format, int]:
    form = table.get("format") if isinstance(table, dict) else None
    bits = table.get("activation_bits") if isinstance(table, dict) else None
    if form not in ("int8", "int4") or bits not in (8, 16):
        raise _unfit(folder, "[quantization] with format int8 or int4 and activation_bits 8 or 16", table)
    return form, bits


def _take(folder: Path, arrays: dict[str, Any], name: str, dtype: str, shape: tuple[int, int]) -> Any:
    array = arrays.pop(name, None)
    if array is None or array.dtype != dtype or array.shape != shape:
        came = "none" if array is None else f"{array.dtype} {array.shape}"
        raise _unfit(folder, f"{name} of {dtype} {shape}", came)
    return array


def _unfit(folder: Path, expected: str, came: Any) -> CheckpointError:
    return CheckpointError(f"load: {folder}: expected {expected}, got {shown(came)}. Use another file.")
