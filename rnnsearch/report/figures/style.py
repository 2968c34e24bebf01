"""How all figures look: colours, axes, text.

Colours follow those of Okabe & Ito, which the colour-blind can tell apart, darkened where they were
too pale for paper; whatever is told by colour is told by dash, symbol or position too, so that a
grey print says the same. Figures are made for a light page; `DARK` says what each of their colours
is on a dark one. Each stands out from its page by a contrast of 3 (WCAG 1.4.11) and more.
"""

import base64
import html
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from rnnsearch.language import marked
from rnnsearch.shown import printable

BLUE, ORANGE, GREEN, RED = "#0072B2", "#B87800", "#009E73", "#D55E00"
SKY, PURPLE, BLACK, GREY, PALE = "#2E8FCB", "#B8618F", "#222222", "#767676", "#868E96"
BAND = "rgba(46,143,203,0.18)"
"""Of an area, on either page; an area has an edge."""

PAPER, GRID, MIDDLE, BUTTON, PRESSED = "#FFFFFF", "#E6E8EB", "#F7F7F7", "#F5F6F8", "#D9DDE2"
"""What lies behind: the page, lines of a grid, the middle of a scale, buttons."""

DARK = {
    BLUE: "#4FA8E8",
    ORANGE: "#F0B030",
    GREEN: "#2FC494",
    RED: "#FF8A4C",
    SKY: "#8FD0F5",
    PURPLE: "#E29AC0",
    BLACK: "#E8EAED",
    GREY: "#9AA3AD",
    PALE: "#7C858F",
    PAPER: "#16191D",
    GRID: "#2C3238",
    MIDDLE: "#23282E",
    BUTTON: "#2C3238",
    PRESSED: "#444C55",
}
"""A colour on a light page -> on a dark one."""

DIVERGING = [(0.0, RED), (0.5, MIDDLE), (1.0, BLUE)]
STATES = {
    "complete": (BLUE, "circle"),
    "pruned": (ORANGE, "triangle-down"),
    "failed": (RED, "x"),
}
FORECASTS = {
    "champion": (BLUE, "solid"),
    "one_fit": (SKY, "dash"),
    "no_change": (ORANGE, "dot"),
    "average": (PURPLE, "dashdot"),
    "persistence": (ORANGE, "dot"),
    "ridge": (GREEN, "dash"),
    "logistic": (GREEN, "dash"),
    "drift": (PURPLE, "dashdot"),
    "arima": (RED, "longdash"),
    "har": (RED, "longdash"),
}
SHOWN_NAMES = {
    "one_fit": marked("one fit"),
    "no_change": marked("no change"),
    "persistence": marked("no change"),
    "base_rate": marked("base rate"),
}
STEPS = ((1e-2, 0), (1e-3, 1), (1e-4, 2), (1e-5, 3))
"""(smallest step between two marks of an axis, decimals of a percent that tell them apart)."""

LEAST_DECIMALS, MOST_DECIMALS = 4, 6
"""Of a percent, where marks are closer than all `STEPS`; of a plain number, at most."""

FONTS = (
    "system-ui, -apple-system, Segoe UI, Roboto, PingFang TC, Microsoft JhengHei, "
    "Noto Sans CJK TC, Noto Sans TC, sans-serif"
)
"""Whoever shows a figure has one of them; the later ones have Chinese letters."""

WIDTH, MOST_LINES = 24, 3
"""Of a label: characters in a line, and lines."""


def blank(height: int, x: str = "", y: str = "") -> go.Figure:
    figure = dress(go.Figure(), height)
    figure.update_xaxes(title_text=x)
    figure.update_yaxes(title_text=y)
    return figure


def dress(figure: go.Figure, height: int) -> go.Figure:
    figure.update_layout(
        template="none",
        height=height,
        autosize=True,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 8, "r": 12, "t": 30, "b": 8},
        font={
            "family": FONTS,
            "size": 13,
            "color": BLACK,
        },
        legend={"orientation": "h", "x": 0, "y": -0.02, "yref": "container", "yanchor": "bottom"},
        hoverlabel={
            "align": "left",
            "bgcolor": PAPER,
            "bordercolor": GREY,
            "font": {"color": BLACK},
        },
        modebar={"color": GREY, "activecolor": BLUE, "bgcolor": "rgba(0,0,0,0)"},
        dragmode="zoom",
        uirevision="kept",  # another theme keeps what was zoomed into and hidden
    )
    axis = {
        "automargin": True,
        "gridcolor": GRID,
        "zeroline": False,
        "zerolinecolor": GREY,
        "linecolor": GREY,
        "exponentformat": "none",  # 0.0005, not 500µ
    }
    figure.update_xaxes(**axis, zerolinewidth=1)
    figure.update_yaxes(**axis, zerolinewidth=1)
    return figure


def add_band(figure: go.Figure, x: Any, low: Any, high: Any, name: str, colour: str = BAND) -> None:
    """An area between two lines, which one name in the legend shows and hides."""
    line = {"color": SKY, "width": 0.8}
    edge = {"x": x, "mode": "lines", "line": line, "hoverinfo": "skip", "legendgroup": name}
    figure.add_scatter(y=short(low), showlegend=False, **edge)
    figure.add_scatter(y=short(high), fill="tonexty", fillcolor=colour, name=name, **edge)


def add_diagonal(figure: go.Figure, ends: tuple[float, float], name: str) -> None:
    """Where what came is what was said."""
    figure.add_scatter(
        x=ends,
        y=ends,
        mode="lines",
        name=name,
        line={"color": BLACK, "dash": "dash", "width": 1.5},
        hoverinfo="skip",
    )


def percent_axis() -> dict[str, Any]:
    """Of an axis whose values are shares: marks in percent, with as many decimals as tell them
    apart, the same for all; and so a value that is pointed at."""
    largest, stops = None, []
    for step, decimals in STEPS:
        stops.append({"dtickrange": [step, largest], "value": f".{decimals}%"})
        largest = step
    stops.append({"dtickrange": [None, largest], "value": f".{LEAST_DECIMALS}%"})
    return {"tickformatstops": stops, "hoverformat": "+.3%"}


def plain_axis() -> dict[str, Any]:
    """Of an axis of plain numbers: as many decimals as tell its marks apart, the same for all."""
    stops, largest = [], None
    for decimals in range(MOST_DECIMALS + 1):
        stops.append({"dtickrange": [10.0**-decimals, largest], "value": f".{decimals}f"})
        largest = 10.0**-decimals
    return {"tickformatstops": stops}


def is_in_percent(axis: Mapping[str, Any]) -> bool:
    """Whether an axis of a figure is a `percent_axis`."""
    stops = axis.get("tickformatstops") or ()
    return any(str(stop.get("value")).endswith("%") for stop in stops)


def decimals_of(step: float) -> int:
    """Decimals of a percent that tell marks apart which are so far from each other."""
    return next((n for least, n in STEPS if step >= least * (1 - 1e-9)), LEAST_DECIMALS)


def share(value: float | None, decimals: int = 2) -> str:
    """A share as figures write it: `+0.89 %`; with more decimals where it is that small."""
    if value is None or not math.isfinite(value):
        return ""
    return f"{100 * value:+.{decimals}f} %".replace("-", "−")


def short(values: Any) -> NDArray[np.float64]:
    """Six digits: enough for a picture, and half the page."""
    array = np.asarray(values, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        digits = 5 - np.floor(np.log10(np.abs(array)))
    scale = 10.0 ** np.where(np.isfinite(digits), np.clip(digits, -300, 300), 0)
    short: NDArray[np.float64] = np.round(array * scale) / scale
    return short


def literal(text: str) -> str:
    """Plotly reads a little HTML in labels: a name is to be shown as it is."""
    return html.escape(printable(text), quote=False)


def lines_of(name: str, width: int = WIDTH) -> list[str]:
    """A label in lines, broken where a part of the name ends; only one of more than `MOST_LINES`
    lines is cut.

    >>> lines_of("volume_weighted_average_price_30")
    ['volume_weighted_average_', 'price_30']
    """
    text = printable(name)
    lines: list[str] = []
    while len(text) > width and len(lines) < MOST_LINES - 1:
        ends = [part.end() for part in re.finditer(r"[\W_]+", text[: width + 1])]
        end = max((end for end in ends if width // 3 <= end <= width), default=width)
        lines.append(text[:end])
        text = text[end:]
    return [*lines, text if len(text) <= width else f"{text[: width - 1]}…"]


def label(name: str) -> str:
    """A name in lines, as plotly takes it."""
    return "<br>".join(map(literal, lines_of(name)))


def listed(values: Any) -> list[Any]:
    """The values of a trace in a figure's `to_dict`, which packs arrays of numbers."""
    if values is None:
        return []
    if isinstance(values, dict):
        packed = np.frombuffer(base64.b64decode(values["bdata"]), np.dtype(values["dtype"]))
        shape = [int(size) for size in str(values.get("shape") or len(packed)).split(",")]
        return list(packed.reshape(shape).tolist())
    return [value.item() if isinstance(value, np.generic) else value for value in values]
