"""Prices: read from a file or a sample, checked once, never repaired silently.

Whatever a network could learn nonsense from is refused with its row, its value and a remedy;
whatever may be right or wrong is a warning that the caller shows.
"""

import hashlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnsearch.config import DataSection, JoinSection
from rnnsearch.data.checks import (
    OHLC,
    check_numbers,
    check_order,
    check_positive,
    check_prices,
    oddities,
)
from rnnsearch.data.dates import date_by_content, parse_dates, with_time
from rnnsearch.data.files import RawTable, read_table
from rnnsearch.data.headers import NAMELESS
from rnnsearch.data.names import USUAL, key, usual_names
from rnnsearch.data.numbers import is_absent, parse_numbers
from rnnsearch.data.stacked import check_columns_of_one, check_rows_of_one, pick_series
from rnnsearch.errors import DataError

COUNTED = 30  # rows from which on a column is seen to count them, or their time


@dataclass(frozen=True, eq=False)
class Prices:
    """One series of sessions.

    name      the file or the sample, for messages
    frame     float64; DatetimeIndex `Date`, naive and strictly increasing; Open, High, Low, Close,
              Volume where the file has them, then the extra columns; no missing value
    target    the column that is forecast; of a joined series its Close, or "" where it has none
    warnings  what looks odd and was left as it is
    joined    the series of `[[data.join]]`, in its order
    """

    name: str
    frame: pd.DataFrame
    target: str
    warnings: tuple[str, ...] = ()
    joined: tuple["Prices", ...] = ()

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
    def extras(self) -> tuple[str, ...]:
        """Columns that become inputs as they are."""
        own = {*USUAL, self.target}
        return tuple(name for name in self.frame.columns if name not in own)

    @cached_property
    def hash(self) -> str:
        """16 hex digits of the content: dates, column names, values; of joined series too.

        Not of file name or format.
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


def source(data: DataSection | JoinSection) -> tuple[str, RawTable]:
    """A name for messages, and the raw columns of the series that is wanted."""
    if data.sample is not None:
        return f"sample {data.sample}", RawTable(pd.read_csv(_sample_file(data.sample)))
    assert data.path is not None
    raw = pick_series(data.path.name, read_table(data.path, data.series), data.series)
    return called(data.path.name, data.series), raw


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
            f"The file has {_list(table.columns)}."
        )
    if len(table) < 2:
        raise DataError(f"{file}: has {len(table)} rows; a forecast needs at least 2 rows.")
    if isinstance(data, DataSection):
        usual = {key(old): new for old, new in renamed.items()}
        target = _find(file, table, usual.get(key(data.target), data.target), "target")
    else:
        target = "Close" if "Close" in table else ""
    dates, told = parse_dates(file, _dates(file, table), data)
    numbers = np.arange(1, len(table) + 1) if raw.numbers is None else raw.numbers
    if one := check_rows_of_one(file, table, dates, numbers):
        told.append(one)
    newest_first = check_order(file, dates)
    if newest_first:
        told.append("the newest row is first, so rows are read from the last to the first")
    frame, warnings = _numbers(file, table, dates, target, data)
    if data.adjust:
        frame = _adjusted(file, frame, target)
    positive = isinstance(data, DataSection) and data.predict == "log_return"
    check_prices(file, frame, target, positive=positive)
    if newest_first:
        frame = frame.take(np.arange(len(frame))[::-1])  # a copy: torch takes no reversed view
    if renamed:
        told.append(f"columns are read so: {', '.join(map(' is '.join, renamed.items()))}")
    warnings = [f"{file}: {text}." for text in (*raw.notes, *told)] + warnings
    warnings += [f"{file}: {text}" for text in oddities(frame, target)]
    return Prices(name=file, frame=frame, target=target, warnings=tuple(warnings))


# --- columns ------------------------------------------------------------------------------------


def _usual_names(file: str, table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """The columns with `Date` and prices under their usual names, and what these were before."""
    names = usual_names([str(name) for name in table.columns])
    for number, name in enumerate(names):
        if name in names[:number]:
            first, second = table.columns[names.index(name)], table.columns[number]
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


def _find(file: str, table: pd.DataFrame, wanted: str, setting: str) -> str:
    """The table's name of a column that the study file names."""
    names = [name for name in table.columns if name != "Date"]
    by_key = {key(name): name for name in reversed(names)} | {name: name for name in names}
    found = by_key.get(wanted) or by_key.get(key(wanted))
    if found is None:
        near = get_close_matches(wanted, names, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"the file has {_list(names)}."
        raise DataError(f"{file}: there is no column {wanted!r} (set by {setting}); {hint}")
    return found


def _numbers(
    file: str,
    table: pd.DataFrame,
    dates: pd.DatetimeIndex,
    target: str,
    data: DataSection | JoinSection,
) -> tuple[pd.DataFrame, list[str]]:
    """The columns in use as float64, and a warning for each extra column that is left out."""
    extras = [name for name in table.columns if name not in (*USUAL, target)]
    named = data.columns if isinstance(data.columns, tuple) else ()
    if data.columns != "all":
        wanted = [_find(file, table, name, "columns") for name in named]
        extras = [name for name in extras if name in wanted]
        if "Adj Close" in wanted and target != "Adj Close":
            raise DataError(
                f"{file}: Adj Close cannot be an input: it is rewritten by every later dividend, "
                f"so it knows the future; use adjust = true or leave it out of columns."
            )
    # Without `adjust`, Adj Close is left out for that very reason.
    usual = [name for name in (*OHLC, "Volume") if name in table]
    if (data.adjust or target == "Adj Close") and "Adj Close" in table:
        usual.append("Adj Close")
    columns: dict[str, NDArray[np.float64]] = {}
    warnings = []
    for name in filter(None, dict.fromkeys([*usual, target, *extras])):
        values, wrong = parse_numbers(table[name])
        optional = name in extras and not named
        if optional and NAMELESS.fullmatch(name) and np.isnan(values).all() and wrong is None:
            continue  # a comma at the end of every line
        if optional and NAMELESS.fullmatch(name):
            warnings.append(f"{file}: {name} has no name and is ignored.")
        elif optional and (wrong is not None or np.isnan(values).all()):
            warnings.append(f"{file}: column {name!r} is not numeric and is ignored.")
        elif name == "Volume" and name != target and is_absent(table[name]):
            warnings.append(f"{file}: Volume is missing in every row and is ignored.")
        elif optional and _counts_time(values, dates):
            warnings.append(f"{file}: column {name!r} only counts rows or time and is ignored.")
        elif optional and values.min() == values.max():
            warnings.append(f"{file}: column {name!r} is always {values[0]:g} and is ignored.")
        else:
            check_numbers(file, name, table[name], values, wrong, dates, name in extras)
            columns[name] = values
    return pd.DataFrame(columns, index=dates), warnings


def _counts_time(values: NDArray[np.float64], dates: pd.DatetimeIndex) -> bool:
    """Whether a column rises as the dates do: a row number, a time stamp."""
    if len(values) < COUNTED or not np.isfinite(values).all():
        return False
    if not (np.diff(values) * np.sign(np.diff(dates.asi8)) > 0).all():
        return False
    return bool(np.corrcoef(values, dates.asi8)[0, 1] > 0.9999)


def _adjusted(file: str, frame: pd.DataFrame, target: str) -> pd.DataFrame:
    """Open, High, Low and Close times Adj Close / Close; returns then include dividends."""
    if not {"Close", "Adj Close"} <= set(frame.columns) or target == "Adj Close":
        raise DataError(
            f"{file}: adjust = true rescales Close by Adj Close and needs both, with Close or "
            f"another column as target; set adjust = false."
        )
    check_prices(file, frame[["Close", "Adj Close"]], "Close", positive=True)
    check_positive(file, frame["Adj Close"], "adjust = true")
    factor = frame["Adj Close"] / frame["Close"]
    prices = [name for name in OHLC if name in frame]
    frame[prices] = frame[prices].mul(factor, axis="index")
    return frame.drop(columns="Adj Close")


def _list(names: pd.Index | list[str]) -> str:
    shown = ", ".join(str(name)[:40] for name in names[:20]) or "no columns"
    return f"{shown}, ..." if len(names) > 20 else shown
