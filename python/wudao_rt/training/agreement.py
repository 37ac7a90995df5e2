"""Ranks that hold the same weights compare them: a copy that has changed by itself is found at once."""

from __future__ import annotations

import hashlib
import socket
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wudao_rt.errors import CorruptionError
from wudao_rt.parameters import expert_of
from wudao_rt.training.checkpoint import last_good
from wudao_rt.training.hashes import weight_hashes

if TYPE_CHECKING:
    from wudao_rt.training.ranks import Ranks
    from wudao_rt.training.session import Session

Told = tuple[int, str, dict[str, str]]  # rank in the job, host, hashes by parameter


def agreed_weights(session: Session) -> dict[str, str]:
    """Return the hashes of the weights that this rank holds.

    Raises:
        CorruptionError: another rank holds other values of one of them.
    """
    mine = weight_hashes(session.model)
    require_agreement(mine, session.ranks, session.step, session.folder)
    return mine


def require_agreement(mine: dict[str, str], ranks: Ranks, step: int, folder: Path) -> None:
    """Compare the hashes of all ranks, by parameter, after `step` steps of the run in `folder`.

    Raises:
        CorruptionError: another rank holds other values of one of them; the rank, or where none is in the minority all
            of them, is named. The same on every rank.
    """
    if ranks.size == 1:
        return
    shared = _digest(v for k, v in mine.items() if expert_of(k) is None)
    experts = _digest(v for k, v in mine.items() if expert_of(k) is not None)
    told = ranks.all_of((ranks.row.rank if ranks.row else 0, shared, experts))
    if len({one[1] for one in told}) == 1 and len({one[::2] for one in told}) == len({one[0] for one in told}):
        return
    who = disagreement(ranks.all_of((ranks.number, socket.gethostname(), mine)))
    raise CorruptionError(f"train: weights before step {step + 1}: expected the same on all ranks, got {who}. Its "
                          f"memory or processor is not to be trusted; {last_good(folder)}. Go on without that machine "
                          "and with --resume.")


def disagreement(told: Sequence[Told]) -> str:
    """Say which rank holds another value than the others, and of which parameter.

    Example:
        >>> disagreement([(0, "a", {"w": "1"}), (1, "b", {"w": "2"}), (2, "c", {"w": "1"})])
        'another w on rank 1/3 (b)'
        >>> disagreement([(0, "a", {"w": "1"}), (1, "b", {"w": "2"})])
        'different w on rank 0/2 (a) and rank 1/2 (b), one of which is wrong'
    """
    for name in dict.fromkeys(name for _, _, mine in told for name in mine):
        found = [(f"rank {rank}/{len(told)} ({host})", mine[name]) for rank, host, mine in told if name in mine]
        [(most, count), *others] = Counter(value for _, value in found).most_common()
        if not others:
            continue
        if 2 * count > len(found):
            return f"another {name} on {' and '.join(rank for rank, value in found if value != most)}"
        return f"different {name} on {' and '.join(rank for rank, _ in found)}, one of which is wrong"
    return "the same"


def _digest(hashes: Iterable[str]) -> str:
    return hashlib.sha256("".join(hashes).encode()).hexdigest()
