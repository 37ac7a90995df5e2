"""Hashes of weights, and of what a step computes, under the names that people know."""

from __future__ import annotations

import re
from collections.abc import Iterator

from wudao_rt import _core
from wudao_rt.glm import GLM

GRADIENT = "gradient of "
_PARTS = re.compile(r"(?P<kind>(?:gradient|input gradient|output) of )(?P<array>\S+?)(?P<time>, \d+)?")
_EXPERT = re.compile(r"\.experts\.(\d+)(?:\.|$)")


def weight_hashes(model: GLM) -> dict[str, str]:
    """Return the hash of every parameter that this process holds, and of what biases its gates, as 16 hex digits."""
    names = _parts(model)
    return {name: _hex(value) for array, found in model.core.hashes()
            for name, value in zip(names.get(array, [array]), found, strict=True)}


def computed(recorder: _core.Recorder, model: GLM) -> Iterator[tuple[str, int, str]]:
    """Yield (what, shard, hash) of all that a recorder was shown, in the order in which it was computed.

    What: `layers.1: linear (forward)`, `gradient of NAME`, and of each expert that this process holds `output of
    LAYER.experts.ID` and `input gradient of LAYER.experts.ID`.
    """
    names = _parts(model)
    for what, shard, found in recorder.entries:
        for part, value in zip(_named(what, names), found, strict=True):
            yield part, shard, _hex(value)


def expert_in(what: str) -> int | None:
    """Return the id of the expert that something belongs to; None: to no expert.

    Example:
        >>> expert_in("output of transformer.layers.1.mlp.experts.7"), expert_in("layers.1: linear (forward)")
        (7, None)
    """
    found = _EXPERT.search(what)
    return int(found[1]) if found else None


def _named(what: str, names: dict[str, list[str]]) -> list[str]:
    found = _PARTS.fullmatch(what)
    if found is None or found["array"] not in names:
        return [what]
    return [f"{found['kind']}{name}{found['time'] or ''}" for name in names[found["array"]]]


def _parts(model: GLM) -> dict[str, list[str]]:
    """Return the names of what lies in each array of the engine, and of the experts of each layer."""
    out: dict[str, list[str]] = {}
    for name, place in model.places.items():
        out.setdefault(place.array, []).append(name)
    for layer, banks, _ in model.core.expert_layers:
        for _, count, arrays in banks:
            out |= {array: out.get(array, []) for array in arrays if not count}
        ids = [first + i for first, count, _ in banks for i in range(count)]
        out[f"{layer}experts"] = [f"{layer}experts.{expert}" for expert in ids]
    return out


def _hex(value: int) -> str:
    return f"{int(value):016x}"
