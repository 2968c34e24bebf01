"""Pictures of a search and its answer, as plotly figures made of plain data.

Titles and captions are text beside the figure, where they wrap on a telephone.

A trial is a dict: number, state, skill (None if it has none), parameters, history (name -> values
per epoch). Moves are changes of the price from the origin to the target date, in percent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from rnnsearch.results.inputs import ALL, InputStatistics, ShiftSkill, fenced
from rnnsearch.results.style import (
    BLACK,
    BLUE,
    DIVERGING,
    FORECASTS,
    GREEN,
    GREY,
    ORANGE,
    PALE,
    PURPLE,
    RED,
    SHOWN_NAMES,
    SKY,
    STATES,
    bars,
    blank,
    clipped,
    dress,
    literal,
    short,
    visible_range,
)

Floats = NDArray[np.float64]
Trial = Mapping[str, Any]

SHOWN_CURVES = 200
"""Most trials of which the curves are drawn."""


@dataclass(frozen=True)
class Picture:
    """A figure with its name (for files), title and caption; `wide` ones scroll on a telephone."""

    name: str
    title: str
    caption: str
    figure: go.Figure
    wide: bool = False


# --- the forecast -------------------------------------------------------------------------------


def prices(
    dates: Sequence[str],
    actual: Floats,
    forecasts: Mapping[str, Floats],
    *,
    band: tuple[Floats, Floats] | None = None,
    shown: int = 60,
) -> go.Figure:
    """Forecast prices against the actual ones by target date; zoomed to the last `shown` dates.

    The champion and the naive forecast are drawn, the others wait in the legend.
    """
    figure = blank(380, y="price")
    if band is not None:
        edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "legendgroup": "band"}
        figure.add_scatter(x=dates, y=short(band[0]), showlegend=False, **edge)
        figure.add_scatter(
            x=dates,
            y=short(band[1]),
            fill="tonexty",
            fillcolor="rgba(86,180,233,0.18)",
            name="90 % interval",
            **edge,
        )
    line = {"color": BLACK, "width": 2}
    figure.add_scatter(x=dates, y=short(actual), name="actual", mode="lines", line=line)
    for name, values in forecasts.items():
        colour, dash = FORECASTS.get(name, (GREY, "dash"))
        figure.add_scatter(
            x=dates,
            y=short(values),
            name=literal(SHOWN_NAMES.get(name, name)),
            mode="lines",
            line={"color": colour, "dash": dash, "width": 1.8},
            visible=True if name in ("champion", "persistence") else "legendonly",
        )
    buttons = [
        {"count": 3, "label": "3 months", "step": "month", "stepmode": "backward"},
        {"count": 1, "label": "1 year", "step": "year", "stepmode": "backward"},
        {"label": "all", "step": "all"},
    ]
    figure.update_xaxes(
        type="date",
        rangeselector={"buttons": buttons, "x": 0, "y": 1.02, "yanchor": "bottom"},
        range=[dates[max(len(dates) - shown, 0)], dates[-1]],
        showspikes=True,
        spikecolor=GREY,
        spikethickness=1,
        spikedash="dot",
    )
    figure.update_layout(hovermode="x unified", margin_t=44, meta={"fit": "y"})
    recent = [actual[-shown:], *(forecasts[n][-shown:] for n in forecasts if n in FORECASTS)]
    low, high = min(v.min() for v in recent), max(v.max() for v in recent)
    figure.update_yaxes(range=[low - 0.05 * (high - low), high + 0.05 * (high - low)])
    return figure


def moves(dates: Sequence[str], actual: Floats, forecast: Floats) -> go.Figure:
    """Forecast move against actual move, on equal scales; a perfect forecast is the diagonal."""
    figure = blank(400, x="actual move, %", y="forecast move, %")
    reach = float(np.quantile(np.abs(np.concatenate([actual, forecast])), 0.995)) * 1.15 or 1.0
    ends = [-reach, reach]
    guides = (
        ("perfect", ends, {"color": BLACK, "dash": "dash"}),
        ("no change", [0, 0], {"color": RED, "dash": "dot"}),
    )
    figure.add_scatter(
        x=short(actual),
        y=short(forecast),
        text=list(dates),
        mode="markers",
        name="champion",
        marker={"color": BLUE, "size": 5, "opacity": 0.45},
        hovertemplate="%{text}<br>actual %{x:+.2f} %<br>forecast %{y:+.2f} %<extra></extra>",
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
    figure = blank(340, x="forecast probability of a rise", y="share of sessions, %")
    for name, rows, colour, pattern in (("rose", rose, BLUE, ""), ("fell", ~rose, ORANGE, "/")):
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


def seed_skills(skills: Sequence[float | None], together: float | None) -> go.Figure:
    """Skill on the locked test of every seed's network, and of their mean forecast."""
    names = [f"seed {number}" for number in range(1, len(skills) + 1)] + ["all seeds"]
    values = [*skills, together]
    figure = blank(90 + 34 * len(names), x="skill on the locked test")
    figure.add_bar(
        x=short(values),
        y=names,
        orientation="h",
        marker={"color": [SKY] * len(skills) + [BLUE]},
        text=["" if value is None else f"{value:+.4f}" for value in values],
        textposition="auto",
        hoverinfo="skip",
    )
    figure.update_yaxes(autorange="reversed")
    return figure


def candidate_skills(candidates: Sequence[Mapping[str, Any]]) -> go.Figure:
    """Validation skill of the best trials under several seeds; the first is the champion.

    A candidate: trial (number), skill (mean), skills (one per seed, the trial's own first).
    """
    figure = blank(120 + 34 * len(candidates), x="skill on validation rows")
    names = [f"trial {one['trial']}" for one in candidates]
    own = [one["skills"][0] for one in candidates]
    others = [(name, s) for name, c in zip(names, candidates, strict=True) for s in c["skills"][1:]]
    series = (
        ("as searched", own, names, "circle-open", ORANGE),
        ("other seeds", [s for _, s in others], [name for name, _ in others], "circle", SKY),
        ("mean", [one["skill"] for one in candidates], names, "diamond", BLUE),
    )
    for name, x, y, symbol, colour in series:
        marker = {"symbol": symbol, "size": 10, "color": colour, "line": {"width": 2}}
        figure.add_scatter(x=short(x), y=y, mode="markers", name=name, marker=marker)
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_xaxes(zeroline=True)
    return figure


# --- the search ---------------------------------------------------------------------------------


def history(trials: Sequence[Trial]) -> go.Figure:
    """Skill of every trial in order, by state, and the best complete one so far."""
    figure = blank(340, x="trial", y="skill on validation rows")
    found = [(t, _skill(t)) for t in trials]
    scored = [(t, skill) for t, skill in found if skill is not None]
    for state, (colour, symbol) in STATES.items():
        some = [(t["number"], skill) for t, skill in scored if t["state"] == state]
        if some:
            figure.add_scatter(
                x=[number for number, _ in some],
                y=short([skill for _, skill in some]),
                mode="markers",
                name=state,
                marker={"color": colour, "symbol": symbol, "size": 8, "opacity": 0.8},
            )
    complete = [t for t, _ in scored if t["state"] == "complete"]
    if complete:
        figure.add_scatter(
            x=[t["number"] for t in complete],
            y=short(np.maximum.accumulate([float(t["skill"]) for t in complete])),
            mode="lines",
            name="best so far",
            line={"color": BLACK, "width": 2, "shape": "hv"},
        )
    figure.update_yaxes(range=visible_range([skill for _, skill in scored]), zeroline=True)
    return figure


def curves(trials: Sequence[Trial]) -> go.Figure:
    """Validation skill by epoch: complete, pruned, failed, and the best trial on top.

    Of more than `SHOWN_CURVES` trials the best and the latest are drawn.
    """
    figure = blank(340, x="epoch", y="skill on validation rows")
    shown = [t for t in trials if t["history"].get("skill")]
    complete = [t for t in shown if t["state"] == "complete"]
    best = max(complete, key=lambda t: t["skill"], default=None)
    if len(shown) > SHOWN_CURVES:
        order = sorted(complete, key=lambda t: -t["skill"])[: SHOWN_CURVES // 2]
        known = {t["number"] for t in order}
        shown = order + [t for t in shown if t["number"] not in known][-(SHOWN_CURVES // 2) :]
    for state, (colour, _) in STATES.items():
        x: list[Any] = []
        y: list[Any] = []
        names: list[Any] = []
        for trial in (t for t in shown if t["state"] == state):
            values = trial["history"]["skill"]
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
                hovertemplate="%{text}, epoch %{x}: %{y:+.4f}<extra></extra>",
            )
    if best:
        values = best["history"]["skill"]
        figure.add_scatter(
            x=list(range(1, len(values) + 1)),
            y=short(values),
            mode="lines+markers",
            name=f"best: trial {best['number']}",
            line={"color": BLACK, "width": 2.5},
        )
    figure.update_yaxes(
        range=visible_range([v for t in shown for v in t["history"]["skill"]]), zeroline=True
    )
    return figure


def parallel_coordinates(trials: Sequence[Trial]) -> go.Figure:
    """A line per complete trial through its parameters to its skill, the best third in colour."""
    complete = sorted(
        (t for t in trials if t["state"] == "complete"), key=lambda t: (t["skill"], -t["number"])
    )[-SHOWN_CURVES:]
    axes = _axes(complete)
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
            label = f"trial {trial['number']}, skill {trial['skill']:+.4f}"
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
        tickangle=0,
        side="top",
        gridcolor=GREY,
        range=[-0.4, len(axes) - 0.6],
    )
    figure.update_yaxes(visible=False, range=[-0.08, 1.08])
    figure.update_layout(margin={"l": 8, "r": 8, "t": 48}, hovermode="closest")
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
            | {"inputs": inputs, "skill": trial["skill"]}
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
            texts = [f"{value:+.4f}" if name == "skill" else f"{value:.3g}" for value in values]
            if name == "skill":
                places = fenced([row["skill"] for row in rows])
            elif name in ("learning_rate", "inputs", "neurons", "batch_size") and places.min() > 0:
                places = np.log(places)
        spread = float(np.ptp(places)) or 1.0
        axes.append((name.replace("_", " "), (places - places.min()) / spread, texts))
    return axes


def importance(parameters: Mapping[str, float]) -> go.Figure:
    """Share of the differences in skill that each parameter explains on its own."""
    names = [literal(name.replace("_", " ")) for name in parameters]
    shares = [100 * share for share in parameters.values()]
    figure = bars(shares, names, x="share of the differences in skill, %")
    figure.update_traces(hovertemplate="%{y}: %{x:.0f} %<extra></extra>")
    return figure


# --- inputs and shifts --------------------------------------------------------------------------


def input_gains(statistics: Sequence[InputStatistics], count: int = 20) -> go.Figure:
    """Mean skill with an input less without it, and how often it was chosen; the best first."""
    known = [one for one in statistics if one.gain is not None]
    shown = sorted(known, key=lambda one: -(one.gain or 0.0))[:count]
    shares = [f"{100 * one.chosen / one.trials:.0f} %" for one in shown]
    figure = bars(
        [one.gain or 0.0 for one in shown],
        [literal(clipped(one.input)) for one in shown],
        x="mean skill with it − without it",
    )
    figure.update_traces(text=shares, textposition="auto", insidetextanchor="end")
    figure.update_traces(hovertemplate="%{y}: %{x:+.4f}, chosen by %{text}<extra></extra>")
    return figure


def permutation_losses(losses: Mapping[str, float], count: int = 20) -> go.Figure:
    """How much skill the champion loses when an input is shuffled; the most important first."""
    shown = sorted(losses.items(), key=lambda item: -item[1])[:count]
    names = [literal(clipped(name)) for name, _ in shown]
    return bars([loss for _, loss in shown], names, x="skill lost")


def ranking_evidence(statistics: Sequence[InputStatistics], count: int = 20) -> go.Figure:
    """Evidence of the first inputs of the ranking; above 0 it is more than chance would give."""
    ranked = sorted(
        (one for one in statistics if one.rank is not None), key=lambda one: one.rank or 0
    )[:count]
    evidence = [one.evidence or 0.0 for one in ranked]
    return bars(
        evidence,
        [f"{one.rank}. {literal(clipped(one.input))}" for one in ranked],
        x="evidence, −log(p × terms tried)",
    )


def shift_heatmap(cells: Sequence[ShiftSkill], family: str = ALL) -> go.Figure:
    """Mean skill by input shift (down) and output shift (across), with the number of trials."""
    plain = [asdict(cell) for cell in cells]
    rows, columns = (sorted({c[key] for c in plain}) for key in ("input_shift", "output_shift"))
    found = {(c["input_shift"], c["output_shift"]): c for c in plain}
    grid = [[found.get((s, h)) for h in columns] for s in rows]
    values = [[cell["skill"] if cell else None for cell in row] for row in grid]
    reach = max((abs(c["skill"]) for c in plain), default=0.0) or 1.0
    figure = blank(
        150 + 52 * len(rows),
        x="output shift: sessions ahead",
        y="input shift" if family == ALL else f"shift of {literal(clipped(family))}",
    )
    figure.add_heatmap(
        x=[str(h) for h in columns],
        y=[str(s) for s in rows],
        z=values,
        text=[[f"{c['skill']:+.3f}<br>n={c['trials']}" if c else "" for c in row] for row in grid],
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


def learning(history: Mapping[str, Sequence[float]]) -> go.Figure:
    """One trial by epoch: losses, validation skill, gradient norm before clipping."""
    panels = (
        ("loss", (("train_loss", "training", BLUE), ("validation_loss", "validation", ORANGE))),
        ("skill", (("skill", "validation skill", GREEN),)),
        ("gradient norm", (("gradient_norm", "gradient norm", PURPLE),)),
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
    figure.update_xaxes(title_text="epoch", row=3, col=1)
    figure.update_layout(hovermode="x unified")
    return figure


def _skill(trial: Trial) -> float | None:
    """A complete trial's value, or the last skill that another one reached."""
    if trial["skill"] is not None:
        return float(trial["skill"])
    reached = trial["history"].get("skill")
    return float(reached[-1]) if reached else None
