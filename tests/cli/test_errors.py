"""A user's mistake is one clear line on standard error and exit code 2, never a traceback."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from .conftest import run_cli, sets


def assert_told(done: subprocess.CompletedProcess, *words: str) -> None:
    assert done.returncode == 2, (done.returncode, done.stderr)
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("wudao-rt: "), done.stderr
    # op: argument: what was expected, what came. What to do.
    assert re.fullmatch(r"wudao-rt: .+: expected .+[.?]", lines[0]), lines[0]
    assert all(word in lines[0] for word in words), lines[0]


@pytest.mark.parametrize(("arguments", "words"), [
    (["trian"], ["trian"]),
    (["train"], ["RECIPE", "got nothing"]),
    (["train", "--speed", "x"], ["--speed"]),
    (["train", "no-such-thing"], ["no-such-thing", "recipe", "verse"]),
    (["train", "verse", "--set", "train.lrr=1"], ["lrr", "Did you mean 'lr'?"]),
    (["train", "verse", "--set", "lr"], ["--set", "table.key=value"]),
    (["train", "verse", "--max-seconds", "soon"], ["soon"]),
    (["generate", "--model", "no-such-folder", "--prompt", "x"], ["no-such-folder"]),
    (["generate", "--prompt", "x"], ["--model"]),
    (["data", "prepare", "no-such-corpus"], ["no-such-corpus", "tang-quatrains"]),
    (["eval", "--model", "no-such-folder", "--task", "verse"], ["no-such-folder"]),
    (["convert", "no.safetensors", "out"], ["no.safetensors"]),
    (["bench", "preset", "--preset", "huge"], ["huge"]),
    (["bench", "preset", "--preset", "verse-tiny", "--length", "4096"], ["--length", "4096"]),
    (["tokenizer", "train", "--to", "x"], ["--corpus"]),
])
def test_mistakes(arguments: list[str], words: list[str], tmp_path):
    assert_told(run_cli(*arguments, cwd=tmp_path), *words)


def test_ranks_do_not_train_side_by_side(monkeypatch):
    """Ranks that cannot find their library never become as many runs of one process."""
    monkeypatch.setenv("MPI_LOCALNRANKS", "2")
    monkeypatch.setenv("PMI_SIZE", "2")
    assert_told(run_cli("train", "verse-tiny"), "expected MPICH", "MPI_LOCALNRANKS=2", "got none", "pip install mpich")


def test_a_broken_config_file(tmp_path):
    (tmp_path / "run.toml").write_text("[train\nsteps = 1")
    assert_told(run_cli("train", tmp_path / "run.toml"), "run.toml", "TOML")


def test_an_unknown_key_names_the_nearest(tmp_path):
    (tmp_path / "run.toml").write_text("[train]\nstep = 1")
    assert_told(run_cli("train", tmp_path / "run.toml"), "'step'", "'steps'")


def test_a_config_without_a_length(texts, tmp_path):
    text = f'[model]\npreset = "verse-tiny"\n[data]\nsource = "text"\npaths = ["{texts}"]\n'
    (tmp_path / "run.toml").write_text(text)
    assert_told(run_cli("train", tmp_path / "run.toml", cwd=tmp_path), "steps, seconds or tokens")


@pytest.mark.parametrize(("name", "content", "words"), [
    ("a.txt", b"\x00\x01\x02" * 100, ["a.txt", "binary"]),
    ("a.txt", "春眠不觉晓".encode("gb18030") * 50, ["a.txt", "UTF-8"]),
    ("a.txt", b"  \n ", ["empty"]),
    ("a.jsonl", b'{"txt": "x"}\n', ["a.jsonl:1", "'text'"]),
    ("a.bin", b"x", [".txt"]),
], ids=["binary", "gb18030", "blank", "no-field", "suffix"])
def test_text_that_cannot_be_read(tmp_path, name: str, content: bytes, words: list[str]):
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / name).write_bytes(content)
    assert_told(run_cli("train", folder, cwd=tmp_path), *words)


def test_rows_longer_than_the_positions(texts, tmp_path):
    assert_told(run_cli("train", texts, *sets("train.length=500"), cwd=tmp_path), "train.length", "model.max_positions")


def test_a_second_run_in_the_same_folder(texts, run):
    assert_told(run_cli("train", texts, *sets(f"output.folder={run}")), "--resume")


def test_a_prompt_is_needed(run):
    assert_told(run_cli("generate", "--model", run), "--prompt")


def test_continuations_must_fit_contexts(run):
    assert_told(run_cli("score", "--model", run, "--context", "a", "--context", "b", "--continuation", "c"),
                "2 contexts")


def test_damaged_weights(run: Path, tmp_path):
    step = run / "checkpoints" / (run / "last").read_text().strip()
    copy = tmp_path / "model"
    copy.mkdir()
    (copy / "config.toml").write_bytes((step / "config.toml").read_bytes())
    (copy / "model.safetensors").write_bytes((step / "model.safetensors").read_bytes()[:-10])
    assert_told(run_cli("generate", "--model", copy, "--prompt", "x"), "model.safetensors")


def test_an_output_that_cannot_be_written(texts, tmp_path):
    (tmp_path / "file").write_text("")
    assert_told(run_cli("train", texts, *sets(f"output.folder={tmp_path / 'file' / 'run'}")), "file")
