"""A journal of forecasts as the user sees it."""

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from rnnsearch.language import _, marked
from rnnsearch.scoring import metrics
from rnnsearch.terminal.tables import small_table
from rnnsearch.verdict.journal.words import sentences

SHOWN = 10
"""Newest forecasts in the table."""

COLUMNS = (
    marked("made"),
    marked("for"),
    marked("forecast"),
    marked("interval"),
    marked("came"),
    marked("right"),
    marked("counts"),
)


def journal_tables(told: dict[str, Any]) -> Iterator[Table | str]:
    """What came true in words, beside doing nothing, and the newest forecasts."""
    newest_first = told["champions"]
    yield from sentences(newest_first[0] if newest_first else None, told["study"])
    if not newest_first:
        return
    newest, *earlier = told["champions"]
    if newest["counted"]:
        yield _scores(newest)
    yield _forecasts(told["forecasts"][-SHOWN:])
    for one in earlier:
        yield _(
            "before it: trial {trial}, {recorded:,} forecasts, {counted:,} counted",
            trial=one["champion"],
            recorded=one["recorded"],
            counted=one["counted"],
        )


def _scores(one: dict[str, Any]) -> Table:
    told = {key: one[key] for key in ("first", "last")}
    heading = _("{count:,} target dates, {first} to {last}", count=one["counted"], **told)
    table = small_table(heading)
    table.add_column("", no_wrap=True)
    for row in one["table"]:
        table.add_column(_(row["forecast"]), justify="right", no_wrap=True)
    for key in (key for key in one["table"][0] if key != "forecast"):
        values = [row.get(key) for row in one["table"]]
        if any(value is not None for value in values):
            metric = metrics.find(key)
            table.add_row(_(metric.label), *map(metric.text, values))
    return table


def _forecasts(rows: list[dict[str, Any]]) -> Table:
    table = small_table(_("Newest forecasts"))
    for name in COLUMNS:
        justify = "left" if name in ("made", "for") else "right"
        table.add_column(_(name), justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for row in rows:
        priced = row["forecast_price"] is not None
        low, high = row["low_price"], row["high_price"]
        table.add_row(
            row["made"][:16].replace("T", " "),
            row["target_date"] or _ahead(row),
            _number(row["forecast_price"] if priced else row["forecast"]),
            "–" if low is None else f"{_number(low)}{_(' to ')}{_number(high)}",
            _number(row["actual_price"] if priced else row["actual"]),
            {True: _("yes"), False: _("no"), None: "–"}[row["hit"]],
            _("late") if row["not_counted"] else _("yes") if row["counts"] else _("not yet"),
        )
    return table


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.6g}"


def _ahead(row: dict[str, Any]) -> str:
    return _("{count} after {date}", count=row["sessions_ahead"], date=row["origin_date"])
