"""What is told of prices that may be right or wrong, and what is not."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.helpers.series import bars, read, told


def closes(values: np.ndarray, start: str = "2020-01-01") -> pd.DataFrame:
    index = pd.bdate_range(start, periods=len(values), name="Date")
    return pd.DataFrame({"Close": values}, index=index)


def walk(rows: int = 300, size: float = 0.01, seed: int = 4) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.asarray(100 * np.exp(np.cumsum(rng.normal(0, size, rows))))


@pytest.mark.parametrize("fall", [0.24, 0.29, 0.44, 0.47, -0.31])
def test_dividends_in_shares_are_told_whatever_their_size(tmp_path: Path, fall: float) -> None:
    values = walk() * np.where(np.arange(300) < 150, 1.0, 1 - fall)
    values *= np.where(np.arange(300) < 155, 1.0, 1 - fall)
    text = told(read(tmp_path, closes(values)))
    assert "Close jumps from" in text
    assert "on 2020-07-29 (and 1 times more)" in text
    assert "use adjusted prices" in text


def test_a_crash_among_large_moves_is_not_called_a_jump(tmp_path: Path) -> None:
    moves = np.random.default_rng(4).normal(0, 0.02, 300)
    moves[148:153] = [-0.08, 0.06, -0.22, 0.09, -0.07]
    assert "jumps" not in told(read(tmp_path, closes(100 * np.exp(np.cumsum(moves)))))


def test_a_coin_that_loses_a_third_in_a_wild_week_is_no_split(tmp_path: Path) -> None:
    moves = np.random.default_rng(4).normal(0, 0.04, 300)
    moves[149:152] = [-0.12, -0.405, 0.15]
    assert "jumps" not in told(read(tmp_path, closes(100 * np.exp(np.cumsum(moves)))))


def test_a_spread_around_zero_has_no_jumps(tmp_path: Path) -> None:
    values = np.random.default_rng(4).normal(0, 1, 300).cumsum()
    assert "jumps" not in told(read(tmp_path, closes(values), predict="level"))


def test_all_copies_of_a_row_are_counted(tmp_path: Path) -> None:
    frame = bars()
    for row in (50, 51, 52, 90):
        frame.iloc[row, :4] = frame.iloc[row - 1, :4]
    text = told(read(tmp_path, frame))
    assert "4 rows repeat the prices of the row before, first on 2020-03-11" in text


def test_bars_of_sunday_evenings_are_told_and_markets_of_sundays_are_not(tmp_path: Path) -> None:
    days = pd.date_range("2020-01-01", periods=400, name="Date")
    frame = pd.DataFrame({"Close": walk(400)}, index=days)
    currency = frame[days.day_of_week != 5]
    assert "rows are of Sundays, first on 2020-01-05" in told(read(tmp_path, currency))
    gulf = frame[~days.day_of_week.isin([4, 5])]
    assert "Sundays" not in told(read(tmp_path, gulf))
    assert "Sundays" not in told(read(tmp_path, frame))


def test_a_change_from_weeks_to_days_is_told(tmp_path: Path) -> None:
    weeks = pd.date_range("2015-01-02", periods=100, freq="7D")
    days = pd.bdate_range(weeks[-1] + pd.Timedelta(days=3), periods=200)
    frame = pd.DataFrame({"Close": walk(300)}, index=weeks.append(days).rename("Date"))
    text = told(read(tmp_path, frame))
    assert "the rows are 7 days apart at first and 1 day at the end" in text
    assert "the rows are" not in told(read(tmp_path, bars()))


def test_a_last_bar_that_may_not_be_over_is_told(tmp_path: Path) -> None:
    frame = bars()
    frame.iloc[-1, 4] = 90.0
    assert "the last row (2021-02-23) has a volume of 90" in told(read(tmp_path, frame))
    until_today = pd.bdate_range(end=pd.Timestamp.now().normalize(), periods=300, name="Date")
    today = pd.DataFrame({"Close": walk()}, index=until_today)
    if until_today[-1].day_of_week < 5 and until_today[-1] == pd.Timestamp.now().normalize():
        assert "today or later" in told(read(tmp_path, today))
    weeks = pd.date_range("2015-01-02", periods=100, freq="7D", name="Date")
    weekly = pd.DataFrame({"Close": walk(100)}, index=weeks)
    late = weekly.rename(index={weeks[-1]: weeks[-2] + pd.Timedelta(days=2)})
    assert "comes 2 days after the one before and the others 7 days" in told(read(tmp_path, late))
    assert "if its bar was not over" not in told(read(tmp_path, weekly))
