"""A few convolutions, forward and backward, with the engine's own ops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from wudao_rt import ops
from wudao_rt.data.blanks.keys import Stream, generator
from wudao_rt.ops.types import Array

CHANNELS, STRIDES = (32, 64, 128), (2, 2, 2)
WIDTH = 64  # of the features
_GROUPS, _KERNEL, _COLOURS = 8, 3, 3
_VECTORS = (("conv", "bias"), ("norm", "weight"), ("norm", "bias"))


@dataclass(frozen=True, eq=False)
class Pass:
    """Hold what a forward pass computed.

    Args:
        features: (N, WIDTH), what the classes are read from.
        logits: (N, classes).
        layers: of each convolution its input, output and normalised output.
        pooled: (N, channels).
        hidden: (N, WIDTH), features before they are rectified.
    """

    features: Array
    logits: Array
    layers: list[tuple[Array, Array, Array]]
    pooled: Array
    hidden: Array


def shapes(classes: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of every weight of a network with so many logits."""
    found: dict[str, tuple[int, ...]] = {}
    inputs = _COLOURS
    for place, channels in enumerate(CHANNELS):
        found[f"conv{place}.weight"] = (channels, _KERNEL * _KERNEL * inputs)
        found |= {f"{name}{place}.{kind}": (channels,) for name, kind in _VECTORS}
        inputs = channels
    found |= {"features.weight": (WIDTH, inputs), "features.bias": (WIDTH,)}
    return found | {"classes.weight": (classes, WIDTH), "classes.bias": (classes,)}


def first_weights(classes: int, seed: int) -> dict[str, Array]:
    """Return weights to begin with: N(0, 2 / inputs), norms the identity, biases 0.

    Source: He et al. 2015, "Delving deep into rectifiers", equation 10.
    """
    made = {}
    for place, (name, shape) in enumerate(shapes(classes).items()):
        if len(shape) > 1:
            draws = generator(seed, Stream.CLASSIFY, place).standard_normal(shape)
            made[name] = (draws * np.sqrt(2 / prod(shape[1:]))).astype(np.float32)
        else:
            made[name] = np.full(shape, float(name.startswith("norm") and name.endswith("weight")), np.float32)
    return made


def forward(weights: Mapping[str, Array], images: Array) -> Pass:
    """Compute features and logits of pictures.

    h <- relu(norm(conv(h))) for each of CHANNELS; features = relu(W mean over pixels of h + b); logits = V features + c

    Args:
        weights: as `first_weights` gives them.
        images: (N, H, W, 3) floats from 0 to 1; computed in the type of the weights.
    """
    h, layers = ((images - 0.5) / 0.5).astype(weights["classes.weight"].dtype), []
    for place, stride in enumerate(STRIDES):
        conv = ops.conv2d(h, weights[f"conv{place}.weight"], weights[f"conv{place}.bias"], _KERNEL, stride, 1)
        norm = ops.group_norm(conv, weights[f"norm{place}.weight"], weights[f"norm{place}.bias"], _GROUPS)
        layers.append((h, conv, norm))
        h = ops.relu(norm)
    pooled = h.mean(axis=(1, 2))
    hidden = ops.linear(pooled, weights["features.weight"], weights["features.bias"])
    features = ops.relu(hidden)
    logits = ops.linear(features, weights["classes.weight"], weights["classes.bias"])
    return Pass(features, logits, layers, pooled, hidden)


def backward(weights: Mapping[str, Array], done: Pass, dlogits: Array) -> dict[str, Array]:
    """Return the gradients of all weights for the gradient of the logits (N, classes)."""
    found: dict[str, Array | None] = {}
    dfeatures, found["classes.weight"], found["classes.bias"], _ = ops.linear_backward(
        done.features, weights["classes.weight"], weights["classes.bias"], None, dlogits)
    (dhidden,) = ops.relu_backward(done.hidden, dfeatures)
    dpooled, found["features.weight"], found["features.bias"], _ = ops.linear_backward(
        done.pooled, weights["features.weight"], weights["features.bias"], None, dhidden)
    last = done.layers[-1][2]
    dh = np.broadcast_to((dpooled / prod(last.shape[1:3]))[:, None, None], last.shape)
    for place in reversed(range(len(STRIDES))):
        h, conv, norm = done.layers[place]
        (dnorm,) = ops.relu_backward(norm, np.ascontiguousarray(dh))
        dconv, found[f"norm{place}.weight"], found[f"norm{place}.bias"] = ops.group_norm_backward(
            conv, weights[f"norm{place}.weight"], weights[f"norm{place}.bias"], dnorm, _GROUPS)
        dh, found[f"conv{place}.weight"], found[f"conv{place}.bias"] = ops.conv2d_backward(
            h, weights[f"conv{place}.weight"], weights[f"conv{place}.bias"], dconv, _KERNEL, STRIDES[place], 1)
    return {name: found[name] for name in weights}  # type: ignore[misc]  # all have a bias
