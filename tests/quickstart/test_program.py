"""The quickstart from end to end on invented poems: what it prints, what it leaves behind, how it fails."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import wudao_rt
from quickstart.conftest import Run, quickstart
from wudao_rt.datasets import verse_prompt
from wudao_rt.evaluation import verse

LAST = (r"held-out \d+\.\d\d nats/token \(unigram \d+\.\d\d\), form \d+\.\d %, copied \d+\.\d\d %, train \d+ s")
SECTIONS = ["The poems", "Training", "Held-out loss", "Ten poems by given titles", "10 poems measured",
            "A true poem against the same characters shuffled", "Files", "Next"]


def test_last_line_and_sections(first_run: Run) -> None:
    assert first_run.code == 0, first_run.error[-2000:]
    lines = first_run.output.splitlines()
    assert re.fullmatch(LAST, lines[-1])
    assert [line[3:] for line in lines if line.startswith("== ")] == SECTIONS


def test_output_into_a_file_is_plain(first_run: Run) -> None:
    assert "\x1b" not in first_run.output and "\r" not in first_run.output
    assert not re.search("[\u2500-\u257f]", first_run.output)  # no frames
    assert all(line == line.rstrip() for line in first_run.output.splitlines())


def test_vocabulary_is_named_by_its_hash(first_run: Run) -> None:
    assert re.search(r"its SHA-256 +[0-9a-f]{64}$", first_run.output, re.M)


def test_files_are_where_it_says(first_run: Run) -> None:
    part = first_run.output.split("== Files\n")[1].split("\n\n")[0]
    places = dict(re.split(r"  +", line.strip()) for line in part.splitlines())
    assert set(places) == {"model", "log", "TensorBoard", "loss curve", "measurements", "poems"}
    assert all((first_run.folder / place).exists() for place in places.values())
    picture = (first_run.folder / places["loss curve"]).read_bytes()
    assert picture.startswith(b"\x89PNG") and len(picture) > 5000
    assert len((first_run.folder / places["poems"]).read_text(encoding="utf-8").splitlines()) == 10


def test_measurements_are_those_of_the_model(playground: Path, first_run: Run) -> None:
    found = json.loads((playground / "runs/quickstart/quickstart.json").read_text(encoding="utf-8"))
    model = wudao_rt.load(playground / "runs/quickstart")
    held_out = verse(model)
    assert found["losses"]["model"] == held_out["nats_per_token"]
    assert found["losses"]["tokens"] == held_out["tokens"]
    assert found["about"]["parameters"] == model.parameter_count
    assert found["last_line"] == first_run.output.splitlines()[-1]


def test_score_and_held_out_loss_agree(playground: Path) -> None:
    """The same poems, scored one by one with their end marks, cost what the held-out loss says."""
    from wudao_rt.data import prepare

    model = wudao_rt.load(playground / "runs/quickstart", dtype="float64")
    records = list(prepare("tang-quatrains").records("report"))
    scores = model.score([verse_prompt(r.form) for r in records], [r.text for r in records], include_end="eos")
    found = verse(model)
    assert sum(len(score.token_ids) for score in scores) == found["tokens"]
    mean = -sum(score.log_prob for score in scores) / found["tokens"]
    assert mean == pytest.approx(found["nats_per_token"], rel=1e-9)


def test_a_model_is_measured_without_training(playground: Path) -> None:
    again = quickstart(playground, "--model", "runs/quickstart", "--poems", "5")
    assert again.code == 0, again.error[-2000:]
    assert "== Training" not in again.output
    assert re.fullmatch(LAST, again.output.splitlines()[-1])


def test_second_run_leaves_the_first_alone(playground: Path) -> None:
    again = quickstart(playground, "--recipe", "tiny.toml", "--poems", "1")
    assert again.code == 0, again.error[-2000:]
    assert "runs/quickstart-2" in again.output


@pytest.mark.parametrize(("arguments", "message"), [
    (["--recipe", "nothing"], "train: nothing: expected a TOML file"),
    (["--model", "nowhere"], "load: nowhere: expected a folder"),
    (["--poems", "0"], "--poems"),
])
def test_mistakes_get_one_line(playground: Path, arguments: list[str], message: str) -> None:
    found = quickstart(playground, *arguments)
    assert found.code == 2
    assert found.error.startswith("quickstart: ") and message in found.error
    assert len(found.error.splitlines()) == 1


def test_without_network_there_is_one_line(playground: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache, and clients that cannot reach anything."""
    monkeypatch.setenv("WUDAO_CACHE", str(tmp_path))
    for name in ("npm_config_registry", "PIP_INDEX_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    monkeypatch.setenv("PIP_RETRIES", "0")
    found = quickstart(playground)
    lines = found.error.splitlines()
    assert found.code == 2
    assert lines[-1].startswith("quickstart: data fetch: ") and "No network?" in lines[-1]
    assert "Traceback" not in found.error


def test_interrupted_training_says_how_to_go_on(playground: Path) -> None:
    recipe = (playground / "tiny.toml").read_text(encoding="utf-8").replace("steps = 6", "steps = 1000000")
    (playground / "long.toml").write_text(recipe, encoding="utf-8")
    command = [sys.executable, "-m", "wudao_rt.quickstart", "--recipe", "long.toml", "--folder", "runs/long"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=playground, stdout=pipe, stderr=pipe, text=True) as process:
        assert any(" s   loss " in line for line in process.stdout)  # the first sample: it is at work
        process.send_signal(signal.SIGINT)
        output, error = process.communicate(timeout=120)
    assert process.returncode == 1
    last = output.splitlines()[-1]
    assert last.startswith("stopped by SIGINT at step ") and "wudao-rt train runs/long --resume" in last
    assert error == ""
    assert (playground / "runs/long/last").is_file()


def test_model_without_verse_tokens_is_refused(playground: Path) -> None:
    own = ["my_texts", "--max-seconds", "1", "--set", "output.folder=runs/own"]
    subprocess.run([sys.executable, "-m", "wudao_rt", "train", *own], cwd=playground, check=True, capture_output=True)
    found = quickstart(playground, "--model", "runs/own")
    assert found.code == 2 and len(found.error.splitlines()) == 1
