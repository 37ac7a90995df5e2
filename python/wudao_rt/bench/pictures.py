"""Pictures of a run: the roofline, ratios as bars, and how speed grows with work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OURS, _PEER, _ROOF = "#1f4e79", "#c0392b", "#888888"
_SERIES = {"length": "tokens of a text", "width": "hidden size", "batch": "texts of 128 tokens"}
Line = dict[str, Any]


def draw(lines: Sequence[Line], folder: Path) -> list[Path]:
    """Draw what the lines have figures for; return the files."""
    good = [line for line in lines if "error" not in line]
    drawn = {"roofline.png": _roofline([x for x in good if x.get("intensity") and x.get("roof_rate")]),
             "bars.png": _bars([x for x in good if x.get("ratio")]),
             "scaling.png": _scaling([x for x in good if x["bench"] == "scaling"])}
    out = []
    for name, figure in drawn.items():
        if figure is not None:
            figure.savefig(folder / name)
            out.append(folder / name)
    return out


def _figure(width: float, height: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _roofline(lines: Sequence[Line]) -> Figure | None:
    """Operations per second over operations per byte: reading is the slope, products are the ceilings."""
    reading = [x["roof_rate"] for x in lines if x["bench"] in ("decode", "batch")]
    products = {x["dtype"]: x["roof_rate"] / 1e9 for x in lines
                if x["bench"] == "train" and x["dtype"] != "int8" and "avx2" not in x["case"]}
    if not reading or not products:
        return None
    figure = _figure(10, 6)
    axes = figure.add_subplot()
    bandwidth = sorted(reading)[len(reading) // 2] / 1e9
    for dtype, top in products.items():
        ridge = top / bandwidth
        axes.plot([0.3, ridge, 2000], [0.3 * bandwidth, top, top], color=_ROOF, linewidth=1)
        axes.annotate(f"{dtype} {top:.0f} GFLOP/s", (1.2 * ridge, top), va="bottom", fontsize=8, color=_ROOF)
    models = [x for x in _each_case(lines) if x["bench"] not in ("kernels", "attention")]
    for number, line in enumerate(models, 1):
        _point(axes, line, number)
    names = [f"{n:2d}  {x['bench']} {x['case']} {x['dtype']}" for n, x in enumerate(models, 1)]
    axes.text(1.02, 1.0, "\n".join(names), transform=axes.transAxes, fontsize=7, va="top", linespacing=1.5)
    axes.set(xscale="log", yscale="log", xlabel="operations for each byte of memory", ylabel="GFLOP/s",
             title=f"Roofline ({bandwidth:.0f} GB/s); blue: ours, red: the best peer")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _each_case(lines: Sequence[Line]) -> list[Line]:
    """Keep the best peer of every case."""
    best: dict[tuple[str, str, str], Line] = {}
    for line in lines:
        key = (line["bench"], line["case"], line["dtype"])
        if key not in best or (line.get("ratio") or 1e9) < (best[key].get("ratio") or 1e9):
            best[key] = line
    return list(best.values())


def _point(axes: Axes, line: Line, number: int) -> None:
    share, x = line["share_of_roof"], line["intensity"]
    bound_by_memory = line["bench"] in ("decode", "batch")
    top = line["roof_rate"] / 1e9 * (x if bound_by_memory else 1)
    axes.plot(x, share * top, "o", color=_OURS, markersize=5)
    if line["ratio"]:
        axes.plot(x, share * top * line["peer"] / line["ours"], "o", color=_PEER, markersize=4)
    left = number % 2 == 0  # neighbours are often alike
    axes.annotate(str(number), (x, share * top), fontsize=7, xytext=(-5 if left else 5, 2), textcoords="offset points",
                  ha="right" if left else "left")


def _bars(lines: Sequence[Line]) -> Figure | None:
    """One bar for each case: the ratio against the best way of each peer."""
    best: dict[tuple[str, ...], Line] = {}
    for line in (x for x in lines if x["peer_name"] in ("torch", "llama.cpp", "ctranslate2", "transformers")):
        key = tuple(str(line[k]) for k in ("bench", "case", "dtype", "peer_name"))
        if key not in best or line["ratio"] < best[key]["ratio"]:
            best[key] = line
    if not best:
        return None
    figure = _figure(8, 1.2 + 0.2 * len(best))
    axes = figure.add_subplot()
    ratios = [line["ratio"] for line in best.values()]
    bars = axes.barh([" ".join(key) for key in best], ratios, color=[_OURS if r >= 1 else _PEER for r in ratios])
    axes.bar_label(bars, [f"{r:.2f}" for r in ratios], fontsize=7, padding=2)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.margins(y=0.005)
    axes.invert_yaxis()
    axes.tick_params(axis="y", labelsize=7)
    axes.set(xlabel="times better than the peer's best way", xscale="linear")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _scaling(lines: Sequence[Line]) -> Figure | None:
    """Tokens and operations per second, one column for each way to grow, one curve for each number of threads."""
    if not lines:
        return None
    figure = _figure(10, 5.5)
    grid = figure.subplots(2, len(_SERIES), squeeze=False)
    for column, (series, words) in enumerate(_SERIES.items()):
        own = [x for x in lines if x["series"] == series]
        for threads in sorted({x["threads"] for x in own}):
            chosen = sorted((x for x in own if x["threads"] == threads), key=lambda x: x["x"])
            for row, key in enumerate(("ours", "gflops")):
                grid[row][column].plot([x["x"] for x in chosen], [x[key] for x in chosen], "o-", markersize=3,
                                       label=f"{threads} threads" if threads > 1 else "1 thread")
        _label(grid, column, words, sorted({x["x"] for x in own}))
    figure.suptitle(f"Training step, bfloat16 ({lines[0]['cpu']})")
    return figure


def _label(grid: Any, column: int, words: str, ticks: Sequence[int]) -> None:
    from matplotlib.ticker import LogLocator, StrMethodFormatter

    for row, what in enumerate(("tokens/s", "GFLOP/s")):
        axes = grid[row][column]
        axes.set(xscale="log", yscale="log" if row == 0 else "linear", xlabel=words, ylabel=what if column == 0 else "")
        axes.set_xticks(ticks, [str(tick) for tick in ticks], fontsize=7)
        axes.minorticks_off()
        if row == 0:
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.spines[["top", "right"]].set_visible(False)
        if row == 1:
            axes.set_ylim(bottom=0)
    grid[0][column].legend(frameon=False, fontsize=8)
