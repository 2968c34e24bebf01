"""Calendars that are proposed, and dates that follow bars which are no days."""

import pandas as pd
import pytest

from rnnsearch.data.markets.calendars import CALLED, next_sessions, session_dates
from rnnsearch.data.markets.proposals import SUFFIXES, likely_market
from rnnsearch.errors import StudyFileError

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


def test_hours_of_a_market_have_no_next_date() -> None:
    hours = [day + pd.Timedelta(hours=h) for day in pd.bdate_range(FIRST, LAST) for h in (9, 10)]
    assert next_sessions("XNYS", pd.DatetimeIndex(hours), 1) is None
