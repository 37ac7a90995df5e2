"""A dry run has the names and shapes of a model of any size, and refuses what needs its values."""

import gc

import numpy as np
import pytest
from infer.reference import SPECIAL
from wudao_rt import GLM, ConfigError, GLMConfig, _core
from wudao_rt.config.glm import PRESETS

IDS = np.array([[1, 5, 6, 2]])
ROWS = {"ids": IDS, "positions": IDS * 0, "block_positions": IDS * 0, "sep": np.array([4])}
TARGETS = {"targets": IDS, "loss_mask": np.ones((1, 4))}

USES = {
    "generate": lambda model: model.generate([[8, 9]], 4, special=SPECIAL),
    "score": lambda model: _core.log_probs(model.core, ROWS | TARGETS),
    "logits": lambda model: model.logits(**ROWS),
    "loss": lambda model: model.loss(**ROWS, **TARGETS),
    "loss_and_gradients": lambda model: model.loss_and_gradients(**ROWS, **TARGETS),
    "train": lambda model: _core.Trainer(model.core, {"name": "adamw"}),
    "decode": lambda model: _core.Decoder(model.core),
    "state_dict": lambda model: model.state_dict(),
    "load_state_dict": lambda model: model.load_state_dict({"word_embeddings.weight": np.zeros((50048, 4096))}, False),
}


@pytest.fixture(scope="module")
def large() -> GLM:
    return GLM(GLMConfig.preset("10b-chinese"), dry_run=True)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_its_parameters(name: str):
    model = GLM(GLMConfig.preset(name), dry_run=True)
    assert model.parameter_count == model.config.parameter_count
    assert len(model.core.names()) == 3 + 12 * model.config.num_layers + 2


def test_a_dry_run_takes_no_memory():
    gc.collect()  # a model of another test that waits in a cycle would be let go between the two looks
    before = _core.memory()["live_bytes"]
    model = GLM(GLMConfig.preset("10b"), dry_run=True)
    assert _core.memory()["live_bytes"] == before
    assert model.core.shape("transformer.layers.47.mlp.dense_h_to_4h.weight") == (16384, 4096)


@pytest.mark.parametrize("op", USES)
def test_what_needs_values_is_refused(large: GLM, op: str):
    with pytest.raises(ConfigError, match=rf"^{op}: model: expected a model with values, got a dry run, .* dry_run"):
        USES[op](large)


def test_saving_is_refused_and_leaves_nothing(large: GLM, tmp_path):
    with pytest.raises(ConfigError, match=r"^save: model: expected a model with values, got a dry run"):
        large.save(tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_scoring_text_is_refused(large: GLM):
    with pytest.raises(ConfigError, match=r"^score: model: expected a model with values"):
        large.score([[8, 9]], [[10]], special=SPECIAL)
