"""The section of the page about forecasts that were recorded: what came true of them."""

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from rnnsearch.language import _, counted, marked, used
from rnnsearch.report.figures.champion import Picture
from rnnsearch.report.figures.style import BLUE, blank, percent_axis, short
from rnnsearch.scoring import metrics
from rnnsearch.verdict.journal.words import sentences

SHOWN = 20
"""Newest forecasts in the table."""

FEWEST = 5
"""Forecasts that a picture needs: the skill of fewer is a few moves."""


def section(told: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What the page needs of a journal, as `verdict.journal.reading.noted` has it.

    Keys: sentences, tone (bad where it has drifted), scores (header and rows), forecasts (the
    newest, as rows of cells), columns. None where no forecast was recorded.
    """
    if told is None:
        return None
    newest = told["champions"][0]
    rows = [_row(row) for row in told["forecasts"][-SHOWN:]]
    return {
        "sentences": told["sentences"]
        if used() == "en"
        else list(sentences(newest, told["study"])),
        "tone": "bad" if newest["counted"] and newest["drift"]["drifted"] else "",
        "scores": _scores(newest) if newest["counted"] else None,
        "forecasts": rows[::-1],
    }


def pictures(told: Mapping[str, Any] | None) -> list[Picture]:
    """How the skill went, session by session."""
    if told is None or told["champions"][0]["counted"] < FEWEST:
        return []
    return [
        Picture(
            "journal",
            _("Skill of the recorded forecasts so far"),
            _(
                "Over all that had come true by then, against the harder naive forecast; 0 "
                "is doing nothing. The first of them move it most."
            ),
            _skill(told["champions"][0]["course"]),
        )
    ]


def _skill(course: Mapping[str, Any]) -> go.Figure:
    figure = blank(300, y=_("skill"))
    figure.add_scatter(
        x=course["date"],
        y=short([float("nan") if one is None else one for one in course["skill"]]),
        mode="lines",
        line={"color": BLUE},
        name=_("skill so far"),
        hovertemplate="%{x}: %{y}<extra></extra>",
    )
    figure.update_yaxes(zeroline=True, **percent_axis())
    return figure


def _scores(one: Mapping[str, Any]) -> dict[str, Any]:
    """Header and rows of the table beside doing nothing; a cell is (text, value to sort by)."""
    keys = [
        key
        for key in one["table"][0]
        if key != "forecast" and any(row.get(key) is not None for row in one["table"])
    ]
    shown = [metrics.find(key) for key in keys]
    return {
        "header": [(metric.label, metric.hint) for metric in shown],
        "rows": [
            (row["forecast"], [(m.text(row.get(m.key)), row.get(m.key)) for m in shown])
            for row in one["table"]
        ],
    }


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    priced = row["forecast_price"] is not None
    said = row["forecast_price"] if priced else row["forecast"]
    came = row["actual_price"] if priced else row["actual"]
    return {
        "made": row["made"][:16].replace("T", " "),
        "target": row["target_date"]
        or counted(
            "{count} session after {date}",
            "{count} sessions after {date}",
            row["sessions_ahead"],
            date=row["origin_date"],
        ),
        "numbers": [(_text(value), value) for value in (said, row["low_price"], row["high_price"])],
        "came": (_text(came), came),
        "right": {True: _("yes"), False: _("no"), None: "–"}[row["hit"]],
        "counts": _(row["not_counted"] or ("yes" if row["counts"] else marked("once it is known"))),
    }


def _text(value: float | None) -> str:
    return "–" if value is None else f"{value:.6g}"
