"""Commands that make files: tokenizers, clean text, converted weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import wudao_rt
from wudao_rt.weights import BLOCK, POSITION, Weights, open_weights, read_arrays, write_weights

from .conftest import records, run_cli


@pytest.mark.parametrize(("kind", "options"), [
    ("character", []), ("bpe", ["--vocab-size", 300]), ("sentencepiece", ["--vocab-size", 320]),
])
def test_tokenizer_train(texts, tmp_path, kind: str, options: list):
    from wudao_rt.data.tokenizer import Tokenizer

    done = run_cli("tokenizer", "train", texts, "--kind", kind, *options, "--token", "<a>", "--to", tmp_path / "t",
                   "--json")
    assert done.returncode == 0, done.stderr
    found = Tokenizer.load(tmp_path / "t")
    assert found.fingerprint() == records(done.stdout)[0]["sha256"]
    assert found.decode(found.encode("春风<a>"), keep_special=True) == "春风<a>"


def test_dedup(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "春风花雪夜江天人"}\n' * 3 + '{"text": "山水云月"}\n', encoding="utf-8")
    done = run_cli("data", "dedup", tmp_path / "a.jsonl", "--to", tmp_path / "clean", "--held-out", 0, "--json")
    assert done.returncode == 0, done.stderr
    assert records(done.stdout)[0]["removed"] == {"exact": 2, "near": 0}


def test_data_list(cli):
    found = records(cli("data", "list", "--json").stdout)
    assert found[0]["name"] == "tang-quatrains" and all(one["packages"] for one in found)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "float64"])
def test_weights_go_out_and_come_back(run: Path, tmp_path, dtype: str):
    file, folder = tmp_path / "w.safetensors", tmp_path / "model"
    assert run_cli("convert", run, file, "--dtype", dtype).returncode == 0
    done = run_cli("convert", file, folder, "--heads", 2, "--json")
    assert done.returncode == 0, done.stderr
    original, back = wudao_rt.load(run), wudao_rt.load(folder)
    assert (back.config.hidden_size, back.config.num_heads, back.config.max_positions) == (32, 2, 128)
    worst = {"float32": 0, "float64": 0, "bfloat16": 2**-8, "float16": 2**-10}[dtype]
    for name, array in original.state_dict().items():
        assert np.abs(back.state_dict()[name] - array).max() <= worst * np.abs(array).max(), name


def test_bfloat16_rounds_to_nearest_even(tmp_path):
    values = np.array([1 + 2**-8, 1 + 3 * 2**-8, -1 - 2**-8, np.inf, np.nan, 2**-126], np.float32)
    write_weights(Weights(wudao_rt.GLMConfig.preset("base"), {"x": values}), tmp_path / "x.safetensors", "bfloat16")
    found = read_arrays(tmp_path / "x.safetensors")["x"]
    assert found[:4].tolist() == [1.0, 1 + 2**-6, -1.0, np.inf] and np.isnan(found[4]) and found[5] == 2**-126


def test_longer_position_tables_keep_the_rows_that_exist(run, tmp_path):
    done = run_cli("convert", run, tmp_path / "long", "--max-positions", 200)
    assert done.returncode == 0, done.stderr
    old, new = open_weights(run), open_weights(tmp_path / "long")
    assert new.config.max_positions == 200
    for name in (POSITION, BLOCK):
        assert new.arrays[name].shape == (201, 32)
        assert np.array_equal(new.arrays[name][:129], old.arrays[name])
        assert 0.01 < new.arrays[name][129:].std() < 0.03
    assert (tmp_path / "long" / "tokenizer").is_dir()


def test_files_of_other_models_are_refused(tmp_path):
    from safetensors.numpy import save_file

    save_file({"x": np.zeros(3, np.float32)}, tmp_path / "x.safetensors")
    done = run_cli("convert", tmp_path / "x.safetensors", tmp_path / "out")
    assert done.returncode == 2 and "word_embeddings.weight" in done.stderr
    save_file({"x": np.zeros(3, np.int32)}, tmp_path / "x.safetensors")
    assert "float tensor" in run_cli("convert", tmp_path / "x.safetensors", tmp_path / "out").stderr


def test_written_files_are_what_the_field_reads(run, tmp_path):
    from safetensors.numpy import load_file

    assert run_cli("convert", run, tmp_path / "w.safetensors").returncode == 0
    ours, theirs = read_arrays(tmp_path / "w.safetensors"), load_file(tmp_path / "w.safetensors")
    assert ours.keys() == theirs.keys() and all(np.array_equal(ours[name], theirs[name]) for name in ours)
