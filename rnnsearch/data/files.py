"""A price file as it is written: columns with their names, dates, numbers.

Rows are counted from 1 at the first row below the header, in every message of this package.
"""

import csv
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnsearch.config import MarketSection
from rnnsearch.data.calendars import market_zone
from rnnsearch.errors import DataError

DATE_KEYS = ("date", "datetime", "timestamp", "time")
DATE_FORMATS = (
    "ISO8601",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d.%m.%Y",
    "%m-%d-%Y",
    "%d-%m-%Y",
    "%d-%b-%Y",
    "%b %d, %Y",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%d.%m.%Y %H:%M:%S",
)
NAMELESS = re.compile(r"column \d+")  # how a column without a name is called
UTC_OFFSET = r":\d\d(?:\.\d+)?\s*(Z|[+-]\d\d:?\d\d)$"


def key(name: str) -> str:
    """What a column name is recognised by: `adj_close`, `AdjClose` and ` Adj Close ` are one."""
    return re.sub(r"[\s_-]", "", name).lower()


def read_table(path: Path) -> pd.DataFrame:
    """The columns of a CSV or Parquet file, in the file's order, under their trimmed names.

    Nothing is interpreted yet, save that CSV numbers are read as numbers, exactly. A first column
    without a name is the date where no other column is one; other columns without a name are
    called `column 7`.

    Raises `DataError` for a file that is missing, empty, damaged, of another format, or that has
    one column twice.
    """
    if path.is_dir():
        raise DataError(f"{path}: is a folder; give the CSV or Parquet file itself.")
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise DataError(
            f"{path.name}: prices are read from .csv or .parquet, got "
            f"{path.suffix or 'no ending'!r}; rename or convert the file."
        )
    try:
        if path.stat().st_size == 0:
            raise DataError(f"{path.name}: the file is empty; it needs a header and rows.")
        return _read_csv(path) if path.suffix.lower() == ".csv" else _read_parquet(path)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; correct the path.") from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path.name}: is not UTF-8 text: {error.reason} "
            f"(0x{error.object[error.start]:02x}); save it as UTF-8."
        ) from None
    except OSError as error:
        raise DataError(
            f"{path.name}: cannot be read: {error.strerror or error}; check the file."
        ) from None


def _read_csv(path: Path) -> pd.DataFrame:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            line = next((line for line in file if line.strip()), "")
        separator = max(",;\t", key=line.count)
        names = _names(path, next(csv.reader([line], delimiter=separator), []))
        with warnings.catch_warnings():
            # A row longer than the header is cut with no more than this warning.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                path,
                sep=separator,
                header=0,
                names=names,
                index_col=False,
                dtype={name: str for name in names if key(name) in DATE_KEYS},
                encoding="utf-8-sig",
                low_memory=False,
            )
    except (csv.Error, pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise DataError(
            f"{path.name}: is not a table with {separator!r} between its columns: "
            f"{str(error).strip()}; every row needs as many values as the header, and numbers no "
            f"thousands separators."
        ) from None
    except pd.errors.EmptyDataError:
        raise DataError(f"{path.name}: the file is empty; it needs a header and rows.") from None


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_parquet(path)
    except OSError:
        raise
    except Exception as error:  # a damaged file can fail anywhere in the reader
        raise DataError(f"{path.name}: is not a Parquet file: {error}; write it again.") from None
    if isinstance(frame.index, pd.DatetimeIndex) or key(str(frame.index.name)) in DATE_KEYS:
        index = frame.index.to_series(index=pd.RangeIndex(len(frame)))
        frame = frame.reset_index(drop=True)
        frame.insert(0, str(index.name or ""), index, allow_duplicates=True)
    frame.columns = pd.Index(_names(path, [str(name) for name in frame.columns]))
    return frame.reset_index(drop=True)


def _names(path: Path, header: list[str]) -> list[str]:
    """Column names, trimmed and all different."""
    names = [name.strip() for name in header]
    if names and not names[0] and not any(key(name) in DATE_KEYS for name in names):
        names[0] = "Date"
    names = [name or f"column {number}" for number, name in enumerate(names, start=1)]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise DataError(
                f"{path.name}: column names must differ, but column {names.index(name) + 1} and "
                f"column {number + 1} are both {name!r}; rename or remove one."
            )
    return names


def parse_dates(
    file: str, column: pd.Series, market: MarketSection | None = None
) -> pd.DatetimeIndex:
    """Dates as naive timestamps (microseconds), in the file's order.

    A date with a time zone keeps its local wall time and loses the zone: 16:00-05:00 is 16:00.
    Two offsets one hour apart are the summer and winter time of one zone; anything else is mixed.
    Where `market` tells a zone, and the dates have a time of day, they become local times there:
    21:00Z is 16:00 in New York.

    Raises `DataError` for a date that is missing, not a date, or ambiguous (03/04/2014).
    """
    utc = None
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        utc = column.dt.tz_convert("UTC")
        column = column.dt.tz_localize(None)
    if pd.api.types.is_datetime64_dtype(column.dtype):
        dates = column
    else:
        text = column.astype("str").str.strip().where(column.notna())
        text, hours = _local_time(file, text)
        dates = _parse_text(file, text)
        if hours is not None:
            utc = (dates - pd.to_timedelta(hours, unit="h")).dt.tz_localize("UTC")
    if utc is not None and market is not None and (dates != dates.dt.normalize()).any():
        zone = market_zone(market)
        dates = dates if zone is None else utc.dt.tz_convert(zone).dt.tz_localize(None)
    missing = np.flatnonzero(dates.isna())
    if len(missing):
        row = missing[0]
        found = "missing" if pd.isna(column.iloc[row]) else repr(str(column.iloc[row]))
        raise DataError(
            f"{file}: every row needs a date like 2014-03-07, but the date of row {row + 1} is "
            f"{found}; correct or remove the row."
        )
    return pd.DatetimeIndex(dates.dt.as_unit("us"), name="Date")


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
    ordered = [dates for dates in fitting if dates.is_monotonic_increasing]
    if len(ordered) > 1:
        raise DataError(
            f"{file}: a date must have one meaning, but {text.iloc[0]!r} in row 1 may be "
            f"{ordered[0].iloc[0]:%Y-%m-%d} or {ordered[1].iloc[0]:%Y-%m-%d}; write "
            f"year-month-day."
        )
    return ordered[0] if ordered else best


def parse_numbers(column: pd.Series) -> tuple[NDArray[np.float64], int | None]:
    """A column as float64 (NaN where missing), and its first row (0-based) that is no number."""
    kind = column.dtype
    if pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_complex_dtype(kind):
        return column.to_numpy(dtype=np.float64, na_value=np.nan), None
    if not (pd.api.types.is_object_dtype(kind) or pd.api.types.is_string_dtype(kind)):
        return np.full(len(column), np.nan), 0 if len(column) else None
    try:
        values = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError):  # lists, structures
        values = np.full(len(column), np.nan)
    wrong = np.flatnonzero(np.isnan(values) & column.notna().to_numpy())
    return values, int(wrong[0]) if len(wrong) else None
