"""The names that scripts rely on: signatures, types of what comes back, and the types that editors read."""

from __future__ import annotations

import inspect
from dataclasses import MISSING, fields
from pathlib import Path

import numpy as np
import pytest
import wudao_rt
from infer.reference import SPECIAL, tiny
from wudao_rt import GLM, GLMConfig, _core, generation, scoring

ROWS = {"ids": np.array([[1, 9, 5, 3]]), "positions": np.array([[0, 1, 2, 2]]),
        "block_positions": np.array([[0, 0, 0, 1]])}


def names(function) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name != "self"]


def test_config():
    given = {f.name: f.default for f in fields(GLMConfig)}
    assert list(given)[:8] == ["vocab_size", "hidden_size", "num_layers", "num_heads", "max_positions",
                               "block_positions", "activation", "dropout"]
    assert all(given[name] is MISSING for name in list(given)[:5])
    assert (given["block_positions"], given["activation"], given["dropout"]) == (True, "gelu_tanh", 0.0)
    assert GLMConfig.preset("base").hidden_size == 768


def test_signatures():
    assert str(inspect.signature(GLM)).startswith("(config: 'GLMConfig', seed: 'int' = 0, dtype: 'DType' = 'float32'")
    assert names(GLM.logits) == ["ids", "positions", "block_positions", "sep", "mask"]
    assert names(GLM.loss_and_gradients)[:6] == ["ids", "positions", "block_positions", "sep", "targets", "loss_mask"]
    assert names(GLM.load_state_dict) == ["state", "strict"]
    assert {"prompts", "max_new_tokens", "temperature", "top_k", "top_p", "num_beams", "length_penalty", "num_samples",
            "seed"} <= set(names(GLM.generate))
    assert names(GLM.score)[:4] == ["contexts", "continuations", "mode", "include_end"]
    assert names(wudao_rt.train)[:2] == ["config", "callbacks"] and names(wudao_rt.load)[0] == "path"


@pytest.mark.parametrize(("method", "function"), [(GLM.generate, generation.generate), (GLM.score, scoring.score)])
def test_methods_are_the_functions(method, function):
    def settings(f, skip: str) -> list[tuple]:
        return [(p.name, p.default, p.annotation) for p in inspect.signature(f).parameters.values() if p.name != skip]

    assert settings(method, "self") == settings(function, "model")


@pytest.mark.parametrize(("dtype", "result"), [("float32", np.float32), ("bfloat16", np.float32),
                                               ("float16", np.float32), ("float64", np.float64)])
def test_logits_loss_and_state(dtype: str, result: type):
    model = tiny(dtype=dtype)
    found = model.logits(**ROWS, sep=np.array([3], np.int32))
    assert found.dtype == result and found.shape == (1, 4, 32)
    visible = np.tril(np.ones((4, 4), bool))[None] | (np.arange(4) < 3)
    assert np.array_equal(found, model.logits(**ROWS, mask=visible))
    loss, gradients = model.loss_and_gradients(**ROWS, sep=np.array([3]), targets=ROWS["ids"], loss_mask=np.eye(4)[3:])
    state = model.state_dict()
    assert isinstance(loss, float) and list(gradients) == list(state)
    assert all(gradients[name].shape == array.shape and array.dtype == result for name, array in state.items())


def test_results():
    one = tiny().generate([[8, 9]], 3, special=SPECIAL)[0]
    assert isinstance(one.text, str) and isinstance(one.token_ids, list) and isinstance(one.log_prob, float)
    both = tiny().score([[8, 9]], [[10, 11]], special=SPECIAL)[0]
    assert len(both.token_log_probs) == 2 and both.log_prob == sum(both.token_log_probs) == float(both) < 0
    ended = tiny().score([[8, 9]], [[10, 11]], include_end=True, special=SPECIAL)[0]
    assert len(ended.token_log_probs) == 3 and ended.log_prob < both.log_prob
    assert tiny().score([[8, 9]], [[10, 11]], mode="uni", special=SPECIAL)[0].log_prob != both.log_prob


def test_every_differentiable_op_has_its_backward():
    ops = wudao_rt.ops
    plain = {"adamw", "newton_schulz", "global_norm",  # updates, and below choices and a measure
             "vq_assign", "fsq_codes", "fsq_vectors", "code_divergence"}
    forward = {name for name in ops.__all__ if not name.endswith("_backward")}
    assert {f"{name}_backward" for name in forward - plain} == set(ops.__all__) - forward


def test_types_come_with_the_package():
    package = Path(wudao_rt.__file__).resolve().parent
    assert (package / "py.typed").is_file()
    stub = Path(_core.__file__).with_name("_core.pyi").read_text(encoding="utf-8")
    assert all(f"class {name}" in stub for name in ("GLM", "Trainer", "Decoder", "KvCache"))
    assert all(name in stub for name in dir(_core) if not name.startswith("_"))
    for name in wudao_rt.__all__:
        assert getattr(wudao_rt, name) is not None
