"""When sessions close, as instants, and which sessions come next.

`exchange_calendars` takes most of a second to import: only what needs a calendar imports it.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnsearch.data.markets.intraday import SESSIONS, next_bars
from rnnsearch.errors import DataError, StudyFileError

if TYPE_CHECKING:  # workers read tables without pandas
    import pandas as pd

    from rnnsearch.config import MarketSection

Instants = NDArray[np.datetime64]  # datetime64[us], UTC

DAILY = 4  # days from a bar to the next, at most
NEIGHBOURS = 5  # sessions whose close times stand for that of a date the calendar lacks
STRANGE = 0.05  # share of a file's dates which its calendar may lack: more, and it is another's
RECENT = 250  # rows that a calendar which dates forecasts is compared with
FEWEST = 20  # rows from which on bars are seen to be as far apart as ever
CALLED = {  # what people call a market that has another name in the library
    **{
        "TWSE": "XTAI",
        "TAIEX": "XTAI",
        "TPEX": "XTAI",
        "TWO": "XTAI",
        "TSE": "XTKS",
        "HKSE": "XHKG",
    },
    **{"SZSE": "XSHG", "KRX": "XKRX", "KOSPI": "XKRX", "NSE": "XBOM", "AMEX": "XNYS"},
    **{"XETRA": "XETR", "EURONEXT": "XPAR", "CRYPTO": "24/7", "B3": "BVMF"},
}
MARGIN = 7  # days asked of a calendar on each side: it must hold at least one session


def next_sessions(
    calendar: str | None, dates: pd.DatetimeIndex, count: int
) -> list[pd.Timestamp] | None:
    """The `count` session dates of a calendar after the last of `dates`.

    Weeks, months and bars without any pause go on as they did, whatever the calendar; bars of a
    market's hours as in its sessions before. None for other bars that are not daily (a calendar
    has days), where there is no calendar, and where it ends too early or cannot be computed.

    Raises `StudyFileError` for an unknown calendar, `DataError` where the last of `dates` are not
    those of this calendar.
    """
    import pandas as pd

    last, recent = dates[-1], dates[-RECENT:]
    if not are_days(dates):
        if (steady := _steady(dates, count)) is not None or calendar is None:
            return steady
        return _in_sessions(calendar, dates, count)
    if calendar is None:
        return None
    first = last + pd.Timedelta(days=1)
    try:
        closes = _closes(calendar, recent[0], first + pd.Timedelta(days=30 + 2 * count))
    except DataError:  # some end with the year
        return None
    sessions = closes.index
    strange = ~recent.isin(sessions) & (recent >= sessions[0]) & (recent <= sessions[-1])
    if strange.sum() > STRANGE * len(recent):
        raise DataError(
            f"calendar = {calendar!r}: of the last {len(recent)} dates {strange.sum()} are no "
            f"sessions of it, first {recent[int(np.argmax(strange))]:%Y-%m-%d}, so forecasts would "
            'have wrong dates; name the market\'s own, as "24/7" where it has no holidays, or none.'
        )
    later = sessions[sessions >= first][:count]
    return list(later) if len(later) == count else None


def coming_sessions(
    file: str,
    calendar: str | None,
    dates: pd.DatetimeIndex,
    told: pd.DatetimeIndex,
    count: int,
) -> list[pd.Timestamp | None]:
    """The next `count` sessions: those that the file tells in rows past its last price, then those
    of `next_sessions`; None where nothing tells.

    Raises `DataError` where a named calendar of days has other sessions than the rows.
    """
    import pandas as pd

    told = told[:count]
    if len(told) and calendar is not None and are_days(dates):
        known = next_sessions(calendar, dates, len(told)) or []
        for number, (row, session) in enumerate(zip(told, known, strict=False)):
            if row != session:
                last = told[number - 1] if number else dates[-1]
                raise DataError(
                    f"{file}: rows past the last price stand for the sessions to come, but the "
                    f"row after {last:%Y-%m-%d} is {row:%Y-%m-%d}, and the next session of "
                    f"calendar = {calendar!r} is {session:%Y-%m-%d}; "
                    + ("add a row for it" if row > session else "remove the row")
                    + ", or name no calendar."
                )
    left = count - len(told)
    more = next_sessions(calendar, pd.DatetimeIndex([*dates, *told]), left) if left else None
    sessions: list[pd.Timestamp | None] = [*told, *(more or [])]
    return sessions + [None] * (count - len(sessions))


def _steady(dates: pd.DatetimeIndex, count: int) -> list[pd.Timestamp] | None:
    """The next dates of rows that are as far apart as ever, or that begin or end each month."""
    import pandas as pd

    recent = dates[-RECENT:]
    if len(recent) < FEWEST:
        return None
    steps = np.diff(recent.asi8)
    if (steps == steps[0]).all():
        step = recent[-1] - recent[-2]
        return [recent[-1] + step * number for number in range(1, count + 1)]
    for offset in (pd.offsets.MonthBegin(), pd.offsets.MonthEnd(), pd.offsets.BMonthEnd()):
        if recent.equals(pd.date_range(recent[0], periods=len(recent), freq=offset)):
            return [recent[-1] + offset * number for number in range(1, count + 1)]
    return None


def _in_sessions(calendar: str, dates: pd.DatetimeIndex, count: int) -> list[pd.Timestamp] | None:
    """The next bars of a market's hours."""
    import pandas as pd

    first, last = dates.normalize().unique()[-SESSIONS - 1 :][[0, -1]]
    try:
        closes = _closes(calendar, first, last + pd.Timedelta(days=30 + 2 * count))
    except DataError:
        return None
    return next_bars(dates, closes, count)


def session_dates(calendar: str, first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
    """The sessions of a calendar from `first` to `last`. Raises as `next_sessions` does."""
    import pandas as pd

    sessions = pd.DatetimeIndex(_closes(calendar, first, last).index)
    return sessions[(sessions >= first) & (sessions <= last)]


def session_close(calendar: str, date: pd.Timestamp) -> pd.Timestamp | None:
    """When the session of a date closes, with its zone; None where the calendar has no such.

    A year is computed at once and kept. Raises as `next_sessions` does.
    """
    import pandas as pd

    closes = _closes(calendar, pd.Timestamp(date.year, 1, 1), pd.Timestamp(date.year, 12, 31))
    return closes[date] if date in closes.index else None


def are_days(dates: pd.DatetimeIndex) -> bool:
    """Whether the sessions of a calendar can come after these dates."""
    daily = len(dates) < 2 or np.median(np.diff(dates)) <= np.timedelta64(DAILY, "D")
    return bool(daily and dates[-1] == dates[-1].normalize())


def close_instants(
    place: str, file: str, dates: pd.DatetimeIndex, market: MarketSection, *, late: bool
) -> tuple[Instants, list[str]]:
    """(rows,) the instant at which each row's bar closes, increasing, and notes on odd dates.

    Dates without a time of day close when `market` says. A time of day is itself the close, in the
    zone of `market`. Where summer time ends a local time is there twice: `late` takes the later
    one, as is safe for a series that must be known, otherwise the earlier one, as is safe for the
    instant of a decision.

    place  of the market in the study file, for messages

    Raises `StudyFileError` where `market` lacks or contradicts what the dates need, `DataError` for
    dates that are not the calendar's.
    """
    import pandas as pd

    days = dates.normalize()
    if (dates != days).any():
        if market.close_time is not None:
            raise StudyFileError(
                f"{place} close_time: the dates of {file} have a time of day, as "
                f"{dates[int(np.argmax(dates != days))]}, which is when their bars close; remove "
                f"close_time = {market.close_time!r} and keep time_zone"
            )
        zone = market_zone(market)
        if zone is None:
            raise StudyFileError(
                f"{place}: the dates of {file} have a time of day but no time zone, so which rows "
                f'of another market were known is unknown; write time_zone = "America/New_York" '
                f"(of these dates)"
            )
        return _instants(dates, zone, late), []
    if market.calendar is not None:
        return _calendar_closes(place, file, dates, market.calendar, late)
    if market.close_time is None or market.time_zone is None:
        raise StudyFileError(
            f"{place}: when the sessions of {file} close must be known to join markets, because a "
            f'row of the same date may close later; write calendar = "XNYS", or close_time = '
            f'"16:00" and time_zone = "America/New_York" (of this market)'
        )
    hours, minutes = market.close_time.split(":")
    after_midnight = pd.Timedelta(hours=int(hours), minutes=int(minutes))
    return _instants(days + after_midnight, market.time_zone, late), []


def market_zone(market: MarketSection) -> str | None:
    """The time zone of a market's local times, where it is told."""
    if market.calendar is None:
        return market.time_zone
    return str(_calendar(market.calendar).tz)


def _instants(local: pd.DatetimeIndex, zone: str, late: bool) -> Instants:
    summer = np.full(len(local), not late)  # the first of two equal local times is summer time
    aware = local.tz_localize(
        zone, ambiguous=summer, nonexistent="shift_forward" if late else "shift_backward"
    )
    return aware.tz_convert(None).to_numpy("datetime64[us]")


def _calendar_closes(
    place: str, file: str, dates: pd.DatetimeIndex, name: str, late: bool
) -> tuple[Instants, list[str]]:
    """Close times of a calendar; on dates that it does not have, those of the sessions before.

    Of several sessions, because one may close early: the latest close for a series that must be
    known, the earliest for the instant of a decision.
    """
    import pandas as pd

    closes = _closes(name, dates[0], dates[-1])
    zone = closes.dt.tz
    since_midnight = closes.dt.tz_localize(None) - closes.index
    after_midnight = since_midnight.reindex(dates)
    absent = after_midnight.isna().to_numpy()
    within = absent & (dates >= closes.index[0]) & (dates <= closes.index[-1])
    if within.sum() > STRANGE * len(dates):
        first = dates[int(np.argmax(within))]
        raise DataError(
            f"{file}: its dates must be sessions of {place} calendar = {name!r}, but "
            f"{within.sum()} of {len(dates)} are not, first {first:%Y-%m-%d}; name this market's "
            f"own calendar, or give close_time and time_zone instead."
        )
    notes = []
    if absent.any():
        first = dates[int(np.argmax(absent))]
        notes.append(
            f"{file}: {absent.sum()} of {len(dates)} dates are no sessions of {name}, first "
            f"{first:%Y-%m-%d}; they are taken to close when the sessions before them did."
        )
        seconds = since_midnight.dt.total_seconds().rolling(NEIGHBOURS, min_periods=1)
        usual = seconds.max() if late else seconds.min()
        before = pd.to_timedelta(usual.reindex(dates, method="ffill").bfill(), unit="s")
        after_midnight = after_midnight.fillna(before)
    local = dates + pd.TimedeltaIndex(after_midnight)
    return _instants(local, str(zone), late), notes


@lru_cache(maxsize=32)
def _closes(name: str, first: pd.Timestamp, last: pd.Timestamp) -> pd.Series:
    """Local close times (aware) by session date, from `first` to `last` and a few days around.

    They begin later and end earlier where the calendar's records do.
    """
    import pandas as pd

    start, end = first - pd.Timedelta(days=MARGIN), last + pd.Timedelta(days=MARGIN)
    kind = _calendar(name)
    lowest, highest = kind.bound_min(), kind.bound_max()
    start = start if lowest is None else max(start.normalize(), lowest)
    end = end if highest is None else min(end.normalize(), highest)
    if start > end - pd.Timedelta(days=MARGIN):
        raise DataError(
            f"calendar = {name!r} begins {lowest or 'early'!s:.10} and ends "
            f"{highest or 'late'!s:.10}, but is needed from {first:%Y-%m-%d} to "
            f"{last:%Y-%m-%d}; give close_time and time_zone instead."
        )
    calendar = _computed(name, start=start.normalize(), end=end.normalize())
    closes: pd.Series = calendar.closes.dt.tz_convert(calendar.tz)
    return closes


@lru_cache(maxsize=32)  # the library keeps one span of each calendar, and that is another
def _calendar(name: str) -> Any:
    """A calendar of the years around today: its zone and bounds. Raises `StudyFileError`."""
    with _calendars() as library:
        known = library.get_calendar_names()
        if name not in known:
            near = get_close_matches(name.upper(), known, n=3, cutoff=0.5)
            near = [CALLED[name.upper()]] if name.upper() in CALLED else near
            hint = (
                f"did you mean {' or '.join(near)}?"
                if near
                else "write the code of an exchange, such as XNYS, XTAI, XLON or 24/7"
            )
            raise StudyFileError(f"calendar = {name!r}: there is no such calendar; {hint}")
    return _computed(name)


def _computed(name: str, **span: pd.Timestamp) -> Any:
    """Raises `DataError` where the library, with the pandas of today, fails (as ASEX does)."""
    with _calendars() as library:
        try:
            return library.get_calendar(name, **span)
        except Exception as error:
            raise DataError(
                f"calendar = {name!r} cannot be computed by the installed exchange_calendars "
                f"({type(error).__name__}: {error!s:.60}); give close_time and time_zone instead."
            ) from None


@contextlib.contextmanager
def _calendars() -> Iterator[Any]:
    with warnings.catch_warnings():
        # pandas' deprecations, about the library's own calls.
        warnings.simplefilter("ignore")
        import exchange_calendars

        yield exchange_calendars
