"""DeepSpeed's layer of experts in one process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import deepspeed
import numpy as np
import torch
from deepspeed.moe.layer import MoE
from expert_arrays import experts
from torch import nn


class Case:
    """One layer; its second expert is not drawn at random, as ours is not."""

    def __init__(self, spec: dict[str, Any], folder: Path) -> None:
        torch.set_num_threads(spec["threads"])
        os.environ.update(RANK="0", LOCAL_RANK="0", WORLD_SIZE="1", MASTER_ADDR="127.0.0.1", MASTER_PORT="29517")
        if not torch.distributed.is_initialized():
            torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/gloo", rank=0, world_size=1)
            deepspeed.init_distributed("gloo", auto_mpi_discovery=False, verbose=False)
        count, width, hidden = spec["experts"], spec["width"], spec["hidden"]
        dtype = getattr(torch, spec["dtype"])
        expert = nn.Sequential(nn.Linear(hidden, width, bias=False), nn.GELU(approximate="tanh"),
                               nn.Linear(width, hidden, bias=False))
        self.layer = MoE(hidden, expert, num_experts=count, ep_size=1, k=2, capacity_factor=spec["capacity"] or 1.0,
                         drop_tokens=spec["capacity"] is not None, min_capacity=0, use_rts=False,
                         top2_2nd_expert_sampling=False)
        self.layer.set_deepspeed_parallelism()
        moe = self.layer.deepspeed_moe
        with np.load(folder / "inputs.npz") as inputs, torch.no_grad():
            self.x, self.dy = (torch.from_numpy(inputs[name]).to(dtype) for name in ("x", "dy"))
            moe.gate.wg.weight.copy_(torch.from_numpy(inputs["gate"]))
            for one, (up, down) in zip(moe.experts.deepspeed_experts, experts(count, width, hidden), strict=True):
                one[0].weight.copy_(torch.from_numpy(up))
                one[2].weight.copy_(torch.from_numpy(down))
        self.layer.to(dtype)
        self.x.requires_grad_()

    def run(self) -> dict[str, Any]:
        """Compute the output and all gradients."""
        self.layer.zero_grad(set_to_none=True)
        self.x.grad = None
        self.y = self.layer(self.x)[0]
        self.y.backward(self.dy)
        return {}

    def result(self) -> dict[str, np.ndarray]:
        """Return the output and the gradient of the input."""
        self.run()
        return {"y": self.y.detach().float().numpy(), "dx": self.x.grad.float().numpy()}


def versions() -> dict[str, str]:
    """Return what is measured."""
    return {"torch": torch.__version__, "deepspeed": deepspeed.__version__}
