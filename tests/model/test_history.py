"""Newer data that tell the past otherwise than a forecaster knew it."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rnnsearch.config import load_study
from rnnsearch.data.prices.load import Prices, read_prices
from rnnsearch.model.forecasting.forecaster import Forecaster
from tests.helpers.evaluated import fit_forecaster
from tests.helpers.searches import write_study
from tests.model.test_forecaster import read

pytestmark = pytest.mark.usefixtures("home")


def changed(prices: Prices, path: Path, **columns: Any) -> Prices:
    """The prices with other columns, through a file."""
    frame = prices.frame.assign(**columns)
    frame.to_csv(path)
    study = load_study(write_study(path.parent, path.stem, data={"path": path.name}))
    return read_prices(study.data)


def closes(forecaster: Forecaster) -> pd.DataFrame:
    return pd.DataFrame({"Date": forecaster.history.dates, "Close": forecaster.history.target})


def test_a_file_that_only_goes_on_is_no_matter(tmp_path: Path, bars: Path) -> None:
    problem, forecaster = fit_forecaster(bars)
    assert len(forecaster.history.dates) < len(problem.prices.dates)
    assert forecaster.notes(problem.prices) == []
    frame = problem.prices.frame.reset_index()[["Date", "Close"]]
    assert forecaster.notes(read(tmp_path / "same.csv", frame)) == []


@pytest.mark.parametrize("row", [0, 100])
def test_a_changed_close_is_noticed(tmp_path: Path, bars: Path, row: int) -> None:
    _, forecaster = fit_forecaster(bars)
    frame = closes(forecaster)
    frame.loc[row, "Close"] *= 1.001
    (note,) = forecaster.notes(read(tmp_path / "new.csv", frame))
    assert f"in 1 of {len(frame)} shared sessions, first on {frame['Date'][row]:%Y-%m-%d}" in note
    assert "search and evaluate again" in note


def test_a_missing_session_is_noticed_and_so_is_one_too_many(tmp_path: Path, bars: Path) -> None:
    _, forecaster = fit_forecaster(bars)
    frame = closes(forecaster)
    (note,) = forecaster.notes(read(tmp_path / "less.csv", frame.drop(index=[50, 60])))
    assert "lacks 2 sessions that the history" in note
    assert f"first {frame['Date'][50]:%Y-%m-%d}" in note
    saturday = pd.DataFrame({"Date": [pd.Timestamp("2019-06-01")], "Close": [100.0]})
    more = pd.concat([frame, saturday]).sort_values("Date")
    (note,) = forecaster.notes(read(tmp_path / "more.csv", more))
    assert "has 1 session that the history" in note
    assert "first 2019-06-01" in note


def test_prices_rescaled_as_a_whole_matter_to_a_level_only(tmp_path: Path) -> None:
    for predict, expected in (("log_return", 0), ("direction", 0), ("level", 1)):
        inputs = ["return", "level"] if predict == "level" else ["return"]
        path = write_study(tmp_path / predict, data={"predict": predict})
        problem, forecaster = fit_forecaster(path, seeds=1, inputs=inputs)
        frame = closes(forecaster)
        frame["Close"] *= 0.37
        rescaled = read(tmp_path / predict / "new.csv", frame, predict=predict)
        assert len(forecaster.notes(rescaled)) == expected, predict
        if predict == "log_return":
            same = forecaster.forecast(
                read(tmp_path / predict / "whole.csv", problem.prices.frame.reset_index()),
                origins=5,
            )
            halved = problem.prices.frame.reset_index().assign(Close=problem.prices.close / 2)
            half = forecaster.forecast(read(tmp_path / predict / "half.csv", halved), origins=5)
            np.testing.assert_allclose(
                same["forecast_price"], 2 * half["forecast_price"], rtol=1e-5
            )


def test_a_short_file_that_begins_later_is_noticed(tmp_path: Path, bars: Path) -> None:
    problem, forecaster = fit_forecaster(bars)
    frame = problem.prices.frame.reset_index()[["Date", "Close"]]
    (note,) = forecaster.notes(read(tmp_path / "tail.csv", frame[-100:]))
    assert "begins later than the history and has fewer than 400 rows" in note
