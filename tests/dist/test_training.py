"""Training over ranks: the bits of the merged checkpoint do not depend on how many there are, nor how they share.

Numbers are those of section 10.2 of the specification that the suite follows: 21 (experts times data), 22 (unequal
shares), 23 (norm and clipping), 24 (overflow), 29 (determinism), 30 (ranks without tokens), 31 (reload at another size).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from jobs import KIND, ROOT, command, run, variables
from train_jobs import MOE, files, merged, train, write_config, write_texts

HOME = Path(ROOT) / "build" / "mpi" / f"training-{KIND}"
KINDS = {
    "float32": {"dtype": "float32", "optimizer": "muon", "clip": 0.5},
    "bfloat16": {"dtype": "bfloat16"},
}
GATES = {
    "switch": MOE | {"gate": "switch", "k": 1, "losses": {"switch": 0.01}},
    "gshard": MOE | {"gate": "gshard", "drop": "position", "losses": {"gshard": 1.0}},
    "group_limited": MOE | {"gate": "group_limited", "expert_groups": 3, "topk_groups": 2, "losses": {"sequence": 0.0}},
    "bias": MOE | {"gate": "bias", "bias_rate": 0.01, "capacity_factor": 0.0, "losses": {}},
    "classes": {"classes": [[4, 32], [5, 64]], "k": 3, "pattern": "m", "losses": {"importance": 0.01}},
}
LAYOUTS = {
    "2": (2, {}),
    "3": (3, {}),
    "4-ep2-dp2": (4, {"parallel__experts": 2}),
    "4-two-level": (4, {"parallel__experts": 4, "parallel__exchange": "two_level", "parallel__supernode_size": 2}),
    "4-two-level-messages": (4, {"parallel__experts": 4, "parallel__exchange": "two_level",
                                 "parallel__supernode_size": 2, "env": {"WUDAO_COMM_SHARED": "0"}}),
    "4-dp": (4, {"parallel__experts": 1}),
    "4-messages": (4, {"env": {"WUDAO_COMM_SHARED": "0"}}),  # what ranks on several nodes do
    "8-columns": (8, {"parallel__experts": 4, "parallel__placement": "columns"}),
    "2-passes": (2, {"train__micro_shards": 1, "train__recompute": "true", "train__threads": 2}),
}


@cache
def home() -> Path:
    subprocess.run(["rm", "-rf", str(HOME)], check=True)
    write_texts(HOME)
    return HOME


@cache
def config(kind: str) -> Path:
    if kind in KINDS:
        return write_config(home() / f"{kind}.toml", HOME / "texts.txt", **KINDS[kind])
    return write_config(home() / f"{kind}.toml", HOME / "texts.txt", GATES[kind])


@cache
def alone(kind: str) -> dict[str, str]:
    done = train(1, config(kind), HOME / f"{kind}-alone")
    assert done.code == 0, done.err
    return files(HOME / f"{kind}-alone" / "checkpoints" / "step-6")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_layout_changes_no_byte(kind, layout):  # 21, 22, 23, 29
    ranks, changes = LAYOUTS[layout]
    output = home() / f"{kind}-{layout}"
    done = train(ranks, config(kind), output, **changes)
    assert done.code == 0, done.err
    assert merged(output) == alone(kind)


@pytest.mark.parametrize("kind", GATES)
def test_no_gate_sees_the_layout(kind):
    output = home() / f"{kind}-3"
    done = train(3, config(kind), output)
    assert done.code == 0, done.err
    assert merged(output) == alone(kind)


def test_the_log_of_ranks_is_that_of_one_process():
    alone("float32")
    train(3, config("float32"), home() / "logged")
    names = ("step", "loss", "grad_norm", "lr", "tokens", "skipped", "load", "dropped", "loss_switch", "loss_global_batch")
    found = []
    for folder in (HOME / "float32-alone", HOME / "logged"):
        lines = [json.loads(line) for line in (folder / "log.jsonl").read_text("utf-8").splitlines()]
        found.append([{name: line[name] for name in names} for line in lines])
        assert len((folder / "balance.jsonl").read_text("utf-8").splitlines()) == 6
    assert [one["step"] for one in found[1]] == [1, 2, 3, 4, 5, 6]
    for one, three in zip(*found, strict=True):
        assert one == pytest.approx(three, rel=1e-12)
    assert (HOME / "float32-alone" / "balance.jsonl").read_text() == (HOME / "logged" / "balance.jsonl").read_text()
    assert (HOME / "float32-alone" / "eval.jsonl").read_text() == (HOME / "logged" / "eval.jsonl").read_text()


def test_more_ranks_than_shards():  # 30
    found = []
    for ranks, name in ((1, "few-alone"), (4, "few")):
        done = train(ranks, config("float32"), home() / name, train__batch=2, parallel__experts=min(ranks, 2))
        assert done.code == 0, done.err
        found.append(merged(HOME / name))
    assert found[0] == found[1]


def test_a_step_that_diverges_is_skipped_by_all():  # 24
    found = []
    for ranks, name in ((1, "wild-alone"), (3, "wild")):
        done = train(ranks, config("bfloat16"), home() / name, train__lr=1e30, train__clip=0)
        assert done.code == 0, done.err
        assert "skipped:" in done.out
        lines = [json.loads(line) for line in (HOME / name / "log.jsonl").read_text("utf-8").splitlines()]
        found.append(([line["skipped"] for line in lines], merged(HOME / name)))
    assert found[0] == found[1]
    assert any(found[0][0])


def test_an_overflow_on_one_rank_is_one_of_all():  # 24
    half = write_config(home() / "float16.toml", HOME / "texts.txt", dtype="float16", loss_scale=2.0**35,
                        loss_scale_every=2, steps=24, checkpoint_every=24)
    found = []
    for ranks, name in ((1, "half-alone"), (2, "half-2"), (4, "half-4")):
        done = train(ranks, half, home() / name, parallel__experts=min(ranks, 2))
        assert done.code == 0, done.err
        lines = [json.loads(line) for line in (HOME / name / "log.jsonl").read_text("utf-8").splitlines()]
        found.append(([(line["skipped"], line["loss_scale"]) for line in lines], merged(HOME / name, 24)))
    assert found[0] == found[1] == found[2]
    steps = found[0][0]
    assert any(skipped for skipped, _ in steps) and not all(skipped for skipped, _ in steps)
    for (skipped, scale), (_, following) in pairwise(steps):
        assert following == scale / 2 if skipped else following in (scale, 2 * scale)


def test_resumed_at_every_size():  # 31, 34: E = 24, each expert's bytes are under its id
    many = write_config(home() / "many.toml", HOME / "texts.txt", MOE | {"num_experts": 24, "expert_width": 16},
                        steps=5, checkpoint_every=1, schedule="constant")
    for ranks, folder in ((1, "many-alone"), (4, "many")):
        done = train(ranks, many, HOME / folder, train__steps=5 if ranks == 1 else 1)
        assert done.code == 0, done.err
    for steps, ranks in ((2, 8), (3, 3), (4, 1), (5, 2)):
        done = train(ranks, HOME / "many", HOME / "many", "--resume", train__steps=steps)
        assert done.code == 0, done.err
    names = ("model.safetensors", "optimizer.safetensors")
    straight, changed = merged(HOME / "many-alone", 5), merged(HOME / "many", 5)
    assert [straight[name] for name in names] == [changed[name] for name in names]


def test_a_killed_rank_leaves_the_last_checkpoint_and_the_job_goes_on_elsewhere():
    output = home() / "killed"
    job = subprocess.Popen(command(KIND, 4, "-m", "wudao_rt", "train", str(config("float32")), "--set", "train.steps=5000",
                                   "--set", "train.checkpoint_every=3", "--set", "train.schedule=constant", "--set", f"output.folder={output}"),
                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=variables(), start_new_session=True)
    try:
        until(lambda: (output / "last").is_file())
        os.kill(rank_of(output), signal.SIGKILL)
        begin = time.monotonic()
        job.communicate(timeout=30)
        assert time.monotonic() - begin < 10
        assert job.returncode != 0
    finally:
        if job.poll() is None:
            os.killpg(job.pid, signal.SIGKILL)
    step = int((output / "last").read_text().split("-")[1])
    done = train(2, output, output, "--resume", train__steps=step + 3, train__schedule="constant")
    assert done.code == 0, done.err
    straight = train(1, config("float32"), HOME / "straight", train__steps=step + 3, train__schedule="constant")
    assert straight.code == 0, straight.err
    ours, theirs = merged(output, step + 3), merged(HOME / "straight", step + 3)
    assert ours["model.safetensors"] == theirs["model.safetensors"]
    assert ours["optimizer.safetensors"] == theirs["optimizer.safetensors"]


def test_a_run_of_two_levels_goes_on_alone():
    levels = write_config(home() / "levels.toml", HOME / "texts.txt", steps=2, checkpoint_every=1, schedule="constant")
    grid = {"parallel__experts": 4, "parallel__exchange": "two_level", "parallel__supernode_size": 2}
    for ranks, name, steps, more in ((1, "levels-alone", 2, {}), (4, "levels", 1, grid)):
        done = train(ranks, levels, HOME / name, train__steps=steps, **more)
        assert done.code == 0, done.err
    done = train(1, HOME / "levels", HOME / "levels", "--resume", train__steps=2)
    assert done.code == 0, done.err
    found, wanted = merged(HOME / "levels", 2), files(HOME / "levels-alone" / "checkpoints" / "step-2")
    for name in ("model.safetensors", "optimizer.safetensors"):
        assert found[name] == wanted[name]


def test_a_signal_to_one_rank_stops_all_at_one_step():
    output = home() / "signalled"
    job = subprocess.Popen(command(KIND, 3, "-m", "wudao_rt", "train", str(config("float32")), "--set", "train.steps=5000",
                                   "--set", f"output.folder={output}"),
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=variables(),
                           start_new_session=True)
    try:
        until(lambda: (output / "last").is_file())
        os.kill(rank_of(output), signal.SIGUSR1)
        out, err = job.communicate(timeout=30)
    finally:
        if job.poll() is None:
            os.killpg(job.pid, signal.SIGKILL)
    assert job.returncode == 0, err
    step = int((output / "last").read_text().split("-")[1])
    assert f"stopped by SIGUSR1 at step {step}, everything is saved" in out


def test_max_seconds_stops_all_at_one_step():
    done = train(3, config("float32"), home() / "timed", "--max-seconds", "1", train__steps=100000)
    assert done.code == 0, done.err
    assert "stopped by --max-seconds 1 at step" in done.out


def test_scores_and_samples_are_those_of_one_process():
    alone("float32")
    model = ["--model", str(HOME / "float32-alone")]
    asked = [["generate", *model, "--prompt", "the cat [gMASK]", "-n", "3", "--max-new-tokens", "12", "--json"],
             ["score", *model, "--context", "the cat ", "--continuation", "sat on a mat", "--json"]]
    for words in asked:
        told = [run(command(KIND, ranks, "-m", "wudao_rt", *words)) for ranks in (1, 3)]
        assert [one.code for one in told] == [0, 0], told[1].err
        assert told[0].out == told[1].out
        assert told[0].out.strip()


def rank_of(output: Path, wanted: int = 1) -> int:
    """Return the process of one rank of the job that writes there."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if f"output.folder={output}".encode() in words and words[0].endswith(b"python"):
            found.append(int(entry.name))
    return sorted(found)[wanted]


def until(there, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end, "nothing came"
        time.sleep(0.05)
