"""A loaded model lies in its file: what is shared, what is copied, and that the file never changes."""

from __future__ import annotations

import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wudao_rt
from safetensors.numpy import save_file
from wudao_rt import GLM, ConfigError, ShapeError, _core

FILE = "model.safetensors"


def mapped(folder: Path) -> list[range]:
    """The addresses at which the weights of a folder are mapped."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    spans = [line.split()[0].split("-") for line in lines if line.endswith(str(folder / FILE))]
    return [range(int(begin, 16), int(end, 16)) for begin, end in spans]


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(np.array_equal(one[name], other[name]) for name in one | other)


def train(model: GLM, batch: dict[str, Any]) -> None:
    _core.Trainer(model.core, {"name": "adamw"}).step(dict(batch), lr=1e-2)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_masters_lie_in_the_file(folder: Path, model: GLM, dtype: str) -> None:
    loaded = wudao_rt.load(folder, dtype=dtype)
    views = loaded.state_dict(copy=False)
    assert all(any(view.ctypes.data in span for span in mapped(folder)) for view in views.values())
    assert same(views, model.state_dict())
    del loaded, views
    assert mapped(folder) == []


@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_other_types_are_converted(folder: Path, model: GLM, kind: type) -> None:
    save_file({name: array.astype(kind) for name, array in model.state_dict().items()}, folder / FILE)
    loaded = wudao_rt.load(folder)
    assert same(loaded.state_dict(), {n: a.astype(kind).astype(np.float32) for n, a in model.state_dict().items()})
    assert mapped(folder) == []
    assert same(wudao_rt.load(folder, dtype="float64").state_dict(),
                {n: a.astype(kind).astype(np.float64) for n, a in model.state_dict().items()})


def test_training_leaves_the_file_and_other_models_alone(folder: Path, model: GLM, batch: dict[str, Any]) -> None:
    before = sha256((folder / FILE).read_bytes()).digest()
    one, other = wudao_rt.load(folder), wudao_rt.load(folder)
    logits = other.logits(*[batch[name] for name in ("ids", "positions", "block_positions", "sep")])
    train(one, batch)
    assert not any(np.array_equal(a, b) for a, b in zip(one.state_dict().values(), model.state_dict().values(),
                                                        strict=True))
    assert same(other.state_dict(), model.state_dict())
    assert np.array_equal(logits, other.logits(*[batch[n] for n in ("ids", "positions", "block_positions", "sep")]))
    assert sha256((folder / FILE).read_bytes()).digest() == before


def test_training_is_that_of_a_model_in_memory(folder: Path, model: GLM, batch: dict[str, Any]) -> None:
    fresh, loaded = GLM(model.config, seed=3), wudao_rt.load(folder)
    train(fresh, batch), train(loaded, batch)
    assert same(fresh.state_dict(), loaded.state_dict())


def test_a_model_may_be_saved_over_its_own_file(folder: Path, model: GLM, batch: dict[str, Any]) -> None:
    trained, kept = wudao_rt.load(folder), wudao_rt.load(folder)
    train(trained, batch)
    trained.save(folder)
    assert same(kept.state_dict(), model.state_dict())
    assert same(wudao_rt.load(folder).state_dict(), trained.state_dict())


def bytes_read() -> int:
    return int(Path("/proc/self/io").read_text().split()[1])  # rchar: through calls, not through mappings


def test_weights_are_opened_once_and_not_read(folder: Path) -> None:
    wudao_rt.load(folder)  # imports what it needs
    opened: list[str] = []
    listening = True
    # There is no way to take a hook away.
    sys.addaudithook(lambda event, given: opened.append(str(given[0])) if listening and event == "open" else None)
    before = bytes_read()
    wudao_rt.load(folder)
    read, size = bytes_read() - before, (folder / FILE).stat().st_size
    listening = False
    assert [name for name in opened if name.endswith(FILE)] == [str(folder / FILE)]
    assert read < size / 4
    before = bytes_read()
    (folder / FILE).read_bytes()
    assert bytes_read() - before >= size, "the count counts"


def test_arrays_that_may_not_be_written_are_copied(model: GLM, batch: dict[str, Any]) -> None:
    arrays = model.state_dict()
    name = "word_embeddings.weight"
    kept = arrays[name].copy()
    arrays[name].setflags(write=False)
    taken = GLM.from_arrays(model.config, arrays)
    views = taken.state_dict(copy=False)
    assert [n for n in arrays if not np.shares_memory(views[n], arrays[n])] == [name]
    train(taken, batch)
    assert np.array_equal(arrays[name], kept)


def test_arrays_at_odd_places_are_copied(model: GLM) -> None:
    arrays = model.state_dict()
    name = "transformer.final_layernorm.weight"
    odd = np.zeros(arrays[name].nbytes + 1, np.uint8)[1:].view(np.float32)
    odd[:] = arrays[name]
    taken = GLM.from_arrays(model.config, arrays | {name: odd})
    assert not np.shares_memory(taken.state_dict(copy=False)[name], odd)
    assert same(taken.state_dict(), arrays)


def test_arrays_have_to_fit(model: GLM) -> None:
    arrays = model.state_dict()
    with pytest.raises(ConfigError, match=r"GLM: names: expected the 29 .* 1 missing"):
        GLM.from_arrays(model.config, dict(list(arrays.items())[1:]))
    with pytest.raises(ConfigError, match=r"1 unknown \(more\)"):
        GLM.from_arrays(model.config, arrays | {"more": np.zeros(1)})
    with pytest.raises(ShapeError, match=r"GLM: word_embeddings.weight: expected shape \(256, 96\), got \(256, 95\)"):
        GLM.from_arrays(model.config, arrays | {"word_embeddings.weight": np.zeros((256, 95), np.float32)})
