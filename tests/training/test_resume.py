"""The bits of a run depend neither on a stop in between, nor on threads, nor on how shards are grouped."""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise
from pathlib import Path

import pytest
import wudao_rt
from wudao_rt.config import parse_config
from wudao_rt.errors import CheckpointError, ConfigError
from wudao_rt.training import Callbacks, StepInfo

from .conftest import tiny


def run(texts: Path, output: Path, resumed: bool = False, **train: object):
    return wudao_rt.train(parse_config(tiny(texts, output, **train)), resumed=resumed)


def digests(output: Path, step: int = 6) -> dict[str, str]:
    folder = output / "checkpoints" / f"step-{step}"
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def straight(texts: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    output = tmp_path_factory.mktemp("runs") / "straight"
    assert run(texts, output).finished
    return digests(output)


def stop_and_go(texts: Path, output: Path, **train: object) -> dict[str, str]:
    config = parse_config(tiny(texts, output, checkpoint_every=3, **train))

    class Stop(Callbacks):
        def on_checkpoint(self, path: Path) -> None:
            raise KeyboardInterrupt  # a hard end, right after the checkpoint

    with pytest.raises(KeyboardInterrupt):
        wudao_rt.train(config, callbacks=Stop())
    assert wudao_rt.train(str(output), resumed=True).steps == 6
    return digests(output)


def test_resuming_gives_the_same_weights(texts, tmp_path, straight):
    again = stop_and_go(texts, tmp_path / "again")
    for name in ("model.safetensors", "optimizer.safetensors"):
        assert again[name] == straight[name]


def test_a_resumed_log_has_every_step_once(texts, tmp_path):
    stop_and_go(texts, tmp_path / "again")
    records = [json.loads(line) for line in (tmp_path / "again" / "log.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records] == [1, 2, 3, 4, 5, 6]
    assert all(a["tokens"] < b["tokens"] and a["seconds"] < b["seconds"]
               for a, b in pairwise(records))


@pytest.mark.parametrize("layout", [{"threads": 1}, {"threads": 2}, {"micro_shards": 1}, {"micro_shards": 2},
                                    {"micro_shards": 4}, {"micro_shards": 8}, {"recompute": True},
                                    {"threads": 1, "micro_shards": 2}])
def test_the_layout_of_the_machine_changes_no_byte_of_a_checkpoint(texts, tmp_path, straight, layout: dict):
    run(texts, tmp_path / "run", **layout)
    assert digests(tmp_path / "run") == straight


@pytest.mark.parametrize("options", [{"dtype": "bfloat16"}, {"dtype": "float16"}, {"optimizer": "muon"},
                                     {"optimizer": "muon", "newton_schulz": "bfloat16", "dtype": "bfloat16"}])
def test_no_kind_of_run_sees_the_layout(texts, tmp_path, options: dict):
    found = []
    for name, layout in (("one", {"threads": 1, "micro_shards": 2}), ("four", {"threads": 4, "recompute": True})):
        run(texts, tmp_path / name, **options, **layout)
        found.append(digests(tmp_path / name))
    assert found[0] == found[1]


@pytest.mark.parametrize("change", [{"seed": 1}, {"virtual_shards": 2}, {"lr": 5e-4}])
def test_what_should_change_the_bits_does(texts, tmp_path, straight, change: dict):
    run(texts, tmp_path / "run", **change)
    assert digests(tmp_path / "run")["model.safetensors"] != straight["model.safetensors"]


@pytest.mark.parametrize("options", [{"dtype": "bfloat16"}, {"optimizer": "muon"},
                                     {"dtype": "float16", "loss_scale": 2.0**40, "loss_scale_every": 2}])
def test_resuming_is_exact_for_every_kind_of_run(texts, tmp_path, options: dict):
    run(texts, tmp_path / "straight", **options)
    assert stop_and_go(texts, tmp_path / "again", **options)["model.safetensors"] == \
        digests(tmp_path / "straight")["model.safetensors"]


def test_a_damaged_newest_checkpoint_costs_only_its_steps(texts, tmp_path, straight, capsys):
    output = tmp_path / "run"
    run(texts, output, checkpoint_every=3)
    (output / "checkpoints" / "step-6" / "model.safetensors").write_bytes(b"torn")
    assert wudao_rt.train(str(output), resumed=True).steps == 6
    shown = capsys.readouterr().out
    assert "step-6/model.safetensors" in shown and "resumed at step 3" in shown
    assert digests(output)["model.safetensors"] == straight["model.safetensors"]


def test_a_longer_run_goes_on_from_a_finished_one(texts, tmp_path):
    run(texts, tmp_path / "run")
    report = wudao_rt.train(str(tmp_path / "run"), changes=["train.steps=8"], resumed=True)
    assert (report.steps, report.finished) == (8, True)


def test_a_folder_with_a_run_is_not_overwritten(texts, tmp_path):
    run(texts, tmp_path / "run")
    before = digests(tmp_path / "run")
    with pytest.raises(ConfigError, match="--resume"):
        run(texts, tmp_path / "run", lr=1.0)
    assert digests(tmp_path / "run") == before


def test_resuming_nothing_is_an_error(texts, tmp_path):
    with pytest.raises(CheckpointError, match="expected a complete checkpoint"):
        run(texts, tmp_path / "run", resumed=True)


def test_callbacks_hear_of_everything(texts, tmp_path):
    class Heard(Callbacks):
        def __init__(self) -> None:
            self.steps: list[StepInfo] = []
            self.checkpoints: list[Path] = []
            self.samples: list[list[str]] = []
            self.evaluations: list[dict] = []

        def on_step(self, info: StepInfo) -> None:
            self.steps.append(info)

        def on_checkpoint(self, path: Path) -> None:
            self.checkpoints.append(path)

        def on_sample(self, texts: list[str]) -> None:
            self.samples.append(texts)

        def on_evaluation(self, step: int, result: dict) -> None:
            self.evaluations.append(result)

    heard = Heard()
    config = parse_config(tiny(texts, tmp_path / "run", sample_every=3, eval_every=3, checkpoint_every=3))
    report = wudao_rt.train(config, callbacks=heard)
    assert [info.step for info in heard.steps] == [1, 2, 3, 4, 5, 6]
    assert [path.name for path in heard.checkpoints] == ["step-3", "step-6"]
    assert len(heard.samples) == 2 and all(isinstance(text, str) for text in heard.samples[0])
    assert [result["tokens"] for result in heard.evaluations] == [heard.evaluations[0]["tokens"]] * 2
    assert report.held_out == heard.evaluations[-1]["nats_per_token"] < 5
    assert report.tokens == heard.steps[-1].tokens and 0 < report.share_of_peak < 1
