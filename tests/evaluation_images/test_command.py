"""`wudao-rt eval image` on a model of random weights: what it prints, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from wudao_rt import load
from wudao_rt.cli import evaluate_image
from wudao_rt.data.pictures import Pictures
from wudao_rt.evaluation.classifier import Recipe, emoji_cnn
from wudao_rt.evaluation.images.evaluation import PARTS, SPLITS


def wudao(*words: object, code: int = 0) -> str:
    done = subprocess.run([sys.executable, "-m", "wudao_rt", "eval", *map(str, words)], capture_output=True, text=True,
                          timeout=300, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUTF8": "1"})
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


def records(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_the_command_knows_the_parts() -> None:
    assert (tuple(evaluate_image.PARTS), tuple(evaluate_image.SPLITS)) == (PARTS, SPLITS)


def test_parts_of_a_cogview(folder: Path, pictures: Pictures) -> None:
    options = ["image", "--model", folder, "--corpus", pictures.folder, "--part", "likelihood", "--part", "retrieval",
               "--json"]
    said = wudao(*options)
    assert said == wudao(*options)  # the seed decides
    found = records(said)
    assert {one["part"] for one in found} == {"likelihood", "retrieval"}
    of = {(one["language"], one["group"], one["measure"]): one for one in found if one["part"] == "likelihood"}
    true = of["en", "all", "nats per code, true caption"]
    assert true["low"] <= true["value"] <= true["high"] and true["n"] == 32
    gain = of["en", "all", "gain over no caption (nats per code)"]["value"]
    assert gain == pytest.approx(of["en", "all", "nats per code, no caption"]["value"] - true["value"])
    bits = of["zh", "flags", "bits per picture, true caption"]["value"]
    assert bits == pytest.approx(of["zh", "flags", "nats per code, true caption"]["value"] * 64 / 0.693147, rel=1e-5)
    assert {"red things", "flags", "without flags"} <= {group for _, group, _ in of}


def test_the_tokenizer_of_a_cogview_is_measured_like_one_alone(folder: Path, pictures: Pictures, tmp_path: Path
                                                               ) -> None:
    options = ["--corpus", pictures.folder, "--part", "tokenizer", "--json"]
    grid = tmp_path / "new" / "grid.png"
    said = wudao("image", "--model", folder, *options, "--grid", grid)
    assert said == wudao("image", "--model", folder / "image_tokenizer", *options)
    assert grid.read_bytes().startswith(b"\x89PNG")
    assert [one["n"] for one in records(said) if one["measure"] == "ssim"] == [32, 24, 8]


def test_drawing(folder: Path, pictures: Pictures, tmp_path: Path) -> None:
    emoji_cnn(pictures, tmp_path / "judge", Recipe(steps=10, batch=8))
    options = ["image", "--model", folder, "--corpus", pictures.folder, "--part", "drawing", "-n", "2", "--limit", "6",
               "--classifier", tmp_path / "judge", "--json"]
    said = wudao(*options)
    assert said == wudao(*options, "--sheets", tmp_path / "sheets") != wudao(*options, "--seed", "1")
    drawn = records((tmp_path / "sheets" / "unseen.jsonl").read_text(encoding="utf-8"))
    assert len(drawn) == 12 and list(drawn[0]) == ["prompt", "seed", "index", "file", "codes", "caption_loss"]
    assert {one["file"] for one in drawn} == {str(tmp_path / "sheets" / "unseen.png")}
    again = load(folder).draw([drawn[4]["prompt"]], n=2, seed=0)[0]
    assert [one["codes"] for one in drawn[4:6]] == again.tolist()
    found = records(said)
    of = {(one.get("group"), one.get("level"), one["measure"]): one for one in found}
    gain, best, random = (of["unseen", "category", name]["value"] for name in (
        "best of 2 minus random of 2", "accuracy, best of 2", "accuracy, random of 2"))
    assert gain == pytest.approx(best - random)
    assert of["seen", "category", "accuracy, oracle of 2"]["n"] == 6
    copies = [one["value"] for one in found if one["measure"].startswith("exact") and one["set"] == "real"]
    assert copies[0] == 1  # real pictures of what was learned
    assert {one["kept"] for one in found if one["measure"] == "codes right, true caption"} == {"25 %", "50 %", "75 %"}


def test_a_quick_look_takes_all_pictures_of_a_few_bases(folder: Path, pictures: Pictures) -> None:
    said = wudao("image", "--model", folder, "--corpus", pictures.folder, "--part", "tokenizer", "--limit", "5")
    assert "psnr (dB)" in said and "n 10" in said


@pytest.mark.parametrize(("words", "message"), [
    (["imgae"], "eval command: expected a known name, got 'imgae'. Did you mean 'image'?"),
    (["image", "--model", "no-such-folder"], "no-such-folder: expected a folder"),
    (["image"], "eval image: --model: expected the folder of a CogView, there is none at runs/emoji-cogview"),
    (["image", "--part", "drawings"], "eval image: --part: expected one of tokenizer, likelihood"),
    (["image", "--split", "train"], "eval image: --split: expected one of report, validation, untouched"),
    (["image", "--limit", "-1"], "eval image: --limit: expected a whole number of at least 0, got '-1'"),
    (["--task", "verse"], "eval: --model: expected text, got nothing"),
])
def test_a_mistake_gets_one_clear_line(words: list[str], message: str) -> None:
    said = wudao(*words, code=2)
    assert said.startswith("wudao-rt: ") and message in said and said.count("\n") == 1


def test_a_tokenizer_has_its_own_part_only(folder: Path, pictures: Pictures) -> None:
    said = wudao("image", "--model", folder / "image_tokenizer", "--corpus", pictures.folder, "--part", "retrieval",
                 code=2)
    assert "eval image: --part: expected tokenizer, for the model is an image tokenizer, got retrieval" in said


def test_one_thing_has_no_other_caption(folder: Path, pictures: Pictures) -> None:
    options = ["--corpus", pictures.folder, "--part", "likelihood", "--limit", "1"]
    said = wudao("image", "--model", folder, *options, code=2)
    assert "eval image: --limit: expected pictures of at least two things, got one" in said


def test_pictures_of_another_size_are_refused(folder: Path, tmp_path: Path) -> None:
    import numpy as np
    from wudao_rt.data.pictures import Picture, PictureRecord, write_pictures

    write_pictures(tmp_path, [Picture(PictureRecord("a", "a", split="report"), np.zeros((8, 8, 4), np.uint8))], size=8)
    said = wudao("image", "--model", folder, "--corpus", tmp_path, code=2)
    assert "eval image: --corpus: expected pictures of 16 pixels, as the model has, got 8" in said
