"""Pictures of forecasts that are distributions: the fan of quantiles, and what came of each level.

n  rows of the locked test      Q  levels
"""

from collections.abc import Sequence

import plotly.graph_objects as go

from rnnsearch.arrays import Floats
from rnnsearch.language import _
from rnnsearch.report.figures.style import BLACK, BLUE, add_band, add_diagonal, blank, short

PALEST, DARKEST = 0.12, 0.45


def fan(
    dates: Sequence[str],
    actual: Floats,
    quantiles: Floats,
    levels: Sequence[float],
    unit: str,
    shown: int = 60,
) -> go.Figure:
    """Quantiles (n, Q) as bands, the darker the likelier; zoomed to the last dates."""
    figure = blank(380, y=unit)
    bands = len(levels) // 2
    for low in range(bands):
        high = len(levels) - 1 - low
        part = (low + 1) / bands
        colour = f"rgba(46,143,203,{PALEST + (DARKEST - PALEST) * part:.2f})"
        name = _("{low:g} to {high:g} %", low=100 * levels[low], high=100 * levels[high])
        add_band(figure, dates, quantiles[:, low], quantiles[:, high], name, colour)
    line = {"color": BLACK, "width": 2}
    figure.add_scatter(x=dates, y=short(actual), name=_("actual"), mode="lines", line=line)
    figure.add_scatter(
        x=dates,
        y=short(quantiles[:, list(levels).index(0.5)]),
        name=_("median"),
        mode="lines",
        line={"color": BLUE, "width": 1.8},
    )
    first = max(len(dates) - shown, 0)
    figure.update_xaxes(type="date", range=[dates[first], dates[-1]])
    least = float(min(quantiles[first:].min(), actual[first:].min()))
    most = float(max(quantiles[first:].max(), actual[first:].max()))
    margin = 0.05 * (most - least)
    figure.update_yaxes(range=[least - margin, most + margin])
    figure.update_layout(hovermode="x unified", meta={"fit": "y"})
    return figure


def coverage(levels: Sequence[float], covered: Sequence[float]) -> go.Figure:
    """How many outcomes lay at or below each quantile, against how many were to."""
    figure = blank(340, x=_("level of the quantile, %"), y=_("outcomes at or below it, %"))
    ends = (0, 100)
    add_diagonal(figure, ends, _("as promised"))
    figure.add_scatter(
        x=[100 * level for level in levels],
        y=short([100 * share for share in covered]),
        mode="markers+lines",
        name=_("came"),
        marker={"color": BLUE, "size": 8},
        line={"color": BLUE, "width": 1.5},
        hovertemplate=_("%{x:g} % promised, %{y:.1f} % came<extra></extra>"),
    )
    figure.update_xaxes(range=ends)
    figure.update_yaxes(range=ends)
    return figure
