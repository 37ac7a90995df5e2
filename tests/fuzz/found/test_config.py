"""Configurations that once came through as another exception, or were told in a way that nobody can read."""

from __future__ import annotations

from pathlib import Path

import pytest
from trial import limited_memory, outcome
from wudao_rt.config import load_config
from wudao_rt.errors import ConfigError

FILES = {
    "digits": "[train]\nsteps = " + "9" * 5000,
    "hexadecimal": "[train]\nseed = 0x" + "f" * 6000,
    "hexadecimal-number": "[train]\nlr = 0x" + "f" * 6000,
    "hexadecimal-text": "[model]\nactivation = 0x" + "f" * 6000,
    "hexadecimal-size": "[model]\nhidden_size = 0x" + "f" * 30,
    "infinite": "[train]\nlr = inf",
    "long-key": f"[train]\n{'k' * 30000} = 1",
    "long-text": f'[data]\nheld_out = "{"x" * 5000}"',
    "long-name-of-a-source": f"[data.repeats]\n{'k' * 30000} = 5000",
    "two-lines": '[model]\n"a\\nb" = 1',
    "escape": '[train]\ndtype = "\\u001b[31m"',
    "nul": '[output]\nfolder = "\\u0000"',
    "nested": "[data]\ncorpora = " + "[" * 3000,
}
CHANGES = [
    "==1", "x", "a\nb.c=1", "train." + "k" * 9000 + "=1", "train.lr=" + "[" * 3000, "train.lr=" + "9" * 5000,
    "output.folder=\x00", "train.lr.x=1",
]


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_files(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.toml").write_text(text, encoding="utf-8")
    with limited_memory():
        assert isinstance(outcome(lambda: load_config(tmp_path / "run.toml")), ConfigError)


@pytest.mark.parametrize("content", [b"", b"[train]\nlr = 0.1", b"[[train]]\nlr = 1"], ids=["empty", "sound", "list"])
@pytest.mark.parametrize("change", CHANGES, ids=range(len(CHANGES)))
def test_changes(tmp_path: Path, content: bytes, change: str) -> None:
    (tmp_path / "run.toml").write_bytes(content)
    assert isinstance(outcome(lambda: load_config(tmp_path / "run.toml", [change])), ConfigError)


def test_a_length_replaces_none_in_a_list_of_tables(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text("[[train]]\nlr = 1")
    found = outcome(lambda: load_config(tmp_path / "run.toml", ["train.steps=3"]))
    assert isinstance(found, ConfigError) or found.train.steps == 3


def test_preset_of_two_lines(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text('[model]\npreset = "a\\nb"')
    assert isinstance(outcome(load_config(tmp_path / "run.toml").model.glm), ConfigError)


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.toml", tmp_path / "none" / "none.toml"):
        assert isinstance(outcome(lambda path=path: load_config(path)), ConfigError)
