"""Compute a recorded step again on one process, and tell which rank computed something else.

A recorded step keeps, for each virtual shard, the hash of everything on the way from its tokens to its gradients: what
each op made, forward, and the gradient that came to it, backward; what each expert made of the shard's rows; and the
gradient of every parameter before it is summed over shards. Computing it again passes through the same places in the
same order, and each place depends on those before it alone. So the first place whose hash differs is where something
went wrong: all that went into it was right. It belongs to one rank: what an expert made, and gradients of its
parameters, to the one that holds it; all else to the one that has the shard. What differs behind that place follows
from it, on whatever rank. A row that changes on its way between ranks shows at the one that received it.

Weights come first. A step begins with those of the step before, on which all ranks agreed when it was recorded; if they
are others than those computed again, then something went wrong in a step that was not recorded, or in a sum over ranks,
and no rank can be named.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from wudao_rt import _core
from wudao_rt.config import Config, load_config
from wudao_rt.errors import CheckpointError, ConfigError
from wudao_rt.model_folder import CONFIG
from wudao_rt.training import checkpoint
from wudao_rt.training.hashes import GRADIENT, computed, weight_hashes
from wudao_rt.training.rates import Rates
from wudao_rt.training.record import Record, engine, fingerprint, read_records
from wudao_rt.training.session import Session, reopen

_MANY = 12
_CURES = {"version": "Install that version.", "CPU level": "Set WUDAO_CPU_ISA={}, on a machine that has it.",
          "matrix library": "Set WUDAO_MATMUL, on a machine that has it; see wudao-rt info."}


@dataclass(frozen=True)
class Finding:
    """Hold what came of a shard, or of the weights.

    Args:
        step: number of the step, from 1.
        shard: virtual shard; None: the weights before the step.
        gradients: of parameters that were compared.
        what: the first thing that was computed differently; empty: all agree.
        rank, ranks, host: who computed it, of how many, and where; None: nobody can be named.
        expected, got: its hash as computed here, and as recorded.
    """

    step: int
    shard: int | None
    gradients: int
    what: str = ""
    rank: int | None = None
    ranks: int = 1
    host: str = ""
    expected: str = ""
    got: str = ""

    def line(self) -> str:
        """Return it for people."""
        if not self.what:
            return f"step {self.step}, shard {self.shard}: {self.gradients} gradients agree"
        hashes = f"expected {self.expected}, got {self.got}."
        if self.shard is None:
            return (f"step {self.step}: the weights before it are others than recorded, {self.what} first: {hashes} An "
                    "earlier step went wrong that was not recorded, or a sum over ranks.")
        return (f"step {self.step}, shard {self.shard}: rank {self.rank}/{self.ranks} ({self.host}) computed another "
                f"{self.what}: {hashes}")

    def to_json(self) -> dict[str, Any]:
        """Return the fields."""
        return asdict(self) | {"agrees": not self.what}


class Replay:
    """Choose what to compute again, and do so.

    Args:
        run: run folder.
        step: a recorded step; None: the newest of those that need the least training again.
        shard: virtual shard; None: all.
        say: is told what takes time or is passed over.
    Raises:
        ConfigError: nothing is recorded, not this step, or not by an engine like this one.
        CheckpointError: a file is damaged.
    """

    def __init__(self, run: Path, step: int | None = None, shard: int | None = None,
                 say: Callable[[str], None] = print) -> None:
        self._run, self._say = run, say
        self._records = read_records(run)
        self._record = self._chosen(step)
        self._config = _settings(run, self._record)
        _require_engine(self._record, engine(self._config))
        shards = len(self._record.shards)
        if shard is not None and not 0 <= shard < shards:
            raise ConfigError(f"replay: --shard: expected 0 to {shards - 1}, got {shard}. Choose one of them.")
        self._shards: Sequence[int] = range(shards) if shard is None else [shard]

    def findings(self) -> Iterator[Finding]:
        """Yield what came of each shard; where an earlier recorded step went wrong, that ends it."""
        session = self._session()
        for finding in self._trained_again(session):
            yield finding
            if finding.what:
                return
        wrong = _compared_weights(self._record, session)
        if wrong:
            yield wrong
            return
        rows = session.source.batch(session.step, self._record.done)
        for shard in self._shards:
            recorder = _core.Recorder()
            session.trainer.replay(dict(rows.arrays), shard, recorder, **session.pass_options())
            yield from _compared(self._record, session, recorder)

    def _chosen(self, step: int | None) -> Record:
        steps = sorted(self._records)
        if step is None:
            kept = [0, *checkpoint.steps_of(self._run)]
            return self._records[min(steps, key=lambda s: (s - 1 - max(k for k in kept if k < s), -s))]
        if step not in self._records:
            listed = ", ".join(map(str, steps[-_MANY:]))
            raise ConfigError(f"replay: --step: expected one of the {len(steps)} recorded steps, got {step}. "
                              f"{'They are' if len(steps) <= _MANY else 'The last are'} {listed}.")
        return self._records[step]

    def _session(self) -> Session:
        """Return the run at the newest checkpoint that is not behind the step."""
        before = self._record.step - 1
        try:
            at = checkpoint.newest_good(self._run, self._say, at_most=before)
        except CheckpointError:
            at = None  # from the first step on
        session = reopen(self._config, self._run, at)
        if session.step == before:
            return session
        if self._config.train.seconds:
            raise ConfigError(f"replay: --step: expected the one after checkpoint step-{session.step}, got "
                              f"{self._record.step}. A run by train.seconds cannot be trained again: it followed the "
                              "clock.")
        return session

    def _trained_again(self, session: Session) -> Iterator[Finding]:
        """Take the steps up to the one before the record; yield what is wrong with those recorded among them."""
        rates, first = Rates(self._config.train), session.step
        if first == self._record.step - 1:
            return
        self._say(f"training again from step {first} to {self._record.step - 1}")
        with _bar() as bar:
            for step in bar.track(range(first, self._record.step - 1)):
                record = self._records.get(step + 1)
                wrong = _compared_weights(record, session) if record else None
                if wrong:
                    yield wrong
                recorder = _core.Recorder() if record else None
                rows = session.source.batch(step, rates.done(step, 0.0))
                session.advance(rows, rates.share(step + 1, 0.0), recorder)
                if record:
                    yield from (finding for finding in _compared(record, session, recorder) if finding.what)


def _settings(run: Path, record: Record) -> Config:
    """Return the settings with which a step was taken, of the run or of one of its checkpoints."""
    kept = [run / checkpoint.FOLDER / f"step-{step}" for step in checkpoint.steps_of(run)]
    for folder in (run, *kept):
        try:
            config = load_config(folder / CONFIG)
        except ConfigError:
            continue
        if fingerprint(config) == record.settings:
            return config
    raise ConfigError(f"replay: {run}: expected the settings of step {record.step} in config.toml of the run or of a "
                      "checkpoint, got others. They were changed since; replay a later step.")


def _require_engine(record: Record, mine: dict[str, str]) -> None:
    for key, wanted in record.engine.items():
        if mine[key] != wanted:
            raise ConfigError(f"replay: {key}: expected {wanted}, as recorded, got {mine[key]}. Bits are promised "
                              f"within one of them. {_CURES[key].format(wanted)}")


def _compared_weights(record: Record, session: Session) -> Finding | None:
    """Return the first parameter that is another than recorded."""
    mine = weight_hashes(session.model)
    wrong = next((name for name, value in mine.items() if record.weights.get(name) != value), None)
    if wrong is None:
        return None
    return Finding(record.step, None, 0, wrong, None, len(record.hosts), "", mine[wrong],
                   record.weights.get(wrong, "none"))


def _compared(record: Record, session: Session, recorder: _core.Recorder) -> list[Finding]:
    """Return what came of every shard that the recorder saw."""
    shards: dict[int, list[tuple[str, str]]] = {}
    for what, shard, value in computed(recorder, session.model):
        shards.setdefault(shard, []).append((what, value))
    return [_first_difference(record, shard, shards[shard]) for shard in sorted(shards)]


def _first_difference(record: Record, shard: int, found: list[tuple[str, str]]) -> Finding:
    for what, value in found:
        recorded = record.hash_of(what, shard)
        if not recorded:
            raise CheckpointError(f"replay: record.jsonl: expected a hash of {what} in step {record.step}, got none. "
                                  "Was the file changed?")
        if recorded != value:
            rank = record.rank_of(what, shard)
            return Finding(record.step, shard, 0, what, rank, len(record.hosts), record.hosts[rank], value, recorded)
    gradients = sum(what.startswith(GRADIENT) for what, _ in found)
    return Finding(record.step, shard, gradients, ranks=len(record.hosts))


def _bar() -> Progress:
    columns = (TextColumn("training again"), BarColumn(), TextColumn("{task.percentage:.0f} %"), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
