"""Dates of price files: every usual spelling, one meaning each."""

from pathlib import Path

import pandas as pd
import pytest

from rnnsearch.errors import DataError
from tests.test_prices import HEADER, ROWS, read


@pytest.mark.parametrize(
    "dates",
    [
        ("2014-03-03", "2014-03-04", "2014-03-05", "2014-03-06"),
        ("20140303", "20140304", "20140305", "20140306"),
        ("03-Mar-2014", "04-Mar-2014", "05-Mar-2014", "06-Mar-2014"),
        ("Mar 03, 2014", "Mar 04, 2014", "Mar 05, 2014", "Mar 06, 2014"),
        ("03.03.2014", "04.03.2014", "05.03.2014", "06.03.2014"),
        (
            "2014-03-03 00:00:00-05:00",
            "2014-03-04 00:00:00-05:00",
            "2014-03-05 00:00:00-04:00",  # summer time
            "2014-03-06 00:00:00-04:00",
        ),
    ],
)
def test_dates_are_read_in_the_usual_spellings(tmp_path: Path, dates: tuple[str, ...]) -> None:
    lines = [row.replace(row[:10], f'"{day}"') for row, day in zip(ROWS, dates, strict=True)]
    days = read(tmp_path, HEADER, *lines).dates
    assert days.equals(pd.DatetimeIndex(pd.date_range("2014-03-03", periods=4), name="Date"))


def test_one_day_after_the_twelfth_tells_day_from_month(tmp_path: Path) -> None:
    american = read(tmp_path, "Date,Close", "03/12/2014,1", "03/13/2014,2")
    european = read(tmp_path, "Date,Close", "12/03/2014,1", "13/03/2014,2")
    assert american.dates.equals(european.dates)


def test_a_date_that_can_be_read_in_two_ways_is_refused(tmp_path: Path) -> None:
    lines = ["01/02/2014,1", "02/03/2014,2", "03/04/2014,3"]
    with pytest.raises(
        DataError, match=r"one meaning, but '01/02/2014' in row 1 may be 2014-01-02"
    ):
        read(tmp_path, "Date,Close", *lines)


def test_the_date_that_shows_the_two_ways_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'01/02/2023' in row 2 may be 2023-01-02 or 2023-02-01"):
        read(tmp_path, "Date,Close", "01/01/2023,1", "01/02/2023,2", "01/03/2023,3")


def test_an_hour_that_is_there_twice_is_told_from_a_doubled_row(tmp_path: Path) -> None:
    lines = ["Date,Close", "2023-11-05 01:00:00-04:00,1", "2023-11-05 01:00:00-05:00,2"]
    with pytest.raises(DataError, match=r"rows 1 and 2 are both .* where summer time ends.*UTC"):
        read(tmp_path, *lines)
    assert [*read(tmp_path, *lines, time_zone="UTC").dates.hour] == [5, 6]
