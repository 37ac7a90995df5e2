"""Rows to the ranks of their experts and back, for experts of your own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from wudao_rt import _core
from wudao_rt.config.settings import refuse_unknown
from wudao_rt.errors import ConfigError, ShapeError, shown
from wudao_rt.moe.config import EXCHANGES

if TYPE_CHECKING:
    from wudao_rt.distributed import Communicator
    from wudao_rt.ops.types import Array


class Dispatch:
    """Plan the way of rows to the ranks of their experts, for any number of trips there and back.

    dispatch: r_(e, t) = x_t for every choice e of token t; combine: y_t = sum over j of w_tj r_(e_tj, t), j in order.
    Each is the adjoint of the other. Rows of an expert lie by token of the global sequence, whatever the exchange.

    Args:
        indices: (T, k) experts of this rank's tokens, as `route` returns them; -1: none.
        num_experts: E; rank r of R holds ids [r E / R, (r + 1) E / R).
        comm: ranks that share the experts; every rank has to make the same calls. None: this process has all of them.
        exchange, supernode_size: as of `MoEConfig`.

    Raises:
        ConfigError: an index beyond the experts; more ranks than experts.
        ShapeError, DTypeError: indices that are no matrix of whole numbers.

    Example:
        >>> way = Dispatch([[0, 1], [1, -1]], num_experts=2)
        >>> rows = way.dispatch([[1.0, 2.0], [3.0, 4.0]])
        >>> way.counts.tolist(), rows.tolist()
        ([1, 2], [[1.0, 2.0], [1.0, 2.0], [3.0, 4.0]])
        >>> way.combine(10 * rows, weights=[[0.25, 0.75], [1.0, 0.0]]).tolist()
        [[10.0, 20.0], [30.0, 40.0]]
    """

    def __init__(self, indices: Array, num_experts: int, *, comm: Communicator | None = None, exchange: str = "flat",
                 supernode_size: int = 0) -> None:
        refuse_unknown(exchange, EXCHANGES, "Dispatch: exchange")
        ranks = 1 if comm is None else comm.size
        if num_experts < ranks:
            raise ConfigError(f"Dispatch: num_experts: expected at least {ranks}, the ranks that share them, got "
                              f"{shown(num_experts)}. Take fewer ranks.")
        chosen = np.asarray(indices)
        if chosen.ndim != 2:
            raise ShapeError(f"Dispatch: indices: expected (tokens, k), got {chosen.shape}. Reshape them.")
        if chosen.size and not (chosen.min() >= -1 and chosen.max() < num_experts):
            raise ConfigError(f"Dispatch: indices: expected numbers from -1 to {num_experts - 1}, got "
                              f"{chosen.min()} to {chosen.max()}. Mask what has no expert by -1.")
        self._core = _core.Dispatch(chosen, num_experts, exchange == "two_level", supernode_size,
                                    None if comm is None else comm.core)

    @property
    def experts(self) -> range:
        """Return the ids of the experts that this rank holds."""
        return range(*self._core.held)

    @property
    def counts(self) -> Array:
        """Return the rows of each expert that this rank holds, (held,) int64."""
        return np.diff(self._core.begin)

    def dispatch(self, x: Array) -> Array:
        """Return the rows of this rank's experts, (sum of counts, H), expert after expert.

        Args:
            x: (T, H) of this rank's tokens, float32 or float64.

        Raises:
            ShapeError, DTypeError: x does not fit.

        Gradients: that of x is combine(gradient of the rows).
        """
        array = _floats(x)
        return self._core.dispatch(array, array.dtype.name)

    def combine(self, rows: Array, weights: Array | None = None) -> Array:
        """Return y (T, H) of rows that the experts made.

        Args:
            rows: (sum of counts, H), in the order of `dispatch`, float32 or float64.
            weights: (T, k); None: ones.

        Raises:
            ShapeError, DTypeError: arrays that do not fit.

        Gradients: `combine_gradients`; without weights, that of the rows is dispatch(gradient of y).
        """
        array = _floats(rows)
        return self._core.combine(array, weights, array.dtype.name)

    def combine_gradients(self, dy: Array) -> tuple[Array, Array]:
        """Return the gradients of the rows and of the weights of the last `combine`, which had weights.

        Args:
            dy: (T, H), of the type that combine returned.

        Raises:
            ConfigError: there was no combine, or it had no weights.
            ShapeError: dy does not fit.
        """
        array = _floats(dy)
        return self._core.combine_backward(array, array.dtype.name)


def _floats(x: Any) -> Array:
    array = np.from_dlpack(x) if hasattr(x, "__dlpack__") and not isinstance(x, np.ndarray) else np.asarray(x)
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float32)
