"""The judge of trials is shown what it must not let pass."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trial
from trial import fuzz, is_told_well, limited_memory, outcome
from wudao_rt.errors import ConfigError, InternalError

TOLD = "config: train.lr: expected a number, got 'x' (str). Change the value."


def fails_with(error: BaseException) -> Callable[[], Any]:
    def action() -> None:
        raise error

    return action


def test_sound_outcomes_pass() -> None:
    assert outcome(lambda: 3) == 3
    assert isinstance(outcome(fails_with(ConfigError(TOLD))), ConfigError)


@pytest.mark.parametrize("error", [
    ValueError("x"), KeyboardInterrupt(), MemoryError(), RecursionError(), ConfigError("no"), InternalError(TOLD),
    ConfigError(TOLD + "\nand more."), ConfigError(TOLD + "\x1b[31m."), ConfigError(TOLD * 50),
], ids=repr)
def test_other_outcomes_fail(error: BaseException) -> None:
    with pytest.raises(AssertionError):
        outcome(fails_with(error))


@pytest.mark.parametrize("text", [
    TOLD, "load: a/b: expected a file, got: nothing: at all. Check it.",
    "a: b c: expected one of x, y, came 3. Did you mean 'x'?",
])
def test_the_pattern_takes_what_the_house_writes(text: str) -> None:
    assert is_told_well(text)


@pytest.mark.parametrize("text", [
    "", "config: expected x, got y. Do z.", "a: b: expected x, got y.", "a: b: got y. Do it.",
])
def test_the_pattern_refuses_less(text: str) -> None:
    assert not is_told_well(text)


def test_slow_trials_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "SECONDS_OF_A_TRIAL", 0.0)
    with pytest.raises(AssertionError, match="took"):
        outcome(lambda: sum(range(1000)))


def test_memory_is_refused() -> None:
    with limited_memory(), pytest.raises(AssertionError, match="MemoryError"):
        outcome(lambda: bytearray(2 * trial.MEMORY))


def test_a_failure_names_its_input_and_comes_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(trial, "FOLDER", tmp_path)
    monkeypatch.setenv("FUZZ_SEED", "7")
    drawn = []

    def one(rng: random.Random, folder: Path) -> None:
        drawn.append(rng.random())
        assert drawn[-1] < 0.9

    with pytest.raises(AssertionError, match=r"FUZZ_SEED=7 FUZZ_TRIAL=\d+"):
        fuzz("x", one)
    monkeypatch.setenv("FUZZ_TRIAL", str(len(drawn) - 1))
    with pytest.raises(AssertionError):
        fuzz("x", one)
    assert drawn[-1] == drawn[-2] >= 0.9
