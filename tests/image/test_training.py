"""Training an image tokenizer from the command line: a small run, stopped and resumed, and what people do with it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from wudao_rt.data.pictures import Picture, PictureRecord, write_pictures

SMALL = ("vq.channels=8", "vq.residual_blocks=1", "vq.residual_channels=8", "vq.codes=32", "vq.code_width=8",
         "train.batch=8", "train.lr=1e-2", "train.virtual_shards=4", "train.steps=12", "train.revive_every=3",
         "train.eval_every=0", "train.checkpoint_every=6", "output.log_every=4")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """Forty blobs of colour on transparent ground, eight of them held out."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("pictures")
    made = []
    for i in range(40):
        pixels = np.zeros((16, 16, 4), np.uint8)
        top, left = rng.integers(0, 8, 2)
        pixels[top : top + 8, left : left + 8] = [*rng.integers(0, 256, 3), 255]
        split = "validation" if i % 5 == 0 else "train"
        made.append(Picture(PictureRecord(f"p{i}", f"p{i}", name_en=f"blob {i}", split=split), pixels))
    write_pictures(folder, made, size=16)
    return folder


def wudao(*words: str | Path, code: int = 0) -> str:
    done = subprocess.run([sys.executable, "-m", "wudao_rt", *map(str, words)], capture_output=True, text=True,
                          timeout=120, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


def train(folder: Path, pictures: Path, *more: str) -> str:
    changes = [f"--set={change}" for change in (*SMALL, f"data.corpus={pictures}", f"output.folder={folder}")]
    return wudao("image", "train-tokenizer", "emoji-vq", *changes, *more)


def digest(run: Path, step: int) -> dict[str, str]:
    folder = run / "checkpoints" / f"step-{step}"
    names = ("model.safetensors", "optimizer.safetensors")
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


@pytest.fixture(scope="module")
def run(pictures, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "whole"
    said = train(folder, pictures, "--json")
    report = json.loads(said.splitlines()[-1])
    assert report["finished"] and report["steps"] == 12 and report["held_out"]["pictures"] == 8
    return folder


def test_a_run_learns_and_tells(run) -> None:
    records = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records] == list(range(1, 13))
    assert records[-1]["pixels"] < 0.9 * records[0]["pixels"]
    assert json.loads((run / "eval.jsonl").read_text())["step"] == 12


@pytest.mark.parametrize("changes", [("train.threads=1",), ("train.threads=2", "train.micro_shards=1")])
def test_a_stop_and_the_layout_change_no_byte(run, pictures, tmp_path, changes) -> None:
    folder = tmp_path / "again"
    train(folder, pictures, "--set=train.steps=12", "--max-seconds", "0.001", *(f"--set={c}" for c in changes))
    assert len((folder / "log.jsonl").read_text().splitlines()) == 1
    said = wudao("image", "train-tokenizer", folder, "--resume")
    assert "resumed at step 1" in said
    assert digest(folder, 12) == digest(run, 12)


def test_pictures_become_codes_and_codes_pictures(run, tmp_path) -> None:
    Image.new("RGBA", (40, 30), (255, 0, 0, 128)).save(tmp_path / "red.png")
    Image.new("RGB", (16, 16), (0, 0, 255)).save(tmp_path / "blue.jpg")
    said = wudao("image", "encode", tmp_path / "red.png", tmp_path / "blue.jpg", "--model", run, "--to",
                 tmp_path / "two.codes", "--size", "16")
    assert "2 pictures of 4 x 4 codes" in said
    wudao("image", "decode", tmp_path / "two.codes", "--model", run, "--to", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["blue.png", "red.png"]
    with Image.open(tmp_path / "out" / "red.png") as picture:
        assert picture.size == (16, 16)


def test_another_tokenizer_is_refused(run, pictures, tmp_path) -> None:
    Image.new("RGB", (16, 16)).save(tmp_path / "a.png")
    wudao("image", "encode", tmp_path / "a.png", "--model", run, "--to", tmp_path / "a.codes", "--size", "16")
    train(tmp_path / "other", pictures, "--set=train.seed=2", "--set=train.steps=1")
    said = wudao("image", "decode", tmp_path / "a.codes", "--model", tmp_path / "other", "--to", tmp_path / "out",
                 code=2)
    assert "image decode: --model: expected the tokenizer" in said
    assert not (tmp_path / "out").exists()


def test_a_run_with_levels_in_place_of_a_book(pictures, tmp_path) -> None:
    fsq = ("--set=vq.quantizer=fsq", "--set=vq.levels=[8, 5, 5]")
    said = train(tmp_path / "fsq", pictures, *fsq, "--set=train.threads=1", "--max-seconds", "0.001")
    assert ", 200 codes, " in said
    wudao("image", "train-tokenizer", tmp_path / "fsq", "--resume")
    records = [json.loads(line) for line in (tmp_path / "fsq" / "log.jsonl").read_text().splitlines()]
    assert len(records) == 12 and records[-1]["pixels"] < 0.9 * records[0]["pixels"]
    assert {(record["revived"], record["commitment"]) for record in records} == {(0, 0.0)}
    Image.new("RGB", (16, 16), (0, 0, 255)).save(tmp_path / "blue.png")
    codes, model = tmp_path / "one.codes", ("--model", tmp_path / "fsq")
    wudao("image", "encode", tmp_path / "blue.png", *model, "--to", codes, "--size", "16")
    wudao("image", "decode", codes, *model, "--to", tmp_path / "out")
    assert (tmp_path / "out" / "blue.png").is_file()


def test_a_run_with_mixtures_of_codes(pictures, tmp_path) -> None:
    gumbel = ("--set=vq.quantizer=gumbel", "--set=train.temperature_end=0.5")
    said = train(tmp_path / "straight", pictures, *gumbel)
    assert "| kl " in said and "commitment" not in said
    train(tmp_path / "stopped", pictures, *gumbel, "--set=train.micro_shards=1", "--max-seconds", "0.001")
    wudao("image", "train-tokenizer", tmp_path / "stopped", "--resume")
    assert digest(tmp_path / "stopped", 12) == digest(tmp_path / "straight", 12)


def test_a_tokenizer_is_no_language_model(run) -> None:
    said = wudao("generate", "--model", run, "--prompt", "春", code=2)
    assert said.startswith("wudao-rt: generate: --model: expected a language model, got the image tokenizer of")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("train-tokenizer", "nothing"), "image train-tokenizer: nothing: expected a TOML file, a recipe (emoji-vq)"),
        (("train-tokenizer", "emoji-vq", "--set=vq.codez=3"), "Did you mean 'codes'?"),
        (("train-tokenizer", "emoji-vq", "--set=train.batch=12"), "train.virtual_shards: expected a power of two"),
        (("encode", "none.png", "--model", "nowhere", "--to", "x"), "load: nowhere: expected a folder"),
        (("decode", "none.codes", "--model", "nowhere", "--to", "x"), "none.codes: expected a file of codes"),
    ],
)
def test_a_mistake_gets_one_clear_line(words, message: str) -> None:
    done = subprocess.run([sys.executable, "-m", "wudao_rt", "image", *words], capture_output=True, text=True,
                          timeout=60, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    assert done.returncode != 0 and message in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and len(done.stderr.strip().splitlines()) == 1
