"""What goes wrong when ranks train: one clear line, the same decision everywhere, and nothing lost.

Cases 32 (damaged and missing shards) and 33 (killed during a save) of section 10.2 of the specification.
"""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

import pytest
from jobs import HERE, KIND, ROOT, command, run
from train_jobs import train, words, write_config, write_texts

HOME = Path(ROOT) / "build" / "mpi" / f"errors-{KIND}"


@cache
def config() -> Path:
    shutil.rmtree(HOME, ignore_errors=True)
    return write_config(HOME / "run.toml", write_texts(HOME), schedule="constant")


@cache
def trained() -> Path:
    done = train(2, config(), HOME / "trained")
    assert done.code == 0, done.err
    return HOME / "trained"


def lines(done) -> list[str]:
    """What a person is told, without the launcher's own words."""
    return [line for line in done.err.splitlines() if "wudao-rt:" in line and not line.startswith("wudao-rt:")]


@pytest.mark.parametrize(("ranks", "changes", "expected"), [
    (8, {"parallel__experts": 8}, "config: parallel.experts: expected at most the 6 experts of a layer, got 8. Lower it."),
    (4, {"parallel__experts": 3}, "config: parallel.experts: expected a divisor of the 4 ranks, got 3."),
    (2, {"model__moe__k": 7}, "config: model.moe.k: expected at most the 6 experts, got 7."),
    (2, {"model__moe__capacity_factor": -1}, "model.moe: capacity_factor: expected at least 0, got -1"),
    (4, {"parallel__exchange": "two_level", "parallel__supernode_size": 3, "parallel__experts": 4}, "supernode_size"),
])
def test_settings_that_cannot_be_are_one_line(ranks, changes, expected):
    done = train(ranks, config(), HOME / "never", **changes)
    assert done.code != 0
    told = lines(done)
    assert len(told) == 1, done.err
    assert expected in told[0]
    assert told[0].startswith("[rank ")


def test_a_folder_that_cannot_be_written_is_one_line():
    done = train(2, config(), Path("/proc/none"))
    assert done.code != 0
    assert ["output.folder: expected a folder to write to" in line for line in lines(done)] == [True], done.err


def test_configs_that_differ_name_the_key():
    one = command(KIND, 1, "-m", "wudao_rt", "train", str(config()), *words({"output.folder": HOME / "differ"}))
    two = [*one[one.index("-n"):], *words({"train.lr": 0.5})]
    done = run([*one, ":", *two])
    assert done.code != 0
    assert "config: train.lr: expected the same on all ranks, got 0.001 on rank 0 and 0.5 on rank 1" in lines(done)[0]
    assert not (HOME / "differ").exists()


@pytest.mark.parametrize("damage", ["missing", "changed", "short"])
def test_a_bad_shard_is_named_and_the_checkpoint_before_is_taken(damage):
    folder = HOME / damage
    shutil.copytree(trained(), folder)
    shard = folder / "checkpoints" / "step-6" / "experts-00002-of-00002.safetensors"
    if damage == "missing":
        shard.unlink()
    else:
        data = bytearray(shard.read_bytes())
        data[-5] ^= 1
        shard.write_bytes(data if damage == "changed" else data[:-100])
    done = train(3, folder, folder, "--resume", train__steps=7)
    assert done.code == 0, done.err
    assert "step-6/experts-00002-of-00002.safetensors: expected" in done.out
    assert "resumed at step 3" in done.out


def test_a_missing_shard_cannot_be_generated_with():
    folder = HOME / "part"
    shutil.copytree(trained() / "checkpoints" / "step-6", folder)
    (folder / "experts-00001-of-00002.safetensors").unlink()
    done = run(command(KIND, 1, "-m", "wudao_rt", "generate", "--model", str(folder), "--prompt", "the"))
    assert done.code == 2
    assert "experts-00001-of-00002.safetensors: expected a file of experts, got none" in done.err


def test_a_foreign_shard_is_named():
    folder = HOME / "foreign"
    shutil.copytree(trained() / "checkpoints" / "step-6", folder)
    other = trained() / "checkpoints" / "step-3" / "experts-00001-of-00002.safetensors"
    shutil.copy(other, folder / "experts-00001-of-00003.safetensors")
    done = run(command(KIND, 1, "-m", "wudao_rt", "generate", "--model", str(folder), "--prompt", "the"))
    assert done.code == 2
    assert "experts-0000" in done.err


def test_a_rank_that_dies_while_saving_leaves_the_checkpoint_before():  # 33
    output = HOME / "dies"
    done = run(command(KIND, 2, str(HERE / "dying.py"), "train", str(config()),
                       *words({"output.folder": output, "train.checkpoint_every": 2})))
    assert done.code != 0
    assert (output / "last").read_text().strip() == "step-2"
    assert [path.name for path in (output / "checkpoints").glob("step-*") if path.suffix != ".part"] == ["step-2"]
    again = train(2, output, output, "--resume")
    assert again.code == 0, again.err
    assert "resumed at step 2" in again.out


def test_one_batch_for_all_ranks_needs_no_sample_on_each():
    done = train(3, config(), HOME / "one", train__batch=1, train__steps=2)
    assert done.code == 0, done.err
