"""What is kept of a recorded step: hashes of what every rank computed for every virtual shard."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wudao_rt import __version__, _core
from wudao_rt.config import Config
from wudao_rt.config.files import to_toml
from wudao_rt.errors import CheckpointError, ConfigError
from wudao_rt.training.hashes import expert_in
from wudao_rt.training.log import RECORD

_DIGITS = 16  # of a hash


@dataclass(frozen=True, eq=False)
class Record:
    """Hold a line of record.jsonl. Ranks are those of the job, as `[rank 1/4]` has them.

    Args:
        step: number of the step, from 1.
        engine: what the bits depend on beside the settings: see `engine`.
        settings: fingerprint of the settings; see `fingerprint`.
        done: share of the run that lay before the step, of which its batch is made.
        hosts: of each rank.
        grid: ranks, row by row; those of a row share the experts.
        shards: rank of each virtual shard.
        experts: of a layer; 0: none.
        losses: of each shard, as hexadecimal floats.
        weights: hash of each parameter before the step.
        hashes: by what was computed, those of all shards one after the other; see `wudao_rt.training.hashes.computed`.
    """

    step: int
    engine: dict[str, str]
    settings: str
    done: float
    hosts: list[str]
    grid: list[list[int]]
    shards: list[int]
    experts: int
    losses: list[str]
    weights: dict[str, str]
    hashes: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return the fields of the JSON line."""
        return dataclasses.asdict(self)

    def hash_of(self, what: str, shard: int) -> str:
        """Return the hash of something that was computed for a shard; empty: it is not there."""
        return self.hashes.get(what, "")[shard * _DIGITS : (shard + 1) * _DIGITS]

    def rank_of(self, what: str, shard: int) -> int:
        """Return the rank that computed it: of what an expert did the one that holds it, else that of the shard."""
        own, expert = self.shards[shard], expert_in(what)
        if expert is None:
            return own
        row = next(row for row in self.grid if own in row)
        begins = [column * self.experts // len(row) for column in range(len(row))]
        return row[max(column for column, begin in enumerate(begins) if begin <= expert)]


def engine(config: Config) -> dict[str, str]:
    """Return what bits depend on, beside the settings."""
    chosen = _core.kernels()
    matrix = chosen[f"matmul_{config.train.dtype}"]
    return {"version": __version__, "CPU level": chosen["level"], "matrix library": matrix}


def fingerprint(config: Config) -> str:
    """Return a fingerprint of the settings that decide what comes out."""
    return hashlib.sha256(to_toml(config, layout=False).encode()).hexdigest()[:_DIGITS]


def read_records(run: Path) -> dict[int, Record]:
    """Return the recorded steps of a run, by number.

    Raises:
        ConfigError: there are none.
        CheckpointError: a line is not one of a record.
    """
    path = run / RECORD
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    found = [_parsed(path, number, line, last=number == len(lines)) for number, line in enumerate(lines, 1)]
    records = {record.step: record for record in found if record is not None}
    if not records:
        raise ConfigError(f"replay: RUN: expected the folder of a run with recorded steps, {run} has no {RECORD} with "
                          "a step in it. Give one that was trained with train.record above 0.")
    return records


def _parsed(path: Path, number: int, line: str, last: bool) -> Record | None:
    try:
        return Record(**json.loads(line))
    except (ValueError, TypeError):
        if last:  # a crash cut it short
            return None
        raise CheckpointError(f"replay: {path}:{number}: expected a recorded step, got something else. Remove the line."
                              ) from None
