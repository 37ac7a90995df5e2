"""Training in float16: gradients are made larger on the way, and steps that overflow are taken back."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import wudao_rt
from wudao_rt import GLM, GLMConfig, _core
from wudao_rt.config import parse_config
from wudao_rt.config.tables import TrainTable
from wudao_rt.errors import ConfigError
from wudao_rt.training.ranks import Ranks
from wudao_rt.training.session import start

from .conftest import tiny
from .test_int8 import batch

SHAPE = GLMConfig(vocab_size=64, hidden_size=64, num_layers=2, num_heads=2, max_positions=32, init_std=0.08)
EXPERTS = {"num_experts": 4, "expert_width": 32, "k": 2, "pattern": "dm", "capacity_factor": 1.0,
           "losses": {"switch": 0.1, "z": 0.01, "importance": 0.1, "global_batch": 0.1, "sequence": 0.1}}


def trained(dtype: str, steps: int, scale: float = 1.0, every: int = 0) -> tuple[GLM, list[dict]]:
    model = GLM(SHAPE, seed=1, dtype=dtype)
    trainer = _core.Trainer(model.core, {"name": "adamw", "beta2": 0.95})
    trainer.set_loss_scale(scale, every=every)
    return model, [trainer.step(batch(i), lr=3e-3, clip=1.0, shards=4) for i in range(steps)]


def test_it_learns_as_float32_does() -> None:
    wide, half = ([step["loss"] for step in trained(*how)[1]]
                  for how in (("float32", 60), ("float16", 60, 65536.0, 2000)))
    assert wide[-1] < 0.8 * wide[0] and wide != half
    assert np.mean(half[-10:]) == pytest.approx(np.mean(wide[-10:]), rel=0.01)


@pytest.mark.parametrize("scale", [2.0**10, 2.0**24])
def test_the_scale_changes_no_bit_where_nothing_is_rounded_by_it(scale: float) -> None:
    """A power of two is exact in float32: all that is multiplied by it has to be divided by it again."""
    plain, scaled = trained("float32", 6), trained("float32", 6, scale)
    assert [(s["loss"], s["grad_norm"]) for s in plain[1]] == [(s["loss"], s["grad_norm"]) for s in scaled[1]]
    for name, array in plain[0].state_dict().items():
        np.testing.assert_array_equal(array, scaled[0].state_dict()[name])


def test_nor_with_experts_and_their_losses(texts: Path, tmp_path: Path) -> None:
    found = []
    for name, scale in (("plain", 1.0), ("scaled", 2.0**12)):
        tables = tiny(texts, tmp_path / name)
        tables["model"] |= {"moe": EXPERTS}
        session = start(parse_config(tables), tmp_path / name, Ranks.alone())
        session.trainer.set_loss_scale(scale)
        for step in range(4):
            session.trainer.step(dict(session.source.batch(step, 0.0).arrays), lr=1e-3, clip=1.0, shards=2, seed=1,
                                 step=step)
        found.append(session.model.state_dict())
    for name, array in found[0].items():
        np.testing.assert_array_equal(array, found[1][name])


def test_small_gradients_need_it() -> None:
    model, few = GLM(SHAPE, seed=1, dtype="float16"), batch()
    # 2^-8: they are as small as those of a batch with 256 times as many tokens.
    lost, kept = (model.loss_and_gradients(**few, loss_scale=scale)[1] for scale in (2.0**-8, 65536.0))
    exact = GLM(SHAPE, seed=1).loss_and_gradients(**few)[1]
    name = "transformer.layers.0.mlp.dense_h_to_4h.weight"

    def error(found: dict) -> float:
        return float(np.linalg.norm(found[name] - exact[name]) / np.linalg.norm(exact[name]))

    assert error(kept) < 1e-3 and error(lost) > 1e-2


def test_overflow_halves_and_clean_steps_double(texts: Path, tmp_path: Path) -> None:
    wudao_rt.train(parse_config(tiny(texts, tmp_path / "run", steps=40, dtype="float16", loss_scale=2.0**40,
                                     loss_scale_every=3)))
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text("utf-8").splitlines()]
    scales, clean = [line["loss_scale"] for line in lines], 0
    for line, following in pairwise(lines):
        clean = 0 if line["skipped"] or clean == 3 else clean
        clean += not line["skipped"]
        factor = 0.5 if line["skipped"] else 2.0 if clean == 3 else 1.0
        assert following["loss_scale"] == factor * line["loss_scale"]
    assert scales[0] == 2.0**40 and lines[0]["skipped"] and not lines[-1]["skipped"] and min(scales) < max(scales[20:])
    assert "gradients of float16 overflow at a loss scale of 1.09951e+12" in lines[0]["reason"]
    state = json.loads((tmp_path / "run" / "checkpoints" / "step-40" / "state.json").read_text("utf-8"))
    assert state["updates"] == sum(not line["skipped"] for line in lines)
    assert state["loss_scale"][0] in (scales[-1], 2 * scales[-1])


def test_the_floor_is_one_and_a_model_that_diverges_says_where() -> None:
    model = GLM(SHAPE, seed=1, dtype="float16")
    state = model.state_dict()
    state["transformer.layers.1.mlp.dense_4h_to_h.weight"][:] = 1e6  # infinite in float16
    model.load_state_dict(state)
    trainer = _core.Trainer(model.core, {"name": "adamw"})
    trainer.set_loss_scale(2.0, every=10)
    steps = [trainer.step(batch(i), lr=1e-3) for i in range(3)]
    assert [step["loss_scale"] for step in steps] == [2.0, 1.0, 1.0] and all(step["skipped"] for step in steps)
    assert "layers.1" in steps[0]["reason"] and not math.isfinite(steps[0]["loss"])


def test_wrong_scales_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"train\.loss_scale: expected a power of two, got 1000"):
        TrainTable(loss_scale=1000.0)
    with pytest.raises(ConfigError, match="train: loss_scale: expected a power of two from 1"):
        _core.Trainer(GLM(SHAPE).core, {"name": "adamw"}).set_loss_scale(0.5)
