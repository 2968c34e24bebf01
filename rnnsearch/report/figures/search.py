"""Pictures of a search, as plotly figures made of plain data.

A trial is a dict: number, state, gain (None if it has none), parameters, history (name -> values
per epoch).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from rnnsearch.arrays import Floats
from rnnsearch.language import _, listed, marked
from rnnsearch.report.contributions import ALL, fenced
from rnnsearch.report.figures.content import (
    Bars,
    Content,
    Grid,
    Reached,
    Strips,
    visible_range,
)
from rnnsearch.report.figures.drawn import figure_of
from rnnsearch.report.figures.looking import Field, Lines
from rnnsearch.report.figures.style import (
    BLACK,
    BLUE,
    DIVERGING,
    GREY,
    PALE,
    PAPER,
    SKY,
    STATES,
    blank,
    label,
    lines_of,
    literal,
    percent_axis,
    share,
    short,
)
from rnnsearch.scoring.metrics import get

Trial = Mapping[str, Any]

UNTRIED = marked("not tried")
"""In a cell of a grid."""

NOTE = 0.35
"""Of the longest bars, what a note beside one needs, on a telephone."""

APART = 0.06
"""Of the height of an axis, how far the names of two values are from each other."""

SHOWN_CURVES = 200
"""Most trials of which the curves are drawn."""


# --- the search ---------------------------------------------------------------------------------


def draw(content: Content | Lines | Field) -> go.Figure:
    """A picture to zoom into of what `content` says."""
    if isinstance(content, Lines | Field):
        return figure_of(content)
    if isinstance(content, Reached):
        return _reached(content)
    if isinstance(content, Strips):
        return _strips(content)
    return _bars(content) if isinstance(content, Bars) else _grid(content)


def _reached(content: Reached) -> go.Figure:
    figure = blank(
        340, x=_("trial"), y=_("{measure} on validation rows", measure=_(get("gain").label))
    )
    for state, (colour, symbol) in STATES.items():
        if state in content.points:
            numbers, gains = zip(*content.points[state], strict=True)
            figure.add_scatter(
                x=numbers,
                y=short(gains),
                mode="markers",
                name=_(state),
                marker={"color": colour, "symbol": symbol, "size": 8},
            )
    if content.best:
        numbers, gains = zip(*content.best, strict=True)
        figure.add_scatter(
            x=[*numbers, content.last],
            y=short([*gains, gains[-1]]),
            mode="lines",
            name=_("best so far"),
            line={"color": BLACK, "width": 2, "shape": "hv"},
        )
    figure.update_yaxes(range=content.range, zeroline=True, **percent_axis())
    return figure


def _bars(content: Bars) -> go.Figure:
    bars = content.bars
    figure = blank(90 + _row([bar.name for bar in bars]) * len(bars), x=content.axis)
    span, room = _with_room([bar.length for bar in bars])
    figure.add_bar(
        x=short([bar.length for bar in bars]),
        y=[label(bar.name) for bar in bars],
        text=[bar.note for bar in bars],
        orientation="h",
        textposition=["inside" if abs(bar.length) >= room else "outside" for bar in bars],
        insidetextanchor="end",
        textangle=0,
        marker={"color": [BLUE if bar.length > content.dark_above else PALE for bar in bars]},
        hovertemplate="%{y}: %{x} (%{text})<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_xaxes(
        range=span, zeroline=True, nticks=6, **(percent_axis() if content.shares else {})
    )
    return figure


def _with_room(lengths: Sequence[float]) -> tuple[tuple[float, float], float]:
    """The range of bars beside zero in which the note of each has room, in its bar or beyond; and
    how long a bar is that has its note inside."""
    low, high = min(0.0, *lengths), max(0.0, *lengths)
    room = NOTE * ((high - low) or 1.0)
    short = [length for length in lengths if abs(length) < room]
    low, high = (
        min([low, *(length - room for length in short if length < 0)]),
        max([high, *(length + room for length in short if length >= 0)]),
    )
    edge = 0.03 * (high - low)
    return (low - edge * (low < 0), high + edge * (high > 0)), room


def _row(names: Sequence[str]) -> int:
    """Pixels that a row needs for its label."""
    return max(24, 10 + 16 * max((len(lines_of(name)) for name in names), default=1))


def _strips(content: Strips) -> go.Figure:
    strips, (low, high) = content.strips, content.range or (-1.0, 1.0)
    figure = blank(110 + 34 * len(strips), x=content.axis)
    names = [label(strip.name) for strip in strips]
    figure.add_scatter(
        x=short([max(gain, low) for strip in strips for gain in strip.gains]),
        y=[name for name, strip in zip(names, strips, strict=True) for _gain in strip.gains],
        mode="markers",
        name=_("complete trial"),
        cliponaxis=False,  # a mark at the edge is whole
        marker={"color": BLUE, "size": 8, "opacity": 0.8},
    )
    medians = {n: s.median for n, s in zip(names, strips, strict=True) if s.median is not None}
    figure.add_scatter(
        x=short([max(median, low) for median in medians.values()]),
        y=[*medians],
        mode="markers",
        name=_("median"),
        marker={
            "color": BLACK,
            "symbol": "line-ns",
            "size": 20,
            "line": {"width": 3, "color": BLACK},
        },
    )
    figure.update_yaxes(autorange="reversed", categoryorder="array", categoryarray=names)
    figure.update_yaxes(type="category")
    figure.update_xaxes(range=(low, high), zeroline=True, nticks=6, **percent_axis())
    return figure


def _grid(content: Grid) -> go.Figure:
    figure = blank(
        150 + 52 * len(content.rows),
        x=_("output shift: sessions ahead"),
        y=_("input shift")
        if content.family == ALL
        else _("shift of {family}", family=label(content.family)),
    )
    figure.add_heatmap(
        x=[str(h) for h in content.columns],
        y=[str(s) for s in content.rows],
        z=[[cell.gain if cell else None for cell in row] for row in content.found],
        text=[
            [f"{share(cell.gain)}<br>n={cell.trials}" if cell else "" for cell in row]
            for row in content.found
        ],
        texttemplate="%{text}",
        textfont={"size": 11},
        colorscale=DIVERGING,
        zmin=-content.reach,
        zmax=content.reach,
        xgap=2,
        ygap=2,
        colorbar={
            "thickness": 10,
            "tickvals": [-content.reach, 0, content.reach],
            "ticktext": [share(value) for value in (-content.reach, 0, content.reach)],
        },
        hovertemplate=_("input shift %{y}, output shift %{x}<br>%{text}<extra></extra>"),
    )
    for row, cells in enumerate(content.found):
        for column, cell in enumerate(cells):
            if cell is None:
                font = {"size": 11, "color": GREY}
                figure.add_annotation(
                    x=column,
                    y=row,
                    text=_(UNTRIED).replace(" ", "<br>"),
                    showarrow=False,
                    font=font,
                )
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_yaxes(type="category", showgrid=False, autorange="reversed")
    return figure


def curves(trials: Sequence[Trial]) -> go.Figure:
    """Validation gain by epoch: complete, pruned, failed, and the best trial on top.

    Of more than `SHOWN_CURVES` trials the best and the latest are drawn.
    """
    gain = get("gain")
    figure = blank(340, x=_("epoch"), y=_("{measure} on validation rows", measure=_(gain.label)))
    shown = [t for t in trials if t["history"].get("gain")]
    complete = [t for t in shown if t["state"] == "complete"]
    best = max(complete, key=lambda t: t["gain"], default=None)
    if len(shown) > SHOWN_CURVES:
        order = sorted(complete, key=lambda t: -t["gain"])[: SHOWN_CURVES // 2]
        known = {t["number"] for t in order}
        shown = order + [t for t in shown if t["number"] not in known][-(SHOWN_CURVES // 2) :]
    for state, (colour, _symbol) in STATES.items():
        x: list[Any] = []
        y: list[Any] = []
        names: list[Any] = []
        for trial in (t for t in shown if t["state"] == state):
            values = trial["history"]["gain"]
            x += [*range(1, len(values) + 1), None]
            y += [*short(values).tolist(), None]
            names += [_("trial {number}", number=trial["number"])] * (len(values) + 1)
        if x:
            dash = "solid" if state == "complete" else "dot"
            figure.add_scatter(
                x=x,
                y=y,
                text=names,
                mode="lines" if len(x) > 2 else "markers",
                name=_(state),
                line={"color": colour, "width": 1.1, "dash": dash},
                hovertemplate=_("%{text}, epoch %{x}: %{y}<extra></extra>"),
            )
    if best:
        values = best["history"]["gain"]
        figure.add_scatter(
            x=list(range(1, len(values) + 1)),
            y=short(values),
            mode="lines+markers",
            name=_("best: trial {number}", number=best["number"]),
            line={"color": BLACK, "width": 2.5},
        )
    figure.update_yaxes(
        range=visible_range([v for t in shown for v in t["history"]["gain"]]),
        zeroline=True,
        **percent_axis(),
    )
    return figure


def parallel_coordinates(trials: Sequence[Trial]) -> go.Figure:
    """A line per complete trial through its parameters to its gain, the best third in colour."""
    complete = sorted(
        (t for t in trials if t["state"] == "complete"), key=lambda t: (t["gain"], -t["number"])
    )[-SHOWN_CURVES:]
    axes, gain = _axes(complete), get("gain")
    figure = blank(400)
    thirds = np.array_split(np.arange(len(complete)), 3)
    styles = (
        (_("worst third"), PALE, 1.0, "dot"),
        (_("middle third"), SKY, 1.2, "solid"),
        (_("best third"), BLUE, 2.0, "solid"),
    )
    for (name, colour, width, dash), members in zip(styles, thirds, strict=True):
        for place, index in enumerate(members):
            trial = complete[index]
            said = listed(
                [
                    _("trial {number}", number=trial["number"]),
                    f"{_(gain.label)} {share(trial['gain'])}",
                ]
            )
            figure.add_scatter(
                x=list(range(len(axes))),
                y=short([positions[index] for _name, positions, _texts in axes]),
                mode="lines",
                name=name,
                legendgroup=name,
                showlegend=place == 0,
                line={"color": colour, "width": width, "dash": dash},
                text=[f"{said}<br>{literal(axis)}: {t[index]}" for axis, _places, t in axes],
                hovertemplate="%{text}<extra></extra>",
            )
    for number, (_name, positions, texts) in enumerate(axes):
        ends = {float(position): text for position, text in zip(positions, texts, strict=True)}
        ticks = ends if len(ends) <= 5 else {p: ends[p] for p in (min(ends), max(ends))}
        ticks = {
            place: text
            for place, text in ticks.items()
            if place in (0, 1) or min(abs(place - o) for o in ends if o != place) >= APART
        }
        for position, text in ticks.items():
            figure.add_annotation(
                x=number,
                y=position,
                text=text,
                showarrow=False,
                font={"size": 11},
                bgcolor=PAPER,
                yshift=0 if 0 < position < 1 else (9 if position == 1 else -9),
            )
    figure.update_xaxes(
        tickvals=list(range(len(axes))),
        ticktext=[literal(name) for name, _places, _texts in axes],
        tickangle=-30,
        side="top",
        gridcolor=GREY,
        range=[-0.4, len(axes) - 0.6],
    )
    figure.update_yaxes(visible=False, range=[-0.08, 1.08])
    figure.update_layout(margin={"l": 8, "r": 8, "t": 72}, hovermode="closest")
    return figure


UNVARIED = ("seed", "clip", "quantiles")


def _axes(trials: Sequence[Trial]) -> list[tuple[str, Floats, list[str]]]:
    """Name, position from 0 to 1 of every trial, and its value as text; of what varies."""
    rows = []
    for trial in trials:
        known = dict(trial["parameters"])
        cell, neurons, shifts = known.pop("cell"), known.pop("neurons"), known["input_shift"]
        inputs = len(known.pop("inputs"))
        if isinstance(shifts, dict):
            known["input_shift"] = max(shifts.values(), default=0)
        rows.append(
            {"cell": cell, "layers": len(neurons), "neurons": neurons[0]}
            | {
                name: value if isinstance(value, str | int | float) else ", ".join(map(str, value))
                for name, value in known.items()
                if name not in UNVARIED
            }
            | {"inputs": inputs, "gain": trial["gain"]}
        )
    axes = []
    for name in rows[0]:
        values = [row.get(name) for row in rows]
        if len(set(values)) < 2:
            continue
        if isinstance(values[0], str):
            choices = sorted(set(map(str, values)))
            places = np.array([choices.index(str(value)) for value in values], dtype=np.float64)
            texts = [literal(str(value)) for value in values]
        else:
            places = np.array(values, dtype=np.float64)
            texts = [f"{value:.3g}" for value in values]
            if name == "gain":
                texts = [share(value) for value in values]
                places = fenced([row["gain"] for row in rows])
            elif name in ("learning_rate", "inputs", "neurons", "batch_size") and places.min() > 0:
                places = np.log(places)
        spread = float(np.ptp(places)) or 1.0
        axes.append((_(name.replace("_", " ")), (places - places.min()) / spread, texts))
    return axes
