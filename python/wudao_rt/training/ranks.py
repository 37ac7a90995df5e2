"""The ranks of a run: a grid of rows that share one set of experts each, and what they have to agree on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from wudao_rt import __version__, _core
from wudao_rt.config import Config
from wudao_rt.config.files import to_tables
from wudao_rt.distributed import Communicator
from wudao_rt.distributed.objects import broadcast_object, gather_objects
from wudao_rt.distributed.pulse import follow, lead
from wudao_rt.distributed.start import join
from wudao_rt.distributed.threads import warn_of_threads
from wudao_rt.errors import ConfigError, shown

if TYPE_CHECKING:
    from wudao_rt.config.image import ImageConfig

T = TypeVar("T")
_OWN = ("train.threads",)  # what every rank may have for itself


class Ranks:
    """Hold the ranks of a run.

    Of R ranks, R / D rows of D each share one set of experts. Rank r is number r % D of row r // D, or with placement
    "columns" number r // (R / D) of row r % (R / D). `world` has the ranks row after row.

    Args:
        comm: all ranks of the job.
    """

    def __init__(self, comm: Communicator) -> None:
        self.world = comm
        self.number = comm.rank  # in the job, as the launcher counts
        self.row: Communicator | None = None  # None: this process has all experts
        self.column: Communicator | None = None

    @classmethod
    def of_job(cls) -> Ranks:
        """Return the ranks that were started together."""
        return cls(join())

    @property
    def size(self) -> int:
        """Return the number of ranks."""
        return self.world.size

    @property
    def first(self) -> bool:
        """Return whether this is the rank that speaks and writes for all."""
        return self.world.rank == 0

    @classmethod
    def alone(cls) -> Ranks:
        """Return this process alone, whoever else there is."""
        return cls(Communicator(_core.self_communicator()))

    @property
    def channels(self) -> list[Communicator]:
        """Return the communicators that this process sends through; none where it is alone."""
        found = (self.world, self.row, self.column) if self.size > 1 else ()
        return [comm for comm in found if comm is not None]

    @property
    def writes_experts(self) -> bool:
        """Return whether this is the rank of its column that writes its experts: another in each column."""
        return self.column is None or self.column.rank == (self.row.rank if self.row else 0) % self.column.size

    def arrange(self, config: Config) -> None:
        """Lay the grid that a config asks for.

        Raises:
            ConfigError: a number of ranks for the experts that cannot be; the same on every rank.
        """
        if self.size == 1:
            return
        members = _members(config, self.size)
        rows = self.size // members
        number = self.world.rank
        row, place = divmod(number, members) if config.parallel.placement == "rows" else divmod(number, rows)[::-1]
        self.world = self.world.split(0, row * members + place)
        self.row = self.world.split(row, place) if members > 1 else None
        self.column = self.world.split(place, row)
        if config.parallel.supernode_size:
            self.world.set_supernode(config.parallel.supernode_size)

    def describe(self) -> str:
        """Return a line that says how the ranks are laid out; nothing for a process alone."""
        if self.size == 1:
            return ""
        members = self.row.size if self.row else 1
        return f"ranks: {self.size} = {self.size // members} data parallel x {members} expert parallel\n"

    def require_same(self, config: Config | ImageConfig, **more: Any) -> None:
        """Compare the configs of all ranks, and the engines that read them; threads may differ, and are looked at.

        Raises:
            ConfigError: the first key that differs, with two of its values; the same on every rank.
        """
        if self.size == 1:
            return
        engine = {"wudao_rt": __version__, "CPU level": _core.kernels()["level"]}
        told = gather_objects(self.world, _flat(to_tables(config)) | engine | more)
        for key in sorted({key for one in told for key in one} - set(_OWN)):
            for rank, one in enumerate(told):
                if one.get(key) != told[0].get(key):
                    raise ConfigError(f"config: {key}: expected the same on all ranks, got {shown(told[0].get(key))} "
                                      f"on rank 0 and {shown(one.get(key))} on rank {rank}. Start all ranks alike.")
        warn_of_threads(self.world.rank, [int(one["train.threads"]) for one in told])

    def first_alone(self, work: Callable[[], T]) -> T:
        """Return what `work` returns on every rank; the first does it before the others, who find what it left.

        They wait for as long as it works: texts may have a slow way.
        """
        if self.first:
            return lead(self.world, work)
        follow(self.world)
        return work()

    def first_makes(self, work: Callable[[], T]) -> T | None:
        """Return what `work` returns on the first rank, and None on the others, who wait for as long as it works."""
        if self.first:
            return lead(self.world, work)
        follow(self.world)
        return None

    def told_by_first(self, value: T) -> T:
        """Return the first rank's value."""
        return broadcast_object(self.world, value)

    def all_of(self, value: T) -> list[T]:
        """Return the values of all ranks."""
        return gather_objects(self.world, value)

    def numbers(self, *values: float) -> np.ndarray:
        """Return (ranks, values): the numbers of all ranks."""
        if self.size == 1:
            return np.array([values])
        return self.world.all_gather(np.array(values, np.float64))


def _members(config: Config, size: int) -> int:
    """Return how many ranks share one set of experts."""
    asked, moe = config.parallel.experts, config.model.moe
    if moe is None:
        return 1
    if asked > moe.experts:
        raise ConfigError(f"config: parallel.experts: expected at most the {moe.experts} experts of a layer, got "
                          f"{asked}. Lower it.")
    if asked and size % asked:
        raise ConfigError(f"config: parallel.experts: expected a divisor of the {size} ranks, got {asked}. Change it, "
                          "or the number of ranks.")
    return asked or max(d for d in range(1, min(size, moe.experts) + 1) if size % d == 0)


def _flat(tables: dict[str, Any], prefix: str = "") -> dict[str, str]:
    out: dict[str, str] = {}
    for key, value in tables.items():
        if isinstance(value, dict):
            out |= _flat(value, f"{prefix}{key}.")
        else:
            out[prefix + key] = repr(value)
    return out
