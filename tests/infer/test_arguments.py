"""Arguments of every face of the model that cannot be: one clear error each, and nothing changed."""

from __future__ import annotations

import numpy as np
import pytest
import wudao_rt
from infer.reference import SPECIAL, tiny
from wudao_rt import GLM, ConfigError, GLMConfig

IDS, POSITIONS, ZEROS = np.array([[1, 5, 6, 2]]), np.arange(4)[None], np.zeros((1, 4), int)
SEP, ONES, MASK = np.array([4]), np.ones((1, 4)), np.ones((1, 4, 4), bool)
SHAPE = {"vocab_size": 32, "hidden_size": 16, "num_layers": 1, "num_heads": 2, "max_positions": 8}


def logits(**changes: object) -> object:
    return tiny().logits(**{"ids": IDS, "positions": POSITIONS, "block_positions": ZEROS, "sep": SEP} | changes)


def gradients(**changes: object) -> object:
    return tiny().loss_and_gradients(**{"ids": IDS, "positions": POSITIONS, "block_positions": ZEROS, "sep": SEP,
                                        "targets": IDS, "loss_mask": ONES} | changes)


@pytest.mark.parametrize(("changes", "message"), [
    ({"ids": IDS[0]}, r"ids: expected a matrix"), ({"ids": IDS * 1.0}, "ids: expected whole numbers"),
    ({"ids": -IDS}, "ids: expected numbers from 0 to 31, got -1"), ({"ids": IDS + 30}, "from 0 to 31, got 35"),
    ({"ids": IDS + 2**40}, "fit int32"), ({"ids": [[1], [1, 2]]}, "an array of numbers"),
    ({"ids": ZEROS[:, :0]}, "at least one token"),
    ({"positions": POSITIONS[:, :3]}, r"positions: expected shape \(1, 4\)"),
    ({"positions": POSITIONS - 1}, "positions: .* got -1"),
    ({"block_positions": ZEROS + 25}, "block_positions: .* got 25"),
    ({"mask": MASK}, "exactly one of sep and mask, got both"),
    ({"sep": None}, "exactly one of sep and mask, got neither"),
    ({"sep": -SEP}, "sep: .* got -4"), ({"sep": SEP + 1}, "sep: .* got 5"), ({"sep": 4}, r"sep: expected shape \(1,\)"),
    ({"sep": None, "mask": MASK.astype(int)}, r"mask: expected bool .*astype"),
    ({"sep": None, "mask": MASK[0]}, r"mask: expected shape \(1, 4, 4\)"),
])
def test_logits(changes: dict, message: str):
    with pytest.raises(wudao_rt.Error, match="^logits: .*" + message):
        logits(**changes)


@pytest.mark.parametrize(("changes", "message"), [
    ({"targets": IDS + 30}, "targets: .* got 35"), ({"loss_mask": -ONES}, "loss_mask: expected finite weights"),
    ({"loss_mask": ONES * np.nan}, "loss_mask"), ({"loss_mask": ONES * np.inf}, "loss_mask"),
    ({"shard": 1}, "option: expected shards"), ({"shards": "x"}, "shards: expected a whole number, got 'x'"),
    ({"seed": -1}, "seed: expected a whole number of at least 0, got -1"),
    ({"recompute": "yes"}, "recompute: expected True"),
])
def test_loss_and_gradients(changes: dict, message: str):
    with pytest.raises(wudao_rt.Error, match="^loss_and_gradients: .*" + message):
        gradients(**changes)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: GLMConfig(**SHAPE | {"hidden_size": "a"}), "GLMConfig: hidden_size: expected an integer, got 'a'"),
    (lambda: GLMConfig(**SHAPE | {"hidden_size": 16.5}), "hidden_size: expected an integer"),
    (lambda: GLMConfig(**SHAPE | {"num_layers": True}), "num_layers: expected an integer"),
    (lambda: GLMConfig(**SHAPE | {"dropout": float("nan")}), "dropout: .*nan"),
    (lambda: GLMConfig(**SHAPE | {"activation": "gelu"}), "activation: .*Did you mean"),
    (lambda: GLMConfig.preset("bse"), "Did you mean 'base'"),
    (lambda: GLMConfig.preset("base", hiden_size=3), "Did you mean 'hidden_size'"),
    (lambda: GLM(SHAPE), "GLM: config: expected a GLMConfig, got a dict"),
    (lambda: GLM(GLMConfig(**SHAPE), dtype="float8"), "GLM: dtype: .*'float8'"),
    (lambda: GLM(GLMConfig(**SHAPE), dtype=np.float32), "GLM: dtype"),
    (lambda: GLM(GLMConfig(**SHAPE), seed=-1), "GLM: seed: .*got -1"),
    (lambda: wudao_rt.load(None), "load: path: .*None"), (lambda: wudao_rt.train({}), "train: config: .*a dict"),
    (lambda: tiny().generate(None, special=SPECIAL), "generate: prompts: .*None"),
    (lambda: tiny().generate([[8]], special=SPECIAL, stream=3), "generate: stream: expected a function"),
    (lambda: tiny().generate([[8]], special=SPECIAL, forbidden_ids=3), "generate: forbidden_ids"),
    (lambda: tiny().score(None, [[8]], special=SPECIAL), "score: contexts"),
    (lambda: tiny().score([None], [[8]], special=SPECIAL), r"score: contexts\[0\]"),
    (lambda: tiny().score([[8]], [[9]], include_end=[], special=SPECIAL), "score: include_end"),
    (lambda: tiny().score([[8]], [[9] * 50], special=SPECIAL), r"score: continuations\[0\]: expected at most 24"),
])
def test_other_faces(call, message: str):
    with pytest.raises(wudao_rt.Error, match=message):
        call()


@pytest.mark.parametrize("spoiled", [np.zeros((3, 3)), np.full(24, "a"), np.zeros(24, complex)])
def test_a_state_with_one_wrong_array_changes_nothing(spoiled: np.ndarray):
    model = tiny()
    before = model.state_dict()
    changed = {name: array + 1 for name, array in before.items()}
    with pytest.raises(wudao_rt.Error, match=r"^load_state_dict: transformer\.final_layernorm\.bias: expected"):
        model.load_state_dict(changed | {"transformer.final_layernorm.bias": spoiled})
    assert all(np.array_equal(array, before[name]) for name, array in model.state_dict().items())
    with pytest.raises(wudao_rt.Error, match="load_state_dict: state: expected arrays by name, got a list"):
        model.load_state_dict([1])


def test_a_model_that_memory_cannot_hold(monkeypatch):
    monkeypatch.setattr("wudao_rt.transformer.memory_bytes", lambda: 10_000)
    with pytest.raises(wudao_rt.OutOfMemory, match="GLM: config: expected at most 0 GB of weights"):
        GLM(GLMConfig(**SHAPE))


def test_a_tokenizer_of_another_vocabulary():
    from wudao_rt.data.tokenizer import train_character

    tokenizer = train_character(["春眠不觉晓"], 1)
    GLM(GLMConfig(**SHAPE), tokenizer=tokenizer)
    for shape in (SHAPE | {"vocab_size": 8}, SHAPE | {"unpadded_vocab_size": 30}):
        with pytest.raises(ConfigError, match=r"GLM: tokenizer: expected one of .* tokens, .* got 15"):
            GLM(GLMConfig(**shape), tokenizer=tokenizer)
