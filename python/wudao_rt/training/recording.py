"""A step while it is being recorded."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wudao_rt import _core
from wudao_rt.errors import InternalError
from wudao_rt.training.agreement import agreed_weights
from wudao_rt.training.hashes import computed, expert_in
from wudao_rt.training.record import Record, engine, fingerprint

if TYPE_CHECKING:
    from wudao_rt.training.session import Session

new_recorder: Callable[[], _core.Recorder] = _core.Recorder


class Recording:
    """Take down the next step of a session.

    Args:
        session: whose weights are compared with those of the other ranks first.
        done: share of the run that lies before the step.
    Raises:
        CorruptionError: ranks hold different weights; the same on every rank.
    """

    def __init__(self, session: Session, done: float) -> None:
        self._session, self._done = session, done
        self._step = session.step + 1
        self._weights = agreed_weights(session)
        self.recorder = new_recorder()

    def finish(self) -> Record | None:
        """Return the record, after the step, on the first rank; None on the others."""
        session, ranks = self._session, self._session.ranks
        found: dict[str, dict[int, str]] = {}
        for what, shard, value in computed(self.recorder, session.model):
            found.setdefault(what, {})[shard] = value
        told = ranks.all_of((ranks.number, socket.gethostname(), self._weights, found))
        return self._record(told) if ranks.first else None

    def _record(self, told: list[tuple[int, str, dict[str, str], dict[str, dict[int, str]]]]) -> Record:
        config, ranks = self._session.config, self._session.ranks
        members = ranks.row.size if ranks.row else 1
        numbers = [number for number, *_ in told]
        moe = self._session.model.config.moe
        return Record(
            step=self._step, engine=engine(config), settings=fingerprint(config), done=self._done,
            hosts=[host for _, host, *_ in sorted(told, key=lambda one: one[0])],
            grid=[numbers[i : i + members] for i in range(0, len(numbers), members)], shards=_shards(told),
            experts=moe.experts if moe else 0, losses=[loss.hex() for loss in self.recorder.losses],
            weights={name: value for *_, weights, _ in told for name, value in weights.items()},
            hashes=_joined(told, config.train.shards))


def _shards(told: list[tuple[Any, ...]]) -> list[int]:
    """Return the rank of each shard: the one that computed what belongs to no expert."""
    ranks = {shard: number for number, *_, found in told for what, values in found.items()
             if expert_in(what) is None for shard in values}
    return [ranks[shard] for shard in sorted(ranks)]


def _joined(told: list[tuple[Any, ...]], shards: int) -> dict[str, str]:
    """Return the hashes of all shards by what they are of."""
    values: dict[str, dict[int, str]] = {}
    for *_, found in told:
        for what, own in found.items():
            values.setdefault(what, {}).update(own)
    for what, own in values.items():
        if len(own) != shards:
            raise InternalError(f"record: {what}: expected hashes of {shards} shards, got {len(own)}. Report this.")
    return {what: "".join(own[shard] for shard in range(shards)) for what, own in values.items()}
