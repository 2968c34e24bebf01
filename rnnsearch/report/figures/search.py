"""Pictures of a search, as plotly figures made of plain data.

A trial is a dict: number, state, gain (None if it has none), parameters, history (name -> values
per epoch).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import plotly.graph_objects as go

from rnnsearch.arrays import Floats
from rnnsearch.report.contributions import ALL, InputStatistics, ShiftGain, fenced
from rnnsearch.report.figures.style import (
    BLACK,
    BLUE,
    DIVERGING,
    GREY,
    PALE,
    SKY,
    STATES,
    bars,
    blank,
    clipped,
    literal,
    short,
    visible_range,
)
from rnnsearch.scoring.metrics import get
from rnnsearch.search.inputs.pursuit import FOUND

Trial = Mapping[str, Any]

SHOWN_CURVES = 200
"""Most trials of which the curves are drawn."""


# --- the search ---------------------------------------------------------------------------------


def history(trials: Sequence[Trial]) -> go.Figure:
    """Gain of every trial in order, by state, and the best complete one so far."""
    figure = blank(340, x="trial", y=f"{get('gain').label} on validation rows")
    found = [(t, reached(t)) for t in trials]
    scored = [(t, gain) for t, gain in found if gain is not None]
    for state, (colour, symbol) in STATES.items():
        some = [(t["number"], gain) for t, gain in scored if t["state"] == state]
        if some:
            figure.add_scatter(
                x=[number for number, _ in some],
                y=short([gain for _, gain in some]),
                mode="markers",
                name=state,
                marker={"color": colour, "symbol": symbol, "size": 8, "opacity": 0.8},
            )
    complete = [t for t, _ in scored if t["state"] == "complete"]
    if complete:
        figure.add_scatter(
            x=[t["number"] for t in complete],
            y=short(np.maximum.accumulate([float(t["gain"]) for t in complete])),
            mode="lines",
            name="best so far",
            line={"color": BLACK, "width": 2, "shape": "hv"},
        )
    figure.update_yaxes(range=visible_range([gain for _, gain in scored]), zeroline=True)
    return figure


def curves(trials: Sequence[Trial]) -> go.Figure:
    """Validation gain by epoch: complete, pruned, failed, and the best trial on top.

    Of more than `SHOWN_CURVES` trials the best and the latest are drawn.
    """
    gain = get("gain")
    figure = blank(340, x="epoch", y=f"{gain.label} on validation rows")
    shown = [t for t in trials if t["history"].get("gain")]
    complete = [t for t in shown if t["state"] == "complete"]
    best = max(complete, key=lambda t: t["gain"], default=None)
    if len(shown) > SHOWN_CURVES:
        order = sorted(complete, key=lambda t: -t["gain"])[: SHOWN_CURVES // 2]
        known = {t["number"] for t in order}
        shown = order + [t for t in shown if t["number"] not in known][-(SHOWN_CURVES // 2) :]
    for state, (colour, _) in STATES.items():
        x: list[Any] = []
        y: list[Any] = []
        names: list[Any] = []
        for trial in (t for t in shown if t["state"] == state):
            values = trial["history"]["gain"]
            x += [*range(1, len(values) + 1), None]
            y += [*short(values).tolist(), None]
            names += [f"trial {trial['number']}"] * (len(values) + 1)
        if x:
            dash = "solid" if state == "complete" else "dot"
            figure.add_scatter(
                x=x,
                y=y,
                text=names,
                mode="lines" if len(x) > 2 else "markers",
                name=state,
                line={"color": colour, "width": 1.3, "dash": dash},
                opacity=0.55,
                hovertemplate=f"%{{text}}, epoch %{{x}}: %{{y:{gain.format}}}<extra></extra>",
            )
    if best:
        values = best["history"]["gain"]
        figure.add_scatter(
            x=list(range(1, len(values) + 1)),
            y=short(values),
            mode="lines+markers",
            name=f"best: trial {best['number']}",
            line={"color": BLACK, "width": 2.5},
        )
    figure.update_yaxes(
        range=visible_range([v for t in shown for v in t["history"]["gain"]]), zeroline=True
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
        ("worst third", PALE, 1.0, "dot"),
        ("middle third", SKY, 1.2, "solid"),
        ("best third", BLUE, 2.0, "solid"),
    )
    for (name, colour, width, dash), members in zip(styles, thirds, strict=True):
        for place, index in enumerate(members):
            trial = complete[index]
            label = f"trial {trial['number']}, {gain.label} {gain.cell(trial['gain'])}"
            figure.add_scatter(
                x=list(range(len(axes))),
                y=short([positions[index] for _, positions, _ in axes]),
                mode="lines",
                name=name,
                legendgroup=name,
                showlegend=place == 0,
                line={"color": colour, "width": width, "dash": dash},
                text=[f"{label}<br>{literal(axis)}: {t[index]}" for axis, _, t in axes],
                hovertemplate="%{text}<extra></extra>",
            )
    for number, (_, positions, texts) in enumerate(axes):
        ends = {float(position): text for position, text in zip(positions, texts, strict=True)}
        ticks = ends if len(ends) <= 5 else {p: ends[p] for p in (min(ends), max(ends))}
        for position, text in ticks.items():
            figure.add_annotation(
                x=number,
                y=position,
                text=text,
                showarrow=False,
                font={"size": 11},
                bgcolor="rgba(255,255,255,0.8)",
                yshift=0 if 0 < position < 1 else (9 if position == 1 else -9),
            )
    figure.update_xaxes(
        tickvals=list(range(len(axes))),
        ticktext=[literal(name) for name, _, _ in axes],
        tickangle=-30,
        side="top",
        gridcolor=GREY,
        range=[-0.4, len(axes) - 0.6],
    )
    figure.update_yaxes(visible=False, range=[-0.08, 1.08])
    figure.update_layout(margin={"l": 8, "r": 8, "t": 72}, hovermode="closest")
    return figure


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
            | {name: value for name, value in known.items() if name not in ("seed", "clip")}
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
                texts = [get("gain").cell(value) for value in values]
                places = fenced([row["gain"] for row in rows])
            elif name in ("learning_rate", "inputs", "neurons", "batch_size") and places.min() > 0:
                places = np.log(places)
        spread = float(np.ptp(places)) or 1.0
        axes.append((name.replace("_", " "), (places - places.min()) / spread, texts))
    return axes


def importance(parameters: Mapping[str, float]) -> go.Figure:
    """Share of the differences in gain that each parameter explains on its own."""
    names = [literal(name.replace("_", " ")) for name in parameters]
    shares = [100 * share for share in parameters.values()]
    figure = bars(shares, names, x="share of the differences in gain, %")
    figure.update_traces(hovertemplate="%{y}: %{x:.0f} %<extra></extra>")
    return figure


# --- inputs and shifts --------------------------------------------------------------------------


def input_gains(statistics: Sequence[InputStatistics], count: int = 20) -> go.Figure:
    """Mean gain with an input less without it, and how often it was chosen; the best first."""
    known = [one for one in statistics if one.worth is not None]
    shown = sorted(known, key=lambda one: -(one.worth or 0.0))[:count]
    shares = [f"{100 * one.chosen / one.trials:.0f} %" for one in shown]
    gain = get("gain")
    figure = bars(
        [one.worth or 0.0 for one in shown],
        [literal(clipped(one.input)) for one in shown],
        x=f"mean {gain.label} with it − without it",
    )
    figure.update_traces(text=shares, textposition="auto", insidetextanchor="end")
    figure.update_traces(
        hovertemplate=f"%{{y}}: %{{x:{gain.format}}}, chosen by %{{text}}<extra></extra>"
    )
    return figure


def permutation_losses(losses: Mapping[str, float], count: int = 20) -> go.Figure:
    """How much skill is lost when an input is shuffled; the most important first."""
    shown = sorted(losses.items(), key=lambda item: -item[1])[:count]
    names = [literal(clipped(name)) for name, _ in shown]
    return bars([loss for _, loss in shown], names, x=f"{get('skill').label} lost")


def ranking_evidence(statistics: Sequence[InputStatistics], count: int = 20) -> go.Figure:
    """Evidence of the first inputs of the ranking; those it found are dark."""
    ranked = sorted(
        (one for one in statistics if one.rank is not None), key=lambda one: one.rank or 0
    )[:count]
    evidence = [one.evidence or 0.0 for one in ranked]
    return bars(
        evidence,
        [f"{one.rank}. {literal(clipped(one.input))}" for one in ranked],
        x="evidence, −log(p × terms tried)",
        dark_above=FOUND,
    )


def shift_heatmap(cells: Sequence[ShiftGain], family: str = ALL) -> go.Figure:
    """Mean gain by input shift (down) and output shift (across), with the number of trials."""
    plain = [asdict(cell) for cell in cells]
    rows, columns = (sorted({c[key] for c in plain}) for key in ("input_shift", "output_shift"))
    found = {(c["input_shift"], c["output_shift"]): c for c in plain}
    grid = [[found.get((s, h)) for h in columns] for s in rows]
    values = [[cell["gain"] if cell else None for cell in row] for row in grid]
    reach = max((abs(c["gain"]) for c in plain), default=0.0) or 1.0
    figure = blank(
        150 + 52 * len(rows),
        x="output shift: sessions ahead",
        y="input shift" if family == ALL else f"shift of {literal(clipped(family))}",
    )
    figure.add_heatmap(
        x=[str(h) for h in columns],
        y=[str(s) for s in rows],
        z=values,
        text=[[f"{c['gain']:+.3f}<br>n={c['trials']}" if c else "" for c in row] for row in grid],
        texttemplate="%{text}",
        textfont={"size": 11},
        colorscale=DIVERGING,
        zmin=-reach,
        zmax=reach,
        xgap=2,
        ygap=2,
        colorbar={"thickness": 10, "tickformat": "+.3~g", "nticks": 5},
        hovertemplate="input shift %{y}, output shift %{x}<br>%{text}<extra></extra>",
    )
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_yaxes(type="category", showgrid=False)
    return figure


def reached(trial: Trial) -> float | None:
    """A complete trial's value, or the last gain that another one reached."""
    if trial["gain"] is not None:
        return float(trial["gain"])
    reached = trial["history"].get("gain")
    return float(reached[-1]) if reached else None
