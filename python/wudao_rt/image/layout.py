"""Weights of tokenizers: PyTorch's order of axes outside, the engine's inside.

The engine has a convolution as (out, (ky, kx, in)), a transposed one as ((ky, kx, out), in) and a code of the book a
row; PyTorch (out, in, ky, kx), (in, out, ky, kx), and CogView's book a code a column.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from wudao_rt.config.vq import VQConfig
from wudao_rt.ops.types import Array

BOOK, SIZES, SUMS = "quantize_t.embed", "quantize_t.cluster_size", "quantize_t.embed_avg"
_COLOURS = 3


@dataclass(frozen=True)
class Convolution:
    """The weight of one convolution: how wide it is, and which way it goes."""

    inputs: int
    outputs: int
    kernel: int
    transposed: bool = False

    @property
    def torch_shape(self) -> tuple[int, ...]:
        """Return the shape of the weight in PyTorch."""
        sides = (self.inputs, self.outputs) if self.transposed else (self.outputs, self.inputs)
        return (*sides, self.kernel, self.kernel)

    def to_torch(self, weight: Array) -> Array:
        """Return the engine's weight as PyTorch has it."""
        k = self.kernel
        if self.transposed:
            return weight.reshape(k, k, self.outputs, self.inputs).transpose(3, 2, 0, 1)
        return weight.reshape(self.outputs, k, k, self.inputs).transpose(0, 3, 1, 2)

    def to_engine(self, weight: Array) -> Array:
        """Return PyTorch's weight as the engine has it."""
        if self.transposed:
            return weight.transpose(2, 3, 1, 0).reshape(-1, self.inputs)
        return weight.transpose(0, 2, 3, 1).reshape(self.outputs, -1)


def convolutions(config: VQConfig) -> dict[str, Convolution]:
    """Return the convolutions of a tokenizer by the name of their weight, in their order."""
    return dict([*_encoder(config), *_decoder(config)])


def _channels(config: VQConfig) -> list[int]:
    """Return the channels after each halving."""
    return [config.channels if config.simple else config.channels >> (config.halvings - 1 - h)
            for h in range(config.halvings)]


def _residual(base: str, place: int, channels: int, config: VQConfig) -> Iterator[tuple[str, Convolution]]:
    yield f"{base}{place}.conv.1.weight", Convolution(channels, config.residual_channels, 3)
    yield f"{base}{place}.conv.3.weight", Convolution(config.residual_channels, channels, 1)


def _encoder(config: VQConfig) -> Iterator[tuple[str, Convolution]]:
    base, place, inputs = "enc_b.blocks.", 0, _COLOURS
    for outputs in _channels(config):
        yield f"{base}{place}.weight", Convolution(inputs, outputs, 4)
        place, inputs = place + 2, outputs
    if not config.simple:
        yield f"{base}{place}.weight", Convolution(inputs, inputs, 3)
        place += 1
    else:
        place -= 1
    for block in range(config.residual_blocks):
        yield from _residual(base, place + block, inputs, config)
    yield f"{base}{place + config.residual_blocks + 1}.weight", Convolution(inputs, config.code_width, 1)


def _decoder(config: VQConfig) -> Iterator[tuple[str, Convolution]]:
    base, place, inputs = "dec.blocks.", 0, config.code_width
    for turn, outputs in enumerate(reversed(_channels(config))):
        yield f"{base}{place}.weight", Convolution(inputs, outputs, 4, transposed=True)
        place, inputs = place + 1, outputs
        if turn == 0:
            for _ in range(config.residual_blocks):
                yield from _residual(base, place, inputs, config)
                place += 1
        place += 1  # the ReLU
    yield f"{base}{place}.weight", Convolution(inputs, _COLOURS, 1)


def to_torch(config: VQConfig, arrays: dict[str, Array]) -> dict[str, Array]:
    """Return the engine's arrays, copied, as a PyTorch model of the same names holds them."""
    layers = convolutions(config)
    out = {}
    for name, array in arrays.items():
        if name in layers:
            array = layers[name].to_torch(array)
        elif name in (BOOK, SUMS):
            array = array.T
        out[name] = np.array(array, order="C")  # in its own memory, row after row
    return out


def to_engine(config: VQConfig, arrays: dict[str, Array]) -> dict[str, Array]:
    """Return arrays of a PyTorch model as the engine holds them."""
    layers = convolutions(config)
    out = {}
    for name, array in arrays.items():
        if name in layers:
            array = layers[name].to_engine(array)
        elif name in (BOOK, SUMS):
            array = array.T
        out[name] = np.ascontiguousarray(array)
    return out


def shapes(config: VQConfig) -> dict[str, tuple[int, ...]]:
    """Return the shape of every array of a tokenizer in PyTorch's layout."""
    found: dict[str, tuple[int, ...]] = {}
    for name, layer in convolutions(config).items():
        found[name] = layer.torch_shape
        found[name.removesuffix("weight") + "bias"] = (layer.outputs,)
    if not config.has_book:
        return found
    book = (config.code_width, config.codes)
    return found | {BOOK: book, SIZES: (config.codes,), SUMS: book}
