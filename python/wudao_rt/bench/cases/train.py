"""Training steps: forward, backward, clipping and AdamW."""

from __future__ import annotations

from typing import Any

from wudao_rt.bench.case import Case, Rival, Roof
from wudao_rt.bench.shapes import GRADIENTS, LOSS, layer_products, shape, tokens
from wudao_rt.config import TrainTable
from wudao_rt.datasets.rows import visible_pairs
from wudao_rt.training.cost import step_flops

_SIZES = {"91.7M": (4, 512), "13.9M": (8, 256), "tiny": (2, 32)}
_STATE_BYTES = 16  # of a parameter: weight, gradient and two moments in float32


def cases(quick: bool) -> list[Case]:
    """Return the steps at both sizes, their memory, and the AVX2 level."""
    bfloat16 = [_step(name, "bfloat16") for name in ("91.7M", "13.9M")]
    if quick:
        return [_fewer(case) for case in bfloat16] + [_step("13.9M", "float32")]
    steps = [*bfloat16, _step("91.7M", "float32"), _step("13.9M", "float32")]
    return [*steps, _step("13.9M", "float32", "avx2"), _memory(False), _memory(True)]


def tiny() -> list[Case]:
    """Return a step that takes no time, for tests."""
    return [_step("tiny", "float32")]


def _fewer(case: Case) -> Case:
    """Without compilation, which takes minutes."""
    return Case(**{**vars(case), "rivals": tuple(r for r in case.rivals if not r.spec.get("compile"))})


def _step(name: str, dtype: str, isa: str = "") -> Case:
    batch, length = _SIZES[name]
    config = shape(name)
    flops = step_flops(config, 1, 0) + step_flops(config, 0, visible_pairs(length, 0)) / length
    roof = Roof({"products": layer_products(config, batch * length), "dtype": dtype}, flops, _intensity(name, flops))
    bounds = {"loss": LOSS[dtype], "grad_norm": GRADIENTS[dtype]}
    return Case("train", f"{name} {isa}".strip(), dtype, "tokens/s", batch * length, _spec(name, dtype),
                tokens(config, batch, length), _rivals(dtype), bounds, roof, {"WUDAO_CPU_ISA": isa} if isa else {})


def _intensity(name: str, flops: float) -> float:
    """Operations for each byte, if parameters and their state are read and written once a step."""
    batch, length = _SIZES[name]
    return flops * batch * length / (2.0 * _STATE_BYTES * shape(name).parameter_count)


def _memory(recompute: bool) -> Case:
    name, dtype = "91.7M", "bfloat16"
    batch, length = _SIZES[name]
    config = shape(name)
    rivals = tuple(Rival("torch", "pytorch", r.variant, r.spec) for r in _rivals(dtype) if r.spec["autocast"])
    return Case("train", f"{name} memory{', recomputation' if recompute else ''}", dtype, "MB", 0,
                {**_spec(name, dtype), "recompute": recompute}, tokens(config, batch, length), rivals, {},
                parameters=config.parameter_count * _STATE_BYTES)


def _spec(name: str, dtype: str) -> dict[str, Any]:
    return {"config": shape(name).to_dict(), "dtype": dtype, "lr": 1e-4, "clip": 1.0, "recompute": False,
            "shards": TrainTable(batch=_SIZES[name][0]).shards,
            "adamw": {"beta1": 0.9, "beta2": 0.98, "eps": 1e-6, "weight_decay": 0.1}}


def _rivals(dtype: str) -> tuple[Rival, ...]:
    """PyTorch eager and compiled; in bfloat16 under autocast and with all values in bfloat16."""
    out = []
    for compile_ in (False, True):
        name = "compiled" if compile_ else "eager"
        if dtype == "float32":
            out.append(Rival("torch", "pytorch", name, {"compile": compile_, "autocast": False, "store": "float32"}))
            continue
        out.append(Rival("torch", "pytorch", f"{name}, autocast",
                         {"compile": compile_, "autocast": True, "store": "float32"}))
        out.append(Rival("torch", "pytorch", f"{name}, pure bfloat16",
                         {"compile": compile_, "autocast": False, "store": "bfloat16"}))
    return tuple(out)
