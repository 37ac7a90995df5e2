"""The same tokenizer of PyTorch modules: convolutions, an explicit search, fused AdamW."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from .gpt import versions  # noqa: F401  (asked for by serve.py)


class _Residual(nn.Module):
    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(nn.ReLU(), nn.Conv2d(channels, inner, 3, 1, 1), nn.ReLU(inplace=True),
                                  nn.Conv2d(inner, channels, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x and what the branch adds."""
        return x + self.conv(x)


def _stack(config: dict[str, Any]) -> tuple[nn.Sequential, nn.Sequential]:
    c, n, inner = config["channels"], config["halvings"], config["residual_channels"]
    widths = [c if config["simple"] else c >> (n - 1 - h) for h in range(n)]
    down: list[nn.Module] = []
    for h, width in enumerate(widths):
        down += [nn.ReLU(inplace=True)] * (h > 0) + [nn.Conv2d(3 if h == 0 else widths[h - 1], width, 4, 2, 1)]
    if not config["simple"]:
        down += [nn.ReLU(inplace=True), nn.Conv2d(c, c, 3, 1, 1)]
    down += [_Residual(c, inner) for _ in range(config["residual_blocks"])]
    down += [nn.ReLU(), nn.Conv2d(c, config["code_width"], 1)]
    up: list[nn.Module] = []
    for h in range(n - 1, -1, -1):
        before = config["code_width"] if h == n - 1 else widths[h + 1]
        up += [nn.ConvTranspose2d(before, widths[h], 4, 2, 1)]
        up += [_Residual(c, inner) for _ in range(config["residual_blocks"])] if h == n - 1 else []
        up += [nn.ReLU(inplace=True)]
    return nn.Sequential(*down), nn.Sequential(*up, nn.Conv2d(widths[0], 3, 1))


class Case:
    """What is asked for; bfloat16 by autocast, with weights in float32 as ours."""

    def __init__(self, spec: dict[str, Any], folder: Path) -> None:
        torch.set_num_threads(spec["threads"])
        self.spec = spec
        with np.load(folder / "inputs.npz") as inputs:
            self.inputs = {name: torch.from_numpy(inputs[name]) for name in inputs}
        if spec["work"] == "search":
            return
        layout = torch.channels_last if spec["layout"] == "channels_last" else torch.contiguous_format
        encoder, decoder = _stack(spec["config"])
        self.model = nn.ModuleDict({"enc_b": nn.ModuleDict({"blocks": encoder}),
                                    "dec": nn.ModuleDict({"blocks": decoder})})
        with np.load(folder / "weights.npz") as weights:
            state = {name: torch.from_numpy(weights[name]) for name in weights}
        self.book, self.sizes, self.sums = (state.pop(f"quantize_t.{name}").T.contiguous()
                                            for name in ("embed", "cluster_size", "embed_avg"))
        self.model.load_state_dict(state)
        self.model.to(memory_format=layout)
        self.encoder, self.decoder = encoder, decoder
        self.x = self.inputs["x"].permute(0, 3, 1, 2).contiguous(memory_format=layout)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4, weight_decay=0.0, fused=True)

    def _autocast(self) -> torch.autocast:
        return torch.autocast("cpu", torch.bfloat16, enabled=self.spec["dtype"] == "bfloat16")

    def _codes(self, z: torch.Tensor) -> torch.Tensor:
        rows = z.reshape(-1, z.shape[-1])
        return (rows @ self.book.T - self.book.pow(2).sum(1) / 2).argmax(1)

    def _features(self) -> torch.Tensor:
        with self._autocast():
            return self.encoder(self.x).float().permute(0, 2, 3, 1)

    def _backward(self) -> tuple[torch.Tensor, torch.Tensor]:
        config = self.spec["config"]
        z = self._features()
        with torch.no_grad():
            codes = self._codes(z)
        q = self.book[codes].reshape(z.shape)
        with self._autocast():
            y = self.decoder((z + (q - z).detach()).permute(0, 3, 1, 2)).float()
        d = y - self.x
        loss = config["l1"] * d.abs().mean() + config["l2"] * d.pow(2).mean()
        loss = loss + config["commitment"] * (q - z).pow(2).mean()
        loss.backward()
        self.loss = loss.item()
        return z.detach().reshape(-1, z.shape[-1]), codes

    @torch.no_grad()
    def _move_book(self, rows: torch.Tensor, codes: torch.Tensor) -> None:
        config = self.spec["config"]
        count = torch.bincount(codes, minlength=len(self.book)).float()
        self.sizes.mul_(config["decay"]).add_(count, alpha=1 - config["decay"])
        assigned = torch.zeros_like(self.sums).index_add_(0, codes, rows)
        self.sums.mul_(config["decay"]).add_(assigned, alpha=1 - config["decay"])
        total = self.sizes.sum()
        smoothed = (self.sizes + config["epsilon"]) / (total + len(self.book) * config["epsilon"]) * total
        self.book = self.sums / smoothed[:, None]

    def run(self) -> dict[str, Any]:
        """Do it once."""
        if self.spec["work"] == "search":
            self.found = torch.cdist(self.inputs["z"], self.inputs["book"]).argmin(1)
        elif self.spec["work"] == "encode":
            with torch.no_grad():
                self._codes(self._features())
        else:
            seen = self._backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0, foreach=True)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            self._move_book(*seen)
        return {}

    def result(self) -> dict[str, np.ndarray]:
        """Return what ours returns."""
        if self.spec["work"] == "search":
            self.run()
            z, book = self.inputs["z"].double(), self.inputs["book"].double()
            return {"distance": (z - book[self.found]).norm(dim=1).numpy()}
        if self.spec["work"] == "encode":
            with torch.no_grad():
                return {"z": self._features().numpy()}
        self._backward()
        self.optimizer.zero_grad(set_to_none=True)
        return {"loss": np.array([self.loss])}
