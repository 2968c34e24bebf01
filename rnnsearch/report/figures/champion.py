"""Pictures of a champion and its forecasts, as plotly figures made of plain data.

Titles and captions are text beside the figure, where they wrap on a telephone. Moves are changes of
the price from the origin to the target date, in percent. Pictures of a search: `search_figures`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from rnnsearch.arrays import Floats
from rnnsearch.language import _, counted
from rnnsearch.report.figures.style import (
    BLACK,
    BLUE,
    BUTTON,
    FORECASTS,
    GREEN,
    GREY,
    ORANGE,
    PRESSED,
    PURPLE,
    RED,
    SHOWN_NAMES,
    SKY,
    add_band,
    add_diagonal,
    blank,
    dress,
    literal,
    percent_axis,
    plain_axis,
    share,
    short,
)
from rnnsearch.report.figures.words import in_words
from rnnsearch.scoring.directions import Reliability
from rnnsearch.scoring.metrics import get


@dataclass(frozen=True)
class Picture:
    """A figure with its name (for files), title and caption; `wide` ones scroll on a telephone.

    `shows` says in words what is seen, where the figure itself does not say it (see `words`).
    """

    name: str
    title: str
    caption: str
    figure: go.Figure
    wide: bool = False
    shows: str = ""

    @cached_property
    def alt(self) -> str:
        """What is seen, in words, for whoever cannot see it."""
        return self.title + _(". ") + (self.shows or in_words(self.figure))


def prices(
    dates: Sequence[str],
    actual: Floats,
    forecasts: Mapping[str, Floats],
    *,
    band: tuple[Floats, Floats] | None = None,
    shown: int = 60,
    unit: str = "price",
) -> go.Figure:
    """Forecast prices against the actual ones by target date; zoomed to the last `shown` dates.

    The champion and the naive forecast are drawn, the others wait in the legend.
    """
    figure = blank(380, y=_(unit))
    if band is not None:
        add_band(figure, dates, *band, _("90 % interval"))
    line = {"color": BLACK, "width": 2}
    figure.add_scatter(x=dates, y=short(actual), name=_("actual"), mode="lines", line=line)
    for name, values in forecasts.items():
        colour, dash = FORECASTS.get(name, (GREY, "dash"))
        figure.add_scatter(
            x=dates,
            y=short(values),
            name=literal(_(SHOWN_NAMES.get(name, name))),
            mode="lines",
            line={"color": colour, "dash": dash, "width": 1.8},
            visible=True
            if name in ("champion", "one_fit", "no_change", "persistence")
            else "legendonly",
        )
    buttons = [
        {"count": 3, "label": _("3 months"), "step": "month", "stepmode": "backward"},
        {"count": 1, "label": _("1 year"), "step": "year", "stepmode": "backward"},
        {"label": _("all"), "step": "all"},
    ]
    figure.update_xaxes(
        type="date",
        rangeselector={
            "buttons": buttons,
            "x": 0,
            "y": 1.02,
            "yanchor": "bottom",
            "bgcolor": BUTTON,
            "activecolor": PRESSED,
        },
        range=[dates[max(len(dates) - shown, 0)], dates[-1]],
        showspikes=True,
        spikecolor=GREY,
        spikethickness=1,
        spikedash="dot",
    )
    figure.update_layout(hovermode="x unified", margin_t=44, meta={"fit": "y"})
    recent = [actual[-shown:], *(forecasts[n][-shown:] for n in forecasts if n in FORECASTS)]
    recent += [edge[-shown:] for edge in band or ()]
    low, high = min(np.nanmin(v) for v in recent), max(np.nanmax(v) for v in recent)
    figure.update_yaxes(range=[low - 0.05 * (high - low), high + 0.05 * (high - low)])
    return figure


def moves(dates: Sequence[str], actual: Floats, forecast: Floats) -> go.Figure:
    """Forecast move against actual move, on equal scales; a perfect forecast is the diagonal."""
    figure = blank(400, x=_("actual move, %"), y=_("forecast move, %"))
    reach = float(np.quantile(np.abs(np.concatenate([actual, forecast])), 0.995)) * 1.15 or 1.0
    ends = [-reach, reach]
    guides = (
        (_("perfect"), ends, {"color": BLACK, "dash": "dash"}),
        (_("no change"), [0, 0], {"color": RED, "dash": "dot"}),
    )
    figure.add_scatter(
        x=short(actual),
        y=short(forecast),
        text=list(dates),
        mode="markers",
        name=_("champion"),
        marker={"color": BLUE, "size": 5, "opacity": 0.75},
        hovertemplate=_("%{text}<br>actual %{x:+.2f} %<br>forecast %{y:+.2f} %<extra></extra>"),
    )
    for name, y, line in guides:
        figure.add_scatter(
            x=ends, y=y, mode="lines", name=name, line={**line, "width": 1.5}, hoverinfo="skip"
        )
    figure.update_xaxes(range=ends, zeroline=True)
    figure.update_yaxes(range=ends, zeroline=True)
    return figure


def probabilities(rose: NDArray[np.bool_], probability: Floats) -> go.Figure:
    """How often which probability of a rise was forecast, before rises and before falls."""
    figure = blank(340, x=_("forecast probability of a rise"), y=_("share of sessions, %"))
    for name, rows, colour, pattern in (
        (_("rose"), rose, BLUE, ""),
        (_("fell"), ~rose, ORANGE, "/"),
    ):
        figure.add_histogram(
            x=short(probability[rows]),
            name=name,
            histnorm="percent",
            opacity=0.65,
            marker={"color": colour, "pattern": {"shape": pattern}},
            xbins={"start": 0, "end": 1, "size": 0.02},
        )
    figure.update_layout(barmode="overlay")
    return figure


def calibration(found: Reliability) -> go.Figure:
    """Share of rises against the forecast chance of one, by bins."""
    figure = blank(340, x=_("forecast chance of a rise"), y=_("share that rose"))
    ends = (
        float(min(found.forecast.min(), found.low.min())),
        float(max(found.forecast.max(), found.high.max())),
    )
    add_diagonal(figure, ends, _("right"))
    figure.add_scatter(
        x=short(found.forecast),
        y=short(found.came),
        error_y={
            "array": short(found.high - found.came),
            "arrayminus": short(found.came - found.low),
            "color": GREY,
        },
        text=[counted("{count:,} session", "{count:,} sessions", rows) for rows in found.rows],
        mode="markers",
        name=_("champion"),
        marker={"color": BLUE, "size": 8},
        hovertemplate=_("forecast %{x:.3f}<br>came %{y:.3f}<br>%{text}<extra></extra>"),
    )
    return figure


def seed_skills(skills: Sequence[float | None], together: float | None) -> go.Figure:
    """Skill on the locked test of every seed's network, and of their mean forecast."""
    names = [_("seed {number}", number=n) for n in range(1, len(skills) + 1)] + [_("all seeds")]
    values = [*skills, together]
    figure = blank(
        90 + 34 * len(names), x=_("{measure} on the locked test", measure=_(get("skill").label))
    )
    figure.add_bar(
        x=short(values),
        y=names,
        orientation="h",
        marker={"color": [SKY] * len(skills) + [BLUE]},
        text=[share(value) for value in values],
        textposition="auto",
        hoverinfo="skip",
    )
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(zeroline=True, **percent_axis())
    return figure


def candidate_skills(candidates: Sequence[Mapping[str, Any]]) -> go.Figure:
    """Validation skill of the best trials under several seeds, the best mean first.

    A candidate: trial (number), skill (mean), skills (one per seed, the trial's own first).
    """
    figure = blank(
        120 + 34 * len(candidates),
        x=_("{measure} on validation rows", measure=_(get("skill").label)),
    )
    names = [_("trial {number}", number=one["trial"]) for one in candidates]
    own = [one["skills"][0] for one in candidates]
    others = [(name, s) for name, c in zip(names, candidates, strict=True) for s in c["skills"][1:]]
    series = (
        (_("as searched"), own, names, "circle-open", ORANGE),
        (
            _("other seeds"),
            [s for _name, s in others],
            [name for name, _skill in others],
            "circle",
            SKY,
        ),
        (_("mean"), [one["skill"] for one in candidates], names, "diamond", BLUE),
    )
    for name, x, y, symbol, colour in series:
        edge = {"width": 2, "color": colour}
        marker = {"symbol": symbol, "size": 10, "color": colour, "line": edge}
        figure.add_scatter(x=short(x), y=y, mode="markers", name=name, marker=marker)
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_xaxes(zeroline=True, **percent_axis())
    return figure


def learning(history: Mapping[str, Sequence[float]]) -> go.Figure:
    """One trial by epoch: losses, validation skill, gradient norm before clipping."""
    panels = (
        (
            _("loss"),
            (("train_loss", _("training"), BLUE), ("validation_loss", _("validation"), ORANGE)),
        ),
        (_("skill"), (("skill", _("validation skill"), GREEN),)),
        (_("gradient norm"), (("gradient_norm", _("gradient norm"), PURPLE),)),
    )
    figure = make_subplots(rows=3, shared_xaxes=True, vertical_spacing=0.05)
    for row, (title, lines) in enumerate(panels, 1):
        for key, name, colour in lines:
            values = history.get(key, ())
            figure.add_scatter(
                x=list(range(1, len(values) + 1)),
                y=short(values),
                name=name,
                mode="lines+markers",
                line={"color": colour, "dash": "dash" if key == "validation_loss" else "solid"},
                marker={"size": 5},
                row=row,
                col=1,
            )
        figure.update_yaxes(title_text=title, row=row, col=1)
    dress(figure, 460)
    epochs = max(map(len, history.values()), default=1)
    figure.update_xaxes(tick0=1, dtick=max(1, round(epochs / 10)))
    figure.update_xaxes(title_text=_("epoch"), row=3, col=1)
    figure.update_yaxes(**plain_axis())
    figure.update_yaxes(**percent_axis(), row=2, col=1)
    figure.update_layout(hovermode="x unified")
    return figure
