"""DeepSpeed's layer of experts: in one process, or with the experts shared out to ranks over gloo."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import deepspeed
import numpy as np
import torch
from deepspeed.moe.layer import MoE
from expert_arrays import experts, shares
from torch import distributed, nn


class Case:
    """One layer; its second expert is not drawn at random, as ours is not."""

    def __init__(self, spec: dict[str, Any], folder: Path) -> None:
        torch.set_num_threads(spec["threads"])
        rank, self.ranks = spec.get("rank", 0), spec["ranks"]
        _join(rank, self.ranks, folder)
        dtype = getattr(torch, spec["dtype"])
        self.layer = _layer(spec)
        moe = self.layer.deepspeed_moe
        held = range(rank * moe.num_local_experts, (rank + 1) * moe.num_local_experts)
        with np.load(folder / "inputs.npz") as inputs, torch.no_grad():
            self.x, self.dy = (torch.from_numpy(shares(inputs[name], self.ranks)[rank]).to(dtype)
                               for name in ("x", "dy"))
            moe.gate.wg.weight.copy_(torch.from_numpy(inputs["gate"]))
            for one, (up, down) in zip(moe.experts.deepspeed_experts, experts(held, spec["width"], spec["hidden"]),
                                       strict=True):
                one[0].weight.copy_(torch.from_numpy(up))
                one[2].weight.copy_(torch.from_numpy(down))
        self.layer.to(dtype)
        self.x.requires_grad_()

    def run(self) -> dict[str, Any]:
        """Compute the output and all gradients; that of the router is summed over the ranks, as in ours."""
        self.layer.zero_grad(set_to_none=True)
        self.x.grad = None
        self.y = self.layer(self.x)[0]
        self.y.backward(self.dy)
        if self.ranks > 1:
            distributed.all_reduce(self.layer.deepspeed_moe.gate.wg.weight.grad)
        return {}

    def result(self) -> dict[str, np.ndarray]:
        """Return the output and the gradient of the input."""
        self.run()
        return {"y": self.y.detach().float().numpy(), "dx": self.x.grad.float().numpy()}


def _join(rank: int, ranks: int, folder: Path) -> None:
    """Meet the other ranks, which have the same parent, in a file."""
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(ranks), MASTER_ADDR="127.0.0.1",
                      MASTER_PORT="29517")
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    if not distributed.is_initialized():
        store = f"file://{folder}/gloo-{os.getppid() if ranks > 1 else os.getpid()}"
        distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=ranks)
        deepspeed.init_distributed("gloo", auto_mpi_discovery=False, verbose=False)


def _layer(spec: dict[str, Any]) -> MoE:
    hidden, width = spec["hidden"], spec["width"]
    expert = nn.Sequential(nn.Linear(hidden, width, bias=False), nn.GELU(approximate="tanh"),
                           nn.Linear(width, hidden, bias=False))
    layer = MoE(hidden, expert, num_experts=spec["experts"], ep_size=spec["ranks"], k=spec["k"],
                capacity_factor=spec["capacity"] or 1.0, drop_tokens=spec["capacity"] is not None, min_capacity=0,
                use_rts=False, top2_2nd_expert_sampling=False)
    layer.set_deepspeed_parallelism()
    return layer


def versions() -> dict[str, str]:
    """Return what is measured."""
    return {"torch": torch.__version__, "deepspeed": deepspeed.__version__}
