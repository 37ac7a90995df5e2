"""The image tokenizer beside PyTorch with the same weights: features, codes, pictures, gradients, the book."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch_vq import TorchTokenizer, cogview_layers, levelled, small_layers
from wudao_rt import VQConfig, VQTokenizer

SMALL = VQConfig.preset("small")
COGVIEW = VQConfig.preset("cogview", codes=1024)  # the released shape; a smaller book leaves room for 256 pixels


def twins(config: VQConfig, dtype: str) -> tuple[VQTokenizer, TorchTokenizer]:
    layers = (cogview_layers(config.channels, config.code_width) if config.simple
              else small_layers(config.channels, config.residual_channels, config.code_width))
    ours = VQTokenizer(config, seed=3, dtype=dtype)
    torch.manual_seed(0)
    other = TorchTokenizer(layers, config.code_width, config.codes).to(getattr(torch, dtype))
    with torch.no_grad():  # a book among the features, as after training
        z = other.features(torch.rand(4, 3, 64, 64, dtype=getattr(torch, dtype)) * 2 - 1)
        rows = z.reshape(-1, config.code_width)
        book = rows[torch.randint(0, rows.shape[0], (config.codes,))]
        book = book + 0.1 * torch.randn(config.codes, config.code_width)
        other.quantize_t.embed.copy_(book.T)
        other.quantize_t.embed_avg.copy_(book.T)
        other.quantize_t.cluster_size.fill_(1.0)
    ours.load_state_dict({name: value.numpy() for name, value in other.state_dict().items()})
    return ours, other


def given(config: VQConfig, batch: int, side: int, dtype: str) -> tuple[np.ndarray, torch.Tensor]:
    images = np.random.default_rng(side).random((batch, side, side, 3))
    x = (images - np.asarray(config.mean)) / np.asarray(config.std)
    return images.astype(dtype), torch.from_numpy(x).to(getattr(torch, dtype)).permute(0, 3, 1, 2)


def distance(a: np.ndarray, b: torch.Tensor) -> float:
    return float(np.max(np.abs(a - b.numpy())) / np.max(np.abs(b.numpy())))


@pytest.mark.parametrize(("config", "side"), [(SMALL, 32), (SMALL, 96), (COGVIEW, 32), (COGVIEW, 64), (COGVIEW, 96),
                                              (COGVIEW, 256)])
def test_features_codes_and_pictures(config: VQConfig, side: int) -> None:  # check 1
    ours, other = twins(config, "float32")
    images, x = given(config, 1 if side > 100 else 2, side, "float32")
    with torch.no_grad():
        z = other.features(x)
        codes = other.codes(z)
        y = other.decode(codes).permute(0, 2, 3, 1)
        two = torch.cdist(z.double().reshape(-1, z.shape[-1]), other.quantize_t.embed.T.double()).topk(2, largest=False)
    assert distance(ours.features(images), z) <= 1e-5
    clear = (two.values[:, 1] ** 2 - two.values[:, 0] ** 2 > 1e-4).numpy()
    found = ours.encode(images).reshape(-1)
    np.testing.assert_array_equal(found[clear], codes.numpy().reshape(-1)[clear])
    unclipped = ours.core.decode(codes.numpy())
    assert distance(unclipped, y) <= 1e-5


@pytest.mark.parametrize(("dtype", "bound"), [("float64", 1e-10), ("float32", 1e-4)])
def test_gradients(dtype: str, bound: float) -> None:
    ours, other = twins(SMALL, dtype)
    images, x = given(SMALL, 4, 32, dtype)
    losses, gradients = ours.loss_and_gradients(images, shards=2)
    loss = other.loss(x, SMALL.l1, SMALL.l2, SMALL.commitment)
    loss.backward()
    assert abs(losses["loss"] - loss.item()) <= 1e-5 * loss.item()
    for name, parameter in other.named_parameters():
        assert distance(gradients[name], parameter.grad) <= bound, name


def test_three_steps_of_the_book() -> None:  # check 6
    ours, other = twins(SMALL, "float64")
    for turn in range(3):
        images, x = given(SMALL, 4, 32 + 4 * turn, "float64")
        ours.loss_and_gradients(images)
        ours.update_codebook()
        other.step(x)
    for name, buffer in other.quantize_t.named_buffers():
        assert distance(ours.state_dict()[f"quantize_t.{name}"], buffer) <= 1e-9, name


@pytest.mark.parametrize(("dtype", "bound"), [("float64", 1e-10), ("float32", 1e-4)])
def test_levels_in_place_of_a_book(dtype: str, bound: float) -> None:
    config = VQConfig.preset("small", quantizer="fsq", levels=(8, 5, 5, 4))
    torch.manual_seed(0)
    other = TorchTokenizer(small_layers(config.channels, config.residual_channels, 4), 4, config.codes)
    other = other.to(getattr(torch, dtype))
    del other.quantize_t
    images, x = given(config, 4, 32, dtype)
    with torch.no_grad():  # features that reach many levels: of mean 0 and standard deviation 1
        z, last = other.features(x).reshape(-1, 4), other.enc_b.blocks[-1]
        last.bias.copy_((last.bias - z.mean(0)) / z.std(0))
        last.weight.div_(z.std(0)[:, None, None, None])
    ours = VQTokenizer(config, dtype=dtype)
    ours.load_state_dict({name: value.numpy() for name, value in other.state_dict().items()})
    q = levelled(other.features(x), config.levels)
    found = ours.encode(images)
    digits = ((q + 1) * torch.tensor([4, 2, 2, 2])).round().long()
    np.testing.assert_array_equal(found, (digits * torch.tensor([1, 8, 40, 200])).sum(-1).numpy())
    assert len(np.unique(found)) > 100
    y = other.dec(q.permute(0, 3, 1, 2))
    loss = config.l1 * (y - x).abs().mean() + config.l2 * (y - x).pow(2).mean()
    loss.backward()
    losses, gradients = ours.loss_and_gradients(images, shards=2)
    assert abs(losses["loss"] - loss.item()) <= 1e-5 * loss.item()
    for name, parameter in other.named_parameters():
        assert distance(gradients[name], parameter.grad) <= bound, name
