"""A journal of forecasts as the user sees it."""

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from rnnsearch.scoring import metrics
from rnnsearch.terminal.tables import small_table

SHOWN = 10
"""Newest forecasts in the table."""

COLUMNS = ("made", "for", "forecast", "interval", "came", "right", "counts")


def journal_tables(told: dict[str, Any]) -> Iterator[Table | str]:
    """What came true in words, beside doing nothing, and the newest forecasts."""
    yield from told["sentences"]
    if not told["champions"]:
        return
    newest, *earlier = told["champions"]
    if newest["counted"]:
        yield _scores(newest)
    yield _forecasts(told["forecasts"][-SHOWN:])
    for one in earlier:
        yield (
            f"before it: trial {one['champion']}, {one['recorded']:,} forecasts, "
            f"{one['counted']:,} counted"
        )


def _scores(one: dict[str, Any]) -> Table:
    heading = f"{one['counted']:,} target dates, {one['first']} to {one['last']}"
    table = small_table(heading)
    table.add_column("", no_wrap=True)
    for row in one["table"]:
        table.add_column(row["forecast"], justify="right", no_wrap=True)
    for key in (key for key in one["table"][0] if key != "forecast"):
        values = [row.get(key) for row in one["table"]]
        if any(value is not None for value in values):
            metric = metrics.find(key)
            table.add_row(metric.label, *map(metric.text, values))
    return table


def _forecasts(rows: list[dict[str, Any]]) -> Table:
    table = small_table("Newest forecasts")
    for name in COLUMNS:
        justify = "left" if name in ("made", "for") else "right"
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for row in rows:
        priced = row["forecast_price"] is not None
        low, high = row["low_price"], row["high_price"]
        table.add_row(
            row["made"][:16].replace("T", " "),
            row["target_date"] or f"{row['sessions_ahead']} after {row['origin_date']}",
            _number(row["forecast_price"] if priced else row["forecast"]),
            "–" if low is None else f"{_number(low)} to {_number(high)}",
            _number(row["actual_price"] if priced else row["actual"]),
            {True: "yes", False: "no", None: "–"}[row["hit"]],
            "late" if row["not_counted"] else "yes" if row["counts"] else "not yet",
        )
    return table


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.6g}"
