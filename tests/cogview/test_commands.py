"""The command line, from pictures to a drawn, completed, captioned and re-ranked one, on a model trained in seconds."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import wudao_rt
from PIL import Image
from small_run import train_blob_tokenizer, write_blobs, write_config


def wudao(*words: str | Path, code: int = 0) -> str:
    done = subprocess.run([sys.executable, "-m", "wudao_rt", *map(str, words)], capture_output=True, text=True,
                          timeout=120, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if code == 0 else done.stderr


def records(said: str) -> list[dict]:
    return [json.loads(line) for line in said.splitlines()]


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("blobs")
    write_blobs(folder / "pictures")
    train_blob_tokenizer(folder / "pictures", folder / "vq")
    return folder


@pytest.fixture(scope="module")
def run(home) -> Path:
    config = write_config(home / "run.toml", home / "pictures", home / "vq", steps=60, sample_every=30)
    said = wudao("train", config, "--set", f"output.folder={home / 'run'}")
    assert (home / "run" / "samples" / "step-30.png").is_file() and "samples/step-60.png" in said
    assert f"done: wudao-rt draw --model {home / 'run'} 'a red apple'" in said
    return home / "run"


@pytest.fixture(scope="module")
def picture(run, home) -> Path:
    wudao("draw", "red at 0 0", "--model", run, "-n", 1, "--to", home / "one")
    return home / "one" / "00-00.png"


def test_draw_writes_pictures_and_a_sheet(run, tmp_path) -> None:
    said = wudao("draw", "red at 0 0", "绿8之8", "--model", run, "-n", 3, "--to", tmp_path, "--seed", 5, "--json")
    found = records(said)
    assert [(one["prompt"], one["index"], one["seed"]) for one in found] == [
        (text, i, 5) for text in ("red at 0 0", "绿8之8") for i in range(3)]
    assert set(found[0]) == {"prompt", "seed", "index", "file", "codes", "caption_loss"}
    assert np.shape(found[0]["codes"]) == (8, 8)
    assert (tmp_path / "sheet.png").is_file()
    with Image.open(found[1]["file"]) as image:
        pixels = np.asarray(image)
    assert pixels.shape == (32, 32, 3)
    np.testing.assert_array_equal(pixels, wudao_rt.load(run).image_tokenizer.decode([found[1]["codes"]])[0])
    alone = records(wudao("draw", "绿8之8", "--model", run, "-n", 1, "--to", tmp_path / "b", "--seed", 5, "--json"))
    assert alone[0]["codes"] == found[3]["codes"]


def test_rerank_puts_the_best_first(run, tmp_path) -> None:
    said = wudao("draw", "red at 0 0", "--model", run, "-n", 4, "--to", tmp_path, "--rerank", "--json")
    found = records(said)
    losses = [one["caption_loss"] for one in found]
    assert losses == sorted(losses) and sorted(one["index"] for one in found) == [0, 1, 2, 3]
    again = records(wudao("rerank", "red at 0 0", *sorted(tmp_path.glob("0*.png")), "--model", run, "--json"))
    assert [one["caption_loss"] for one in again] == sorted(one["caption_loss"] for one in again)


def test_complete_keeps_what_is_to_stay(run, picture, tmp_path) -> None:
    codes = np.array(records(wudao("score", picture, "red", "--model", run, "--json"))[0]["codes"])
    for options, kept in ((("--keep", "top"), np.s_[:4]), (("--box", "8,8,24,24"), np.s_[:2])):
        said = wudao("complete", picture, *options, "--text", "red at 0 0", "--model", run, "-n", 2, "--to", tmp_path,
                     "--json")
        for one in records(said):
            np.testing.assert_array_equal(np.array(one["codes"])[kept], codes[kept])
    said = wudao("edit", picture, "--share", 0.5, "--model", run, "-n", 3, "--to", tmp_path, "--json")
    assert [one["index"] for one in records(said)] == [0, 1, 2]


def test_caption_and_score(run, picture) -> None:
    said = records(wudao("caption", picture, "--model", run, "-n", 2, "--json"))
    assert [one["index"] for one in said] == [0, 1] and all(isinstance(one["caption"], str) for one in said)
    mean, total = (float(wudao("score", picture, "red at 0 0", "--model", run, *more).split("\t")[0])
                   for more in ((), ("--sum",)))
    assert abs(total - 10 * mean) < 1e-2


@pytest.mark.parametrize(("words", "message"), [
    (("draw", "x" * 40), r"draw: texts: expected at most 28 tokens, got 40 in"),
    (("draw", "red", "--to", "/dev/null/x"), "image: /dev/null/x/00-00.png: expected to write a picture, got: "),
    (("complete", "PICTURE"), "complete: --keep: expected either --keep or --box, got neither. Give one of them."),
    (("complete", "PICTURE", "--box", "1,2"), "complete: --box: expected four whole numbers X0,Y0,X1,Y1, got '1,2'."),
    (("complete", "PICTURE", "--box", "0,0,40,8"), "complete: --box: expected 0 <= X0 < X1 <= 32"),
    (("score", "PICTURE"), "score: IMAGE TEXT: expected a picture and a text, got 1 arguments."),
    (("score", "PICTURE", ""), "caption_loss: texts: expected a text with something in it, got ''."),
    (("caption", "missing.png"), "missing.png: expected"),
])
def test_mistakes_are_told_in_one_line(run, picture, words, message) -> None:
    said = wudao(*(picture if word == "PICTURE" else word for word in words), "--model", run, code=2)
    assert message in said and said.count("\n") == 1


def test_no_model_says_how_to_get_one(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "Train one with `wudao-rt train emoji-cogview`" in wudao("draw", "a", code=2)


def test_the_wrong_tokenizer_is_refused(run, home, tmp_path) -> None:
    other = train_blob_tokenizer(home / "pictures", tmp_path / "vq", steps=1)
    shutil.copytree(run / "checkpoints" / "step-60", tmp_path / "model")
    shutil.rmtree(tmp_path / "model" / "image_tokenizer")
    wudao_rt.load(other).save(tmp_path / "model" / "image_tokenizer")
    said = wudao("draw", "red", "--model", tmp_path / "model", code=2)
    assert "image_tokenizer: expected the one that the model learned, SHA-256" in said
    assert "expected a CogView, got a VQTokenizer" in wudao("draw", "red", "--model", other, code=2)


@pytest.mark.parametrize("moe", [None, {"num_experts": 4, "k": 2, "expert_width": 32, "gate": "noisy"}])
def test_a_stopped_run_goes_on_as_if_it_had_not(home, tmp_path, moe) -> None:
    model = {"moe": moe} if moe else {}
    config = write_config(tmp_path / "run.toml", home / "pictures", home / "vq", model)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    wudao("train", config, "--set", f"output.folder={whole}")
    wudao("train", config, "--set", f"output.folder={parts}", "--set", "train.micro_shards=2", "--set",
          "train.threads=1")
    shutil.rmtree(parts / "checkpoints" / "step-6")
    (parts / "last").write_text("step-3\n")
    wudao("train", parts, "--resume", "--set", "train.micro_shards=1")
    digests = [hashlib.sha256((folder / "checkpoints" / "step-6" / "model.safetensors").read_bytes()).hexdigest()
               for folder in (whole, parts)]
    assert digests[0] == digests[1]
    codes = wudao_rt.load(whole).draw(["red"], n=2)
    np.testing.assert_array_equal(codes, wudao_rt.load(parts).draw(["red"], n=2))


@pytest.mark.parametrize(("change", "message"), [
    ("data.pictures.image_tokenizer=", "data.pictures.image_tokenizer: expected the folder of a trained image"),
    ("model.kind=glm", "data.source: expected \"pictures\" for a cogview and only for it"),
    ("model.vocab_size=100", "model.vocab_size: expected no such key for a cogview, got 100"),
    ("model.side=16", "CogViewConfig: max_positions: expected at least 261 for 256 codes and text, got 96"),
])
def test_runs_that_cannot_be(home, tmp_path, change, message) -> None:
    config = write_config(tmp_path / "run.toml", home / "pictures", home / "vq")
    assert message in wudao("train", config, "--set", f"output.folder={tmp_path / 'run'}", "--set", change, code=2)


def test_your_own_pictures(home, run, tmp_path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    model = wudao_rt.load(run)
    for i, picture in enumerate(model.image_tokenizer.decode(model.draw(["red at 0 0"], n=12)[0])):
        Image.fromarray(picture).save(folder / f"{i}.png")
        (folder / f"{i}.txt").write_text(f"number {i}\n", encoding="utf-8")
    said = wudao("image", "pack", folder, "--to", tmp_path / "packed", "--held-out", 0.3)
    assert said == f"{tmp_path / 'packed'}: 12 pictures of 32 x 32 pixels\n"
    config = write_config(tmp_path / "run.toml", tmp_path / "packed", home / "vq", steps=3, batch=4)
    said = wudao("train", config, "--set", f"output.folder={tmp_path / 'run'}")
    assert "held-out at step 3" in said
    said = wudao("image", "pack", folder / "0.txt", "--to", tmp_path / "no", code=2)
    assert "expected one JSON object a line" in said
