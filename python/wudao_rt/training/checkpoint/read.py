"""Find, verify and read checkpoints."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wudao_rt.errors import CheckpointError, shown
from wudao_rt.model_folder import WEIGHTS, expert_files, read_weights
from wudao_rt.parameters import expert_of
from wudao_rt.training.checkpoint.snapshot import FOLDER, FORMAT, OPTIMIZER, STATE
from wudao_rt.training.ranks import Ranks

_NAME = re.compile(r"step-(\d+)")


@dataclass(frozen=True, eq=False)
class Restored:
    """A checkpoint in memory: where it lay, its counters, weights and moments."""

    path: Path
    state: dict[str, Any]
    weights: dict[str, np.ndarray]
    optimizer: dict[str, np.ndarray]


def steps_of(run: Path) -> list[int]:
    """Return the steps of a run's checkpoints, newest first."""
    names = (_NAME.fullmatch(path.name) for path in (run / FOLDER).glob("step-*") if path.is_dir())
    return sorted((int(match[1]) for match in names if match), reverse=True)


def verify(path: Path, ranks: Ranks | None = None) -> dict[str, Any]:
    """Return the state of a checkpoint whose files all have the SHA-256 that it names; ranks share the work.

    Raises:
        CheckpointError: a file is missing, cut short or changed; the same on every rank.
    """
    ranks = ranks or Ranks.alone()
    state, trouble = {}, ""
    try:
        state = _state(path)
        for number, (name, digest) in enumerate(state["sha256"].items()):
            if number % ranks.size == ranks.world.rank:
                _verify_file(path, name, digest)
    except CheckpointError as error:
        trouble = str(error)
    trouble = next((text for text in ranks.all_of(trouble) if text), "")
    if trouble:
        raise CheckpointError(trouble)
    return state


def _verify_file(path: Path, name: str, digest: str) -> None:
    try:
        found = hashlib.sha256((path / name).read_bytes()).hexdigest()
    except OSError as error:
        raise _damaged(path, name, "a readable file", error.strerror) from None
    if found != digest:
        raise _damaged(path, name, f"SHA-256 {shown(digest, 15)}", f"{found[:12]}...")


def _state(path: Path) -> dict[str, Any]:
    try:
        state = json.loads((path / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(path, STATE, "readable JSON", shown(error)) from None
    numbers = {"format", "step", "updates", "tokens"}
    if not isinstance(state, dict) or not isinstance(state.get("sha256"), dict) or not all(
        isinstance(state.get(name), int) for name in numbers
    ):
        raise _damaged(path, STATE, f"the keys {', '.join(sorted(numbers))}, sha256", "others")
    if state["format"] != FORMAT:
        raise _damaged(path, STATE, f"format {FORMAT}", str(state["format"]))
    return state


def _damaged(path: Path, name: str, expected: str, came: str | None) -> CheckpointError:
    return CheckpointError(f"checkpoint: {path.name}/{name}: expected {expected}, got {came}. The checkpoint is "
                           "damaged; use another one.")


def newest_good(run: Path, say: Callable[[str], None], ranks: Ranks | None = None, at_most: int | None = None) -> Path:
    """Return the newest checkpoint of a run that is whole; say which damaged ones were passed over.

    Args:
        run: run folder.
        say: is told.
        ranks: that share the work.
        at_most: its step at the most; None: any.

    Raises:
        CheckpointError: none is whole.
    """
    ranks = ranks or Ranks.alone()
    for step in ranks.told_by_first(steps_of(run)):
        path = run / FOLDER / f"step-{step}"
        if at_most is not None and step > at_most:
            continue
        try:
            verify(path, ranks)
        except CheckpointError as error:
            say(f"{error} Trying the one before.")
            continue
        return path
    raise CheckpointError(f"resume: {run}: expected a complete checkpoint, found none. Start again without --resume.")


def restore(path: Path) -> Restored:
    """Read a checkpoint that `verify` or `newest_good` passed; arrays lie in their files until they are looked at."""
    weights, optimizer = read_weights(path / WEIGHTS), read_weights(path / OPTIMIZER)
    for file in expert_files(path):
        for name, array in read_weights(file).items():
            (weights if expert_of(name) else optimizer)[name] = array
    return Restored(path, _state(path), weights, optimizer)
