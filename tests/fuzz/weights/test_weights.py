"""Weights from anywhere: a model folder, a bare .safetensors file, and the model's own config beside them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
import wudao_rt
from damage import NUMBERS, WORDS, damaged, lying_header
from ml_dtypes import bfloat16
from safetensors.numpy import save
from trial import fuzz, outcome
from wudao_rt.weights import open_weights

SHAPE = {"vocab_size": 12, "hidden_size": 8, "num_layers": 2, "num_heads": 2, "max_positions": 6}
STRANGE = [np.nan, np.inf, -np.inf, 3.4e38, 1e-45]


@pytest.fixture(scope="module")
def state() -> dict[str, np.ndarray]:
    return wudao_rt.GLM(wudao_rt.GLMConfig(**SHAPE)).state_dict()


def changed_arrays(rng: random.Random, state: dict[str, np.ndarray]) -> bytes:
    """A sound file, perhaps of another type, of other shapes, of other names, or with strange numbers."""
    arrays = {name: array.astype(rng.choice([np.float32] * 4 + [np.float16, np.float64, bfloat16])) for name, array in
              state.items()}
    for _ in range(rng.randint(0, 3)):
        name = rng.choice(list(arrays))
        kind = rng.randrange(5)
        if kind == 0 and arrays[name].size and arrays[name].dtype.kind == "f":
            with np.errstate(over="ignore"):
                arrays[name].flat[rng.randrange(arrays[name].size)] = rng.choice(STRANGE)
        elif kind == 1:
            arrays[name] = np.ones([rng.randint(0, 9) for _ in range(rng.randint(0, 3))], np.float32)
        elif kind == 2:
            arrays[name] = np.ones(arrays[name].shape, rng.choice([np.int64, np.uint8, np.int32, bool]))
        elif kind == 3 and len(arrays) > 1:
            del arrays[name]
        else:
            arrays[rng.choice(WORDS)] = arrays[name]
    return save(arrays)


def file_of_weights(rng: random.Random, state: dict[str, np.ndarray]) -> bytes:
    data = changed_arrays(rng, state if rng.random() < 0.5 else {name: state[name] for name in list(state)[:4]})
    kind = rng.random()
    if kind < 0.4:
        return lying_header(rng, data)
    return damaged(rng, data) if kind < 0.7 else data


def use(model: wudao_rt.GLM) -> None:
    """What was loaded is whole: it computes."""
    rows = np.zeros((1, 3), np.int32)
    model.logits(rows, rows, rows, sep=np.array([2]))
    assert all(np.isfinite(array).all() for array in model.state_dict().values())


def config_table(rng: random.Random) -> dict[str, Any]:
    table: dict[str, Any] = dict(SHAPE)
    for _ in range(rng.randint(0, 2)):
        key = rng.choice([*wudao_rt.GLMConfig.__dataclass_fields__, "x\ny"])
        values = [rng.choice(NUMBERS), rng.choice(WORDS), True, [1], {}, rng.randint(1, 20), float("nan")]
        table[key] = rng.choice(values)
    return {"model": table, "train": rng.choice([{}, {"dtype": "float64"}, {"dtype": "x"}, {"dtype": 3}, 4])}


def test_model_folders(state: dict[str, np.ndarray]) -> None:
    def trial(rng: random.Random, folder: Path) -> Any:
        (folder / "model.safetensors").write_bytes(file_of_weights(rng, state) if rng.random() < 0.7 else save(state))
        tables = config_table(rng) if rng.random() < 0.5 else {"model": SHAPE}
        text = tomli_w.dumps(tables).encode()
        (folder / "config.toml").write_bytes(damaged(rng, text) if rng.random() < 0.1 else text)
        found = outcome(lambda: wudao_rt.load(folder))
        if isinstance(found, wudao_rt.GLM):
            use(found)
        return found

    counts = fuzz("model", trial)
    assert {"GLM", "CheckpointError"} <= counts.keys(), "trials must reach both ends"


def test_bare_files(state: dict[str, np.ndarray]) -> None:
    def trial(rng: random.Random, folder: Path) -> Any:
        file = folder / "weights.safetensors"
        file.write_bytes(file_of_weights(rng, state))
        found = outcome(lambda: open_weights(file, heads=rng.choice([0, 1, 2, 3])))
        if isinstance(found, Exception):
            return found
        return outcome(lambda: found.with_positions(rng.randint(1, 9)))

    counts = fuzz("weights", trial)
    assert {"Weights", "CheckpointError"} <= counts.keys(), "trials must reach both ends"
