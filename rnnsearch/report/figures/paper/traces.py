"""Kinds of traces, and how each is drawn."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from rnnsearch.report.figures.paper.axes import Panel
from rnnsearch.report.figures.paper.values import (
    DASHES,
    SMALL,
    THINNER,
    colour_of,
    date,
    is_list,
    luminance,
    plain,
)
from rnnsearch.report.figures.style import BLACK, GREY, listed

Trace = Mapping[str, Any]
Before = dict[int, tuple[Any, Any]]
"""The line before, by its axes: an area goes up to it."""

SYMBOLS = {
    "circle": "o",
    "circle-open": "o",
    "triangle-down": "v",
    "triangle-up": "^",
    "x": "x",
    "cross": "+",
    "diamond": "D",
    "square": "s",
    "star": "*",
    "line-ns": "|",
    "line-ew": "_",
}
OPEN = ("x", "cross", "line-ns", "line-ew")
"""Symbols without an inside."""


def _scatter(panel: Panel, trace: Trace, before: Before) -> None:
    axes, y = panel.axes, panel.y.places(listed(trace.get("y")), 0)
    x = panel.x.places(listed(trace.get("x")), len(y))
    line, marker = trace.get("line") or {}, trace.get("marker") or {}
    mode = trace.get("mode") or "lines"
    opacity = trace.get("opacity", 1.0)
    name = plain(trace.get("name") or "")
    if trace.get("fill") == "tonexty" and id(axes) in before:
        _area(axes, x, before[id(axes)][1], y, trace, name)
    elif trace.get("fill") in ("tozeroy", "toself"):
        _area(axes, x, np.zeros(len(y)), y, trace, name)
    before[id(axes)] = x, y
    width = line.get("width", 2)
    if "lines" in mode and width:
        shown = _inside(panel, x)
        axes.plot(
            x[shown],
            y[shown],
            color=colour_of(line.get("color") or marker.get("color"), opacity),
            linestyle=DASHES.get(line.get("dash") or "solid", "--"),
            linewidth=THINNER * width,
            drawstyle="steps-post" if line.get("shape") == "hv" else "default",
            label=name,
        )
    if "markers" in mode:
        _marks(axes, x, y, {"color": line.get("color")} | marker, opacity, name)
    if error := trace.get("error_y"):
        above = np.asarray(listed(error.get("array")), dtype=np.float64)
        below = np.asarray(listed(error.get("arrayminus")) or above, dtype=np.float64)
        axes.errorbar(
            x, y, [below, above], fmt="none", ecolor=error.get("color", GREY), elinewidth=1
        )


def _inside(panel: Panel, x: Any) -> Any:
    """Which points are seen, with one more at either end: of years, a page shows months."""
    span = panel.x.told.get("range")
    if span is None or len(x) < 3:
        return slice(None)
    low, high = (np.datetime64(date(end), "s") if panel.x.is_date else end for end in span)
    seen = np.flatnonzero((x >= low) & (x <= high))
    return slice(max(seen[0] - 1, 0), seen[-1] + 2) if len(seen) else slice(None)


def _area(axes: Axes, x: Any, low: Any, high: Any, trace: Trace, name: str) -> None:
    if len(low) == len(high):
        axes.fill_between(x, low, high, color=colour_of(trace.get("fillcolor"), 1.0), linewidth=0)
        axes.fill([], [], color=colour_of(trace.get("fillcolor"), 1.0), label=name)


def _marks(axes: Axes, x: Any, y: Any, marker: Trace, opacity: float, name: str) -> None:
    symbol = marker.get("symbol") or "circle"
    colour = marker.get("color")
    colours: Any = [colour_of(c, opacity) for c in listed(colour)] if is_list(colour) else None
    if colours is None:
        colours = [colour_of(colour, opacity * marker.get("opacity", 1.0))]
    size = (0.55 * (marker.get("size") or 6)) ** 2
    hollow = symbol.endswith("-open")
    style: dict[str, Any] = (
        {"facecolors": "none", "edgecolors": colours} if hollow else {"c": colours}
    )
    if len(colours) == 1 and not hollow:
        style = {"color": colours[0]}
    wide = (marker.get("line") or {}).get("width", 0)
    thick = 0.6 * wide if symbol in OPEN or hollow else 0
    axes.scatter(
        x, y, s=size, marker=SYMBOLS.get(symbol, "o"), linewidths=thick or 1.0 * (symbol in OPEN),
        label=name, zorder=2.5, **style,
    )  # fmt: skip


def _bar(panel: Panel, trace: Trace, _: Before) -> None:
    axes, marker = panel.axes, trace.get("marker") or {}
    across = trace.get("orientation") == "h"
    told = listed(trace.get("x" if across else "y"))
    lengths = np.array([math.nan if v is None else v for v in told], dtype=np.float64)
    names = listed(trace.get("y" if across else "x"))
    places = (panel.y if across else panel.x).places(names, len(lengths))
    colour = marker.get("color")
    colours = [colour_of(one, 1.0) for one in (listed(colour) if is_list(colour) else [colour])]
    hatch = (marker.get("pattern") or {}).get("shape") or None
    draw: Callable[..., Any] = axes.barh if across else axes.bar
    drawn = draw(
        places, lengths, 0.72, color=colours, hatch=hatch, label=plain(trace.get("name") or "")
    )
    if texts := listed(trace.get("text")):
        labels = [plain(str(text)) for text in texts]
        axes.bar_label(drawn, labels, padding=3, fontsize=SMALL, parse_math=False)
        (panel.x if across else panel.y).is_free = True
        axes.margins(0.14 if across else 0.05, 0.05 if across else 0.14)


def _histogram(panel: Panel, trace: Trace, _: Before) -> None:
    values = np.array(listed(trace.get("x")), dtype=np.float64)
    bins = trace.get("xbins") or {}
    edges: Any = 30
    if bins.get("size"):
        edges = np.arange(bins["start"], bins["end"] + bins["size"] / 2, bins["size"])
    weights = None
    if trace.get("histnorm") == "percent" and len(values):
        weights = np.full(len(values), 100 / len(values))
    marker = trace.get("marker") or {}
    hatch = (marker.get("pattern") or {}).get("shape") or None
    panel.axes.hist(
        values, edges, weights=weights, hatch=hatch, label=plain(trace.get("name") or ""),
        color=colour_of(marker.get("color"), trace.get("opacity", 1.0)),
    )  # fmt: skip
    if len(values):
        gap = bins.get("size") or 0.0
        panel.axes.set_xlim(values.min() - 2 * gap, values.max() + 2 * gap)


def _heatmap(panel: Panel, trace: Trace, _: Before) -> None:
    axes = panel.axes
    z = np.array(
        [[math.nan if v is None else v for v in row] for row in listed(trace["z"])], dtype=float
    )
    x = panel.x.places(listed(trace.get("x")), z.shape[1])
    y = panel.y.places(listed(trace.get("y")), z.shape[0])
    scale = LinearSegmentedColormap.from_list("scale", [(p, c) for p, c in trace["colorscale"]])
    low, high = trace.get("zmin", np.nanmin(z)), trace.get("zmax", np.nanmax(z))
    for row, place in enumerate(y):
        for column, at in enumerate(x):
            value = z[row, column]
            known = math.isfinite(value)
            colour = scale((value - low) / ((high - low) or 1.0)) if known else (0, 0, 0, 0)
            axes.fill_between(
                [at - 0.48, at + 0.48], place - 0.47, place + 0.47, color=colour, lw=0
            )
            if trace.get("text") is not None and (text := trace["text"][row][column]):
                # Letters stand out from their cell by a contrast of 4.5 and more.
                dark = known and luminance(colour) < 0.18
                axes.text(
                    at, place, plain(str(text)), ha="center", va="center", fontsize=SMALL - 0.5,
                    color="white" if dark else BLACK, parse_math=False,
                )  # fmt: skip
    axes.set_xlim(min(x) - 0.5, max(x) + 0.5)
    panel.y.is_named = True


DRAWN: Mapping[str, Callable[[Panel, Trace, Before], None]] = {
    "scatter": _scatter,
    "bar": _bar,
    "histogram": _histogram,
    "heatmap": _heatmap,
}
