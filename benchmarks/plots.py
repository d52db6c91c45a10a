"""Plots as SVG texts, drawn by matplotlib: light, readable, nothing loaded from anywhere."""

import io
import re
from collections.abc import Sequence
from typing import Any

from benchmarks.result import Plot

__all__ = ["svg"]

COLOURS = ("#1f6fb2", "#d9822b", "#3a8f5c", "#8c5fb3", "#b23a48", "#5f6b7a")
MOST_TICKS = 10
"""Where there are more values than these, matplotlib chooses."""

INK, RULES = "#2b2f36", "#dfe3e8"
STYLE = {
    "axes.edgecolor": RULES,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "font.family": "sans-serif",
    "font.size": 9,
    "grid.color": RULES,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


def svg(plot: Plot) -> str | None:
    """The plot as an `<svg>` element; None where matplotlib is not installed."""
    try:
        import matplotlib as mpl  # only the dependency group `bench` has it
    except ImportError:
        return None
    mpl.use("svg")
    from matplotlib import pyplot as plt

    # Identifiers in one page must differ from plot to plot, and be the same from run to run.
    with mpl.rc_context({**STYLE, "svg.hashsalt": plot.title}):
        bars = plot.kind == "bars"
        names = list(plot.series[0].x) if bars else []
        long = bars and (len(names) > 4 or any(len(str(name)) > 14 for name in names))
        height = max(0.2 * len(names) * len(plot.series) + 1.2, 2.4) if long else 3.0
        figure, axes = plt.subplots(figsize=(7.2, height), layout="constrained")
        axes.set_title(plot.title, loc="left")
        if bars:
            _bars(axes, plot, names, sideways=long)
        else:
            for colour, one in zip(COLOURS * 2, plot.series, strict=False):
                axes.plot(one.x, one.y, marker="o", markersize=4, color=colour, label=one.name)
            _lines(axes, plot)
        if len(plot.series) > 1 or plot.limit:
            figure.legend(loc="outside lower left", ncols=2, fontsize=8)
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None})
        plt.close(figure)
    return _inline(written.getvalue())


def _bars(axes: Any, plot: Plot, names: Sequence[object], *, sideways: bool) -> None:
    width = 0.8 / len(plot.series)
    for number, (colour, one) in enumerate(zip(COLOURS * 2, plot.series, strict=False)):
        places = [at + (number - (len(plot.series) - 1) / 2) * width for at in range(len(names))]
        draw = axes.barh if sideways else axes.bar
        draw(places, one.y, width * 0.92, color=colour, label=one.name)
    if plot.limit:
        line = axes.axvline if sideways else axes.axhline
        line(plot.limit.value, color=INK, linestyle="--", linewidth=1, label=plot.limit.name)
    if sideways:
        axes.set_yticks(range(len(names)), names)
        axes.margins(y=0.02)
        axes.invert_yaxis()
        axes.set_xlabel(plot.y_label)
        axes.grid(axis="x")
    else:
        axes.set_xticks(range(len(names)), names)
        axes.set_ylabel(plot.y_label)
        axes.grid(axis="y")
    axes.set_axisbelow(True)


def _lines(axes: Any, plot: Plot) -> None:
    axes.set_xlabel(plot.x_label)
    axes.set_ylabel(plot.y_label)
    if plot.log_x:
        axes.set_xscale("log")
    if plot.log_y:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    ticks = sorted({float(x) for one in plot.series for x in one.x})
    if len(ticks) <= MOST_TICKS:
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    if plot.limit:
        axes.axhline(plot.limit.value, color=INK, linestyle="--", label=plot.limit.name)
    axes.grid(axis="y")


def _inline(text: str) -> str:
    """Only the element, as wide as the page allows."""
    element = text[text.index("<svg") :]
    element = re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    return re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", element, count=1).replace(
        "<svg", '<svg role="img"', 1
    )
