"""Pictures of a run, drawn without a screen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wudao_rt.training.history import read_lines, timed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from wudao_rt.training.loads import Loads

_INK, _PALE, _MARK = "#1f4e79", "#b8cbe0", "#c0392b"


def loss_curve(run: Path, target: Path, baseline: float | None = None) -> Path:
    """Draw the losses of a run over its training seconds, as PNG.

    Args:
        run: run folder with log.jsonl and eval.jsonl.
        target: file to write.
        baseline: loss of the unigram, drawn as a line.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    steps, held_out = read_lines(run / "log.jsonl"), read_lines(run / "eval.jsonl")
    figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    _training(axes, steps)
    _held_out(axes, steps, held_out)
    if baseline is not None:
        axes.axhline(baseline, color="grey", linestyle=":", label=f"unigram {baseline:.2f}")
    axes.set(xlabel="seconds of training", ylabel="nats per token", title=run.name)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(target)
    return target


def load_map(loads: Loads, target: Path, title: str) -> Path:
    """Draw the load of every expert over the steps, a heat map for each layer, as PNG; 1 is an equal share."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    layers, experts = loads.loads.shape[1:]
    figure = Figure(figsize=(9, 1.2 + layers * min(2.2, 0.5 + 0.13 * experts)), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(layers, 1, sharex=True, squeeze=False)[:, 0]
    top = max(2.0, float(np.quantile(loads.loads, 0.99)))
    for number, axes in enumerate(panels):
        image = axes.imshow(loads.loads[:, number].T, aspect="auto", interpolation="nearest", cmap="viridis", vmin=0,
                            vmax=top, extent=(loads.steps[0] - 0.5, loads.steps[-1] + 0.5, experts - 0.5, -0.5))
        axes.set_ylabel(f"layer {number}\nexpert")
        axes.yaxis.get_major_locator().set_params(integer=True)
    panels[-1].set_xlabel("step")
    figure.suptitle(f"{title}: rows of each expert, 1 = an equal share")
    figure.colorbar(image, ax=panels, label="load")
    figure.savefig(target)
    return target


def _training(axes: Axes, steps: Sequence[dict]) -> None:
    kept = [step for step in steps if step["loss"] is not None]
    seconds, losses = [step["seconds"] for step in kept], [step["loss"] for step in kept]
    axes.plot(seconds, losses, color=_PALE, linewidth=0.8)
    axes.plot(seconds, smooth(losses), color=_INK, label="training, smoothed")


def _held_out(axes: Axes, steps: Sequence[dict], held_out: Sequence[dict]) -> None:
    points = timed(steps, held_out)
    if points:
        axes.plot(*zip(*points, strict=True), "o-", color=_MARK, markersize=4, label=f"held-out {points[-1][1]:.2f}")


def smooth(values: Sequence[float], weight: float = 0.95) -> list[float]:
    """Return the exponential moving average, with the bias of its start taken out.

    >>> smooth([2.0, 2.0], 0.5), smooth([1.0, 4.0], 0.5)
    ([2.0, 2.0], [1.0, 3.0])
    """
    mean, out = 0.0, []
    for n, value in enumerate(values, 1):
        mean = weight * mean + (1 - weight) * value
        out.append(mean / (1 - weight**n))
    return out
