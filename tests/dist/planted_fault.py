"""python planted_fault.py FAULT train ...: `wudao-rt train`, one rank of which flips a bit.

FAULT is RANK:STEP:weights:PARAMETER, of the rank's copy before the step, or RANK:STEP:SHARD:WHAT, of what it computes
for a shard while the step is recorded.
"""

from __future__ import annotations

import sys

import numpy as np

from wudao_rt import _core, distributed
from wudao_rt.cli import program
from wudao_rt.training import recording
from wudao_rt.training.session import Session

rank, step, where, what = sys.argv.pop(1).split(":", 3)
mine = distributed.init().rank == int(rank)
advance, steps = Session.advance, [0]


def flip_a_weight(session: Session) -> None:
    value = session.model.state_dict()[what]
    value.reshape(-1).view(np.uint8)[1] ^= 16
    session.model.load_state_dict({what: value}, strict=False)


def planted(session: Session, *arguments: object) -> dict:
    if mine and where == "weights" and session.step + 1 == int(step):
        flip_a_weight(session)
    steps[0] = session.step + 1
    result = advance(session, *arguments)
    if mine and where != "weights" and session.step == int(step):
        seen = {(name, shard) for name, shard, _ in arguments[-1].entries}
        assert (what, int(where)) in seen, sorted(seen)
    return result


def recorder() -> _core.Recorder:
    made = _core.Recorder()
    if mine and where != "weights" and steps[0] + 1 == int(step):
        made.disturb(what, int(where))
    return made


Session.advance = planted
recording.new_recorder = recorder
program()
