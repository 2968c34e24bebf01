"""Files of several series: one below the other, side by side, or a sheet each.

One is chosen with `series`; read as one they would make a price that leaps from one market to
another, so whatever looks like several is refused with their names.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnsearch.data.files.dispatch import RawTable
from rnnsearch.data.files.headers import FIELDS
from rnnsearch.data.files.names import SUREST_SERIES, USUAL, key, series_column, usual_names
from rnnsearch.data.files.numbers import absent_rows, parse_numbers
from rnnsearch.errors import DataError, SeveralSeriesError
from rnnsearch.shown import day, number_of, some

SHOWN = 5  # values that a message lists
JUMP = 10  # usual returns: more, where a name changes, and the price is another's
LEAST_JUMP = 0.05
SHARED = 0.3  # share of rows with a date that others have too: they are no slips
FEW = 10  # rows
SEPARATORS = "_ .-|:/"


def by_column(file: str, raw: RawTable, date: str | None) -> RawTable:
    """The table of a file in which each column beside the date is the close of a series.

    Raises DataError where its columns are named by more than the series.
    """
    names = [str(name) for name in raw.frame.columns]
    if raw.of or side_by_side(names, least=1) or _of_one_series(names):
        raise DataError(
            f'{file}: layout = "wide" is for files with one column a series, its close, but the '
            f"columns here say which price they are ({_listed(names)}); remove layout, or keep the "
            "close alone, called as its series."
        )
    return replace(raw, of={name: (name, "Close") for name in names if name != date})


def _of_one_series(names: Sequence[str]) -> bool:
    """Whether these are open, high, low and close; O, H, L and C are shares in New York, too."""
    usual = zip(names, usual_names(names), strict=True)
    return {"Open", "High", "Low", "Close"} <= {what for name, what in usual if len(name) > 1}


def pick_series(file: str, raw: RawTable, wanted: Sequence[str]) -> RawTable:
    """The rows and columns of the wanted series; each value names a sheet, a column or rows.

    Raises DataError for a series that the file does not have.
    """
    for value in wanted:
        if value in raw.chosen:
            continue
        names = list(map(str, raw.frame.columns))
        of = raw.of or side_by_side(names) or side_by_side(names, least=1)
        column = match_name({series for series, _ in of.values()}, value)
        if column is not None:
            raw = _columns_of(raw, of, column)
            continue
        found = rows_with(raw.frame, value)
        if found is not None:
            raw = _rows_of_series(raw, *found)
        elif of or any(map(series_column, map(str, raw.frame.columns))):
            raise DataError(f"{file}: there is no series {value[:200]!r}; {_offer(raw, of, value)}")
        else:
            told = f"no column names a series, so all rows are read as those of {value[:200]}"
            raw = replace(raw, notes=(*raw.notes, told))
    return raw


def check_columns_of_one(file: str, raw: RawTable, target: str | None) -> None:
    """Columns are those of one series. Raises DataError."""
    names = [str(name) for name in raw.frame.columns]
    of, series = raw.of, _series(raw.of)
    if len(series) < 2:
        of = side_by_side(names)
        series = _series(of)
        if len(series) < 2 or (target or "Close") != "Close" or "Close" in usual_names(names):
            return
    close = next(name for name in of if key(of[name][1]) == "close")
    other = f", or name one to forecast, target = {close[:80]!r}, with the others as inputs"
    raise SeveralSeriesError(
        f"{file}: has the columns of {len(series)} series ({_listed(series)}); "
        f"{_remedy(series[0])}{'' if raw.of else other}."
    )


def check_rows_of_one(
    file: str, table: pd.DataFrame, dates: pd.DatetimeIndex, numbers: NDArray[np.int64]
) -> str:
    """Something to tell, or "". `table` has its usual names and no dates.

    Raises DataError where the rows are those of several series.
    """
    steps = np.diff(dates.asi8)
    if (steps > 0).all() or (steps < 0).all():
        return _check_names(file, table, dates)
    _check_stacked(file, table, dates, numbers)
    return ""


def only_series(names: Sequence[str]) -> str | None:
    """The series that stands in the names of all prices, `XYZ` of `XYZ.Open`, where it is one."""
    of = side_by_side(names, least=1)
    series = {one for one, _ in of.values()}
    fields = {key(one) for _, one in of.values()}
    return series.pop() if len(series) == 1 and {"high", "low", "close"} <= fields else None


def side_by_side(names: Sequence[str], *, least: int = 2) -> dict[str, tuple[str, str]]:
    """Columns such as `AAPL_Close` and `Close MSFT` as series and field; none where fewer than
    `least` have a close.
    """
    best: dict[str, tuple[str, str]] = {}
    for separator in SEPARATORS:
        of: dict[str, tuple[str, str]] = {}
        for name in names:
            first, found, last = name.rpartition(separator)
            head, _, rest = name.partition(separator)
            if found and key(last) in FIELDS and first:
                of[name] = (first, last)
            elif found and key(head) in FIELDS and rest:
                of[name] = (rest, head)
        fields = [key(one) for _, one in of.values()]
        if fields.count("close") >= least and len(of) > len(best):
            best = of
    return best


# --- choosing -----------------------------------------------------------------------------------


def match_name(known: Iterable[str], value: str) -> str | None:
    """The one that is meant, in any case; 0050 is also 50, which spreadsheets make of it."""
    known = list(known)
    if value in known:
        return value
    same = [one for one in known if one.strip().casefold() == value.strip().casefold()]
    if not same and value.isdigit():
        same = [one for one in known if one.removesuffix(".0").lstrip("0") == value.lstrip("0")]
    return same[0] if len(same) == 1 else None


def _columns_of(raw: RawTable, of: dict[str, tuple[str, str]], series: str) -> RawTable:
    """Its columns, in the rows that are sessions of it: of the others, other series have values."""
    names = {name: name if name not in of else of[name][1] for name in map(str, raw.frame.columns)}
    kept = [name for name in names if name not in of or of[name][0] == series]
    others = [name for name in names if name in of and of[name][0] != series]
    own = [name for name in kept if name in of]
    frame, notes, numbers = raw.frame[kept].rename(columns=names), raw.notes, raw.numbers
    away = np.logical_and.reduce([absent_rows(raw.frame[name]) for name in own])
    if away.any():
        away &= raw.frame[others].notna().any(axis="columns").to_numpy(bool)
    if away.any():
        numbers = (np.arange(1, len(away) + 1) if numbers is None else numbers)[~away]
        frame = frame[~away].reset_index(drop=True)
        told = number_of(
            int(away.sum()),
            "row has values of other series alone, and is no session",
            "rows have values of other series alone, and are no sessions",
        )
        notes = (*notes, f"{told} of {_cut(series)}")
    return replace(raw, frame=frame, of={}, notes=notes, numbers=numbers)


def _rows_of_series(raw: RawTable, name: str, rows: NDArray[np.bool_]) -> RawTable:
    """These rows, without the column that is the same in all of them."""
    numbers = np.arange(1, len(rows) + 1) if raw.numbers is None else raw.numbers
    frame = raw.frame[rows].drop(columns=name).reset_index(drop=True)
    return replace(raw, frame=frame, numbers=numbers[rows])


def rows_with(frame: pd.DataFrame, value: str) -> tuple[str, NDArray[np.bool_]] | None:
    """The first column that names series, or any of text, with this value, and where it has it."""
    names = sorted(map(str, frame.columns), key=lambda name: not series_column(name))
    for name in names:
        column = frame[name]
        if series_column(name) or _is_words(column):
            text = column.astype("str")
            match = match_name(text.dropna().unique(), value)
            if match is not None:
                return name, (text == match).fillna(False).to_numpy(bool)
    return None


def _offer(raw: RawTable, of: dict[str, tuple[str, str]], value: str) -> str:
    names = [name for name in map(str, raw.frame.columns) if series_column(name)]
    where, known = "the file", _series(of)
    if not of:
        where = f"column {names[0]}"
        known = list(raw.frame[names[0]].dropna().astype("str").unique())
    if value == "all":
        return f'for each of the {len(known)} ({_listed(known)}) write series = "*".'
    near = get_close_matches(value, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0][:100]}? " if near else ""
    return f"{hint}{where} has {len(known)} ({_listed(known)})."


# --- refusing -----------------------------------------------------------------------------------


def _check_names(file: str, table: pd.DataFrame, dates: pd.DatetimeIndex) -> str:
    """Dates are in order, yet a name changes: where the price leaps with it, they are several."""
    told = ""
    for name in naming_columns(table):
        codes, values = pd.factorize(table[name])
        changes = np.flatnonzero(np.diff(codes)) + 1
        if len(values) < 2 or not len(changes):
            continue
        leaps = _leaps(table, changes)
        once = len(changes) + 1 == len(values)
        sure = key(name) in SUREST_SERIES and not once
        if not sure and (2 * leaps.sum() < len(changes) or not leaps.any()):
            if series_column(name) and once:
                row = int(changes[-1])
                told = told or (
                    f"column {name} changes from {_cut(table[name].iloc[row - 1])} to "
                    f"{_cut(table[name].iloc[row])} on {day(dates[row])}, and the rows are read "
                    f"as one series"
                )
            continue
        if not series_column(name) and not (once and leaps.all()):
            continue
        row = int(changes[np.argmax(leaps)])
        leap = ""
        if leaps.any() and "Close" in table:
            before, after = table["Close"].iloc[row - 1], table["Close"].iloc[row]
            leap = f", and Close goes from {_cut(before)} to {_cut(after)} on {day(dates[row])}"
        raise SeveralSeriesError(
            f"{file}: has the rows of several series: column {name} has {len(values)} values "
            f"({_listed(values)}){leap}; {_remedy(values[0])}. If they are one series under "
            f"several names, remove the column."
        )
    return told


def _check_stacked(
    file: str, table: pd.DataFrame, dates: pd.DatetimeIndex, numbers: NDArray[np.int64]
) -> None:
    """Dates are not in order: which column has the names of the series, or where they begin."""
    twice = dates.duplicated(keep=False)
    shared = twice.mean() >= SHARED and twice.sum() >= FEW
    for name in naming_columns(table):
        codes, values = pd.factorize(table[name])
        if not 2 <= len(values) <= max(len(table) / 5, 2):
            continue
        if not series_column(name):
            blocks = int((np.diff(codes) != 0).sum()) + 1 == len(values)
            apart = not pd.MultiIndex.from_arrays([codes, dates]).duplicated().any()
            if not (apart and (shared or blocks)):
                continue
        raise SeveralSeriesError(
            f"{file}: has the rows of several series: column {name} has {len(values)} values "
            f"({_listed(values)}); {_remedy(values[0])}."
        )
    starts = _restarts(dates)
    if starts is not None:
        row = int(starts[0])
        raise DataError(
            f"{file}: the dates begin again in row {numbers[row]} ({day(dates[row])} after "
            f"{day(dates[row - 1])}), as where {len(starts) + 1} series stand one below the "
            f"other, and no column names them; keep the rows of one ({numbers[0]} to "
            f"{numbers[row - 1]}), or give each row its name in a column Ticker and choose one "
            f"with series."
        )
    if shared and not table[twice].assign(_=dates[twice]).duplicated().all():
        row = int(np.argmax(twice))
        count = int((dates == dates[row]).sum())
        raise DataError(
            f"{file}: {int(twice.sum())} rows have a date that others have too, first "
            f"{day(dates[row])}, which is there {count} times, as where several series stand in "
            f"one file, and no column names them; keep the rows of one, or give each row its name "
            f"in a column Ticker and choose one with series."
        )


def _restarts(dates: pd.DatetimeIndex) -> NDArray[np.intp] | None:
    """Rows (0-based) at which series begin that each are in order and share their time."""
    steps = np.diff(dates.asi8)
    against = steps < 0 if (steps > 0).sum() >= (steps < 0).sum() else steps > 0
    starts = np.flatnonzero(against) + 1
    lengths = np.diff([0, *starts, len(dates)])
    if not len(starts) or (steps == 0).any() or lengths.min() < FEW:
        return None
    firsts, lasts = dates[[0, *starts]], dates[[*(starts - 1), len(dates) - 1]]
    share = max(min(firsts[0], lasts[0]), min(firsts[1], lasts[1]))
    until = min(max(firsts[0], lasts[0]), max(firsts[1], lasts[1]))
    return starts if share <= until else None


def naming_columns(table: pd.DataFrame) -> list[str]:
    """Columns that may name series, the likeliest first."""
    names = [str(name) for name in table.columns if name not in USUAL]
    known = [name for name in names if series_column(name)]
    sure = [name for name in known if key(name) in SUREST_SERIES]
    words = [name for name in names if _is_words(table[name])]
    whole = [name for name in names if pd.api.types.is_integer_dtype(table[name].dtype)]
    return list(dict.fromkeys([*sure, *known, *words, *whole]))


def _is_words(column: pd.Series) -> bool:
    kind = column.dtype
    if isinstance(kind, pd.CategoricalDtype):
        return True
    if not (pd.api.types.is_object_dtype(kind) or pd.api.types.is_string_dtype(kind)):
        return False
    filled = column.dropna()
    return len(filled) > 0 and isinstance(filled.iloc[0], str)


def _leaps(table: pd.DataFrame, changes: NDArray[np.intp]) -> NDArray[np.bool_]:
    """At which of the changes the close moves far more than it does."""
    if "Close" not in table:
        return np.zeros(len(changes), dtype=bool)
    price, _ = parse_numbers(table["Close"])
    price = np.where(np.isfinite(price) & (price > 0), price, np.nan)
    moves = np.abs(np.diff(np.log(price)))
    usual = float(np.nanmedian(moves)) if np.isfinite(moves).any() else np.inf
    return np.nan_to_num(moves[changes - 1]) > max(JUMP * usual, LEAST_JUMP)


def _series(of: dict[str, tuple[str, str]]) -> list[str]:
    return list(dict.fromkeys(series for series, _ in of.values()))


def _remedy(value: object) -> str:
    text = _cut(value)
    return f'choose one with series = "{text}" in [data], or --series {text} of init'


def _listed(values: Iterable[object]) -> str:
    return some(list(map(_cut, values)), SHOWN)


def _cut(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:37] + "..."
