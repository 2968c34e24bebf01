"""How all figures look: colours, axes, text.

Colours are those of Okabe & Ito, which the colour-blind can tell apart; whatever is told by colour
is told by dash, symbol or position too, so that a grey print says the same.
"""

import html
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from rnnsearch.shown import printable

BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, PURPLE, BLACK, GREY, PALE = "#56B4E9", "#CC79A7", "#222222", "#767676", "#C9CDD2"
DIVERGING = [(0.0, RED), (0.5, "#F7F7F7"), (1.0, BLUE)]
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
}
SHOWN_NAMES = {
    "one_fit": "one fit",
    "no_change": "no change",
    "persistence": "no change",
    "base_rate": "base rate",
}


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
        margin={"l": 8, "r": 12, "t": 30, "b": 8},
        font={"family": "system-ui, -apple-system, Segoe UI, Roboto, sans-serif", "size": 13},
        legend={"orientation": "h", "x": 0, "y": -0.02, "yref": "container", "yanchor": "bottom"},
        hoverlabel={"align": "left"},
        dragmode="zoom",
    )
    axis = {"automargin": True, "gridcolor": "#E6E8EB", "zeroline": False, "zerolinecolor": GREY}
    figure.update_xaxes(**axis, zerolinewidth=1)
    figure.update_yaxes(**axis, zerolinewidth=1)
    return figure


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


def clipped(name: str, length: int = 24) -> str:
    name = printable(name)
    return name if len(name) <= length else f"{name[: length - 1]}…"
