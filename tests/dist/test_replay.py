"""Recorded steps, computed again by one process: all agrees, or the rank that computed something else is named."""

from __future__ import annotations

import json
import shutil
import socket
from functools import cache
from pathlib import Path

import pytest
from jobs import HERE, KIND, ROOT, Done, command, run
from train_jobs import MOE, train, words, write_config, write_texts

HOME = Path(ROOT) / "build" / "mpi" / f"replay-{KIND}"
KINDS = {
    "dense": ({}, {}),
    "experts": (MOE, {}),
    "bfloat16": (MOE | {"gate": "bias", "losses": {"z": 0.001}}, {"dtype": "bfloat16", "optimizer": "muon"}),
}
LAYOUTS = {
    "2": (2, {}),
    "3": (3, {}),
    "4-columns": (4, {"parallel__experts": 2, "parallel__placement": "columns"}),
    "4-two-level": (4, {"parallel__experts": 4, "parallel__exchange": "two_level", "parallel__supernode_size": 2}),
    "2-messages": (2, {"env": {"WUDAO_COMM_SHARED": "0"}, "train__recompute": "true"}),
}
RUNS = [("dense", "3"), ("experts", "2"), ("experts", "4-columns"), ("experts", "2-messages"),
        ("bfloat16", "2"), ("bfloat16", "4-two-level")]
LAYER = "transformer.layers.1.mlp.experts"


@cache
def config(kind: str) -> Path:
    if kind == "dense":
        shutil.rmtree(HOME, ignore_errors=True)
    else:
        config("dense")
    moe, changes = KINDS[kind]
    return write_config(HOME / f"{kind}.toml", write_texts(HOME), moe, **changes)


@cache
def alone(kind: str) -> Path:
    done = train(1, config(kind), HOME / f"{kind}-alone")
    assert done.code == 0, done.err
    return HOME / f"{kind}-alone"


def planted(ranks: int, fault: str, output: Path, **changes: object) -> Done:
    arguments = words({key.replace("__", "."): value for key, value in changes.items()})
    return run(command(KIND, ranks, str(HERE / "planted_fault.py"), fault, "train", str(config("experts")), *arguments,
                       "--set", f"output.folder={output}"))


def replay(folder: Path, *more: str, **env: str) -> Done:
    return run([command(KIND, 1)[-1], "-m", "wudao_rt", "replay", str(folder), *more], **env)


def records(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "record.jsonl").read_text("utf-8").splitlines()]


def agreement(step: int, done: Done) -> list[str]:
    """Return the lines that are not those of eight shards that agree."""
    lines = done.out.splitlines()
    assert len(lines) == 8
    return [line for v, line in enumerate(lines) if not line.startswith(f"step {step}, shard {v}: ") or
            not line.endswith(" gradients agree")]


@pytest.mark.parametrize("kind", KINDS)
def test_one_process_agrees_with_itself(kind):
    assert [one["step"] for one in records(alone(kind))] == [1, 4]
    for step in (4, 1) if kind == "experts" else (4,):
        done = replay(alone(kind), *([] if step == 4 else ["--step", "1"]))
        assert done.code == 0, done.out + done.err
        assert agreement(step, done) == []


@pytest.mark.parametrize(("kind", "layout"), RUNS)
def test_the_layout_changes_no_hash(kind, layout):
    ranks, changes = LAYOUTS[layout]
    done = train(ranks, config(kind), HOME / f"{kind}-{layout}", **changes)
    assert done.code == 0, done.err
    kept = ("step", "engine", "settings", "done", "experts", "losses", "weights", "hashes")
    for one, other in zip(records(alone(kind)), records(HOME / f"{kind}-{layout}"), strict=True):
        assert [name for name in kept if one[name] != other[name]] == []
        assert sorted(sum(other["grid"], [])) == list(range(ranks)) == sorted(set(other["shards"]))
    done = replay(HOME / f"{kind}-{layout}")
    assert (done.code, agreement(4, done)) == (0, []), done.err


FAULTS = {
    "a gradient": ("gradient of transformer.layers.0.attention.query_key_value.weight", ""),
    "an activation": ("layers.2: attention (forward)", ""),
    "a gradient on its way": ("layers.0: linear (backward), 2", ""),
    "a gradient of an expert": (f"gradient of {LAYER}.h_to_4h.weight", "gradient of {layer}.{first}.h_to_4h.weight"),
    "an expert's product": (f"output of {LAYER}", "output of {layer}."),
}


@pytest.mark.parametrize(("ranks", "fault"), [*((2, fault) for fault in FAULTS), (4, "a gradient"),
                                              (4, "an expert's product")])
def test_a_flipped_bit_is_found_and_its_rank_named(ranks, fault):
    what, named = FAULTS[fault]
    shard = {(2, True): 2, (2, False): 5, (4, True): 5, (4, False): 7}[ranks, bool(named)]  # of an expert: another's
    output = HOME / f"flipped-{ranks}-{list(FAULTS).index(fault)}"
    done = planted(ranks, f"{ranks - 1}:4:{shard}:{what}", output, parallel__experts=2)
    assert done.code == 0, done.err  # in silence
    found = replay(output)
    assert found.code == 1, found.out + found.err
    wrong = [line for line in found.out.splitlines() if not line.endswith(" gradients agree")]
    named = named.format(layer=LAYER, first=3) if named else f"{what}: expected "
    assert len(wrong) == 1 and len(found.out.splitlines()) == 8
    assert wrong[0].startswith(f"step 4, shard {shard}: rank {ranks - 1}/{ranks} (") and f") computed another {named}" in wrong[0]
    if ranks == 2 and fault == "an expert's product":
        one_shard_can_be_asked_for(output)


def one_shard_can_be_asked_for(output: Path) -> None:
    asked = replay(output, "--shard", "2", "--json")
    told = json.loads(asked.out)
    assert (asked.code, told["step"], told["shard"], told["rank"], told["agrees"]) == (1, 4, 2, 1, False)
    assert told["expected"] != told["got"] and len(told["expected"]) == len(told["got"]) == 16
    assert replay(output, "--shard", "3").code == 0


@pytest.mark.parametrize(("ranks", "what", "who"), [
    (2, "transformer.layers.0.input_layernorm.weight", "different {what} on rank 0/2 ({host}) and rank 1/2 ({host}), one of"),
    (4, "transformer.layers.0.input_layernorm.weight", "another {what} on rank 2/4 ({host})."),
    (4, f"{LAYER}.0.h_to_4h.weight", "different {what} on rank 0/4 ({host}) and rank 2/4 ({host}), one of"),
])
def test_a_copy_of_the_weights_that_changes_is_found_by_the_next_recorded_step(ranks, what, who):
    output = HOME / f"copy-{ranks}-{len(what)}"
    done = planted(ranks, f"{ranks // 2}:5:weights:{what}", output, parallel__experts=2, train__record=5, train__steps=9,
                   train__checkpoint_every=4)
    assert done.code == 1
    told = [line for line in done.err.splitlines() if line.startswith("[rank ")]
    expected = who.format(what=what, host=socket.gethostname())
    assert len(told) == 1 and f"weights before step 6: expected the same on all ranks, got {expected}" in told[0], done.err
    assert "step-4 is the last good checkpoint" in told[0]
    assert (output / "last").read_text().strip() == "step-4"
    if ranks == 2:
        again = train(ranks, output, output, "--resume")
        assert again.code == 0 and [one["step"] for one in records(output)] == [1, 5, 6, 9], again.err


def test_nothing_is_saved_of_a_copy_that_changed():
    done = planted(2, "1:5:weights:word_embeddings.weight", HOME / "saved")
    assert done.code == 1 and "weights before step 7: expected the same" in done.err
    assert (HOME / "saved" / "last").read_text().strip() == "step-3"


def test_an_earlier_step_that_went_wrong_is_found_on_the_way():
    output = HOME / "earlier"
    done = planted(2, "1:2:6:final_layernorm: layer_norm (forward)", output, train__record=1, train__checkpoint_every=0)
    assert done.code == 0, done.err
    found = replay(output, "--step", "5", "--shard", "0")
    assert found.code == 1 and "training again from step 0 to 4" in found.err
    assert found.out.startswith("step 2, shard 6: rank 1/2 (") and len(found.out.splitlines()) == 1, found.out
    assert replay(output).code == 0  # the first step


def test_weights_that_changed_between_recorded_steps_are_told():
    output = HOME / "between"
    done = planted(1, "0:2:weights:word_embeddings.weight", output, train__record=2, train__checkpoint_every=0)
    assert done.code == 0, done.err
    found = replay(output, "--step", "5")
    assert found.code == 1
    assert found.out.startswith("step 3: the weights before it are others than recorded, word_embeddings.weight first"), found.out


def test_a_resumed_run_forgets_what_came_after_its_checkpoint():
    output = HOME / "resumed"
    done = train(2, config("experts"), output, train__record=1, train__steps=5, train__schedule="constant")
    assert done.code == 0, done.err
    assert [one["step"] for one in records(output)] == [1, 2, 3, 4, 5]
    shutil.rmtree(output / "checkpoints" / "step-5")
    done = train(1, output, output, "--resume", train__steps=6, train__record=2)
    assert done.code == 0, done.err
    assert [(one["step"], len(one["hosts"])) for one in records(output)] == [(1, 2), (2, 2), (3, 2), (4, 1), (5, 1)]
    assert replay(output, "--step", "5").code == 0


def test_a_run_by_the_clock_is_replayed_behind_its_checkpoints_alone():
    output = HOME / "clock"
    done = train(2, config("experts"), output, train__seconds=0.8, output__keep_last=2)
    assert done.code == 0, done.err
    done = replay(output)
    assert done.code == 0 and len(done.out.splitlines()) == 8, done.out + done.err
    shutil.rmtree(output / "checkpoints")
    done = replay(output, "--step", "4")
    assert done.code == 2 and "cannot be trained again" in done.err


def test_a_run_without_records_has_none():
    done = train(1, config("dense"), HOME / "without", train__record=0, train__steps=2)
    assert done.code == 0 and not (HOME / "without" / "record.jsonl").exists()
    done = replay(HOME / "without")
    assert done.code == 2 and "has no record.jsonl with a step in it" in done.err and "Traceback" not in done.err


@pytest.mark.parametrize(("arguments", "env", "expected"), [
    (["--step", "3"], {}, "replay: --step: expected one of the 2 recorded steps, got 3. They are 1, 4."),
    (["--shard", "8"], {}, "replay: --shard: expected 0 to 7, got 8."),
    ([], {"WUDAO_CPU_ISA": "baseline"}, "Set WUDAO_CPU_ISA="),
    (["--shard", "x"], {}, "--shard"),
])
def test_what_cannot_be_is_one_line(arguments, env, expected):
    done = replay(alone("dense"), *arguments, **env)
    assert done.code == 2 and expected in done.err and "Traceback" not in done.err
    assert len(done.err.splitlines()) == 1 and not done.out


def test_settings_that_changed_since_are_told():
    folder = HOME / "changed"
    shutil.copytree(alone("dense"), folder)
    shutil.rmtree(folder / "checkpoints")
    text = (folder / "config.toml").read_text("utf-8")
    (folder / "config.toml").write_text(text.replace("lr = 0.001", "lr = 0.002", 1), encoding="utf-8")
    done = replay(folder)
    assert done.code == 2 and "They were changed since" in done.err
