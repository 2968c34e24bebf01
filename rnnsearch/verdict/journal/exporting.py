"""The journal as a table for other programs: a row per forecast."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rnnsearch import targets
from rnnsearch.data.export import write_table
from rnnsearch.verdict.journal.judging import Judged

COLUMNS = (
    *("champion", "champion_identity", "version", "trained_last", "made", "origin_date"),
    *("sessions_ahead", "target_date", "counts", "not_counted", "data_hash", "predict"),
    *("origin_price", "forecast", "forecast_price", "level", "low", "high", "low_price"),
    *("high_price", "actual", "actual_price", "hit", "held"),
)
"""Of a journal without forecasts; the naive forecasts stand before `actual`."""


def export(rows: list[dict[str, Any]], path: Path) -> None:
    """Write the rows of `table`. Raises StudyFileError, StorageError."""
    write_table(pd.DataFrame(rows, columns=None if rows else list(COLUMNS)), path)


def table(forecasts: Iterable[Judged]) -> list[dict[str, Any]]:
    """A row per forecast, by origin; what is not known is None.

    forecast, low, high, naive forecasts and actual are in the target's unit, the same with `_price`
    are prices.
    """
    return [_row(one) for one in forecasts]


def _row(one: Judged) -> dict[str, Any]:
    entry, said, outcome = one.entry, one.entry.said, one.entry.outcome
    target = targets.get(said.predict)
    start = np.array([said.start])

    def price(value: float | None) -> float | None:
        if value is None or not target.priced:
            return None
        return float(target.to_price(np.array([value]), start)[0])

    middle = float(target.reference(start)[0])
    actual = None if outcome is None else outcome.actual
    held = None
    if actual is not None and said.low is not None and said.high is not None:
        held = said.low <= actual <= said.high
    return {
        "champion": said.trial,
        "champion_identity": said.champion,
        "version": entry.version,
        "trained_last": said.trained_last,
        "made": said.made,
        "origin_date": entry.origin,
        "sessions_ahead": entry.ahead,
        "target_date": said.target if outcome is None else outcome.date,
        "counts": one.counts,
        "not_counted": one.reason or None,
        "data_hash": said.data,
        "predict": said.predict,
        "origin_price": said.start,
        "forecast": said.forecast,
        "forecast_price": price(said.forecast),
        "level": said.level,
        "low": said.low,
        "high": said.high,
        "low_price": price(said.low),
        "high_price": price(said.high),
        **{name: known[0] for name, known in said.naive.items() if known},
        "actual": actual,
        "actual_price": None if outcome is None or target.log_volatility else outcome.price,
        "hit": (said.forecast > middle) == (actual > middle)
        if actual is not None and target.directed
        else None,
        "held": held,
    }
