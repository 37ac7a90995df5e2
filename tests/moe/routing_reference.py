"""Routing in plain NumPy float64, written from the formulas alone."""

from __future__ import annotations

import math

import numpy as np


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def probabilities(z, gate):
    if gate == "bias":
        s = 1 / (1 + np.exp(-z))
        return s / s.sum(-1, keepdims=True)
    return softmax(z)


def choices(z, k, gate, bias=None, expert_groups=1, topk_groups=1):
    """The k best experts of each token; equal ones in ascending order."""
    preference = z.copy()
    if gate == "bias":
        preference = 1 / (1 + np.exp(-z)) + (0 if bias is None else bias)
    if gate == "group_limited":
        p = softmax(z)
        members = p.reshape(len(z), expert_groups, -1)
        score = np.sort(members, -1)[..., -max(1, k // topk_groups):].sum(-1)
        kept = np.argsort(-score, axis=-1, kind="stable")[:, :topk_groups]
        allowed = np.zeros_like(score, bool)
        np.put_along_axis(allowed, kept, True, -1)
        preference = np.where(np.repeat(allowed, members.shape[-1], -1), p, -np.inf)
    return np.argsort(-preference, axis=-1, kind="stable")[:, :k]


def weights(z, chosen, gate):
    p = 1 / (1 + np.exp(-z)) if gate == "bias" else softmax(z)
    w = np.take_along_axis(p, chosen, -1)
    return w if chosen.shape[1] == 1 and gate != "bias" else w / w.sum(-1, keepdims=True)


def drop(chosen, p, experts, capacity_factor, groups, by):
    kept, (count, k) = chosen.copy(), chosen.shape
    size = count // groups
    limit = math.ceil(round(capacity_factor * k * size / experts, 9))
    for begin in range(0, count, size):
        for e in range(experts):
            rows = [(t, j) for t in range(begin, begin + size) for j in range(k) if chosen[t, j] == e]
            if by == "probability":
                rows.sort(key=lambda r: (-p[r[0], e], r[0], r[1]))
            else:
                rows.sort(key=lambda r: (r[1], r[0]))
            for t, j in rows[limit:]:
                kept[t, j] = -1
    return kept


def variation(x):
    return x.var() / (x.mean() ** 2 + 1e-10)


def losses(z, chosen, w, gate, groups, sequence_length=0):
    p, (count, experts), k = probabilities(z, gate), z.shape, chosen.shape[1]

    def switch(parts):
        size, total = count // parts, 0.0
        for b in range(0, count, size):
            c = np.bincount(chosen[b : b + size][chosen[b : b + size] >= 0], minlength=experts)
            total += experts * (c / (k * size) * p[b : b + size].mean(0)).sum()
        return total / parts

    size, gshard, importance = count // groups, 0.0, 0.0
    for b in range(0, count, size):
        first = np.bincount(chosen[b : b + size, 0], minlength=experts)
        gshard += (first / size * p[b : b + size].mean(0)).sum() / experts / groups
        sums = np.zeros(experts)
        np.add.at(sums, chosen[b : b + size], w[b : b + size])
        importance += variation(sums) / groups
    lse = np.log(np.exp(z).sum(-1))
    found = {"switch": switch(groups), "gshard": gshard, "importance": importance, "z": (lse**2).mean(),
             "global_batch": switch(1)}
    return found | ({"sequence": switch(count // sequence_length)} if sequence_length else {})
