"""Names of a model's parameters: those that people and files see, and where the engine keeps what they mean.

The engine has one array for all experts of a class that this process holds; people and files see each expert under its
global id: transformer.layers.1.mlp.experts.7.h_to_4h.weight.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wudao_rt import _core

if TYPE_CHECKING:
    from wudao_rt.config.shape import TransformerShape
    from wudao_rt.ops.types import Array

GATE_BIAS = ".mlp.gate.bias"
KINDS = ("h_to_4h.weight", "h_to_4h.bias", "4h_to_h.weight", "4h_to_h.bias")
_EXPERT = re.compile(r"(?P<layer>transformer\.layers\.\d+\.mlp\.)experts\.(?P<id>\d+)\."
                     r"(?:h_to_4h|4h_to_h)\.(?:weight|bias)")


class Place(NamedTuple):
    """Say where a parameter lies: the engine's array, and which expert of it; None: all of it."""

    array: str
    index: int | None


def core_config(config: TransformerShape, exchange: str = "flat", supernode_size: int = 0) -> dict[str, object]:
    """Return a shape as the engine takes it."""
    table = config.to_core()
    table.pop("moe", None)
    if config.moe is None:
        return table
    from wudao_rt.moe import Gate, MoEConfig

    moe = config.moe
    gate = Gate(moe.gate, moe.expert_groups, moe.topk_groups, moe.min_capacity)
    layer = MoEConfig(
        config.hidden_size, k=moe.k, gate=gate, classes=moe.all_classes(config.hidden_size),
        shared_width=moe.shared_width, capacity_factor=moe.capacity_factor or None, drop=moe.drop, losses=moe.losses,
        bias_rate=moe.bias_rate, jitter=moe.jitter, exchange=exchange, supernode_size=supernode_size).to_core()
    layer["gate"]["groups"] = moe.groups
    layer["picture_experts"] = moe.picture_experts
    return table | {"experts": layer, "moe_layers": moe.layers(config.num_layers)}


def expert_of(name: str) -> tuple[str, int] | None:
    """Return the layer and the global id of the expert that a parameter belongs to; None: to no expert."""
    found = _EXPERT.fullmatch(name)
    return (found["layer"], int(found["id"])) if found else None


def places(core: _core.GLM) -> dict[str, Place]:
    """Return the place of every parameter that this process holds, in the order of the model."""
    banks = {name: (first, count, kind) for _, layer_banks, _ in core.expert_layers
             for first, count, names in layer_banks for name, kind in zip(names, KINDS, strict=True)}
    return dict(_places(core.names(), banks))


def _places(names: list[str], banks: Mapping[str, tuple[int, int, str]]) -> Iterator[tuple[str, Place]]:
    for name in names:
        if name not in banks:
            yield name, Place(name, None)
            continue
        first, count, kind = banks[name]
        stem = name[: name.index(".experts.")]
        for index in range(count):
            yield f"{stem}.experts.{first + index}.{kind}", Place(name, index)


def biases(core: _core.GLM) -> dict[str, Array]:
    """Return the biases of the gates that have them, by name; writing into an array changes the model."""
    return {f"{name}gate.bias": bias for name, _, bias in core.expert_layers if bias is not None}


def shape_of(core: _core.GLM, place: Place) -> tuple[int, ...]:
    """Return the shape of a parameter."""
    shape = tuple(core.shape(place.array))
    return shape if place.index is None else shape[1:]


def views(where: Mapping[str, Place], get: Callable[[str], Array]) -> dict[str, Array]:
    """Return parameters by name; `get` gives the engine's arrays, once for each."""
    arrays: dict[str, Array] = {}
    out = {}
    for name, place in where.items():
        if place.array not in arrays:
            arrays[place.array] = get(place.array)
        out[name] = arrays[place.array] if place.index is None else arrays[place.array][place.index]
    return out


def joined(where: Mapping[str, Place], arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return the engine's arrays, those of experts put together; the inverse of `views`."""
    parts: dict[str, list[Array]] = {}
    for name, place in where.items():
        parts.setdefault(place.array, []).append(arrays[name])
    whole = {place.array: place.index is None for place in where.values()}
    return {name: part[0] if whole[name] else np.stack(part) for name, part in parts.items()}
