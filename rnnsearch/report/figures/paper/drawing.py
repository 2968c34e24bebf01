"""A plotly figure as an image that needs no script: for paper, and where scripts are off.

It reads the figure itself, so what is printed is what is shown, and a new figure of the page need
not be drawn twice. What it knows: lines, marks, bars, histograms, grids of colours, error bars,
areas between two lines, notes and straight lines, on axes of numbers, logarithms, dates and names.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory

from rnnsearch.report.figures.paper.axes import Panel
from rnnsearch.report.figures.paper.traces import DRAWN, Before, Trace
from rnnsearch.report.figures.paper.values import DASHES, SMALL, THINNER, date, plain, roomy
from rnnsearch.report.figures.style import BLACK, GREY

WIDTH = 7.2
"""Inches: what is inside the margins of a sheet, so that letters are as large as they say."""

PER_PIXEL = 1 / 160
"""Inches of height for a pixel of the page's."""

LEAST, MOST = 1.4, 4.0
"""Inches of height."""


class UnknownTraceError(Exception):
    """There is something in the figure that cannot be drawn here."""


def still(figure: go.Figure) -> Figure:
    """The figure as matplotlib draws it, as it is before anybody touches it.

    Raises UnknownTraceError where it holds a kind of trace that is not known here.
    """
    told = figure.to_dict()
    layout = told["layout"]
    traces = [t for t in told["data"] if t.get("visible", True) is True]
    height = min(max((layout.get("height") or 400) * PER_PIXEL, LEAST), MOST)
    image = Figure(figsize=(WIDTH, height), layout="constrained")
    every = _panels(image, layout, traces)
    before: Before = {}
    for trace in traces:
        draw = DRAWN.get(trace.get("type", "scatter"))
        if draw is None:
            raise UnknownTraceError(str(trace.get("type")))
        panel = every[trace.get("xaxis") or "x", trace.get("yaxis") or "y"]
        draw(panel, trace, before)
    for panel in every.values():
        panel.finish()
    for note in layout.get("annotations") or ():
        _note(every, note)
    for shape in layout.get("shapes") or ():
        _shape(every, shape)
    _legend(image, layout, traces, every)
    return image


def _panels(
    image: Figure, layout: Mapping[str, Any], traces: Sequence[Trace]
) -> dict[tuple[str, str], Panel]:
    """Axes by plotly's names of them, as high as their parts of the figure say."""
    pairs = list(dict.fromkeys((t.get("xaxis") or "x", t.get("yaxis") or "y") for t in traces))
    told = {
        pair: (_axis_of(layout, pair[0]), _axis_of(layout, pair[1]))
        for pair in pairs or [("x", "y")]
    }
    domain = {pair: tuple(y.get("domain") or (0, 1)) for pair, (_, y) in told.items()}
    rows = sorted(set(domain.values()), reverse=True)
    across = {pair: tuple(x.get("domain") or (0, 1)) for pair, (x, _) in told.items()}
    columns = sorted(set(across.values()))
    grid = image.add_gridspec(
        len(rows),
        len(columns),
        height_ratios=[high - low for low, high in rows],
        width_ratios=[high - low for low, high in columns],
    )
    every: dict[tuple[str, str], Panel] = {}
    drawn: dict[tuple[int, int], Axes] = {}
    for pair, (x, y) in told.items():
        place = rows.index(domain[pair]), columns.index(across[pair])
        axes = drawn.setdefault(place, image.add_subplot(grid[place]))
        every[pair] = Panel(axes, x, y)
        if x.get("showticklabels") is False:
            axes.tick_params(labelbottom=False)
    return every


def _axis_of(layout: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """`x2` is told under `xaxis2`; a range that it shares stands with the axis it matches."""
    own = dict(layout.get(f"{name[0]}axis{name[1:]}") or {})
    if matched := own.get("matches"):
        other = layout.get(f"{matched[0]}axis{matched[1:]}") or {}
        own = {"range": other.get("range"), "type": other.get("type")} | own
    return {key: value for key, value in own.items() if value is not None}


def _note(every: Mapping[tuple[str, str], Panel], note: Mapping[str, Any]) -> None:
    xref, yref = note.get("xref") or "x", note.get("yref") or "y"
    panel = every.get((xref, yref)) or next(iter(every.values()))
    axes = panel.axes
    transform = blended_transform_factory(
        axes.transData if xref == "x" or (xref, yref) in every else axes.transAxes,
        axes.transData if yref == "y" or (xref, yref) in every else axes.transAxes,
    )
    below = {"top": "bottom", "bottom": "top"}
    axes.annotate(
        plain(str(note.get("text") or "")),
        (note.get("x", 0), note.get("y", 0)),
        xycoords=transform,
        xytext=(0, 0.7 * (note.get("yshift") or 0)),
        textcoords="offset points",
        ha={"left": "left", "right": "right"}.get(note.get("xanchor") or "", "center"),
        va={"top": "top", "bottom": "bottom"}.get(
            below.get(note.get("yanchor") or "", ""), "center"
        ),
        fontsize=SMALL,
        color=(note.get("font") or {}).get("color", BLACK),
        parse_math=False,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.8},
    )


def _shape(every: Mapping[tuple[str, str], Panel], shape: Mapping[str, Any]) -> None:
    """Straight lines and bands over the whole of an axis."""
    line = shape.get("line") or {}
    style = {
        "color": line.get("color") or GREY,
        "linewidth": THINNER * line.get("width", 2),
        "linestyle": DASHES.get(line.get("dash") or "solid", "--"),
    }
    for (x, y), panel in every.items():
        if shape.get("type") != "line":
            continue
        if str(shape.get("xref", "")).startswith(f"{x} ") and shape.get("yref") == y:
            panel.axes.axhline(shape["y0"], **style)
        elif str(shape.get("yref", "")).startswith(f"{y} ") and shape.get("xref") == x:
            place: Any = shape["x0"]
            place = np.datetime64(date(place), "s") if panel.x.is_date else place
            panel.axes.axvline(place, **style)


def _legend(
    image: Figure, layout: Mapping[str, Any], traces: Sequence[Trace], every: Mapping[Any, Panel]
) -> None:
    """Under the figure, where plotly has it too: of several traces, those that have a name."""
    named = [t for t in traces if t.get("name") and t.get("showlegend") is not False]
    if layout.get("showlegend") is False or (len(named) < 2 and not layout.get("showlegend")):
        return
    found: dict[str, Any] = {}
    for axes in dict.fromkeys(panel.axes for panel in every.values()):
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(name, handle)
    wanted = [plain(t["name"]) for t in named if plain(t["name"]) in found]
    names = list(dict.fromkeys(wanted))
    legend = image.legend(
        [found[name] for name in names], [roomy(name) for name in names],
        loc="outside lower left", frameon=False, fontsize=SMALL, ncols=min(len(names), 5),
        handlelength=2.4, borderpad=0,
    )  # fmt: skip
    for text in legend.get_texts():
        text.set_parse_math(False)
