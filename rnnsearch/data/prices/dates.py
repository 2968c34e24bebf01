"""Dates as files have them, read under the one meaning they can have."""

from typing import Literal

import numpy as np
import pandas as pd

from rnnsearch.config import MarketSection
from rnnsearch.data.files.names import DATE_KEYS, key
from rnnsearch.data.markets.calendars import market_zone
from rnnsearch.data.prices.rows import day
from rnnsearch.data.prices.spelling import CENTURY, plain_dates
from rnnsearch.errors import DataError

DATE_FORMATS = (
    "ISO8601",
    *("%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%m-%d-%Y", "%d-%m-%Y", "%d-%b-%Y", "%b %d, %Y"),
    *("%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S"),
    *("%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M", "%d.%m.%Y %H:%M"),
    *("%m-%d-%Y %H:%M:%S", "%d-%m-%Y %H:%M:%S", "%m-%d-%Y %H:%M", "%d-%m-%Y %H:%M"),
    *("%m/%d/%Y %I:%M:%S %p", "%d/%m/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p", "%d/%m/%Y %I:%M %p"),
    *("%Y-%m-%d %I:%M:%S %p", "%Y-%m-%d %I:%M %p", "%Y/%m/%d", "%Y/%m/%d %H:%M"),
    *("%Y/%m/%d %H:%M:%S", "%Y.%m.%d", "%Y.%m.%d %H:%M", "%Y.%m.%d %H:%M:%S"),
)
YEARS = (1600, 2200)
TIME_FORMATS = ("%H%M", "%H%M%S", "%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p")
LONGEST = 100  # characters of a date
DAY_ONE = pd.Timestamp("1899-12-30")  # of spreadsheets, for all days after February 1900
DAYS = (29_000, 60_000)  # from 1979 to 2064
UTC_OFFSET = r":\d\d(?:\.\d+)?\s*(Z|[+-]\d\d:?\d\d)$"


def parse_dates(
    file: str, column: pd.Series, market: MarketSection | None = None
) -> tuple[pd.DatetimeIndex, list[str]]:
    """Dates as naive timestamps (microseconds), in the file's order, and how they were read.

    A date with a time zone keeps its local wall time and loses the zone: 16:00-05:00 is 16:00.
    Two offsets one hour apart are the summer and winter time of one zone; anything else is mixed.
    Where `market` tells a zone, and the dates have a time of day, they become local times there:
    21:00Z is 16:00 in New York. Counts of seconds since 1970 are UTC.

    Raises `DataError` for a date that is missing, not a date, or ambiguous (03/04/2014), and for
    two instants that have one local time.
    """
    utc: pd.Series | None = None
    notes: list[str] = []
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        utc = column.dt.tz_convert("UTC")
        column = column.dt.tz_localize(None)
    if pd.api.types.is_datetime64_dtype(column.dtype):
        dates = column
    else:
        text = column.astype("str").str.replace(r"\s+", " ", regex=True).str.strip()
        text = text.where(column.notna())
        text, notes = plain_dates(text.where(text.str.len() <= LONGEST))
        if (days := _spreadsheet_days(file, text)) is not None:
            dates = days
            told = f"{text.iloc[0]} is {day(pd.Index(days), 0)}"
            notes.append(f"dates are counted in days, as spreadsheets count them: {told}")
        elif unit := _epoch_unit(text):
            dates = pd.to_datetime(text.astype("int64"), unit=unit)
            utc = dates.dt.tz_localize("UTC")
            notes.append(f"dates are counted from 1970 (UTC): {text.iloc[0]} is {dates.iloc[0]}")
        else:
            western = _western_years(text)
            text, hours = _local_time(file, text if western is None else western)
            dates = _parse_text(file, text)
            if hours is not None:
                utc = (dates - pd.to_timedelta(hours, unit="h")).dt.tz_localize("UTC")
            if western is not None:
                first = f"{column.iloc[0]} is {western.iloc[0]}"
                notes.append(f"years of dates are counted from 1911: {first}")
    if utc is not None and market is not None and (dates != dates.dt.normalize()).any():
        zone = market_zone(market)
        dates = dates if zone is None else utc.dt.tz_convert(zone).dt.tz_localize(None)
    dates = dates.where(dates.dt.year.between(*YEARS))  # others are of another calendar
    missing = np.flatnonzero(dates.isna())
    if len(missing):
        row = missing[0]
        found = "missing" if pd.isna(column.iloc[row]) else repr(str(column.iloc[row]))
        raise DataError(
            f"{file}: every row needs a date like 2014-03-07, but the date of row {row + 1} is "
            f"{found}; correct or remove the row."
        )
    if utc is not None:
        _check_clock(file, dates, utc)
    return pd.DatetimeIndex(dates.dt.as_unit("us"), name="Date"), notes


def with_one_date(table: pd.DataFrame) -> pd.DataFrame:
    """A table whose dates are in columns Year, Month and Day, with these as one column Date."""
    places = {key(str(name)): place for place, name in enumerate(table.columns)}
    parts = [places[part] for part in ("year", "month", "day") if part in places]
    if len(parts) < 3 or places.keys() & {*DATE_KEYS}:
        return table
    year, month, day = (table.iloc[:, place].astype("str").str.strip() for place in parts)
    dates = year + "-" + month.str.zfill(2) + "-" + day.str.zfill(2)
    rest = table.drop(columns=table.columns[parts])
    rest.insert(0, "Date", dates)
    return rest


def date_by_content(table: pd.DataFrame) -> str | None:
    """The only column of text whose first, middle and last value are dates."""
    found = []
    for name, column in table.items():
        if not pd.api.types.is_string_dtype(column.dtype) or not len(column):
            continue
        rows = sorted({0, len(column) // 2, len(column) - 1})
        sample = column.iloc[rows].reset_index(drop=True)
        if sample.map(lambda one: isinstance(one, str) and len(one) < 60).all():
            text, _ = plain_dates(sample.str.strip())
            if text.str.fullmatch(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}(?:[ T].*)?").all():
                found.append(str(name))
    return found[0] if len(found) == 1 else None


def _check_clock(file: str, local: pd.Series, utc: pd.Series) -> None:
    """No two bars have one local time, as those of the hour that summer time ends with."""
    twice = (local == local.shift()) & (utc != utc.shift())
    if twice.any():
        row = int(np.argmax(twice))
        raise DataError(
            f"{file}: dates must differ, but rows {row} and {row + 1} are both {local.iloc[row]} "
            f"where summer time ends, an hour apart in UTC; write time_zone = "
            f'"UTC" for this file (--time-zone UTC of init), which then has its dates in UTC.'
        )


def with_time(days: pd.Series, times: pd.Series) -> pd.Series | None:
    """Dates and times of day (16:00, 160000, 930, 04:00 PM) as one; None if they are not."""
    days, text = (one.astype("str").str.strip() for one in (days, times))
    if days.str.contains(":").any():
        return None
    if text.str.fullmatch(r"\d{1,6}").all():
        text = text.str.zfill(4 if text.str.len().max() <= 4 else 6)
    for form in TIME_FORMATS:
        read = pd.to_datetime(text, format=form, errors="coerce")
        if read.notna().all():
            return days + read.dt.strftime(" %H:%M:%S")
    return None


def _epoch_unit(text: pd.Series) -> Literal["s", "ms", "us", "ns"] | None:
    """What counts of time since 1970 are in, told by their digits: from 2001 to 2030."""
    units: dict[int, Literal["s", "ms", "us", "ns"]] = {10: "s", 13: "ms", 16: "us", 19: "ns"}
    counts = text.str.fullmatch(r"1[0-8]\d+").fillna(False).all()
    lengths = text.str.len().unique()
    return units.get(int(lengths[0])) if counts and len(lengths) == 1 else None


def _spreadsheet_days(file: str, text: pd.Series) -> pd.Series | None:
    """Dates as spreadsheets count them, 45530 for 2024-08-26; None if they are not.

    Some count from 1904, which shows in markets that are open from Monday to Friday.
    """
    if not text.str.fullmatch(r"\d{5}(?:\.\d+)?").fillna(False).all() or not len(text):
        return None
    count = text.astype("float64")
    if not count.between(*DAYS).all():
        return None
    dates = DAY_ONE + pd.to_timedelta((count * 86_400).round(), unit="s")
    days = np.bincount(dates.dt.day_of_week, minlength=7)
    if days[5] > 0.1 * len(dates) and days[0] < 0.01 * len(dates):  # Saturdays, and no Monday
        raise DataError(
            f"{file}: every row needs a date like 2014-03-07, but the date of row 1 is "
            f"{text.iloc[0]!r}, and days of spreadsheets that are counted from 1900 would be "
            f"Tuesdays to Saturdays, from 1904 Mondays to Fridays; format the column as "
            f"year-month-day before it is saved."
        )
    return dates


def _western_years(text: pd.Series) -> pd.Series | None:
    """Dates of the Republic of China as ISO dates: 113/01/02 is 2024-01-02; None if they are not.

    Years under 100 alone could be of either calendar, so one of 100 or more is needed.
    """
    parts = text.str.extract(r"^(\d{2,3})[/.\-年](\d{1,2})[/.\-月](\d{1,2})日?$")
    if parts.isna().any(axis=None) or not (parts[0].str.len() == 3).any():
        return None
    years = (parts[0].astype("int64") + 1911).astype("str")
    return years + "-" + parts[1].str.zfill(2) + "-" + parts[2].str.zfill(2)


def _local_time(file: str, text: pd.Series) -> tuple[pd.Series, pd.Series | None]:
    """Dates without their offsets from UTC, and these in hours where dates have them."""
    if not text.str.contains(":", regex=False, na=False).any():
        return text, None
    offset = text.str.extract(UTC_OFFSET, expand=False).where(text.notna())
    hours = {
        name: pd.to_timedelta("0h" if name == "Z" else f"{name[:3]}:{name[-2:]}:00").total_seconds()
        / 3600
        for name in offset.dropna().unique()
    }
    if not hours:
        return text, None
    bare = (offset.isna() & text.notna()).to_numpy()
    if bare.any() or max(hours.values()) - min(hours.values()) > 1:
        strange = bare != bare[0] if bare.any() else offset != offset.iloc[0]
        other = int(np.flatnonzero(strange)[0])
        raise DataError(
            f"{file}: all dates must have one time zone, but row 1 is {text.iloc[0]!r} and "
            f"row {other + 1} is {text.iloc[other]!r}; write all dates in the exchange's zone."
        )
    local = text.str.replace(r"\s*(Z|[+-]\d\d:?\d\d)$", "", regex=True)
    return local, offset.map(hours).astype("float64")


def _short_years(text: pd.Series) -> list[pd.Series]:
    """The readings of dates such as 24-02-23, whose years may be of two calendars where first."""
    parts = text.str.extract(r"^(\d{1,2})([-/.])(\d{1,2})\2(\d{2})$")
    if parts.isna().any(axis=None):
        return []
    first, middle, last = (parts[place].astype("int64") for place in (0, 2, 3))
    near = last.where(last >= CENTURY, last + 100) + 1900
    orders = (
        (near, middle, first),
        (near, first, middle),
        (first.where(first >= CENTURY, first + 100) + 1900, middle, last),
        (first + 1911, middle, last),
    )
    readings = [
        pd.to_datetime(
            pd.DataFrame({"year": year, "month": month, "day": day}), errors="coerce"
        ).dt.as_unit("us")
        for year, month, day in orders
    ]
    return [dates for dates in readings if dates.notna().all()]


def _parse_text(file: str, text: pd.Series) -> pd.Series:
    """Dates under the one format that reads every row; NaT where the best format fails."""
    best, fitting = None, []
    for form in DATE_FORMATS:
        dates = pd.to_datetime(text, format=form, errors="coerce")
        if best is None or dates.notna().sum() > best.notna().sum():
            best = dates
        if dates.notna().all():
            fitting.append(dates)
            if form == "ISO8601":
                break
    assert best is not None
    if not fitting:
        fitting = _short_years(text)
    ordered = [
        dates for dates in fitting if dates.is_monotonic_increasing or dates.is_monotonic_decreasing
    ]
    if len(ordered) > 1:
        row = int(np.argmax(ordered[0] != ordered[1]))  # the first that shows it
        raise DataError(
            f"{file}: a date must have one meaning, but {text.iloc[row]!r} in row {row + 1} may be "
            f"{ordered[0].iloc[row]:%Y-%m-%d} or {ordered[1].iloc[row]:%Y-%m-%d}; write "
            f"year-month-day."
        )
    return ordered[0] if ordered else best
