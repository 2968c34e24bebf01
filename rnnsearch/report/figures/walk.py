"""Pictures of a test that was walked through."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from rnnsearch.arrays import Floats
from rnnsearch.language import _
from rnnsearch.report.figures.style import BLUE, ORANGE, blank, short

LINES = ((BLUE, "solid"), (ORANGE, "dash"))


def saved(
    dates: Sequence[str], actual: Floats, naive: Floats, lines: Mapping[str, Floats]
) -> go.Figure:
    """Squared error saved so far by each line, in percent of the naive forecast's on all rows.

    Welch & Goyal 2008, A comprehensive look at the empirical performance of equity premium
    prediction, figure 1.
    """
    figure = blank(380, y=_("squared error saved, %"))
    losses = (naive - actual) ** 2
    whole = float(losses.sum()) or 1.0
    for (name, forecast), (colour, dash) in zip(lines.items(), LINES, strict=False):
        figure.add_scatter(
            x=list(dates),
            y=short(100 * np.cumsum(losses - (forecast - actual) ** 2) / whole),
            name=name,
            mode="lines",
            line={"color": colour, "dash": dash, "width": 1.8},
        )
    figure.update_xaxes(type="date")
    figure.update_yaxes(zeroline=True)
    figure.update_layout(hovermode="x unified")
    return figure
