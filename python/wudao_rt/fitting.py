"""Whether arrays from a file are the weights of a shape: told before memory is taken for a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wudao_rt import _core
from wudao_rt.config.shape import TransformerShape
from wudao_rt.errors import CheckpointError, shown
from wudao_rt.parameters import GATE_BIAS, core_config, expert_of, places, shape_of
from wudao_rt.quantization import QuantizedWeight

if TYPE_CHECKING:
    from wudao_rt.distributed import Communicator

_LARGEST = float(np.finfo(np.float32).max)


def check_weights(source: Path, config: TransformerShape, arrays: Mapping[str, Any], comm: Communicator | None = None
                  ) -> None:
    """Compare arrays with a shape.

    Args:
        source: the file, for the message.
        config: the shape.
        arrays: float arrays by name; weights of few bits are taken as they are.
        comm: ranks that share the experts: each reads the values of those that it will hold.

    Raises:
        CheckpointError: other names, shapes or types, or numbers that are not finite in float32.
    """
    few = {name: weight for name, weight in arrays.items() if isinstance(weight, QuantizedWeight)}
    arrays = {name: array for name, array in arrays.items() if name not in few}
    arrays = {name: array for name, array in arrays.items() if not name.endswith(GATE_BIAS)}  # no parameter
    count = sum(array.size for array in arrays.values()) + sum(w.codes.size * 8 // w.bits for w in few.values())
    # First of all: a config may ask for more layers than anybody could list.
    if count != config.parameter_count:
        raise _unfit(source, f"{shown(config.parameter_count)} values, as its configuration has", count)
    names = _core.GLM(core_config(config), "float32", 0, dry_run=True)
    shapes = {name: shape_of(names, place) for name, place in places(names).items()}
    for name in [*(shape for shape in shapes if shape not in few), *arrays]:
        if name not in arrays or name not in shapes:
            raise _unfit(source, f"the names of its {len(shapes)} tensors", f"{shown(name)} on one side only")
        _check_array(source, name, arrays[name], shapes[name])
    _check_values(source, {name: array for name, array in arrays.items() if _is_ours(name, config, comm)})


def _is_ours(name: str, config: TransformerShape, comm: Communicator | None) -> bool:
    found = expert_of(name)
    if comm is None or found is None:
        return True
    experts = config.moe.experts
    return comm.rank * experts // comm.size <= found[1] < (comm.rank + 1) * experts // comm.size


def _check_array(source: Path, name: str, array: np.ndarray, shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise _unfit(source, f"shape {shape} of {name}", array.shape)
    if array.dtype.kind != "f":
        raise _unfit(source, f"floats of 16, 32 or 64 bits in {name}", array.dtype)


def _check_values(source: Path, arrays: Mapping[str, np.ndarray]) -> None:
    # The root of the sum of all squares, found on all threads: where it is small enough, so is every number.
    small = [kind for kind in ("float32", "float64")
             if _core.global_norm([a for a in arrays.values() if a.dtype == kind], kind) <= _LARGEST]
    for name, array in arrays.items():
        if array.dtype in small:
            continue
        low, high = float(array.min()), float(array.max())
        if not -_LARGEST <= low <= high <= _LARGEST:  # NaN fails too
            raise _unfit(source, f"finite float32 numbers in {name}", f"{low} to {high}")


def _unfit(source: Path, expected: str, came: Any) -> CheckpointError:
    return CheckpointError(f"load: {source}: expected {expected}, got {shown(came)}. Use another file.")
