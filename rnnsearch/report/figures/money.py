"""Pictures of what the champion would have earned: worth on a log scale, and drawdown below it.

m  sessions of the locked test
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter, ScalarFormatter
from plotly.subplots import make_subplots

from rnnsearch.arrays import Floats
from rnnsearch.language import _
from rnnsearch.report.figures.style import BLACK, BLUE, GREY, ORANGE, SKY, dress, short
from rnnsearch.scoring.trading import LABELS

STYLES = {
    "champion": (BLUE, "solid"),
    "before_costs": (SKY, "dot"),
    "buy_and_hold": (ORANGE, "dash"),
    "cash": (GREY, "dashdot"),
}
LINES = {"solid": "-", "dot": ":", "dash": "--", "dashdot": "-."}


@dataclass(frozen=True, eq=False)
class Curve:
    """One account: worth at the end of each session, NaN where nothing is left, and how far that is
    below the highest so far, as a share of it; (m,) each."""

    label: str
    colour: str
    dash: str
    worth: Floats
    drawdown: Floats


def curves(trading: Mapping[str, Any]) -> Iterator[Curve]:
    """The accounts of an answer's `trading`."""
    for name, equity in trading["equity"].items():
        worth = np.asarray(equity, dtype=np.float64)
        highest = np.maximum(np.maximum.accumulate(worth), 1.0)
        colour, dash = STYLES.get(name, (BLACK, "solid"))
        left = np.where(worth > 0, worth, np.nan)
        yield Curve(_(LABELS.get(name, name)), colour, dash, left, worth / highest - 1)


def equity(trading: Mapping[str, Any]) -> go.Figure:
    """What 1 has become in each account, and its drawdown; to zoom into."""
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.68, 0.32], vertical_spacing=0.06
    )
    for one in curves(trading):
        line = {"color": one.colour, "dash": one.dash, "width": 1.8}
        shared = {"x": trading["dates"], "mode": "lines", "name": one.label, "line": line}
        shared |= {"legendgroup": one.label}
        worth = {"y": short(one.worth), "hovertemplate": "%{y:.3f}"}
        fall = {"y": short(100 * one.drawdown), "hovertemplate": "%{y:.1f} %", "showlegend": False}
        figure.add_scatter(**shared, **worth, row=1, col=1)
        figure.add_scatter(**shared, **fall, row=2, col=1)
    dress(figure, 460)
    figure.update_yaxes(title_text=_("what 1 becomes"), type="log", row=1, col=1)
    figure.update_yaxes(title_text=_("drawdown, %"), row=2, col=1)
    figure.update_xaxes(type="date")
    figure.update_layout(hovermode="x unified")
    return figure


def equity_image(trading: Mapping[str, Any]) -> Figure:
    """The same as a small image."""
    figure = Figure(figsize=(7.6, 4.4), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    title = _(
        "What 1 becomes on the locked rows, log scale; below: how far under the highest so far"
    )
    upper.set_title(title, loc="left", fontsize=10, parse_math=False)
    dates = np.asarray(trading["dates"], dtype="datetime64[s]")
    for one in curves(trading):
        style = {"color": one.colour, "linestyle": LINES[one.dash], "linewidth": 1.2}
        upper.plot(dates, one.worth, label=one.label, **style)
        lower.plot(dates, one.drawdown, **style)
    upper.set_yscale("log")
    upper.yaxis.set_major_formatter(ScalarFormatter())
    upper.yaxis.set_minor_formatter(ScalarFormatter())
    lower.yaxis.set_major_formatter(PercentFormatter(1.0))
    upper.legend(frameon=False, fontsize=8)
    for axes in (upper, lower):
        axes.spines[["top", "right"]].set_visible(False)
    return figure
