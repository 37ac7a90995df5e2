"""A run with experts, looked into."""

from __future__ import annotations

import json
import random

import pytest

from .conftest import run_cli

MOE = ["model.moe.num_experts=4", "model.moe.expert_width=16", "model.moe.k=2", "train.steps=12", "train.batch=8",
       "model.hidden_size=16", "model.num_layers=2", "model.num_heads=2", "model.max_positions=64", "train.length=24",
       "data.source=text", "data.near_duplicates=1.0", "data.held_out=0.2", "output.tensorboard=false"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    home = tmp_path_factory.mktemp("inspect")
    rng = random.Random(3)
    text = "\n\n".join(" ".join(rng.choices(["the", "cat", "sat", "春风", "明月"], k=30)) for _ in range(60))
    (home / "text.txt").write_text(text, encoding="utf-8")
    for name, changes in (("moe", MOE), ("dense", [one for one in MOE if not one.startswith("model.moe")])):
        words = [word for change in changes for word in ("--set", change)]
        (home / f"{name}.toml").write_text(f'[data]\npaths = ["{home / "text.txt"}"]\n', encoding="utf-8")
        done = run_cli("train", home / f"{name}.toml", *words, "--set", f"output.folder={home / name}")
        assert done.returncode == 0, done.stderr
    return home


def test_balance_is_drawn_and_told(cli, runs):
    done = cli("inspect", "balance", runs / "moe", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    lines = [json.loads(line) for line in (runs / "moe" / "balance.jsonl").read_text("utf-8").splitlines()]
    last = lines[-1]["counts"]  # a tenth of twelve steps is one
    assert told["steps"] == 12 and told["dropped"] == 0
    for layer, counts in zip(told["last_tenth"], last, strict=True):
        assert layer == pytest.approx([4 * count / sum(counts) for count in counts], abs=1e-3)
    assert (runs / "moe" / "balance.png").read_bytes().startswith(b"\x89PNG")
    assert "max/mean" in cli("inspect", "balance", runs / "moe", "--output", runs / "other.png").stdout
    assert (runs / "other.png").is_file()


def test_domains_tell_losses_and_experts(cli, runs):
    done = cli("inspect", "domains", runs / "moe", "--against", runs / "dense", "--json")
    assert done.returncode == 0, done.stderr
    (told,) = [json.loads(line) for line in done.stdout.splitlines()]
    held_out = [json.loads(line) for line in (runs / "moe" / "eval.jsonl").read_text("utf-8").splitlines()]
    assert told["nats_per_token"] == pytest.approx(held_out[-1]["nats_per_token"], rel=1e-6)
    theirs = [json.loads(line) for line in (runs / "dense" / "eval.jsonl").read_text("utf-8").splitlines()]
    assert told["against"] == pytest.approx(theirs[-1]["nats_per_token"], rel=1e-6)
    assert len(told["experts"]) == 2 and all(sum(layer) == pytest.approx(1, abs=1e-3) for layer in told["experts"])
    shown = cli("inspect", "domains", runs / "dense", "--windows", "1")
    assert shown.returncode == 0 and "nats/token" in shown.stdout


def test_a_run_without_experts_has_no_balance(cli, runs):
    done = cli("inspect", "balance", runs / "dense")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "expected the folder of a run with experts" in done.stderr
