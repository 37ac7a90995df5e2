"""Which experts see a token, with what weight, and how evenly: the code that the layer uses, on NumPy arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from wudao_rt import _core
from wudao_rt.config.moe import GATES
from wudao_rt.config.settings import refuse_unknown
from wudao_rt.errors import ConfigError, shown

if TYPE_CHECKING:
    from wudao_rt.distributed import Communicator
    from wudao_rt.ops.types import Array



@dataclass(frozen=True)
class Gate:
    """Say how experts are chosen; z are the logits, p = softmax(z).

    Args:
        name: "naive": the k largest z; w = p / (sum of the chosen p), for k = 1 w = p.
            "noisy": the k largest z + std N(0, 1) in training, w = softmax of these over the chosen; std = 1 / E, or
            softplus(noise_logits) + 0.01 (Shazeer et al. 2017).
            "switch": k = 1, w = p (Fedus et al. 2021).
            "gshard": k = 2, w = p / (p_0 + p_1); in training the second is used with probability min(1, 2 w_1)
            (Lepikhin et al. 2020).
            "group_limited": experts lie in `expert_groups` equal groups, each of which counts the sum of its best
            k // topk_groups p; the k largest p within the best `topk_groups`; w as of naive (DeepSeek-V2 2024).
            "bias": the k largest sigmoid(z) + bias; w = sigmoid(z) / (sum of the chosen), p = sigmoid(z) / (sum of all)
            (DeepSeek-V3 2024).
        expert_groups, topk_groups: of group_limited.
        min_capacity: rows that an expert takes at least, where there is a capacity.
        sequence_length: tokens of a sequence, for the sequence-wise loss; 0: none.

    Raises:
        ConfigError: an unknown name, or a number that cannot be.
    """

    name: str = "naive"
    expert_groups: int = 1
    topk_groups: int = 1
    min_capacity: int = 0
    sequence_length: int = 0

    def __post_init__(self) -> None:
        refuse_unknown(self.name, GATES, "route: gate")
        for key, low in (("expert_groups", 1), ("topk_groups", 1), ("min_capacity", 0), ("sequence_length", 0)):
            _whole(key, getattr(self, key), low)


class Routing:
    """Hold what `route` decided.

    Attributes:
        indices: (T, k) int32, the experts of each token, best first; -1: none.
        weights: (T, k) of the logits' dtype; 0 where the index is -1.
        counts: (E,) int64, rows that each expert gets, of all tokens of all ranks.
        dropped: (E,) int64, rows that it let go.
        losses: unscaled, by name; see `route`.
    """

    def __init__(self, core: _core.Routing) -> None:
        self._core = core
        self.indices: Array = core.indices
        self.weights: Array = core.weights
        self.counts: Array = core.counts
        self.dropped: Array = core.dropped
        self.losses: dict[str, float] = core.losses

    def gradients(
        self, dweights: Array | None = None, losses: Mapping[str, float] | None = None
    ) -> tuple[Array, Array | None]:
        """Compute the gradients of sum(dweights * weights) + sum of losses[name] * self.losses[name].

        Args:
            dweights: (T, k); None: zeros.
            losses: how much of each loss counts, by name.

        Returns:
            dlogits (T, E), and dnoise_logits (T, E) or None.

        Raises:
            ShapeError, ConfigError: another shape, or an unknown loss.

        Numerics: who is chosen or dropped has no gradient; counts are constants.
        """
        return self._core.gradients(dweights, dict(losses or {}))


def route(
    logits: Array,
    k: int,
    gate: str | Gate = "naive",
    *,
    capacity_factor: float | None = None,
    drop: str = "probability",
    groups: int = 1,
    seed: int = 0,
    step: int = 0,
    train: bool = True,
    comm: Communicator | None = None,
    noise_logits: Array | None = None,
    bias: Array | None = None,
) -> Routing:
    """Choose experts for tokens.

    The global sequence of T tokens falls into `groups` of T_g = T / groups consecutive ones. An expert takes at most
    ceil(capacity_factor k T_g / E) rows of a group; what it lets go gets index -1 and weight 0, other weights stay.

    losses (c_e: choices of expert e before drops; P_e: mean of p_te; means over groups where not said otherwise):
        switch        E sum_e c_e / (k T_g) P_e; 1 when balanced, E when all go to one
        gshard        1/E sum_e (first choices of e) / T_g P_e
        importance    CV^2 of sum_t w_te (before drops); CV^2(x) = variance / (mean^2 + 1e-10) over experts
        load          CV^2 of sum_t Phi((z_te - threshold_te) / std_te); noisy gate in training only; threshold: the
                      k-th best noisy logit of the others
        z             mean over all tokens of logsumexp(z)^2
        sequence      switch with sequences for groups; where the gate has a sequence_length
        global_batch  switch with all tokens of all ranks for one group

    Args:
        logits: (T, E) float32 or float64; -infinity: may not be chosen.
        k: choices of each token.
        gate: a name, or a `Gate`.
        capacity_factor: None: nothing is dropped.
        drop: who is let go: "probability", the rows of the least p, equal ones from the last token; "position", the
            last in the order of (choice, token), so that all first choices go before all second ones.
        groups: of the global sequence; they do not depend on the ranks.
        seed, step: keys of what is random, with the global index of the token.
        train: noise and the random second expert of gshard.
        comm: the ranks whose tokens, in their order, make the global sequence. All get the same losses and counts.
        noise_logits: (T, E), of the noisy gate.
        bias: (E,), of the bias gate; see `bias_update`.

    Raises:
        ShapeError, DTypeError: arrays that do not fit.
        ConfigError: k > E, a capacity of 0, groups that do not divide T, a logit that is not a number.

    Numerics: everything is computed in float64. Sums over tokens are exact, so that the bits depend neither on ranks
    nor on threads. Equal preferences go to the lower expert.

    Source: the papers named in `Gate`; z: Zoph et al. 2022, "ST-MoE".

    Example:
        >>> found = route(np.log([[0.7, 0.2, 0.1], [0.6, 0.1, 0.3]]), 1, "switch", capacity_factor=1.0)
        >>> found.indices.ravel().tolist(), found.dropped.tolist()
        ([0, -1], [1, 0, 0])
    """
    chosen = gate if isinstance(gate, Gate) else Gate(gate)
    _whole("k", k, 1)
    _whole("groups", groups, 1)
    _whole("seed", seed, 0)
    _whole("step", step, 0)
    options = asdict(chosen) | {"k": int(k), "capacity_factor": read_capacity(capacity_factor), "drop": drop,
                                "groups": int(groups), "train": bool(train)}
    core = None if comm is None else comm.core
    return Routing(_core.route(np.asarray(logits), options, noise_logits, bias, int(seed), int(step), core))


def bias_update(bias: Array, counts: Array, rate: float = 1e-3) -> Array:
    """Return the bias after a global step: bias_e + rate sign(mean count - count_e).

    Args:
        bias: (E,).
        counts: (E,) rows of each expert in the whole global batch, before drops.
        rate: step of the bias.

    Source: Wang et al. 2024, "Auxiliary-loss-free load balancing strategy for mixture-of-experts".

    Example:
        >>> bias_update(np.zeros(4), np.array([5, 3, 0, 4])).tolist()
        [-0.001, 0.0, 0.001, -0.001]
    """
    counts = np.asarray(counts)
    return np.asarray(bias) + rate * np.sign(counts.sum() - counts * counts.size)


def _whole(key: str, value: Any, low: int) -> None:
    if not isinstance(value, Integral) or isinstance(value, bool) or not low <= value < 2**31:
        raise ConfigError(f"route: {key}: expected a whole number of at least {low}, got {shown(value)}. Change it.")


def read_capacity(factor: Any) -> float:
    """Return the engine's number for a capacity factor; 0: no limit."""
    if factor is None:
        return 0.0
    if not isinstance(factor, Real) or not 0 < factor < 1e9:
        raise ConfigError("route: capacity_factor: expected a number above 0, or None for no limit, got "
                          f"{shown(factor)}. Change it.")
    return float(factor)
