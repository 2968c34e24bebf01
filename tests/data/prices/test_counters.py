"""Columns that count rows or time are no inputs, whichever way they count."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.helpers.series import bars, read, told

DATES = bars().index
MILLISECONDS = DATES.as_unit("ms").asi8.astype(float)


def stumbling(values: np.ndarray) -> np.ndarray:
    """One step back, as the close of a candle in which trading was halted."""
    values = values.copy()
    values[150] = values[148]
    return values


COUNTERS: dict[str, np.ndarray] = {
    "rows": np.arange(300.0),
    "rows from the end": np.arange(300.0)[::-1],
    "milliseconds": MILLISECONDS,
    "one step back": stumbling(MILLISECONDS),
    "one step back, rows": stumbling(np.arange(300.0)),
    "a stamp that is 0": np.where(np.arange(300) == 70, 0.0, MILLISECONDS),
    "dates as numbers": DATES.strftime("%Y%m%d").astype(float),
    "days of a spreadsheet": (DATES - pd.Timestamp("1899-12-30")).days.to_numpy(float),
}


@pytest.mark.parametrize("order", ["oldest first", "newest first"])
@pytest.mark.parametrize("kind", COUNTERS)
def test_a_counter_is_left_out_and_told(tmp_path: Path, kind: str, order: str) -> None:
    frame = bars().assign(counter=COUNTERS[kind])
    prices = read(tmp_path, frame if order == "oldest first" else frame[::-1])
    assert prices.extras == ()
    assert "column 'counter' only counts rows or time and is ignored" in told(prices)


@pytest.mark.parametrize(
    "values",
    [
        lambda n: n % 5,
        lambda n: n % 24,
        lambda n: n % 31,
        lambda n: np.cumsum(n % 3),
        lambda n: np.where(n < 200, 0.25, 0.5),
        lambda n: np.sqrt(n),
    ],
)
def test_what_comes_back_or_changes_its_pace_is_an_input(
    tmp_path: Path, values: Callable[[np.ndarray], np.ndarray]
) -> None:
    frame = bars().assign(column=values(np.arange(300.0)))
    assert read(tmp_path, frame).extras == ("column",)
