"""One layer of experts by itself, on NumPy arrays or whatever speaks DLPack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from wudao_rt import _core
from wudao_rt.compute_types import COMPUTE_TYPES, DType
from wudao_rt.config.settings import refuse_unknown
from wudao_rt.errors import ConfigError, ShapeError
from wudao_rt.moe.config import MoEConfig

if TYPE_CHECKING:
    from wudao_rt.distributed import Communicator
    from wudao_rt.ops.types import Array


class MoELayer:
    """Hold a layer of experts, or this rank's share of one.

    y_t = sum over j of w_tj FFN_{e_tj}(x_t), j in order, + the shared expert of x_t; e and w as of `route`

    Args:
        config: what it is.
        seed: of the first weights and of what is random in training. An expert's weights depend on its id alone.
        dtype: compute type. Weights and y are float32 (float64 for "float64"); the router computes in that type too.
        comm: ranks that share the experts: rank r of R holds ids [r E / R, (r + 1) E / R). Every rank has to make the
            same calls; the tokens of all ranks, in their order, are the global sequence.

    Raises:
        ConfigError: more ranks than experts; a supernode_size that does not divide the ranks.

    Example:
        >>> layer = MoELayer(MoEConfig(hidden_size=8, num_experts=4, expert_width=16))
        >>> layer.forward(np.ones((3, 8), "float32")).shape
        (3, 8)
    """

    def __init__(self, config: MoEConfig, seed: int = 0, dtype: DType = "float32", comm: Communicator | None = None
                 ) -> None:
        if not isinstance(config, MoEConfig):
            raise ConfigError(f"MoELayer: config: expected a MoEConfig, got a {type(config).__name__}. Give one.")
        refuse_unknown(dtype, COMPUTE_TYPES, "MoELayer: dtype")
        self.config = config
        self.dtype = dtype
        self._core = _core.MoELayer(config.to_core(), seed, dtype, None if comm is None else comm.core)

    @property
    def experts(self) -> range:
        """Return the ids of the experts that this rank holds."""
        return range(*self._core.held)

    def forward(self, x: Array, *, train: bool = False, step: int = 0) -> Array:
        """Compute y (T, hidden_size) of x (T, hidden_size), any T; an array of NumPy or one that speaks DLPack.

        Args:
            x: this rank's tokens.
            train: whether noise, jitter and the random second expert act.
            step: key of what is random.

        Raises:
            ShapeError, DTypeError: x does not fit.
        """
        return self._core.forward(_array(x), train, step)

    def loss_and_gradients(self, x: Array, dy: Array, *, train: bool = True, step: int = 0
                           ) -> tuple[float, dict[str, Array]]:
        """Compute the gradients of sum(dy * y) + sum of losses[name] * balance loss.

        Args:
            x, dy: (T, hidden_size), this rank's tokens.
            train, step: as of `forward`.

        Returns:
            The sum (this rank's part; balance losses are in that of rank 0), and the gradients by the names of
            `state_dict`, with that of x under "x". Those of experts and router hold the tokens of all ranks.

        Raises:
            ShapeError, DTypeError: arrays that do not fit.
        """
        loss, dx, found = self._core.loss_and_gradients(_array(x), _array(dy), train, step)
        return loss, {"x": dx} | dict(self._named(found))

    def state_dict(self) -> dict[str, Array]:
        """Return copies of the weights that this rank holds, by name.

        gate.weight (E, hidden), experts.{id}.h_to_4h.weight (width, hidden) and .bias (width,),
        experts.{id}.4h_to_h.weight (hidden, width) and .bias (hidden,); gate.noise_weight, gate.bias (float64) and
        shared_expert.* where the layer has them.
        """
        state = {name: array.copy() for name, array in self._named({n: self._core.get(n) for n in self._core.names()})}
        return state if self._core.bias is None else state | {"gate.bias": self._core.bias.copy()}

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Set the weights from arrays by name; those of experts on other ranks are left out.

        Raises:
            ConfigError: a name that this rank needs is missing, or one is unknown.
            ShapeError: an array has another shape. Nothing is changed in either case.
        """
        own = dict(self._named({name: self._core.get(name) for name in self._core.names()}))
        if self._core.bias is not None:
            own["gate.bias"] = self._core.bias
        missing = [name for name in own if name not in state]
        unknown = [name for name in state if name not in own and not self._elsewhere(name)]
        if missing or unknown:
            raise ConfigError(f"MoELayer: names: expected those of state_dict, got {len(missing)} missing "
                              f"{missing[:3]} and {len(unknown)} unknown {unknown[:3]}. Is it of another layer?")
        fresh = {name: np.asarray(state[name]) for name in own}
        for name, array in fresh.items():
            if array.shape != own[name].shape:
                raise ShapeError(f"MoELayer: {name}: expected shape {own[name].shape}, got {array.shape}.")
        for name, array in fresh.items():
            own[name][...] = array
        self._core.touch()

    def _elsewhere(self, name: str) -> bool:
        parts = name.split(".")
        return parts[0] == "experts" and len(parts) == 4 and parts[1].isdigit() and int(parts[1]) not in self.experts

    def _named(self, arrays: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
        """Take the arrays of many experts apart."""
        begin = 0
        for number, (count, _) in enumerate(self.config.all_classes):
            prefix = f"experts.class{number}." if len(self.config.all_classes) > 1 else "experts."
            held = range(max(begin, self.experts.start), min(begin + count, self.experts.stop))
            for at, expert in enumerate(held):
                for kind in ("h_to_4h.weight", "h_to_4h.bias", "4h_to_h.weight", "4h_to_h.bias"):
                    yield f"experts.{expert}.{kind}", arrays[prefix + kind][at]
            begin += count
        yield from ((name, array) for name, array in arrays.items() if not name.startswith("experts."))


def _array(x: Any) -> Array:
    return x if isinstance(x, np.ndarray) or not hasattr(x, "__dlpack__") else np.from_dlpack(x)
