"""What processes say to each other, on NumPy arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wudao_rt import _core

if TYPE_CHECKING:
    from wudao_rt.ops.types import Array


class Pending:
    """Rows under way; see `Communicator.start_all_to_all_v`."""

    def __init__(self, core: Any) -> None:
        self._core = core

    def wait(self) -> tuple[Array, list[int]]:
        """Return what `all_to_all_v` would have returned, once it has come; a second call returns the same."""
        return self._core.wait()


class Communicator:
    """Hold the ranks of a job, or some of them; `init()` returns that of all.

    Every rank has to make the same calls in the same order. A call that waits for longer than WUDAO_COMM_TIMEOUT
    seconds raises a CommError that names the ranks that did not come.

    Example:
        >>> import numpy as np
        >>> from wudao_rt import distributed
        >>> comm = distributed.init()  # alone, unless a launcher started more
        >>> comm.rank, comm.size
        (0, 1)
        >>> comm.all_reduce(np.array([1.0, 2.0])).tolist()
        [1.0, 2.0]
    """

    def __init__(self, core: _core.Communicator) -> None:
        self.core = core

    @classmethod
    def from_mpi4py(cls, comm: Any) -> Communicator:
        """Make a communicator of the same ranks as one of mpi4py, which stays what it is.

        Args:
            comm: an mpi4py.MPI.Comm. Its library is used, through the plugin of that library's ABI.

        Raises:
            CommError: there is no plugin for that library.
        """
        from wudao_rt.distributed.start import adopt

        return adopt(comm)

    def __repr__(self) -> str:
        return f"Communicator(rank {self.rank} of {self.size}, {self.core.describe()})"

    @property
    def rank(self) -> int:
        """Return the number of this process, from 0."""
        return self.core.rank

    @property
    def size(self) -> int:
        """Return the number of processes."""
        return self.core.size

    @property
    def counters(self) -> dict[str, int]:
        """Return what this rank has sent to others by all_to_all_v.

        messages_intra, bytes_intra: inside its supernode; messages_inter, bytes_inter: across. Rows to itself and empty
        blocks are no messages. all_reduce and reduce_scatter of more than 64 KiB use all_to_all_v too.
        """
        return self.core.counters

    def set_supernode(self, size: int) -> None:
        """Say that ranks r with equal r // size are near each other, for `counters`; 0: all are."""
        self.core.set_supernode(size)

    def barrier(self) -> None:
        """Wait until every rank is here."""
        self.core.barrier()

    def broadcast(self, array: Array, root: int = 0) -> Array:
        """Return rank `root`'s array; those of the others must have its shape and dtype."""
        return self.core.broadcast(array, root)

    def all_gather(self, array: Array) -> Array:
        """Return the arrays of all ranks, of one shape, stacked: (size, *shape)."""
        return self.core.all_gather(array)

    def all_reduce(self, array: Array, op: str = "sum") -> Array:
        """Combine the ranks' arrays element by element.

        y = tree(0, R), tree(a, b) = tree(a, a + p) op tree(a + p, b), p the largest power of two below b - a

        Args:
            array: float32, float64, int32 or int64, of one shape on all ranks.
            op: "sum", "max" or "min".

        Returns:
            The same bits on every rank.

        Raises:
            DTypeError: another dtype.
            ConfigError: another op.
        """
        return self.core.all_reduce(array, op)

    def reduce_scatter(self, array: Array, op: str = "sum") -> Array:
        """Return this rank's rows [r n / R, (r + 1) n / R) of what all_reduce would return for an array of n rows."""
        return self.core.reduce_scatter(array, op)

    def all_to_all_v(self, array: Array, send_rows: Sequence[int]) -> tuple[Array, list[int]]:
        """Send rows to every rank and receive theirs.

        Args:
            array: (N, ...) of any dtype: the rows for rank 0, then those for rank 1, ...
            send_rows: how many go to each rank; their sum is N.

        Returns:
            The rows that came, in the order of the ranks that sent them, and how many each of them sent.

        Raises:
            ShapeError: send_rows do not fit.
        """
        return self.core.all_to_all_v(array, list(send_rows))

    def start_all_to_all_v(self, array: Array, send_rows: Sequence[int]) -> Pending:
        """Post the sends and receives of `all_to_all_v`, and return while rows travel.

        How many rows come is exchanged before; the rows themselves are not waited for. Other calls may be made
        meanwhile, in the same order on every rank.

        Args:
            array: as of `all_to_all_v`; it must not be changed before `wait`.
            send_rows: as of `all_to_all_v`.

        Raises:
            ShapeError: send_rows do not fit.
        """
        return Pending(self.core.start_all_to_all_v(array, list(send_rows)))

    def send(self, array: Array, to: int, tag: int = 0) -> None:
        """Send an array to one rank; returns when it may be changed again."""
        self.core.send(array, to, tag)

    def receive(self, like: Array, from_: int, tag: int = 0) -> Array:
        """Return an array of the shape and dtype of `like` that rank `from_` sent under this tag."""
        return self.core.receive(like, from_, tag)

    def split(self, color: int, key: int = 0) -> Communicator:
        """Return a communicator of the ranks that gave this color, ordered by (key, rank)."""
        return Communicator(self.core.split(color, key))
