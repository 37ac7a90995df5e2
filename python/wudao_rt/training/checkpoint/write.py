"""Write a checkpoint under another name, push it to the disk, then give it its name."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors import SafetensorError

from wudao_rt.data import DataError
from wudao_rt.errors import CheckpointError
from wudao_rt.files import reason, write_whole
from wudao_rt.model_folder import CONFIG, IMAGE_TOKENIZER, TOKENIZER, WEIGHTS, save_file
from wudao_rt.training.checkpoint.read import steps_of
from wudao_rt.training.checkpoint.snapshot import EXPERTS, FOLDER, LAST, OPTIMIZER, STATE, Snapshot
from wudao_rt.training.ranks import Ranks

_PART = ".part"


def save(run: Path, snapshot: Snapshot, keep_last: int = 3, ranks: Ranks | None = None) -> Path:
    """Write `run/checkpoints/step-N` and name it in `run/last`; then remove the oldest beyond `keep_last`.

    At every moment the newest complete checkpoint stands under its name: a crash leaves at most a folder that ends in
    `.part`, which the next save removes. Every rank of a run calls this; where ranks share the experts, each writes a
    file of those that it holds.

    Raises:
        CheckpointError: the disk is full or cannot be written, on any rank; older checkpoints are as they were.
    """
    ranks = ranks or Ranks.alone()
    target = run / FOLDER / f"step-{snapshot.step}"
    part = target.with_name(target.name + _PART)
    _together(ranks, run, target, lambda: _begin(part) if ranks.first else {})
    digests = _together(ranks, run, target, lambda: _write_own(part, snapshot, ranks))
    _together(ranks, run, target, lambda: _end(run, part, target, snapshot, digests) if ranks.first else {})
    for step in steps_of(run)[keep_last:] if ranks.first else ():
        shutil.rmtree(run / FOLDER / f"step-{step}", ignore_errors=True)
    return target


def _together(ranks: Ranks, run: Path, target: Path, work: Callable[[], dict[str, str]]) -> dict[str, str]:
    """Return what the ranks' work returns, put together; where one of them fails, all do, with its reason."""
    found: dict[str, str] = {}
    trouble = ""
    try:
        found = work()
    except (OSError, SafetensorError, DataError) as error:
        trouble = _complaint(run, target, error)
    told = ranks.all_of((found, trouble))
    trouble = next((text for _, text in told if text), "")
    if trouble:
        if ranks.first:
            shutil.rmtree(target.with_name(target.name + _PART), ignore_errors=True)
        raise CheckpointError(trouble)
    return {name: digest for one, _ in told for name, digest in one.items()}


def _complaint(run: Path, target: Path, error: Exception) -> str:
    return (f"checkpoint: {target}: expected to write it, got: {reason(error)}; {last_good(run)}. Make room and run "
            "again with --resume.")


def last_good(run: Path) -> str:
    """Say which checkpoint is there when something could not be written."""
    kept = steps_of(run)
    return f"step-{kept[0]} is the last good checkpoint and is untouched" if kept else "there is no earlier checkpoint"


def _begin(part: Path) -> dict[str, str]:
    _discard_parts(part.parent)
    part.mkdir(parents=True)
    return {}


def _write_own(part: Path, snapshot: Snapshot, ranks: Ranks) -> dict[str, str]:
    """Write the files of arrays that fall to this rank; return their digests by name."""
    files: dict[str, dict[str, np.ndarray]] = {}
    weights, moments = (snapshot.weights, snapshot.optimizer) if ranks.row is None else snapshot.shared()
    if ranks.first:
        files[WEIGHTS] = dict(weights)
    if ranks.world.rank == ranks.size - 1:  # so that two write where there are two
        files[OPTIMIZER] = dict(moments)
    if ranks.row is not None and ranks.writes_experts:
        files[EXPERTS.format(ranks.row.rank + 1, ranks.row.size)] = snapshot.experts()
    for name, arrays in files.items():
        save_file(arrays, part / name)
        sync(part / name)
    return {name: sha256(part / name) for name in files}


def write_alone(folder: Path, snapshot: Snapshot) -> None:
    """Write the files of a checkpoint of one process into a folder."""
    _describe(folder, snapshot, _write_own(folder, snapshot, Ranks.alone()))


def _end(run: Path, part: Path, target: Path, snapshot: Snapshot, digests: dict[str, str]) -> dict[str, str]:
    _describe(part, snapshot, digests)
    _publish(part, target)
    _name_last(run / LAST, target.name)
    return {}


def _describe(part: Path, snapshot: Snapshot, digests: dict[str, str]) -> None:
    """Write what goes with the arrays, and last what all files should be."""
    (part / CONFIG).write_text(snapshot.config, encoding="utf-8")
    if snapshot.tokenizer is not None:
        snapshot.tokenizer.save(part / TOKENIZER)
    if snapshot.image_tokenizer is not None:
        snapshot.image_tokenizer.save(part / IMAGE_TOKENIZER)
    files = sorted(path for path in part.rglob("*") if path.is_file())
    names = [path.relative_to(part).as_posix() for path in files]
    found = {name: digests.get(name) or sha256(path) for name, path in zip(names, files, strict=True)}
    state = json.dumps({**snapshot.counters(), "sha256": found}, indent=1)
    (part / STATE).write_text(state, encoding="utf-8")
    for path in [*files, part / STATE, *(path for path in part.rglob("*") if path.is_dir()), part]:
        sync(path)


def _publish(part: Path, target: Path) -> None:
    if target.exists():  # the same step again, after a fall back to an older checkpoint: this one was damaged
        shutil.rmtree(target)
    os.rename(part, target)
    sync(target.parent)


def _name_last(last: Path, name: str) -> None:
    write_whole(last, name + "\n")
    sync(last.parent)


def _discard_parts(folder: Path) -> None:
    for left in folder.glob(f"step-*{_PART}"):
        shutil.rmtree(left)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as lower-case hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
