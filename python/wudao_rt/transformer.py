"""What all transformers have in common in Python: the engine's object, and its weights by name."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from wudao_rt import _core
from wudao_rt.compute_types import COMPUTE_TYPES
from wudao_rt.config.settings import refuse_unknown
from wudao_rt.config.shape import TransformerShape
from wudao_rt.errors import ConfigError, DTypeError, OutOfMemory, ShapeError, shown
from wudao_rt.machine import memory_bytes
from wudao_rt.parameters import biases, core_config, expert_of, joined, places, shape_of, views
from wudao_rt.quantization import QuantizedWeight

if TYPE_CHECKING:
    from wudao_rt.distributed import Communicator
    from wudao_rt.ops.types import Array


class Transformer:
    """Hold the engine's model; what it is for is its subclasses'.

    Args:
        config: its shape.
        seed: of the first weights.
        dtype: compute type.
        dry_run: names and shapes only.
        comm: ranks that share the experts of each layer.
        exchange, supernode_size: how rows of tokens travel to them.
    """

    def __init__(self, config: Any, seed: int, dtype: str, dry_run: bool, comm: Communicator | None,
                 exchange: str = "flat", supernode_size: int = 0) -> None:
        if not dry_run:
            check_memory(type(self).__name__, config, dtype, 1 if comm is None else comm.size)
        self.config = config
        self.dtype = dtype
        self.comm = comm
        self.core = _core.GLM(core_config(config, exchange, supernode_size), dtype, seed, dry_run,
                              None if comm is None else comm.core)
        self.places = places(self.core)

    def adopt(self, arrays: Mapping[str, Array | QuantizedWeight]) -> None:
        """Take arrays of all weights as the model's own; see `GLM.from_arrays`."""
        self.check_names(type(self).__name__, arrays, " Give those of state_dict().")
        few = {name: weight for name, weight in arrays.items() if isinstance(weight, QuantizedWeight)}
        floats = {name: None if name in few else arrays[name] for name in self.places}
        self.core.adopt(joined(self.places, floats))
        for name, bias in biases(self.core).items():
            bias[...] = arrays[name]
        for name, weight in few.items():
            self.core.quantize(name, weight.codes, weight.scales, weight.bits, weight.activation_bits)

    def weights(self) -> dict[str, Array | QuantizedWeight]:
        """Return what `from_arrays` takes: read-only views of the arrays, and the weights of few bits as they are."""
        few = {name: self.core.quantized(name) for name, place in self.places.items() if place.index is None}
        few = {name: QuantizedWeight(*one) for name, one in few.items() if one is not None}
        rest = {name: place for name, place in self.places.items() if name not in few}
        floats = views(rest, lambda name: self.core.get(name, False)) | biases(self.core)
        return {name: few.get(name, floats.get(name)) for name in [*self.places, *biases(self.core)]}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.config}, dtype={self.dtype!r})"

    @property
    def parameter_count(self) -> int:
        """Return the number of trained values, of all ranks."""
        return self.config.parameter_count

    def state_dict(self, copy: bool = True) -> dict[str, Array]:
        """Return the weights by name, in the order of GLM's own checkpoints.

        Linear weights are (out, in); query, key and value rows lie one after the other. Experts have their global id in
        their names; those that other ranks hold are not there.

        Args:
            copy: False gives read-only views, valid until the next update.
        """
        found = views(self.places, lambda name: self.core.get(name, False)) | biases(self.core)
        return {name: array.copy() for name, array in found.items()} if copy else found

    def load_state_dict(self, state: Mapping[str, Array], strict: bool = True) -> None:
        """Set the weights.

        Args:
            state: arrays by name; shapes must fit.
            strict: every name of the model must be there and no other.

        Raises:
            ConfigError: names are missing or unknown (with `strict`).
            ShapeError: an array has another shape.
            DTypeError: an array does not hold numbers. Nothing is changed in any of these cases.
        """
        if not isinstance(state, Mapping):
            raise DTypeError(f"load_state_dict: state: expected arrays by name, got a {type(state).__name__}. Give "
                             "a dict.")
        if strict:
            self.check_names("load_state_dict", state, " Pass strict=False to take what fits.")
        given = {name: np.asarray(state[name]) for name in self.places if name in state}
        for name, array in given.items():
            if array.shape != shape_of(self.core, self.places[name]) or array.dtype.kind not in "fiub":
                self._set(name, array)  # raises, before anything has changed
        for name, array in given.items():
            self._set(name, array)
        for name, bias in biases(self.core).items():
            bias[...] = state.get(name, bias)

    def _set(self, name: str, array: Array) -> None:
        where, index = self.places[name]
        if index is None:
            self.core.set(where, array)
        elif array.shape != shape_of(self.core, self.places[name]):
            raise ShapeError(f"load_state_dict: {name}: expected shape {shape_of(self.core, self.places[name])}, got "
                             f"{array.shape}. Is the checkpoint of another configuration?")
        else:
            self.core.set_part(where, index, array)

    def check_names(self, op: str, state: Mapping[str, Any], advice: str = "") -> None:
        """Refuse, with a ConfigError, names that are missing or unknown; experts of other ranks may be there or not."""
        names = {*self.places, *biases(self.core)}
        missing = [name for name in names if name not in state]
        unknown = [name for name in state if name not in names and not self._elsewhere(name)]
        if missing or unknown:
            raise ConfigError(f"{op}: names: expected the {len(names)} of this model, got {len(missing)} missing"
                              f"{_some(missing)} and {len(unknown)} unknown{_some(unknown)}.{advice}")

    def _elsewhere(self, name: str) -> bool:
        found = expert_of(name)
        layers = {layer for layer, _, _ in self.core.expert_layers}
        return found is not None and found[0] in layers and found[1] < self.config.moe.experts


def check_arguments(op: str, kind: type, config: Any, seed: Any, dtype: Any) -> None:
    """Raise ConfigError unless config is of that kind, and seed and dtype can be."""
    if not isinstance(config, kind):
        raise ConfigError(f"{op}: config: expected a {kind.__name__}, got a {type(config).__name__}. Use "
                          f"{kind.__name__}(...) or {kind.__name__}.preset(name).")
    refuse_unknown(dtype, COMPUTE_TYPES, f"{op}: dtype")
    if not isinstance(seed, Integral) or not 0 <= seed < 2**64:
        raise ConfigError(f"{op}: seed: expected a whole number from 0 to 2^64 - 1, got {shown(seed)}. Change it.")


def check_memory(op: str, config: TransformerShape, dtype: str, ranks: int = 1) -> None:
    """Say so before the machine begins to swap, or the kernel to kill; `ranks`: that share the experts."""
    needed, there = config.parameters_of_rank(ranks) * (8 if dtype == "float64" else 4), memory_bytes()
    if needed > there:
        raise OutOfMemory(f"{op}: config: expected at most {there / 1e9:.0f} GB of weights, the memory of this "
                          f"machine, got {shown(needed // 10**9)} GB. Choose a smaller shape, or dry_run=True for its "
                          "names and shapes.")


def _some(names: list[str]) -> str:
    return f" ({', '.join(map(shown, names[:3]))}{', ...' if len(names) > 3 else ''})" if names else ""
