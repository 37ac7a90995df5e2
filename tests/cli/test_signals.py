"""A run that is asked to stop saves, says how to go on, and exits with 0."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import environment, run_cli, sets


def popen(*arguments: object) -> subprocess.Popen:
    """Start Python as a terminal does; a shell's background job, as which the tests may run, ignores SIGINT."""
    command = [sys.executable, *map(str, arguments)]
    return subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))


def start(texts: Path, output: Path) -> subprocess.Popen:
    options = sets("train.steps=1000000", "output.log_every=1", f"output.folder={output}")
    return popen("-m", "wudao_rt", "train", texts, *options)


def wait_for(process: subprocess.Popen, start: str) -> None:
    for line in process.stdout:
        if line.startswith(start):
            return
    raise AssertionError(process.stderr.read())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_signals_save_and_exit_cleanly(texts, tmp_path, number: signal.Signals):
    output = tmp_path / "run"
    process = start(texts, output)
    wait_for(process, "step 3 ")
    process.send_signal(number)
    shown, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert f"stopped by {number.name}" in shown and f"wudao-rt train {output} --resume" in shown
    step = (output / "last").read_text().strip().removeprefix("step-")
    again = run_cli("train", output, "--resume", "--set", f"train.steps={int(step) + 2}")
    assert again.returncode == 0 and f"resumed at step {step} " in again.stdout
    assert (output / "last").read_text().strip() == f"step-{int(step) + 2}"


def test_a_killed_run_resumes_from_its_last_checkpoint(texts, tmp_path):
    output = tmp_path / "run"
    options = sets("train.steps=1000000", "train.checkpoint_every=2", f"output.folder={output}")
    process = popen("-m", "wudao_rt", "train", texts, *options)
    wait_for(process, f"checkpoint {output / 'checkpoints' / 'step-8'}")
    process.kill()
    process.communicate(timeout=60)
    again = run_cli("train", output, "--resume", "--max-seconds", 0.5)
    assert again.returncode == 0, again.stderr
    assert "resumed at step " in again.stdout


# A preparation that takes long, and a tokenizer library that does not look for signals.
_PREPARING = """
import sys, time
import wudao_rt.training.session as session
def prepare(*arguments):
    print("preparing", flush=True)
    time.sleep(60)
session.Corpora = prepare
from wudao_rt.cli import main
main(sys.argv[1:])
"""
_TOKENIZING = """
import sys, time
import wudao_rt.data.tokenizer.train as train
class Deaf:
    def __init__(self, *arguments):
        pass
    def train_from_iterator(self, *arguments):
        print("training", flush=True)
        while True:
            time.sleep(1)
train.Inner = Deaf
from wudao_rt.cli import main
main(sys.argv[1:])
"""


def interrupted(program: str, arguments: list[str], word: str, number: signal.Signals) -> subprocess.Popen:
    process = popen("-c", program, *arguments)
    wait_for(process, word)
    process.send_signal(number)
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_before_the_first_step_there_is_nothing_to_save(texts, tmp_path, number: signal.Signals):
    arguments = ["train", str(texts), *sets(f"output.folder={tmp_path / 'run'}")]
    process = interrupted(_PREPARING, arguments, "preparing", number)
    _, errors = process.communicate(timeout=20)
    told = f"wudao-rt: stopped by {number.name} before the first step; there was nothing to save yet"
    assert (process.returncode, errors.strip()) == (1, told)


def test_a_tokenizer_can_be_interrupted(texts, tmp_path):
    arguments = ["tokenizer", "train", str(texts), "--to", str(tmp_path / "tokenizer")]
    process = interrupted(_TOKENIZING, arguments, "training", signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors.strip()) == (1, "wudao-rt: interrupted")
    assert not (tmp_path / "tokenizer").exists()


def test_generation_can_be_interrupted(run):
    process = popen("-m", "wudao_rt", "generate", "--model", run, "--prompt", "春", "-n", "100000", "--stream")
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors.strip()) == (1, "wudao-rt: interrupted")
