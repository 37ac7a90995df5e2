"""From a folder of text to a model that generates, scores and is evaluated."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from .conftest import records, run_cli, sets


def last_step(run: Path) -> Path:
    return run / "checkpoints" / (run / "last").read_text().strip()


def test_the_run_folder_has_what_it_should(run):
    names = {path.name for path in run.iterdir()}
    assert {"config.toml", "log.jsonl", "eval.jsonl", "checkpoints", "last"} <= names
    step = last_step(run)
    assert step.name == "step-6"
    assert {path.name for path in step.iterdir()} == {"model.safetensors", "optimizer.safetensors", "state.json",
                                                      "config.toml", "tokenizer"}


def test_events_are_beside_the_log(texts, tmp_path):
    done = run_cli("train", texts, *sets(f"output.folder={tmp_path / 'run'}", "output.tensorboard=true"))
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"config.toml", "log.jsonl", "tensorboard", "checkpoints", "last"} <= names
    events = next((tmp_path / "run" / "tensorboard").iterdir()).read_bytes()
    assert all(f"train/{name}".encode() in events for name in ("loss", "grad_norm", "lr", "share_of_peak"))


def test_the_log_has_the_promised_keys(run):
    steps = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [record["step"] for record in steps] == [1, 2, 3, 4, 5, 6]
    keys = ["step", "loss", "grad_norm", "lr", "tokens", "tokens_per_second", "share_of_peak", "seconds", "skipped"]
    assert all(list(record) == keys for record in steps)
    assert steps[-1]["loss"] < steps[0]["loss"]
    assert json.loads((run / "eval.jsonl").read_text())["step"] == 6


def test_training_prints_step_lines_cost_and_report(texts, tmp_path):
    done = run_cli("train", texts, "--json", *sets(f"output.folder={tmp_path / 'run'}", "output.log_every=2"))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split(" | ")[0] for line in lines if " | loss " in line] == ["step 1", "step 2", "step 4", "step 6"]
    assert lines[0] == "reading the texts and removing duplicates" and lines[1].startswith("own-text: ")
    assert any(line.strip().startswith("removed: 0 exact and ") for line in lines)
    assert any("core-hours per million tokens" in line and "of peak" in line for line in lines)
    assert any(line.startswith("peak: ") and "GFLOP/s" in line for line in lines)
    report = json.loads(lines[-1])
    assert (report["steps"], report["finished"]) == (6, True)
    assert report["peak_memory_bytes"] > 0 and report["held_out"] > 0


def test_max_seconds_of_a_config_saves_and_says_how_to_go_on(texts, tmp_path):
    config = tmp_path / "run.toml"
    config.write_text(f'[data]\nsource = "text"\npaths = ["{texts}"]\n')
    options = sets("train.steps=100000", f"output.folder={tmp_path / 'run'}")
    done = run_cli("train", config, *options, "--max-seconds", 1)
    assert done.returncode == 0, done.stderr
    assert f"wudao-rt train {tmp_path / 'run'} --resume" in done.stdout
    step = int(last_step(tmp_path / "run").name.removeprefix("step-"))
    again = run_cli("train", tmp_path / "run", "--resume", "--max-seconds", 1)
    assert f"resumed at step {step} " in again.stdout
    assert int(last_step(tmp_path / "run").name.removeprefix("step-")) > step


def test_own_text_is_trained_for_the_time_given(texts, tmp_path):
    options = sets(f"output.folder={tmp_path / 'run'}", "train.seconds=2")
    done = run_cli("train", texts, "--watch", 0.5, *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("sample: ") >= 2
    assert "held-out at step" in done.stdout and "done: wudao-rt generate" in done.stdout


def test_generate_json(run):
    prompts = ["--prompt", "春风", "--prompt", "秋月[gMASK]"]
    done = run_cli("generate", "--model", run, *prompts, "-n", 2, "--max-new-tokens", 5, "--seed", 3, "--json")
    assert done.returncode == 0, done.stderr
    found = records(done.stdout)
    assert [(one["prompt"], one["sample"]) for one in found] == [("春风", 0), ("春风", 1), ("秋月[gMASK]", 0),
                                                                 ("秋月[gMASK]", 1)]
    assert all(list(one) == ["prompt", "sample", "text", "token_ids", "log_prob", "finish_reason"] for one in found)
    assert all(len(one["token_ids"]) <= 5 and one["log_prob"] <= 0 for one in found)
    again = run_cli("generate", "--model", run, *prompts, "-n", 2, "--max-new-tokens", 5, "--seed", 3, "--json")
    assert again.stdout == done.stdout


def test_generate_from_a_file_with_beams(run, tmp_path):
    (tmp_path / "prompts.txt").write_text("春\n\n秋\n", encoding="utf-8")
    done = run_cli("generate", "--model", run, "--file", tmp_path / "prompts.txt", "--num-beams", 3,
                   "--max-new-tokens", 4)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 2), done.stderr


def test_score_json(run, tmp_path):
    (tmp_path / "pairs.jsonl").write_text('{"context": "春", "continuation": "风"}\n', encoding="utf-8")
    done = run_cli("score", "--model", run, "--context", "秋", "--continuation", "月夜", "--continuation", "风",
                   "--file", tmp_path / "pairs.jsonl", "--json")
    assert done.returncode == 0, done.stderr
    found = records(done.stdout)
    assert [(one["context"], one["continuation"], one["tokens"]) for one in found] == [
        ("秋", "月夜", 2), ("秋", "风", 1), ("春", "风", 1)]
    assert all(list(one) == ["context", "continuation", "log_prob", "tokens"] and one["log_prob"] < 0 for one in found)


@pytest.mark.parametrize("mode", ["bi", "uni"])
def test_eval_perplexity_scores_every_token_but_the_first(run, tmp_path, mode: str):
    (tmp_path / "text.txt").write_text("春风花雪夜江天人日心" * 13, encoding="utf-8")
    done = run_cli("eval", "--model", run, "--task", "perplexity", "--file", tmp_path / "text.txt", "--mode", mode,
                   "--length", 32, "--overlap", 8, "--json")
    assert done.returncode == 0, done.stderr
    found = records(done.stdout)[0]
    assert list(found)[:5] == ["task", "split", "nats_per_token", "tokens", "n"]
    assert (found["task"], found["tokens"], found["n"]) == ("perplexity", 129, 1)
    assert found["perplexity"] == pytest.approx(math.exp(found["nats_per_token"]))


def test_eval_last_word(run, tmp_path):
    (tmp_path / "text.txt").write_text("春 风\n秋 夜 月\n雪\n", encoding="utf-8")
    done = run_cli("eval", "--model", run, "--task", "last-word", "--file", tmp_path / "text.txt", "--json")
    assert done.returncode == 0, done.stderr
    assert records(done.stdout)[0]["n"] == 2


def test_info_names_what_is_really_used(cli):
    found = records(cli("info", "--threads", 1, "--json").stdout)[0]
    assert found["threads"] == 1 and found["matmul"] and found["level"] in found["cpu_levels"]
    assert "matmul: " in cli("info").stdout


def test_bench_prints_json_lines(cli):
    done = cli("bench", "preset", "--preset", "verse-tiny", "--batch", 8, "--length", 16,
               "--streams", 2, "--seconds", 0.1)
    assert done.returncode == 0, done.stderr
    found = records(done.stdout)
    assert [one["measure"] for one in found] == ["train_step", "virtual_shards", "decode"]
    step, shards, decode = found
    assert step["tokens_per_second"] > 0 < decode["tokens_per_second"] and 0 < step["share_of_peak"] < 1
    assert shards["shards"] == 8 and shards["pairs"] >= 2 and shards["cost"] > -1
