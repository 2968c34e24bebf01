"""When a row of a market is known: closes, zones, calendars, bars within the day."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rnnsearch.config import DataSection
from rnnsearch.data.inputs.build import build_inputs
from rnnsearch.data.markets.calendars import close_instants, next_sessions
from rnnsearch.data.prices.load import Prices, read_prices
from rnnsearch.errors import DataError, StudyFileError
from tests.helpers.markets import (
    NEW_YORK,
    NEW_YORK_AT_FOUR,
    TAIPEI,
    joined,
    known_dates,
    series,
    study,
)

# --- instants ------------------------------------------------------------------------------------


def closes(dates: Any, late: bool = True, **market: Any) -> list[str]:
    section = DataSection(path=Path("a.csv"), **market)
    instants, _ = close_instants("[data]", "a.csv", pd.DatetimeIndex(dates), section, late=late)
    return [str(instant)[:16] for instant in instants]


@pytest.mark.parametrize("market", [NEW_YORK, NEW_YORK_AT_FOUR])
def test_summer_time_moves_the_close(market: dict[str, str]) -> None:
    assert closes(["2024-03-08", "2024-03-11", "2024-11-01", "2024-11-04"], **market) == [
        "2024-03-08T21:00",
        "2024-03-11T20:00",
        "2024-11-01T20:00",
        "2024-11-04T21:00",
    ]


def test_summer_time_decides_what_another_market_knows() -> None:
    """Between the two changes in March, New York closes an hour earlier for London."""
    days = pd.DatetimeIndex(["2024-03-07", "2024-03-08", "2024-03-11", "2024-03-12", "2024-04-02"])
    settings = study(close_time="20:30", time_zone="Europe/London")
    known = known_dates(series(days, "london.csv"), series(days), settings)
    assert known["2024-03-08"] == pd.Timestamp("2024-03-07")  # New York closes at 21:00 UTC
    assert known["2024-03-12"] == pd.Timestamp("2024-03-12")  # at 20:00 UTC, London still in winter
    assert known["2024-04-02"] == pd.Timestamp(
        "2024-03-12"
    )  # at 20:00 UTC, London's 20:30 is 19:30


def test_a_calendar_knows_early_closes() -> None:
    days = ["2023-11-22", "2023-11-24", "2023-11-27"]  # the 24th: the day after Thanksgiving
    assert closes(days, **NEW_YORK)[1] == "2023-11-24T18:00"
    target = series(days, "target.csv")
    at_two = {"close_time": "14:00", "time_zone": "America/New_York"}
    known = known_dates(target, series(days), study(**at_two))
    assert known["2023-11-24"] == pd.Timestamp("2023-11-24")  # 13:00 is before 14:00
    assert known["2023-11-27"] == pd.Timestamp("2023-11-24")
    # The target's own early close comes before the other market's usual one.
    late = study({"path": "x.csv", "prefix": "us_", **NEW_YORK_AT_FOUR}, **NEW_YORK)
    assert known_dates(target, series(days), late)["2023-11-24"] == pd.Timestamp("2023-11-22")


def test_a_close_at_the_same_instant_is_known(new_york: Prices) -> None:
    assert known_dates(new_york, new_york, study(**NEW_YORK)).tolist() == list(new_york.dates)


def test_a_close_one_minute_later_is_not(new_york: Prices) -> None:
    settings = study(
        {"path": "x.csv", "prefix": "us_", **NEW_YORK_AT_FOUR},
        close_time="15:59",
        time_zone="America/New_York",
    )
    known = known_dates(new_york, new_york, settings)
    assert pd.isna(known.iloc[0])
    assert known[1:].tolist() == new_york.dates[:-1].tolist()


def test_a_session_that_ends_at_midnight_closes_after_its_date() -> None:
    assert closes(["2024-01-05"], close_time="24:00", time_zone="UTC") == ["2024-01-06T00:00"]
    assert closes(["2024-01-05", "2024-01-06"], calendar="24/7")[0] == "2024-01-06T00:00"


def test_a_local_time_that_is_there_twice_is_taken_on_the_safe_side() -> None:
    bars = ["2024-11-03 00:30", "2024-11-03 01:30", "2024-11-03 02:30"]
    zone = {"time_zone": "America/New_York"}
    assert closes(bars, late=True, **zone)[1] == "2024-11-03T06:30"
    assert closes(bars, late=False, **zone)[1] == "2024-11-03T05:30"
    missing = ["2024-03-10 01:30", "2024-03-10 02:30"]  # clocks went from 02:00 to 03:00
    assert closes(missing, late=True, **zone)[1] == "2024-03-10T07:00"
    assert closes(missing, late=False, **zone)[1] == "2024-03-10T06:59"


def test_dates_a_calendar_lacks_close_as_the_sessions_before_did(new_york: Prices) -> None:
    saturday = pd.DatetimeIndex(["2023-11-25"])  # after an early close
    days = new_york.dates.union(saturday)
    for late, expected in ((True, "2023-11-25T21:00"), (False, "2023-11-25T18:00")):
        assert closes(days, late=late, **NEW_YORK)[days.get_loc("2023-11-25")] == expected
    settings = study(**TAIPEI)
    other = series(days)
    table = build_inputs(joined(series(days, "target.csv"), other), study(**NEW_YORK), None)
    assert "are no sessions of XNYS, first 2023-11-25; they are taken" in table.notes[0]
    with pytest.raises(DataError, match=r"must be sessions of \[data\] calendar = 'XTAI', but"):
        build_inputs(joined(new_york, other), settings, None)


# --- bars within the day -------------------------------------------------------------------------


def test_a_time_of_day_is_the_close_of_its_bar() -> None:
    hours = pd.date_range("2024-02-13 10:00", periods=7, freq="h")
    bars = series([*hours, *(hours + pd.Timedelta(days=1))])
    target = series(["2024-02-13", "2024-02-14", "2024-02-15"], "target.csv")
    settings = study(
        {"path": "x.csv", "prefix": "us_", "time_zone": "America/New_York"},
        close_time="18:30",  # 12:30 in New York
        time_zone="Europe/Berlin",
    )
    known = known_dates(target, bars, settings)
    assert known["2024-02-13"] == pd.Timestamp("2024-02-13 12:00")
    assert known["2024-02-15"] == pd.Timestamp("2024-02-14 16:00")
    table = build_inputs(joined(target, bars), settings, None)
    assert "where it is the bar's beginning, the join would see the future" in table.notes[-1]


def test_bars_within_the_day_know_the_daily_close_only_after_it() -> None:
    target = series(pd.date_range("2024-02-13 14:00", periods=30, freq="h"), "target.csv")
    other = series(["2024-02-12", "2024-02-13", "2024-02-14"])
    known = known_dates(target, other, study(time_zone="America/New_York"))
    assert known["2024-02-13 15:00"] == pd.Timestamp("2024-02-12")
    assert known["2024-02-13 16:00"] == pd.Timestamp("2024-02-13")


@pytest.mark.parametrize(
    ("written", "local"),
    [
        (
            ["2024-03-08 21:00:00Z", "2024-03-11 20:00:00Z"],
            ["2024-03-08 16:00", "2024-03-11 16:00"],
        ),
        (["2024-03-08 05:00:00Z", "2024-03-11 04:00:00Z"], ["2024-03-08", "2024-03-11"]),
        (["2024-03-08 00:00:00Z", "2024-03-11 00:00:00Z"], ["2024-03-08", "2024-03-11"]),
    ],
    ids=["closes", "midnights of the market", "dates"],
)
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_offsets_in_the_file_are_turned_into_the_zone_of_the_market(
    tmp_path: Path, ending: str, written: list[str], local: list[str]
) -> None:
    frame = pd.DataFrame({"Date": written, "Close": [1.0, 2.0]})
    path = tmp_path / f"a{ending}"
    if ending == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.assign(Date=pd.to_datetime(frame["Date"])).to_parquet(path)
    for market in ({"time_zone": "America/New_York"}, NEW_YORK):
        prices = read_prices(DataSection(path=path, **market))
        assert prices.dates.tolist() == [pd.Timestamp(day) for day in local]


# --- the sessions to come ------------------------------------------------------------------------


def test_the_next_sessions_are_those_of_the_calendar() -> None:
    after = next_sessions("XTAI", pd.DatetimeIndex(["2024-02-02"]), 3)
    assert after == [pd.Timestamp(day) for day in ("2024-02-05", "2024-02-15", "2024-02-16")]
    after = next_sessions("XNYS", pd.DatetimeIndex(["2018-12-31"]), 2)
    assert after == [pd.Timestamp("2019-01-02"), pd.Timestamp("2019-01-03")]
    assert len(next_sessions("XNYS", pd.DatetimeIndex(["2018-12-31"]), 500) or []) == 500


def test_without_a_calendar_no_date_is_made_up() -> None:
    assert next_sessions(None, pd.DatetimeIndex(["2018-12-31"]), 2) is None
    assert next_sessions("XNYS", pd.DatetimeIndex(["2018-12-31 15:00"]), 2) is None
    weeks = pd.date_range("2024-01-05", "2024-05-03", freq="W-FRI")
    assert next_sessions("XNYS", weeks, 2) is None
    assert (
        next_sessions("XHKG", pd.DatetimeIndex(["2049-12-30"]), 5) is None
    )  # where its records end
    with pytest.raises(StudyFileError, match="calendar = 'NYSEE': there is no such calendar; did"):
        next_sessions("NYSEE", pd.DatetimeIndex(["2018-12-31"]), 2)


def test_a_calendar_of_another_market_is_refused_before_it_dates_forecasts() -> None:
    with pytest.raises(DataError, match=r"'XNYS': of the last 250 dates 7\d are no sessions.*24/7"):
        next_sessions("XNYS", pd.date_range("2023-01-01", "2024-12-31"), 2)
    after = next_sessions("24/7", pd.date_range("2023-01-01", "2024-12-31"), 1)
    assert after == [pd.Timestamp("2025-01-01")]


def test_a_calendar_that_ends_or_cannot_be_computed_dates_no_forecast() -> None:
    assert next_sessions("XSHG", pd.DatetimeIndex(["2035-12-31"]), 2) is None
    assert next_sessions("ASEX", pd.DatetimeIndex(["2018-12-31"]), 2) is None


def test_a_calendar_that_cannot_be_computed_is_said() -> None:
    with pytest.raises(DataError, match=r"'ASEX' cannot be computed .*; give close_time and time_"):
        closes(["2018-12-31"], calendar="ASEX")
