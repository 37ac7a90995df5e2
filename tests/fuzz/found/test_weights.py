"""Model files that once came through as another exception, or were taken as they were."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
import wudao_rt
from ml_dtypes import bfloat16
from safetensors.numpy import save
from trial import limited_memory, outcome
from wudao_rt.errors import Error
from wudao_rt.weights import open_weights

SHAPE = {"vocab_size": 12, "hidden_size": 8, "num_layers": 1, "num_heads": 2, "max_positions": 6}
WORD, POSITION = "word_embeddings.weight", "transformer.position_embeddings.weight"
BLOCK = "transformer.block_position_embeddings.weight"
STATE = wudao_rt.GLM(wudao_rt.GLMConfig(**SHAPE)).state_dict()


def file_of_type(kind: str) -> bytes:
    """A sound file that says of one tensor that it is of another type, with as many bytes as that needs."""
    data = save({"x": np.zeros(4, np.float32)})
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    header["x"] |= {"dtype": kind, "data_offsets": [0, 4]}
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(4)


def changed(name: str, array: np.ndarray) -> bytes:
    return save(STATE | {name: array})


def filled(name: str, number: float, kind: type = np.float32) -> bytes:
    return changed(name, np.full(STATE[name].shape, number, kind))


FILES = {
    "not-a-number": filled(WORD, np.nan),
    "infinite": filled(POSITION, -np.inf),
    "beyond-float32": filled(WORD, 1e300, np.float64),
    "integers": filled(WORD, 1, np.int64),
    "vector": changed(WORD, np.ones(96, np.float32)),
    "cube": changed(WORD, np.ones((3, 4, 8), np.float32)),
    "scalar": changed(POSITION, np.ones((), np.float32)),
    "block-cube": changed(BLOCK, np.ones((7, 4, 2), np.float32)),
    "no-rows": changed(WORD, np.ones((0, 8), np.float32)),
    "further-name": changed("a\nb", np.ones((0, 3), np.float32)),
    "float8": file_of_type("F8_E5M2"),
    "float8-m3": file_of_type("F8_E4M3"),
    "long-unknown-type": file_of_type("X" * 3000),
    "type-of-two-lines": file_of_type("F\n32"),
    "header-beyond-the-file": (2**63).to_bytes(8, "little") + b"{}",
    "header-of-nothing": b"",
    "nested-header": (9000).to_bytes(8, "little") + b"[" * 9000,
}
TABLES: dict[str, dict[str, Any]] = {
    "unknown-key": {"model": SHAPE | {"a\nb": 1}},
    "missing-key": {"model": {"vocab_size": 12}},
    "text-for-a-number": {"model": SHAPE | {"hidden_size": "8"}},
    "table-for-a-number": {"model": SHAPE | {"hidden_size": {}}},
    "number-for-a-text": {"model": SHAPE | {"activation": 3}},
    "text-for-a-switch": {"model": SHAPE | {"block_positions": "x"}},
    "escape": {"model": SHAPE | {"activation": "\x1b[31m"}},
    "no-deviation": {"model": SHAPE | {"init_std": -0.0}},
    "train-is-no-table": {"model": SHAPE, "train": 4},
    "unknown-type": {"model": SHAPE, "train": {"dtype": "x"}},
    "number-for-a-type": {"model": SHAPE, "train": {"dtype": 3}},
    "no-model": {"train": {}},
    "other-width": {"model": SHAPE | {"hidden_size": 16}},
    "a-planet-of-words": {"model": SHAPE | {"vocab_size": 2**60}},
    "layers-without-end": {"model": SHAPE | {"num_layers": 2**62}},
}


def load(folder: Path, weights: bytes, tables: dict[str, Any]) -> Any:
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "config.toml").write_text(tomli_w.dumps(tables), encoding="utf-8")
    with limited_memory():
        return outcome(lambda: wudao_rt.load(folder))


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_weights(tmp_path: Path, data: bytes) -> None:
    assert isinstance(load(tmp_path, data, {"model": SHAPE}), Error)
    assert isinstance(outcome(lambda: open_weights(tmp_path / "model.safetensors", heads=2)), Error)


@pytest.mark.parametrize("tables", TABLES.values(), ids=TABLES)
def test_configs_beside_weights(tmp_path: Path, tables: dict[str, Any]) -> None:
    assert isinstance(load(tmp_path, save(STATE), tables), Error)


def test_sound_files_are_loaded(tmp_path: Path) -> None:
    for kind in (np.float32, np.float16, np.float64):
        weights = save({name: array.astype(kind) for name, array in STATE.items()})
        assert isinstance(load(tmp_path, weights, {"model": SHAPE}), wudao_rt.GLM)
    weights = save({name: array.astype(bfloat16) for name, array in STATE.items()})
    (tmp_path / "w.safetensors").write_bytes(weights)
    assert open_weights(tmp_path / "w.safetensors", heads=2).config.vocab_size == 12


def test_last_that_names_nothing(tmp_path: Path) -> None:
    for content in (b"", b"\xff\xfe", b"step-1", b"\0", b"x" * 5000):
        (tmp_path / "last").write_bytes(content)
        assert isinstance(outcome(lambda: wudao_rt.load(tmp_path)), Error)


def test_a_model_beyond_the_memory_of_the_machine() -> None:
    for shape in (SHAPE | {"vocab_size": 2**50}, SHAPE | {"num_layers": 10**30}, SHAPE | {"hidden_size": 2**63}):
        assert isinstance(outcome(lambda shape=shape: wudao_rt.GLM(wudao_rt.GLMConfig(**shape))), wudao_rt.OutOfMemory)
    assert isinstance(outcome(lambda: wudao_rt.GLM(wudao_rt.GLMConfig(**SHAPE), dtype="float23")), wudao_rt.ConfigError)
