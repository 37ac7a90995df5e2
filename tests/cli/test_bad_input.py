"""A clumsy user's files, folders and numbers: one clear line each, and nothing lost."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import wudao_rt
from wudao_rt.data.tokenizer import train_character

from .conftest import run_cli, sets
from .test_errors import assert_told


def last_step(run: Path) -> Path:
    return run / "checkpoints" / (run / "last").read_text().strip()


@pytest.fixture
def model(run: Path, tmp_path: Path) -> Path:
    """A copy of a model, to be damaged."""
    return Path(shutil.copytree(last_step(run), tmp_path / "model"))


def other_tokenizer(model: Path) -> None:
    train_character(["春风"], 1).save(model / "tokenizer")


def edited(text: str, by: str):
    def edit(model: Path) -> None:
        path = model / "config.toml"
        path.write_text(path.read_text().replace(text, by, 1))
    return edit


@pytest.mark.parametrize(("damage", "words"), [
    (lambda model: (model / "model.safetensors").unlink(), ["model.safetensors"]),
    (lambda model: (model / "config.toml").unlink(), ["config.toml", "No such file"]),
    (lambda model: shutil.rmtree(model / "tokenizer"), ["tokenizer", "wudao-rt convert"]),
    (lambda model: (model / "tokenizer" / "tokenizer.json").write_text("{"), ["tokenizer.json"]),
    (lambda model: (model / "model.safetensors").write_bytes(b"\0" * 8), ["model.safetensors", "safetensors"]),
    (other_tokenizer, ["tokenizer", "trained with"]),
    (edited("hidden_size = 32", 'hidden_size = "a"'), ["model.hidden_size", "an integer", "'a'"]),
    (edited("hidden_size", "hiden_size"), ["'hiden_size'", "Did you mean 'hidden_size'"]),
    (edited("hidden_size = 32", "hidden_size = 64"), ["values", "configuration"]),
], ids=["no-weights", "no-config", "no-tokenizer", "torn-tokenizer", "zeros", "another-tokenizer", "wrong-type",
        "unknown-key", "another-shape"])
def test_damaged_models(model: Path, damage, words: list[str]):
    damage(model)
    assert_told(run_cli("generate", "--model", model, "--prompt", "春"), *words)


def test_weights_that_are_not_numbers(run: Path, tmp_path: Path):
    model = wudao_rt.load(run)
    name = "word_embeddings.weight"
    model.load_state_dict({**model.state_dict(), name: np.full_like(model.state_dict()[name], np.nan)})
    model.save(tmp_path / "nan")
    for command in (["generate", "--prompt", "春"], ["score", "--context", "春", "--continuation", "风"]):
        assert_told(run_cli(command[0], "--model", tmp_path / "nan", *command[1:]), "finite float32 numbers", "nan")


@pytest.mark.parametrize(("arguments", "words"), [
    (["generate", "--prompt", ""], ["prompts[0]", "at least one token"]),
    (["generate", "--prompt", "春" * 500], ["prompts[0]", "at most 129 tokens"]),
    (["generate", "--prompt", "春", "--forbidden-id", "5000"], ["forbidden_ids", "5000"]),
    (["generate", "--prompt", "春", "--temperature", "nan"], ["--temperature", "finite", "nan"]),
    (["generate", "--prompt", "春", "--top-p", "2"], ["--top-p", "from 0 to 1"]),
    (["generate", "--prompt", "春", "--json", "--stream"], ["--stream", "--json"]),
    (["generate", "--prompt", "春", "--threads", "-1"], ["--threads", "from 0 to 1024"]),
    (["generate", "--prompt", "春", "--threads", "9999"], ["--threads", "9999"]),
    (["generate", "--prompt"], ["--prompt", "a value"]),
    (["generate", "--prompt", "two", "words"], ["'words'", "quotes"]),
    (["score", "--context", "春", "--continuation", "风" * 500], ["continuations[0]", "at most 128"]),
    (["score", "--context", "春", "--continuation", ""], ["continuations[0]", "at least one token"]),
    (["score", "--context", "春[MASK]", "--continuation", "风", "--mode", "uni"], ["mode uni"]),
    (["eval", "--task", "verse"], ["vocabulary for verse"]),
    (["eval", "--task", "verse", "--length", "30"], ["--length", "another task"]),
    (["eval", "--task", "perplexity", "--file", "no-such-file"], ["--file", "no-such-file"]),
    (["eval", "--task", "vers"], ["--task", "verse, perplexity, last-word"]),
])
def test_requests_that_cannot_be(run: Path, arguments: list[str], words: list[str]):
    assert_told(run_cli(arguments[0], "--model", run, *arguments[1:]), *words)


def test_windows_that_the_model_does_not_hold(run: Path, texts: Path):
    options = ["eval", "--model", run, "--task", "perplexity", "--file", texts / "texts.txt"]
    assert_told(run_cli(*options, "--length", 5000), "perplexity: length", "at most 128")
    assert_told(run_cli(*options, "--length", 4, "--overlap", 100), "overlap", "1 to 3")


@pytest.mark.parametrize(("arguments", "words"), [
    (["convert", "RUN", "out", "--heads", "3"], ["--heads", "weights file only"]),
    (["convert", "RUN", "x.safetensors", "--tokenizer", "t"], ["--tokenizer", "folder"]),
    (["convert", "RUN", "file"], ["file", "File exists"]),
    (["convert", "RUN", "out", "--max-positions", "999999999999"], ["expected", "memory"]),
    (["data", "lst"], ["Did you mean 'list'?"]),
    (["data", "prepare", "tang-quatrains", "--from", "no-such-folder"], ["--from", "no-such-folder"]),
    (["tokenizer", "train", "file.txt", "--kind", "character", "--min-count", "50", "--to", "t"], ["min_count", "50"]),
    (["tokenizer", "train", "file.txt", "--kind", "bpe", "--token", "", "--to", "t"], ["own tokens", "empty"]),
    (["train", "RUN"], ["the folder of a run", "--resume"]),
    (["train", "file.txt", "--set", "train.lr=inf"], ["train.lr", "finite"]),
    (["train", "file.txt", "--set", "output.prompts=[\"\"]"], ["output.prompts[0]", "[gMASK]"]),
    (["train", "file.txt", "--set", "output.folder=file"], ["output.folder", "File exists"]),
])
def test_mistakes_with_files(run: Path, tmp_path: Path, arguments: list[str], words: list[str]):
    (tmp_path / "file").touch()
    (tmp_path / "file.txt").write_text("床前明月光，疑是地上霜。", encoding="utf-8")
    told = [str(run) if word == "RUN" else word for word in arguments]
    assert_told(run_cli(*told, cwd=tmp_path), *words)


def test_a_change_that_does_not_fit_leaves_the_run_as_it_was(run: Path, tmp_path: Path):
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    before = (copy / "config.toml").read_bytes()
    assert_told(run_cli("train", copy, "--resume", "--set", "model.hidden_size=64"), "shape")
    assert (copy / "config.toml").read_bytes() == before
    again = run_cli("train", copy, "--resume", "--set", "train.steps=7")
    assert again.returncode == 0 and "resumed at step 6" in again.stdout, again.stderr


def test_a_finished_run_says_so(run: Path, tmp_path: Path):
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    done = run_cli("train", copy, "--resume", "--json")
    assert (copy / "eval.jsonl").read_text() == (run / "eval.jsonl").read_text()
    assert done.returncode == 0 and "nothing to do: the run has its full length, 6 steps" in done.stdout
    assert json.loads(done.stdout.splitlines()[-1])["loss"] is None


def test_a_run_that_diverges_goes_on_and_says_why(texts: Path, tmp_path: Path):
    options = sets(f"output.folder={tmp_path / 'run'}", "train.lr=1e30", "train.sample_every=1",
                   "output.tensorboard=true")
    done = run_cli("train", texts, *options)
    assert (done.returncode, done.stderr) == (0, "")
    assert "step 6 skipped: " in done.stdout and "no sample at step 6: generate: logits" in done.stdout


def test_one_short_poem_is_enough(tmp_path: Path):
    (tmp_path / "poem.txt").write_text("床前明月光，疑是地上霜。\n举头望明月，低头思故乡。\n", encoding="utf-8")
    done = run_cli("train", tmp_path, *sets(f"output.folder={tmp_path / 'run'}"))
    assert done.returncode == 0, done.stderr
    line = done.stdout.splitlines()[-1]
    assert line == f"done: wudao-rt generate --model {tmp_path / 'run'} --prompt '[gMASK]'"


def test_weights_can_be_read_by_whoever_may_read_new_files(run: Path):
    old = os.umask(0)
    os.umask(old)
    assert (last_step(run) / "model.safetensors").stat().st_mode & 0o777 == 0o666 & ~old
