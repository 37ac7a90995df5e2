"""`wudao-rt image train-tokenizer` over ranks: the bits do not depend on how many there are; all stop and fail together."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from jobs import KIND, ROOT, Done, command, run, variables
from test_training import rank_of, until
from test_training_errors import lines
from train_jobs import files, words
from wudao_rt.data.pictures import Picture, PictureRecord, write_pictures

HOME = Path(ROOT) / "build" / "mpi" / f"tokenizer-{KIND}"
SMALL = {"vq.channels": 8, "vq.residual_blocks": 1, "vq.residual_channels": 8, "vq.codes": 32, "vq.code_width": 8,
         "train.batch": 8, "train.dtype": "float32", "train.lr": 1e-2, "train.virtual_shards": 4, "train.steps": 6,
         "train.revive_every": 2, "train.eval_every": 3, "train.checkpoint_every": 3, "output.log_every": 1}
LAYOUTS = {  # ranks, settings
    "2": (2, {}),
    "2-one-shard-at-a-time": (2, {"train.micro_shards": 1, "train.threads": 2}),
    "3": (3, {"train.micro_shards": 2}),
    "4": (4, {}),
    "5-more-than-shards": (5, {}),
}


@cache
def pictures() -> Path:
    """Forty blobs of colour on transparent ground, ten of them held out."""
    shutil.rmtree(HOME, ignore_errors=True)
    rng, made = np.random.default_rng(0), []
    for i in range(40):
        pixels = np.zeros((16, 16, 4), np.uint8)
        top, left = rng.integers(0, 8, 2)
        pixels[top : top + 8, left : left + 8] = [*rng.integers(0, 256, 3), 255]
        split = "validation" if i % 4 == 0 else "train"
        made.append(Picture(PictureRecord(f"p{i}", f"p{i}", name_en=f"blob {i}", split=split), pixels))
    write_pictures(HOME / "pictures", made, size=16)
    return HOME / "pictures"


def line_of(ranks: int, output: Path, *more: str, **changes: object) -> list[str]:
    dotted = {key.replace("__", "."): value for key, value in changes.items()}
    given = SMALL | {"data.corpus": pictures(), "output.folder": output} | dotted
    what = ["emoji-vq", *words(given)] if "--resume" not in more else [str(output), *words(dotted)]
    return command(KIND, ranks, "-m", "wudao_rt", "image", "train-tokenizer", *what, *more)


def train(ranks: int, output: Path, *more: str, **changes: object) -> Done:
    return run(line_of(ranks, output, *more, **changes))


def kept(output: Path, step: int = 6) -> dict[str, str]:
    return files(output / "checkpoints" / f"step-{step}")


@cache
def alone(dtype: str) -> dict[str, str]:
    pictures()
    done = train(1, HOME / f"{dtype}-alone", train__dtype=dtype)
    assert done.code == 0, done.err
    return kept(HOME / f"{dtype}-alone")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_layout_changes_no_byte(dtype, layout):
    wanted, (ranks, changes) = alone(dtype), LAYOUTS[layout]
    output = HOME / f"{dtype}-{layout}"
    done = train(ranks, output, train__dtype=dtype, **{k.replace(".", "__"): v for k, v in changes.items()})
    assert done.code == 0, done.err
    assert kept(output) == wanted
    assert done.out.count("held-out at step 6") == 1  # the first speaks for all
    assert f", {ranks} ranks" in done.out


def test_the_log_is_that_of_one_process():
    alone("float32")
    assert train(3, HOME / "logged").code == 0
    found = []
    for folder in (HOME / "float32-alone", HOME / "logged"):
        told = [json.loads(line) for line in (folder / "log.jsonl").read_text("utf-8").splitlines()]
        found.append([{k: v for k, v in one.items() if k not in ("seconds", "pictures_per_second")} for one in told])
        assert [one["step"] for one in told] == [1, 2, 3, 4, 5, 6]
        assert sum(one["revived"] for one in told) > 0
    assert found[0] == found[1]
    assert (HOME / "float32-alone" / "eval.jsonl").read_text() == (HOME / "logged" / "eval.jsonl").read_text()


def test_a_run_goes_on_with_another_number_of_ranks():
    wanted, output = alone("float32"), HOME / "changing"
    # One step each time, as a run that is out of time stops after a step.
    assert train(4, output, "--max-seconds", "0.001").code == 0
    for step, ranks in ((1, 1), (2, 3), (3, 2)):
        done = train(ranks, output, "--resume", *(("--max-seconds", "0.001") if step < 3 else ()))
        assert done.code == 0, done.err
        assert f"resumed at step {step}" in done.out
    assert kept(output) == wanted


def test_a_signal_to_one_rank_stops_all_at_one_step():
    pictures()
    output = HOME / "signalled"
    job = subprocess.Popen(line_of(3, output, train__steps=5000), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           text=True, env=variables(), start_new_session=True)
    try:
        until(lambda: (output / "last").is_file())
        os.kill(rank_of(output), signal.SIGTERM)
        out, err = job.communicate(timeout=30)
    finally:
        if job.poll() is None:
            os.killpg(job.pid, signal.SIGKILL)
    assert job.returncode == 0, err
    assert out.count("stopped by SIGTERM; go on with") == 1
    step = int((output / "last").read_text().split("-")[1])
    assert len((output / "log.jsonl").read_text("utf-8").splitlines()) == step


def test_settings_that_differ_name_the_key():
    one = line_of(1, HOME / "differ")
    two = [*one[one.index("-n") :], *words({"train.lr": 0.5})]
    done = run([*one, ":", *two])
    assert done.code != 0
    assert "config: train.lr: expected the same on all ranks, got 0.01 on rank 0 and 0.5 on rank 1" in lines(done)[0]
    assert not (HOME / "differ").exists()


@pytest.mark.parametrize(("output", "changes", "expected"), [
    ("float32-alone", {}, "expected a folder without a run, it holds checkpoints"),
    ("/proc/none", {}, "output.folder: expected a folder to write to"),
    ("never", {"data__corpus": "no-such-pictures"}, "no-such-pictures"),
    ("never", {"train__batch": 12, "train__virtual_shards": 8}, "train.virtual_shards: expected a power of two"),
    ("never", {"train__micro_shards": 3}, "micro_shards: expected a power of two up to 4, got 3"),
])
def test_a_mistake_is_one_line_of_one_rank(output, changes, expected):
    alone("float32")
    done = train(2, HOME / output, **changes)
    assert done.code != 0
    told = lines(done)
    assert len(told) == 1 and expected in told[0], done.err
    assert "Traceback" not in done.err
