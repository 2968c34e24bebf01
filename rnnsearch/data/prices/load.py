"""Prices: read from a file or a sample, checked once, never repaired silently.

Whatever a network could learn nonsense from is refused with its row, its value and a remedy;
whatever may be right or wrong is a warning that the caller shows.
"""

import hashlib
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnsearch import targets
from rnnsearch.config import DataSection, JoinSection
from rnnsearch.data.files.dispatch import RawTable, read_table
from rnnsearch.data.files.names import (
    USUAL,
    date_column,
    find_column,
    key,
    listed,
    usual_names,
)
from rnnsearch.data.files.stacked import (
    by_column,
    check_columns_of_one,
    check_rows_of_one,
    pick_series,
)
from rnnsearch.data.markets.calendars import market_zone
from rnnsearch.data.prices.categories import level_name
from rnnsearch.data.prices.columns import Columns, read_columns
from rnnsearch.data.prices.dates import date_by_content, parse_dates, with_one_date, with_time
from rnnsearch.data.prices.oddities import oddities
from rnnsearch.data.prices.refusals import check_clock, check_order, check_prices
from rnnsearch.data.prices.rows import FileRows
from rnnsearch.errors import DataError
from rnnsearch.shown import number_of
from rnnsearch.targets import Quotes, Target


@dataclass(frozen=True, eq=False)
class Prices:
    """One series of sessions.

    name      the file or the sample, for messages
    frame     float64; DatetimeIndex `Date`, naive and strictly increasing; Open, High, Low, Close,
              Volume where the file has them, then the extra columns; no missing value but
              before the first one of an extra column
    target    the column that is forecast; of a joined series its Close, or "" where it has none.
              Where a kind of target is made of the file's prices, the column that it is made into
    price     the file's own column that is forecast, "" where that is `target`
    how       how `target` was made, in words, where it was
    warnings  what looks odd and was left as it is
    joined    the series of `[[data.join]]`, in its order
    columns   how its columns came about; None of a series that was read from no file
    ahead     extra inputs that are known ahead of their date
    coming    those of the rows past the last price, float64 by date; NaN where one says nothing
    """

    name: str
    frame: pd.DataFrame
    target: str
    warnings: tuple[str, ...] = ()
    joined: tuple["Prices", ...] = ()
    columns: Columns | None = None
    ahead: tuple[str, ...] = ()
    coming: pd.DataFrame | None = None
    price: str = ""
    how: str = ""

    @property
    def coming_dates(self) -> pd.DatetimeIndex:
        """Dates of the rows past the last price."""
        if self.coming is None:
            return self.dates[:0]
        index = self.coming.index
        assert isinstance(index, pd.DatetimeIndex)
        return index

    @property
    def dates(self) -> pd.DatetimeIndex:
        """(rows,) session dates, local wall time."""
        index = self.frame.index
        assert isinstance(index, pd.DatetimeIndex)
        return index

    @property
    def close(self) -> NDArray[np.float64]:
        """(rows,) the target column, in price units."""
        return self.frame[self.target].to_numpy(np.float64)

    @property
    def closes(self) -> NDArray[np.float64]:
        """(rows,) the file's own column that is forecast, also where `target` is made of it."""
        return self.frame[self.price or self.target].to_numpy(np.float64)

    @property
    def quotes(self) -> Quotes:
        """The target column, and the close of the row where that is another price.

        A row whose close is not above 0 has no other price than its target: row by row, since a
        later row must not decide what was known at an earlier one. Of what is made of a price the
        other is that price.
        """
        if self.price:
            return Quotes(self.close, self.closes)
        if self.target == "Close" or "Close" not in self.frame:
            return Quotes(self.close)
        close = self.frame["Close"].to_numpy(np.float64)
        return Quotes(self.close, np.where(close > 0, close, self.close))

    @property
    def extras(self) -> tuple[str, ...]:
        """Columns that become inputs as they are."""
        own = {*USUAL, self.target, self.price}
        return tuple(name for name in self.frame.columns if name not in own)

    @property
    def rows(self) -> FileRows:
        """Its rows as they are numbered in the file."""
        if self.columns is None or len(self.columns.rows.dates) != len(self.dates):
            return FileRows.plain(self.name, self.dates)
        return self.columns.rows

    @property
    def words(self) -> Mapping[str, tuple[str, str]]:
        """Input -> the file's column and its value, of inputs that are 1 where it has that."""
        return {} if self.columns is None else self.columns.words

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns of the file that the extra inputs come from."""
        words = self.words
        return tuple(dict.fromkeys(words.get(name, (name,))[0] for name in self.extras))

    def until(self, last: pd.Timestamp) -> "Prices":
        """What the file held when its last price was of this date, and joined series no later."""
        joined = tuple(series.until(last) for series in self.joined)
        return replace(self, frame=self.frame[self.dates <= last], joined=joined, coming=None)

    @cached_property
    def hash(self) -> str:
        """16 hex digits of the content: dates, column names, values; of joined series too.

        Not of file name or format, nor of rows past the last price, on which no trial depends.
        """
        content = hashlib.sha256()
        content.update(self.dates.as_unit("us").asi8.astype("<i8").tobytes())
        for name, column in self.frame.items():
            content.update(f"\n{name}\n".encode(errors="surrogatepass"))
            content.update(column.to_numpy("<f8").tobytes())
        for series in self.joined:
            content.update(series.hash.encode())
        return content.hexdigest()[:16]


def read_prices(data: DataSection) -> Prices:
    """Read and check the prices that `[data]` names, and those it joins.

    Raises `DataError`; see `check_table`.
    """
    return with_joined(check_table(*source(data), data), data)


def with_joined(prices: Prices, data: DataSection) -> Prices:
    """The prices and the series that `[[data.join]]` names, read and checked."""
    joined = tuple(check_table(*source(join), join) for join in data.join)
    warnings = [text for series in (prices, *joined) for text in series.warnings]
    return replace(prices, joined=joined, warnings=tuple(warnings))


def with_words(prices: Prices, inputs: Sequence[str], prefix: str = "") -> Prices:
    """Prices with those `inputs` that stand for a word which their column does not have: all 0."""
    columns = dict.fromkeys(column for column, _ in prices.words.values())
    plain = [name.removeprefix(prefix) for name in inputs if name.startswith(prefix)]
    absent = [name for name in plain if name not in prices.frame]
    absent = [name for name in absent if any(name.startswith(level_name(c, "")) for c in columns)]
    if not absent:
        return prices
    zeros = dict.fromkeys(absent, 0.0)
    known = {column for name, (column, _) in prices.words.items() if name in prices.ahead}
    ahead = [name for name in absent if any(name.startswith(level_name(c, "")) for c in known)]
    coming = prices.coming
    if coming is not None:
        coming = coming.assign(**dict.fromkeys(ahead, 0.0))
    frame = prices.frame.assign(**zeros)
    return replace(prices, frame=frame, ahead=(*prices.ahead, *ahead), coming=coming)


def source(data: DataSection | JoinSection) -> tuple[str, RawTable]:
    """A name for messages, and the raw columns of the series that is wanted."""
    if data.sample is not None:
        return f"sample {data.sample}", RawTable(pd.read_csv(_sample_file(data.sample)))
    assert data.path is not None
    raw = pick_series(data.path.name, whole_table(data), data.series)
    raw = replace(raw, frame=with_one_date(raw.frame))
    return called(data.path.name, data.series), raw


def whole_table(data: DataSection | JoinSection) -> RawTable:
    """The columns of a file, before a series of several is picked out of it.

    A file of many series is read once for all of them, as long as it is not written anew.
    """
    assert data.path is not None
    if data.layout == "auto" and not data.series:
        return read_table(data.path)
    try:
        state = data.path.stat()
    except OSError:  # it is told where the file is read
        return read_table(data.path)
    key = (data.path, data.layout, state.st_mtime_ns, state.st_size, state.st_ino)
    kept = _KEPT.get(key)
    if kept is None or not kept.chosen <= set(data.series):  # another sheet of it
        kept = read_table(data.path, data.series)
        if data.layout == "wide":
            kept = by_column(data.path.name, kept, _date_of(kept.frame))
        _KEPT.clear()
        _KEPT[key] = kept
    return kept


_KEPT: dict[tuple[object, ...], RawTable] = {}  # the last file of many series


def _date_of(table: pd.DataFrame) -> str | None:
    names = [str(name) for name in table.columns]
    place = date_column(names)
    return date_by_content(table) if place is None else names[place]


def called(file: str, series: Sequence[str]) -> str:
    """A file in messages, with the series that was chosen in it."""
    return f"{file} ({', '.join(series)})" if series else file


def _sample_file(name: str) -> Path:
    """Daily prices that come with the arch package, whose import takes two seconds."""
    package = importlib.util.find_spec("arch")
    assert package is not None
    assert package.submodule_search_locations is not None
    return Path(package.submodule_search_locations[0]) / "data" / name / f"{name}.csv.gz"


def check_table(file: str, raw: RawTable, data: DataSection | JoinSection) -> Prices:
    """The prices in a table of raw columns, checked; `file` is its name in messages.

    Columns are recognised by `usual_names`. Rows may be newest first. `Adj Close` is used where it
    is the target or where `adjust` asks for it, and left out otherwise. What is read otherwise than
    it stands in the file is a warning.

    Raises `DataError` with file, row (1 is the first below the header), value and remedy.
    """
    check_columns_of_one(file, raw, data.target if isinstance(data, DataSection) else None)
    table, renamed = _usual_names(file, raw.frame)
    if "Date" not in table and (dated := date_by_content(table)) is not None:
        table, renamed[dated] = table.rename(columns={dated: "Date"}), "Date"
    if "Date" not in table:
        close = "" if "Close" in table else ", and the price Close (or name it as the target)"
        raise DataError(
            f"{file}: there is no date column; call one Date, Datetime, Timestamp or Time{close}. "
            f"The file has {listed(table.columns)}."
        )
    if len(table) < 2:
        raise DataError(
            f"{file}: has {number_of(len(table), 'row')}; a forecast needs at least 2 rows."
        )
    if isinstance(data, DataSection):
        usual = {key(old): new for old, new in renamed.items()}
        target = find_column(file, table, usual.get(key(data.target), data.target), "target")
    else:
        target = "Close" if "Close" in table else ""
    dates, told = parse_dates(file, _dates(file, table), data)
    numbers = np.arange(1, len(table) + 1) if raw.numbers is None else raw.numbers
    check_clock(file, dates, numbers, lambda: market_zone(data))
    if one := check_rows_of_one(file, table, dates, numbers):
        told.append(one)
    if check_order(file, dates, numbers):
        told.append("the newest row is first, so rows are read from the last to the first")
        backward = np.arange(len(table))[::-1]
        table, dates, numbers = table.take(backward), dates[backward], numbers[backward]
    columns = read_columns(table, FileRows(file, dates, numbers), target, data)
    kind = targets.get(data.predict) if isinstance(data, DataSection) else None
    needing = f'predict = "{kind.name}"' if kind is not None and kind.above_zero else ""
    check_prices(columns.rows, columns.frame, target, needing=needing)
    if renamed:
        told.append(f"columns are read so: {', '.join(map(' is '.join, renamed.items()))}")
    warnings = [f"{file}: {text}." for text in (*raw.notes, *told)]
    warnings += columns.warnings
    warnings += [f"{file}: {text}" for text in oddities(columns.frame, target)]
    prices = Prices(
        file,
        columns.frame,
        target,
        tuple(warnings),
        columns=columns,
        ahead=columns.ahead,
        coming=columns.coming,
    )
    return prices if kind is None else _measured(prices, kind)


def _measured(prices: Prices, kind: Target) -> Prices:
    """With the column that the kind of target is made into, where it is made of prices."""
    assert prices.columns is not None
    base = prices.columns.adjusted.get(prices.target)
    found = kind.measured(
        {str(name): column.to_numpy(np.float64) for name, column in prices.frame.items()},
        prices.target,
        ranged=prices.target in ("Close", "Adj Close") or base == "Close",
    )
    if found is None:
        return prices
    return replace(
        prices,
        frame=prices.frame.assign(**{found.name: found.values}),
        target=found.name,
        price=prices.target,
        how=found.how,
        warnings=(*prices.warnings, *(f"{prices.name}: {text}." for text in found.odd)),
    )


# --- columns ------------------------------------------------------------------------------------


def _usual_names(file: str, table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """The columns with `Date` and prices under their usual names, and what these were before."""
    names = usual_names([str(name) for name in table.columns])
    places: dict[str, int] = {}
    for number, name in enumerate(names):
        if places.setdefault(name, number) != number:
            first, second = table.columns[places[name]], table.columns[number]
            raise DataError(
                f"{file}: columns must differ, but {first!r} and {second!r} are both {name}; "
                f"rename or remove one."
            )
    renamed = {
        str(old): new
        for old, new in zip(table.columns, names, strict=True)
        if new != "Date" and key(new) != key(str(old))
    }
    return table.set_axis(names, axis="columns"), renamed


def _dates(file: str, table: pd.DataFrame) -> pd.Series:
    """The dates, taken out of the table, with the times of day where these have a column."""
    dates = table.pop("Date")
    time = next((name for name in table.columns.astype(str) if key(name) == "time"), None)
    if time is None:
        return dates
    both = with_time(dates, table[time])
    if both is None:
        if (dates == dates.shift()).any():  # so it matters
            raise DataError(
                f"{file}: dates must differ, but some are there several times, and the times of "
                f"day in column {time} ({table[time].iloc[0]!r} in row 1) cannot be read; write "
                f"them like 16:00."
            )
        return dates
    table.pop(time)
    return both
