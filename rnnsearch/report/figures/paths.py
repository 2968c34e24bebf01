"""Pictures of a path: how good each step is, and one path as a fan."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from rnnsearch.arrays import Floats
from rnnsearch.language import _
from rnnsearch.report.figures.style import (
    BLACK,
    BLUE,
    GREY,
    add_band,
    blank,
    percent_axis,
    share,
    short,
)
from rnnsearch.scoring.metrics import get


def fan(
    before: tuple[Sequence[str], Floats],
    after: Sequence[str],
    forecast: Floats,
    band: tuple[Floats, Floats] | None,
    came: Floats,
) -> go.Figure:
    """Prices until a path's origin, then what was said of each step, its interval, and what came.

    before  dates and prices, the origin's last
    after   (k,) dates of the steps; forecast, band, came: (k,) prices
    """
    figure = blank(360, y=_("price"))
    dates, known = before
    start, edges = known[-1], [dates[-1], *after]
    if band is not None:
        low, high = (np.concatenate([[start], side]) for side in band)
        add_band(figure, edges, low, high, _("90 % interval"))
    for name, x, y, colour, dash in (
        (_("known then"), dates, known, BLACK, "solid"),
        (_("came"), edges, np.concatenate([[start], came]), GREY, "dot"),
        (_("said"), edges, np.concatenate([[start], forecast]), BLUE, "solid"),
    ):
        line = {"color": colour, "dash": dash, "width": 2}
        figure.add_scatter(x=x, y=short(y), name=name, mode="lines+markers", line=line)
    figure.update_traces(marker={"size": 4})
    figure.update_layout(hovermode="x unified")
    return figure


def steps(ahead: Sequence[int], skills: Sequence[float | None]) -> go.Figure:
    """Skill on the locked test by how far ahead."""
    figure = blank(
        300,
        x=_("sessions ahead"),
        y=_("{measure} on the locked test", measure=_(get("skill").label)),
    )
    figure.add_bar(
        x=list(ahead),
        y=short(skills),
        marker={"color": BLUE},
        text=[share(value) for value in skills],
        textposition="auto",
        hoverinfo="skip",
    )
    figure.update_xaxes(type="category")
    figure.update_yaxes(zeroline=True, **percent_axis())
    return figure
