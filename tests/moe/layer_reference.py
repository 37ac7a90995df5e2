"""A layer of experts in plain NumPy float64: every token through each of its experts, one by one, with gradients."""

from __future__ import annotations

import math

import numpy as np


def gelu(u):
    return 0.5 * u * (1 + np.tanh(math.sqrt(2 / math.pi) * (u + 0.044715 * u**3)))


def gelu_slope(u):
    c = math.sqrt(2 / math.pi)
    t = np.tanh(c * (u + 0.044715 * u**3))
    return 0.5 * (1 + t) + 0.5 * u * (1 - t**2) * c * (1 + 3 * 0.044715 * u**2)


def expert_names(e):
    return [f"experts.{e}.{kind}" for kind in ("h_to_4h.weight", "h_to_4h.bias", "4h_to_h.weight", "4h_to_h.bias")]


def forward(state, x, indices, weights):
    y = np.zeros_like(x)
    for t, j in np.ndindex(*indices.shape):
        if (e := indices[t, j]) >= 0:
            w1, b1, w2, b2 = (state[name] for name in expert_names(e))
            y[t] += weights[t, j] * (w2 @ gelu(w1 @ x[t] + b1) + b2)
    return y


def backward(state, x, indices, weights, dy):
    """dx through the experts alone, dweights, and the gradients of the experts."""
    dx, dweights = np.zeros_like(x), np.zeros(weights.shape)
    gradients = {name: np.zeros_like(array) for name, array in state.items() if name.startswith("experts.")}
    for t, j in np.ndindex(*indices.shape):
        if (e := indices[t, j]) < 0:
            continue
        names = expert_names(e)
        w1, b1, w2, b2 = (state[name] for name in names)
        u = w1 @ x[t] + b1
        a = gelu(u)
        dweights[t, j] = dy[t] @ (w2 @ a + b2)
        d = weights[t, j] * dy[t]
        du = (w2.T @ d) * gelu_slope(u)
        dx[t] += w1.T @ du
        for name, gradient in zip(names, (np.outer(du, x[t]), du, np.outer(d, a), d), strict=True):
            gradients[name] += gradient
    return dx, dweights, gradients
