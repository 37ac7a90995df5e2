"""Our reader of safetensors and the format's own library take the same files, and read the same from them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ml_dtypes import bfloat16
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from wudao_rt.safetensors_file import mapped_arrays

RNG = np.random.default_rng(0)
ARRAYS = {
    "float64": RNG.normal(size=(3, 5)), "float32": RNG.normal(size=(4, 2, 3)).astype(np.float32),
    "float16": RNG.normal(size=7).astype(np.float16), "int8": np.arange(5, dtype=np.int8),
    "bool": np.array([True, False, True]), "int64": np.arange(4), "scalar": np.array(3.5, np.float32),
    "none": np.zeros((0, 4), np.float32), "u16": np.arange(3, dtype=np.uint16),
}
SOUND = save(ARRAYS, metadata={"format": "np"})


def file_of(header: Any, values: bytes, pad: int = 0) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    text += b" " * pad
    return len(text).to_bytes(8, "little") + text + values


def tensor(begin: Any, end: Any, shape: Any = None, kind: Any = "F32") -> dict[str, Any]:
    return {"dtype": kind, "shape": [(end - begin) // 4] if shape is None else shape, "data_offsets": [begin, end]}


TWO = {"a": tensor(0, 8), "b": tensor(8, 12)}
FILES = {
    "sound": SOUND, "two": file_of(TWO, bytes(12)), "in-another-order": file_of(dict(reversed(TWO.items())), bytes(12)),
    "at-odd-places": file_of(TWO, bytes(12), pad=3), "no-tensors": file_of({}, b""),
    "unknown-keys": file_of({"a": tensor(0, 4) | {"more": 1}}, bytes(4)), "empty": b"", "short": b"\1\0",
    "a-gap": file_of({"a": tensor(0, 4), "b": tensor(8, 12)}, bytes(12)),
    "overlap": file_of({"a": tensor(0, 8), "b": tensor(4, 12)}, bytes(12)),
    "cut-short": file_of(TWO, bytes(11)), "too-long": file_of(TWO, bytes(13)),
    "begins-late": file_of({"a": tensor(4, 8)}, bytes(8)), "backwards": file_of({"a": tensor(4, 0, [1])}, bytes(4)),
    "negative": file_of({"a": tensor(-4, 0, [1])}, bytes(4)), "shape": file_of({"a": tensor(0, 8, [3])}, bytes(8)),
    "negative-shape": file_of({"a": tensor(0, 8, [-1, -2])}, bytes(8)),
    "fractions": file_of({"a": tensor(0.0, 4.0, [1])}, bytes(4)),
    "truths": file_of({"a": tensor(0, 4, [True])}, bytes(4)),
    "giants": file_of({"a": tensor(0, 0, [2**70, 0])}, b""),
    "unknown-type": file_of({"a": tensor(0, 4, [1], "X")}, bytes(4)),
    "no-type": file_of({"a": {"shape": [1], "data_offsets": [0, 4]}}, bytes(4)), "null": file_of({"a": None}, b""),
    "three-places": file_of({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 4]}}, bytes(4)),
    "a-list": file_of([], b""), "leading-blanks": file_of(b"  " + json.dumps(TWO).encode(), bytes(12)),
    "no-utf8": file_of(b'{"\xff": 1}', b""), "no-json": file_of(b"{", b""), "deep": file_of(b'{"a":' * 9000, b""),
    "longer-than-the-file": (2**62).to_bytes(8, "little") + b"{}",
    "utf16": file_of(json.dumps(TWO).encode("utf-16"), bytes(12)),
}


def theirs(path: Path) -> dict[str, np.ndarray] | None:
    try:
        with safe_open(path, framework="np") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dict)
    except (SafetensorError, OSError, ValueError):
        return None


def ours(path: Path) -> dict[str, np.ndarray] | None:
    try:
        return mapped_arrays(path)
    except (ValueError, RecursionError):
        return None


def agree(path: Path) -> bool | None:
    """Whether both took the file; None if they did not do the same."""
    found, expected = ours(path), theirs(path)
    if found is None or expected is None:
        return False if found is expected else None
    same = found.keys() == expected.keys() and all(
        found[name].dtype == array.dtype and found[name].shape == array.shape
        and found[name].tobytes() == array.tobytes() for name, array in expected.items())
    return True if same else None


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_both_do_the_same(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    assert agree(tmp_path / "x") is not None


def test_both_ends_are_reached(tmp_path: Path) -> None:
    taken = set()
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
        taken |= {name} if agree(tmp_path / name) else set()
    assert taken == {"sound", "two", "in-another-order", "at-odd-places", "no-tensors", "unknown-keys",
                     "leading-blanks"}


def test_both_do_the_same_with_changed_bytes(tmp_path: Path) -> None:
    rng, header = random.Random(0), 8 + int.from_bytes(SOUND[:8], "little")
    for trial in range(400):
        data = bytearray(SOUND)
        data[rng.randrange(8, header)] = rng.choice(b'0123456789[]{},:" FIB')
        (tmp_path / "x").write_bytes(data)
        assert agree(tmp_path / "x") is not None, f"trial {trial}: {bytes(data[8:header])!r}"


def test_bfloat16_is_widened(tmp_path: Path) -> None:
    values = RNG.normal(size=(5, 3)).astype(bfloat16)
    (tmp_path / "x").write_bytes(save({"x": values}))
    assert np.array_equal(mapped_arrays(tmp_path / "x")["x"], values.astype(np.float32))


def test_writing_leaves_the_file_alone(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(SOUND)
    arrays = mapped_arrays(tmp_path / "x")
    arrays["float32"][:] = 0
    assert (tmp_path / "x").read_bytes() == SOUND
    assert np.array_equal(mapped_arrays(tmp_path / "x")["float32"], ARRAYS["float32"])
