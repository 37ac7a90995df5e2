"""Training steps: forward, backward, clipping and AdamW."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from wudao_rt.bench.case import Case, Rival, Roof
from wudao_rt.bench.shapes import GRADIENTS, LOSS, layer_products, shape, tokens
from wudao_rt.config import TrainTable
from wudao_rt.config.glm import GLMConfig
from wudao_rt.datasets.rows import visible_pairs
from wudao_rt.training.cost import step_flops

_SIZES = {"91.7M": (4, 512), "13.9M": (8, 256), "tiny": (2, 32)}
_STATE_BYTES = 16  # of a parameter: weight, gradient and two moments in float32


def cases(quick: bool) -> list[Case]:
    """Return the steps at both sizes, what our options cost, memory, and the AVX2 level."""
    bfloat16 = [step("91.7M", "bfloat16"), step("13.9M", "bfloat16")]
    if quick:
        return [eager(case) for case in (*bfloat16, step("13.9M", "float32"))]
    steps = [*bfloat16, step("91.7M", "float32"), step("13.9M", "float32"), _int8("91.7M"), _int8("13.9M")]
    avx2 = replace(step("13.9M", "float32"), name="13.9M avx2", environment={"WUDAO_CPU_ISA": "avx2"})
    return [*steps, avx2, *_options(bfloat16[0]), _memory(False), _memory(True)]


def step(name: str, dtype: str) -> Case:
    """Return the step of a named shape."""
    return step_of(shape(name), *_SIZES[name], dtype, name)


def _int8(name: str) -> Case:
    """Return our step with int8 products beside PyTorch's best in bfloat16; the roof is that of bfloat16."""
    case = step(name, "bfloat16")
    rounding = 2e-1  # of the gradient norm: rounding adds to it
    return replace(case, dtype="int8", spec={**case.spec, "int8": True}, bounds={"loss": 2e-2, "grad_norm": rounding})


def step_of(config: GLMConfig, batch: int, length: int, dtype: str, name: str) -> Case:
    """Return the step of a shape at a batch of `batch` texts of `length` tokens."""
    flops = step_flops(config, 1, 0) + step_flops(config, 0, visible_pairs(length, 0)) / length
    # For the roofline: weights, gradients and moments are read and written once a step.
    intensity = flops * batch * length / (2.0 * _STATE_BYTES * config.parameter_count)
    roof = Roof({"products": layer_products(config, batch * length), "dtype": dtype}, flops, intensity)
    spec = {"config": config.to_dict(), "dtype": dtype, "lr": 1e-4, "clip": 1.0, "recompute": False,
            "shards": TrainTable(batch=batch).shards,
            "adamw": {"beta1": 0.9, "beta2": 0.98, "eps": 1e-6, "weight_decay": 0.1}}
    return Case("train", name, dtype, "tokens/s", batch * length, spec, tokens(config, batch, length), _rivals(dtype),
                {"loss": LOSS[dtype], "grad_norm": GRADIENTS[dtype]}, roof)


def eager(case: Case) -> Case:
    """Leave compilation out, which takes minutes."""
    return replace(case, rivals=tuple(rival for rival in case.rivals if not rival.spec["compile"]))


def _options(case: Case) -> list[Case]:
    """What recomputation, and bits that do not depend on the layout, cost ourselves."""
    def ours(variant: str, **spec: Any) -> tuple[Rival, ...]:
        return (Rival("", "ours", variant, spec),)

    return [
        replace(case, name="91.7M, recomputation", spec={**case.spec, "recompute": True},
                rivals=ours("ours without recomputation", recompute=False)),
        replace(case, name="91.7M, layout-free bits", rivals=ours("ours with one shard", shards=1)),
    ]


def _memory(recompute: bool) -> Case:
    """PyTorch under autocast: the same dtypes. Our recomputation stands beside theirs, and beside their plain step."""
    case = step("91.7M", "bfloat16")
    autocast = [rival for rival in case.rivals if rival.spec["autocast"]]
    rivals = list(autocast)
    if recompute:
        rivals += [replace(r, variant=f"without recomputation, {r.variant}", spec={**r.spec, "recompute": False})
                   for r in autocast]
    return replace(case, name=f"91.7M memory{', recomputation' if recompute else ''}", unit="MB", roof=None,
                   spec={**case.spec, "recompute": recompute}, rivals=tuple(rivals),
                   parameters=shape("91.7M").parameter_count * _STATE_BYTES)


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
