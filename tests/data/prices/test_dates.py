"""Dates of price files: every usual spelling, one meaning each."""

from pathlib import Path

import pandas as pd
import pytest

from rnnsearch.errors import DataError
from tests.data.prices.test_prices import HEADER, ROWS, read


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


@pytest.mark.parametrize(
    "dates",
    [
        ("14-Nov-25", "17-Nov-25", "01-Dec-25"),
        ("14 Nov 2025", "17 Nov 2025", "1 Dec 2025"),
        ("Nov 14, 2025", "November 17, 2025", "Dec. 1, 2025"),
        ("Friday, November 14, 2025", "Monday, November 17, 2025", "Monday, December 1, 2025"),
        ("14. November 2025", "17. November 2025", "1. Dezember 2025"),
        ("14 de noviembre de 2025", "17 de noviembre de 2025", "1 de diciembre de 2025"),
        ("14/nov/25", "17/nov/25", "01/dez/25"),
        ("14 nov. 2025", "17 nov. 2025", "1 déc. 2025"),
        ("14 Kas 2025", "17 Kas 2025", "01 Ara 2025"),
        ("14 ноября 2025", "17 ноября 2025", "1 декабря 2025 г."),
        ("2025年11月14日", "2025年11月17日", "2025年12月1日"),
        ("2025年11月14日(金)", "2025年11月17日(月)", "2025年12月1日(月)"),
        ("令和7年11月14日", "令和7年11月17日", "令和7年12月1日"),
        ("2025년 11월 14일", "2025년 11월 17일", "2025년 12월 1일"),
        ("2025. 11. 14.", "2025. 11. 17.", "2025. 12. 1."),
        ("2025- 11- 14", "2025- 11- 17", "2025- 12- 01"),
        ("2025-11-14 00:00:00 UTC", "2025-11-17 00:00:00 UTC", "2025-12-01 00:00:00 UTC"),
        ("2025-11-14 UTC", "2025-11-17 UTC", "2025-12-01 UTC"),
        ("20251114.0", "20251117.0", "20251201.0"),
        ("14-11-25", "17-11-25", "01-12-25"),
        ("11/14/25", "11/17/25", "12/01/25"),
        ("14.11.2568", "17.11.2568", "01.12.2568"),
        ("Fri Nov 14 2025", "Mon Nov 17 2025", "Mon Dec 01 2025"),
        ("2025-Nov-14", "2025-Nov-17", "2025-Dec-01"),
        ("2025/11/14", "2025/11/17", "2025/12/1"),
        ("11/14/2025 12:00:00 AM", "11/17/2025 12:00:00 AM", "12/1/2025 12:00:00 AM"),
    ],
    ids=lambda dates: dates[2],
)
def test_dates_of_one_meaning_are_read(tmp_path: Path, dates: tuple[str, ...]) -> None:
    expected = pd.DatetimeIndex(["2025-11-14", "2025-11-17", "2025-12-01"], name="Date")
    lines = [f'"{day}";{number}' for number, day in enumerate(dates, 10)]
    assert read(tmp_path, "Date;Close", *lines).dates.equals(expected.as_unit("us"))
    backward = [f'"{day}";{number}' for number, day in enumerate(dates[::-1], 10)]
    assert read(tmp_path, "Date;Close", *backward).dates.equals(expected.as_unit("us"))


@pytest.mark.parametrize(
    ("dates", "told"),
    [
        (("01-02-23", "02-03-23", "03-04-23"), "may be 2023-0"),
        (("99/01/11", "99/01/12"), "may be 1999-01-11 or 2010-01-11"),
        (("1402-01-15", "1402-01-16"), "the date of row 1 is '1402-01-15'"),
        (("14 listopad 2025", "17 listopad 2025"), "the date of row 1 is '14 listopad 2025'"),
        (("Nov 2025", "Dec 2025"), "the date of row 1 is 'Nov 2025'"),
        (("14 Nov 2025", "soon"), "the date of row 2 is 'soon'"),
    ],
)
def test_dates_of_two_meanings_or_none_are_refused(
    tmp_path: Path, dates: tuple[str, ...], told: str
) -> None:
    with pytest.raises(DataError, match=told):
        read(tmp_path, "Date,Close", *[f"{day},{n}" for n, day in enumerate(dates, 1)])


def spreadsheet_days(system: str, dates: pd.DatetimeIndex) -> list[str]:
    count = (dates - pd.Timestamp(system)) / pd.Timedelta("1D")
    return [f"{day:.10g},{number}" for number, day in enumerate(count, 1)]


@pytest.mark.parametrize("freq", ["B", "h", "MS"])
def test_days_counted_by_a_spreadsheet_are_read_and_told(tmp_path: Path, freq: str) -> None:
    dates = pd.date_range("2024-08-26 14:00", periods=30, freq=freq)
    prices = read(tmp_path, "Date,Close", *spreadsheet_days("1899-12-30", dates))
    assert [*prices.dates] == [*dates]
    assert "45530.58333 is 2024-08-26 14:00:00" in " ".join(prices.warnings) or freq == "MS"


def test_days_that_a_spreadsheet_counts_from_1904_are_refused_with_the_way(tmp_path: Path) -> None:
    dates = pd.bdate_range("2024-08-26", periods=30)
    with pytest.raises(DataError, match=r"from 1904 Mondays to Fridays; format the column as year"):
        read(tmp_path, "Date,Close", *spreadsheet_days("1904-01-01", dates))


@pytest.mark.parametrize("freq", ["h", "15min"])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Sydney"])
def test_an_hour_that_a_clock_shows_twice_is_no_doubled_row(
    tmp_path: Path, zone: str, freq: str
) -> None:
    """Its refusal says how both rows are kept; taken, the file is read."""
    start = {"Europe/Berlin": "2023-10-28", "America/New_York": "2023-11-04"}.get(
        zone, "2024-04-06"
    )
    dates = pd.date_range(start, periods=200, freq=freq, tz=zone)
    lines = [f"{day:%Y-%m-%d %H:%M},{number}" for number, day in enumerate(dates, 1)]
    told = (
        r"clocks show an hour twice; keep both rows, and write every date in UTC.*--time-zone UTC"
    )
    for order, given in ((lines, None), (lines[::-1], None), (lines, zone)):
        with pytest.raises(DataError, match=told):
            read(tmp_path, "Date,Close", *order, time_zone=given)
    utc = dates.tz_convert("UTC")
    lines = [f"{day:%Y-%m-%d %H:%MZ},{number}" for number, day in enumerate(utc, 1)]
    assert len(read(tmp_path, "Date,Close", *lines, time_zone="UTC").dates) == 200


def test_a_row_that_is_there_twice_is_told_as_such_also_by_day(tmp_path: Path) -> None:
    for twice in ("2023-10-30 02:00", "2023-10-29", "2023-10-29 14:00"):
        with pytest.raises(DataError, match="remove one of them"):
            read(tmp_path, "Date,Close", "2023-10-27,1", f"{twice},2", f"{twice},3")


def test_a_time_after_a_month_in_words_is_kept(tmp_path: Path) -> None:
    lines = ["03 Jan 2022 09:30:00,1", "03 Jan 2022 10:30:00,2"]
    assert [*read(tmp_path, "Date,Close", *lines).dates.hour] == [9, 10]
    lines = [
        "Mon Jan 03 2022 09:30:00 GMT+0000 (Coordinated Universal Time),1",
        "Mon Jan 03 2022 10:30:00 GMT+0000 (Coordinated Universal Time),2",
    ]
    local = read(tmp_path, "Date,Close", *lines, time_zone="America/New_York").dates
    assert [*local.hour] == [4, 5]


def test_a_date_under_an_unknown_name_is_found_where_no_other_column_is_one(tmp_path: Path) -> None:
    prices = read(tmp_path, "Séance,Close,word", "14 Nov 2025,1,a", "17 Nov 2025,2,b")
    assert str(prices.dates[0].date()) == "2025-11-14"
    assert "Séance is Date" in " ".join(prices.warnings)
    with pytest.raises(DataError, match="no date column"):
        read(tmp_path, "from,until,Close", "2025-11-14,2025-11-15,1", "2025-11-17,2025-11-18,2")
