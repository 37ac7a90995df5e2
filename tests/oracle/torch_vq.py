"""The image tokenizer written a second time, in PyTorch: modules in a Sequential, autograd, an explicit EMA."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Residual(nn.Module):
    """x + conv1x1(relu(conv3x3(relu(x)))), the skip carrying x itself."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(nn.ReLU(), nn.Conv2d(channels, inner, 3, padding=1), nn.ReLU(),
                                  nn.Conv2d(inner, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x)


class Blocks(nn.Module):
    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(x)


def cogview_layers(channels: int, width: int) -> tuple[list[nn.Module], list[nn.Module]]:
    c = channels
    down = [nn.Conv2d(3, c, 4, 2, 1), nn.ReLU(), nn.Conv2d(c, c, 4, 2, 1), nn.ReLU(), nn.Conv2d(c, c, 4, 2, 1),
            nn.ReLU(), nn.Conv2d(c, width, 1)]
    up = [nn.ConvTranspose2d(width, c, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(c, c, 4, 2, 1), nn.ReLU(),
          nn.ConvTranspose2d(c, c, 4, 2, 1), nn.ReLU(), nn.Conv2d(c, 3, 1)]
    return down, up


def small_layers(channels: int, inner: int, width: int) -> tuple[list[nn.Module], list[nn.Module]]:
    c = channels
    down = [nn.Conv2d(3, c // 2, 4, 2, 1), nn.ReLU(), nn.Conv2d(c // 2, c, 4, 2, 1), nn.ReLU(),
            nn.Conv2d(c, c, 3, 1, 1), Residual(c, inner), Residual(c, inner), nn.ReLU(), nn.Conv2d(c, width, 1)]
    up = [nn.ConvTranspose2d(width, c, 4, 2, 1), Residual(c, inner), Residual(c, inner), nn.ReLU(),
          nn.ConvTranspose2d(c, c // 2, 4, 2, 1), nn.ReLU(), nn.Conv2d(c // 2, 3, 1)]
    return down, up


class TorchTokenizer(nn.Module):
    """Encoder, book (a code a column) and decoder; `step` moves the book as an EMA."""

    def __init__(self, layers: tuple[list[nn.Module], list[nn.Module]], width: int, codes: int) -> None:
        super().__init__()
        self.enc_b, self.dec = Blocks(layers[0]), Blocks(layers[1])
        self.quantize_t = nn.Module()
        for name, shape in (("embed", (width, codes)), ("cluster_size", (codes,)), ("embed_avg", (width, codes))):
            self.quantize_t.register_buffer(name, torch.zeros(shape))

    def features(self, x: Tensor) -> Tensor:
        return self.enc_b(x).permute(0, 2, 3, 1)

    def codes(self, z: Tensor) -> Tensor:
        rows, book = z.reshape(-1, z.shape[-1]), self.quantize_t.embed
        distances = rows.pow(2).sum(1, keepdim=True) - 2 * rows @ book + book.pow(2).sum(0, keepdim=True)
        return distances.argmin(1).reshape(z.shape[:-1])

    def decode(self, codes: Tensor) -> Tensor:
        return self.dec(self.quantize_t.embed.T[codes].permute(0, 3, 1, 2))

    def loss(self, x: Tensor, l1: float, l2: float, commitment: float) -> Tensor:
        z = self.features(x)
        q = self.quantize_t.embed.T[self.codes(z)]
        y = self.dec((z + (q - z).detach()).permute(0, 3, 1, 2))
        pixels = l1 * (y - x).abs().mean() + l2 * (y - x).pow(2).mean()
        return pixels + commitment * (q.detach() - z).pow(2).mean()

    @torch.no_grad()
    def step(self, x: Tensor, decay: float = 0.99, epsilon: float = 1e-5) -> None:
        z = self.features(x)
        book = self.quantize_t
        hot = nn.functional.one_hot(self.codes(z).reshape(-1), book.embed.shape[1]).to(z.dtype)
        book.cluster_size.mul_(decay).add_(hot.sum(0), alpha=1 - decay)
        book.embed_avg.mul_(decay).add_(z.reshape(-1, z.shape[-1]).T @ hot, alpha=1 - decay)
        total = book.cluster_size.sum()
        smoothed = (book.cluster_size + epsilon) / (total + hot.shape[1] * epsilon) * total
        book.embed.copy_(book.embed_avg / smoothed)


def levelled(z: Tensor, levels: tuple[int, ...]) -> Tensor:
    """Round each channel to its levels, with the gradient of what is rounded."""
    count = torch.tensor(levels, dtype=z.dtype)
    half, even = 0.999 * (count - 1) / 2, (count % 2 == 0).to(z.dtype) / 2
    bounded = torch.tanh(z + torch.tan(even / half)) * half - even
    return (bounded + (bounded.round() - bounded).detach()) / torch.div(count, 2, rounding_mode="floor")
