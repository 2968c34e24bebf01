"""Calendars that are proposed, and dates that follow bars which are no days."""

import pandas as pd
import pytest

from rnnsearch.data.markets.calendars import CALLED, next_sessions, session_dates
from rnnsearch.data.markets.proposals import SUFFIXES, likely_market
from rnnsearch.errors import StudyFileError

pytestmark = pytest.mark.slow  # whole searches or commands

FIRST, LAST = pd.Timestamp("2021-01-04"), pd.Timestamp("2022-12-30")


@pytest.mark.parametrize("market", ["XNYS", "XTAI", "XTKS"])
def test_sessions_speak_for_their_market(market: str) -> None:
    assert likely_market("prices", session_dates(market, FIRST, LAST)) == market


def test_a_ticker_speaks_for_its_market_and_weekdays_for_none() -> None:
    weekdays = pd.bdate_range(FIRST, LAST)
    assert likely_market("2330.TW", weekdays) == "XTAI"
    assert likely_market("prices", weekdays) is None
    assert likely_market("prices", pd.date_range(FIRST, LAST)) == "24/7"


def test_what_people_call_a_market_is_understood() -> None:
    with pytest.raises(StudyFileError, match=r"did you mean XTAI\?"):
        next_sessions("TWSE", pd.bdate_range(FIRST, LAST), 1)
    import exchange_calendars

    known = exchange_calendars.get_calendar_names()
    assert {*CALLED.values(), *SUFFIXES.values()} <= {*known}


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (pd.date_range("2020-01-03", periods=60, freq="7D"), "2021-02-26"),
        (pd.date_range("2015-01-01", periods=60, freq="MS"), "2020-01-01"),
        (pd.date_range("2015-01-31", periods=60, freq="ME"), "2020-01-31"),
        (pd.date_range("2020-01-01", periods=60, freq="h"), "2020-01-03 12:00"),
    ],
)
def test_weeks_months_and_bars_without_a_pause_go_on(
    dates: pd.DatetimeIndex, expected: str
) -> None:
    (after,) = next_sessions(None, dates, 1) or []
    assert after == pd.Timestamp(expected)


def market_hours(market: str, times: list[str], last: str) -> pd.DatetimeIndex:
    """Bars at these times of day on the sessions of a market, until `last`."""
    sessions = session_dates(market, FIRST, pd.Timestamp(last).normalize())
    bars = [day + pd.Timedelta(time) for day in sessions for time in times]
    return pd.DatetimeIndex([bar for bar in bars if bar <= pd.Timestamp(last)])


HOURS = ["9:30:00", "10:30:00", "11:30:00", "12:30:00", "13:30:00", "14:30:00", "15:30:00"]
ENDS = ["10:30:00", "11:30:00", "12:30:00", "13:30:00", "14:30:00", "15:30:00", "16:00:00"]


@pytest.mark.parametrize(
    ("times", "last", "expected"),
    [
        (HOURS, "2022-12-28 15:30", ["2022-12-29 09:30", "2022-12-29 10:30"]),
        (HOURS, "2022-12-30 14:30", ["2022-12-30 15:30", "2023-01-03 09:30"]),  # a long weekend
        (HOURS, "2022-11-25 11:30", ["2022-11-25 12:30", "2022-11-28 09:30"]),  # closes at 13:00
        (ENDS, "2022-11-25 12:30", ["2022-11-25 13:00", "2022-11-28 10:30"]),
        (ENDS, "2022-12-23 16:00", ["2022-12-27 10:30", "2022-12-27 11:30"]),
        (["16:00:00"], "2022-12-23 16:00", ["2022-12-27 16:00", "2022-12-28 16:00"]),
    ],
)
def test_bars_of_a_markets_hours_go_on_in_its_sessions(
    times: list[str], last: str, expected: list[str]
) -> None:
    dates = market_hours("XNYS", times, last)
    assert next_sessions("XNYS", dates, 2) == [pd.Timestamp(one) for one in expected]
    assert next_sessions(None, dates, 2) is None


def test_bars_that_are_not_those_of_the_sessions_have_no_next_date() -> None:
    hours = market_hours("XNYS", HOURS, "2022-12-28 15:30")
    late = market_hours("XNYS", [*HOURS, "19:30:00"], "2022-12-28 19:30")  # after the close
    gone = hours[hours.normalize() != pd.Timestamp("2022-12-20")]
    weekdays = [day + pd.Timedelta("9h") for day in pd.bdate_range(FIRST, LAST)]
    for dates in (late, gone, pd.DatetimeIndex(weekdays), hours[-20::3]):
        assert next_sessions("XNYS", dates, 1) is None
    assert next_sessions("XNYS", hours[:4], 1) is None


def test_the_days_of_bars_speak_for_their_market() -> None:
    assert likely_market("prices", market_hours("XNYS", HOURS, "2022-12-28 15:30")) == "XNYS"
