"""Made-up series of two markets, to join."""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnsearch.config import StudyFile
from rnnsearch.data.inputs.build import InputTable, build_inputs
from rnnsearch.data.prices.load import Prices
from tests.helpers.places import ROOT

TAIPEI = {"calendar": "XTAI"}
NEW_YORK = {"calendar": "XNYS"}
NEW_YORK_AT_FOUR = {"close_time": "16:00", "time_zone": "America/New_York"}
NASDAQ = {"path": "us.csv", "prefix": "us_", **NEW_YORK}
STUDIES = ROOT / "studies"


def sessions(calendar: str, first: str, last: str) -> pd.DatetimeIndex:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import exchange_calendars

        found = exchange_calendars.get_calendar(calendar).sessions_in_range(first, last)
    return pd.DatetimeIndex(found)


def series(dates: Any, name: str = "us.csv", seed: int = 0, **extra: Any) -> Prices:
    """Bars of a random walk on the given dates; `row`, an extra column, tells rows apart."""
    dates = pd.DatetimeIndex(dates, name="Date").as_unit("us")
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(rng.normal(0, 0.01, len(dates)).cumsum())
    frame = pd.DataFrame({"Open": close, "High": close, "Low": close, "Close": close}, index=dates)
    frame["Open"] *= np.exp(rng.normal(0, 0.005, len(dates)))
    frame["High"] = frame[["Open", "Close"]].max(axis=1) * 1.003
    frame["Low"] = frame[["Open", "Close"]].min(axis=1) * 0.997
    frame["Volume"] = rng.uniform(1e6, 2e6, len(dates))
    return Prices(name, frame.assign(**extra), "Close")


def study(*joins: dict[str, Any], indicators: Any = "none", **data: Any) -> StudyFile:
    return StudyFile.model_validate(
        {
            "data": {"path": "target.csv", "join": list(joins or [NASDAQ]), **data},
            "inputs": {"indicators": indicators},
        }
    )


def joined(target: Prices, *others: Prices) -> Prices:
    return replace(target, joined=others)


def column(table: InputTable, name: str) -> NDArray[np.float32]:
    return np.asarray(table.values[:, table.columns([name])[0]])


def known_dates(target: Prices, other: Prices, settings: StudyFile) -> pd.Series:
    """By session of the target: the date of the joined row that it knows."""
    numbered = replace(
        other, frame=other.frame.assign(row=np.arange(len(other.dates), dtype=float))
    )
    table = build_inputs(joined(target, numbered), settings, None)
    rows = column(table, "us_row")
    return pd.Series(
        [None if np.isnan(row) else other.dates[int(row)] for row in rows], index=target.dates
    )
