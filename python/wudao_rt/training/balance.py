"""What a step tells about its layers of experts and the ranks that share them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from wudao_rt.distributed import Communicator

BYTES = ("bytes_intra", "bytes_inter")
LAYER_PHASES = ("route_seconds", "exchange_seconds", "expert_seconds")
STEP_PHASES = ("reduce_seconds", "update_seconds")
PHASES = ("data_seconds", *LAYER_PHASES, *STEP_PHASES)


@dataclass(frozen=True)
class Balance:
    """Hold the balance of a step, of all ranks.

    Args:
        load: rows of the busiest expert over those of the mean expert; the largest of all layers.
        dropped: rows that full experts let go.
        bytes_intra, bytes_inter: sent by all ranks inside supernodes and across them.
        data_seconds: of waiting for the batch; this and the following are means of the ranks.
        route_seconds: of choosing experts, forward.
        exchange_seconds: of bringing rows to experts and back, waiting for other ranks among it.
        expert_seconds: of the experts' products.
        reduce_seconds: of summing gradients over ranks.
        update_seconds: of the gradients' norm and the optimizer.
        losses: balance losses, unscaled, mean of the layers.
        counts, dropped_by_expert: rows by layer and expert.
    """

    load: float
    dropped: int
    bytes_intra: int
    bytes_inter: int
    data_seconds: float
    route_seconds: float
    exchange_seconds: float
    expert_seconds: float
    reduce_seconds: float
    update_seconds: float
    losses: dict[str, float]
    counts: list[list[int]]
    dropped_by_expert: list[list[int]]

    @classmethod
    def of(cls, layers: Sequence[Mapping[str, Any]], spent: Sequence[float]) -> Balance:
        """Make it of what the engine tells of its layers, and what `Traffic.spent` said, summed up over ranks."""
        loads = (max(one["counts"]) * len(one["counts"]) / max(1, sum(one["counts"])) for one in layers)
        names = layers[0]["losses"] if layers else ()
        losses = {name: sum(one["losses"][name] for one in layers) / len(layers) for name in names}
        dropped = [one["dropped"] for one in layers]
        return cls(max(loads, default=0.0), sum(map(sum, dropped)), int(spent[0]), int(spent[1]), *spent[2:], losses,
                   [one["counts"] for one in layers], dropped)

    def line(self) -> str:
        """Return its part of the step line."""
        return (f" | load {self.load:.2f} | dropped {self.dropped} | bytes_intra {self.bytes_intra} | "
                f"bytes_inter {self.bytes_inter}"
                + "".join(f" | {name} {getattr(self, name):.3f}" for name in PHASES))

    def record(self) -> dict[str, Any]:
        """Return its numbers for the JSON line."""
        fields = asdict(self)
        for name in ("counts", "dropped_by_expert", "losses"):
            fields.pop(name)
        return fields | {f"loss_{name}": value for name, value in self.losses.items()}


class Traffic:
    """Count what this rank sends from step to step.

    Args:
        comms: communicators that it sends through.
    """

    def __init__(self, *comms: Communicator) -> None:
        self._comms = comms
        self._before = self._now()

    def spent(self, layers: Sequence[Mapping[str, Any]], step: Mapping[str, Any], data_seconds: float, ranks: int
              ) -> list[float]:
        """Return this rank's part of the numbers of `Balance` since the last call: they are the sums over ranks."""
        before, self._before = self._before, self._now()
        sent = [float(b - a) for a, b in zip(before, self._before, strict=True)]
        seconds = [data_seconds, *(sum(one[name] for one in layers) for name in LAYER_PHASES),
                   *(step[name] for name in STEP_PHASES)]
        return [*sent, *(one / ranks for one in seconds)]

    def _now(self) -> list[int]:
        return [sum(comm.counters[name] for comm in self._comms) for name in BYTES]
