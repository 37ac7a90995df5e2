"""Write a checkpoint under another name, push it to the disk, then give it its name."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

from safetensors import SafetensorError

from wudao_rt.data import DataError
from wudao_rt.errors import CheckpointError
from wudao_rt.files import reason, write_whole
from wudao_rt.model_folder import CONFIG, TOKENIZER, WEIGHTS, save_file
from wudao_rt.training.checkpoint.read import steps_of
from wudao_rt.training.checkpoint.snapshot import FOLDER, LAST, OPTIMIZER, STATE, Snapshot

_PART = ".part"


def save(run: Path, snapshot: Snapshot, keep_last: int = 3) -> Path:
    """Write `run/checkpoints/step-N` and name it in `run/last`; then remove the oldest beyond `keep_last`.

    At every moment the newest complete checkpoint stands under its name: a crash leaves at most a folder that ends in
    `.part`, which the next save removes.

    Raises:
        CheckpointError: the disk is full or cannot be written; older checkpoints are as they were.
    """
    target = run / FOLDER / f"step-{snapshot.step}"
    part = target.with_name(target.name + _PART)
    try:
        _discard_parts(target.parent)
        part.mkdir(parents=True)
        _write_files(part, snapshot)
        _publish(part, target)
        _name_last(run / LAST, target.name)
    except (OSError, SafetensorError, DataError) as error:
        shutil.rmtree(part, ignore_errors=True)
        raise CheckpointError(_complaint(run, target, error)) from None
    for step in steps_of(run)[keep_last:]:
        shutil.rmtree(run / FOLDER / f"step-{step}", ignore_errors=True)
    return target


def _complaint(run: Path, target: Path, error: Exception) -> str:
    return (f"checkpoint: {target}: expected to write it, got: {reason(error)}; {last_good(run)}. Make room and run "
            "again with --resume.")


def last_good(run: Path) -> str:
    """Say which checkpoint is there when something could not be written."""
    kept = steps_of(run)
    return f"step-{kept[0]} is the last good checkpoint and is untouched" if kept else "there is no earlier checkpoint"


def _write_files(part: Path, snapshot: Snapshot) -> None:
    save_file(snapshot.weights, part / WEIGHTS)
    save_file(snapshot.optimizer, part / OPTIMIZER)
    (part / CONFIG).write_text(snapshot.config, encoding="utf-8")
    if snapshot.tokenizer is not None:
        snapshot.tokenizer.save(part / TOKENIZER)
    files = sorted(path for path in part.rglob("*") if path.is_file())
    digests = {path.relative_to(part).as_posix(): sha256(path) for path in files}
    state = json.dumps({**snapshot.counters(), "sha256": digests}, indent=1)
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
