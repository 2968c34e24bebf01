"""Which columns of a file are in use, and their values as numbers: no value is made up in silence.

Rows are oldest first here. What is left out, and why, is a warning; whatever would have to be
guessed is refused with the setting that says it.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from rnnsearch.arrays import Floats
from rnnsearch.config import DataSection, JoinSection
from rnnsearch.data.files.headers import NAMELESS
from rnnsearch.data.files.names import USUAL, find_column
from rnnsearch.data.files.numbers import is_absent, parse_numbers, words_as_gaps
from rnnsearch.data.prices.adjusted import adjusted_of, is_factor
from rnnsearch.data.prices.ahead import check_columns, known_ahead, read_coming, rows_past_prices
from rnnsearch.data.prices.categories import (
    MOST_NAMED,
    are_states,
    indicator_columns,
    levels,
    words_of,
)
from rnnsearch.data.prices.counters import counts_time
from rnnsearch.data.prices.refusals import (
    OHLC,
    as_known_ahead,
    beyond_range,
    check_number,
    check_positive,
    check_prices,
    check_range,
    refuse_gaps,
    values_past_prices,
)
from rnnsearch.data.prices.rows import FileRows, day
from rnnsearch.errors import DataError
from rnnsearch.shown import number_of

ADJUSTED = "Adj Close"


@dataclass(frozen=True, eq=False)
class Columns:
    """The columns in use.

    frame     float64 by date; NaN only before the first value of an extra column
    rows      those of the file that are in `frame`
    adjusted  columns of the file that `adjust` could use, and the price or volume they adjust
    filled    extra columns whose last value was carried on
    words     input name -> the file's column and its value, of a column that is 1 where it has it
    ahead     inputs in `frame` that are known ahead of their date
    coming    those of the rows past the last price, by date; NaN where a row says nothing
    past      inputs that had values in rows past the last price which were left out
    """

    frame: pd.DataFrame
    rows: FileRows
    warnings: tuple[str, ...] = ()
    adjusted: Mapping[str, str] = field(default_factory=dict)
    filled: tuple[str, ...] = ()
    words: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    ahead: tuple[str, ...] = ()
    coming: pd.DataFrame | None = None
    past: tuple[str, ...] = ()


def read_columns(
    table: pd.DataFrame, rows: FileRows, target: str, data: DataSection | JoinSection
) -> Columns:
    """The columns that `data` asks for. Raises DataError with row, value and remedy."""
    if isinstance(data, JoinSection) or not data.known_ahead:
        return _read(table, rows, target, data, ())
    names = known_ahead(table, rows.file, target, data)
    past = rows_past_prices(table, target)
    priced = np.arange(len(table) - past)
    read = _read(table.iloc[priced], rows.take(priced), target, data, names)
    inputs = (name for name in read.frame if read.words.get(str(name), (name,))[0] in names)
    read = replace(read, ahead=tuple(map(str, inputs)))
    if not past:
        return read
    coming, told = read_coming(table, rows, past, names, read.frame, read.words, data)
    return replace(read, coming=coming, warnings=(*read.warnings, *told))


def _read(
    table: pd.DataFrame,
    rows: FileRows,
    target: str,
    data: DataSection | JoinSection,
    ahead: Collection[str],
) -> Columns:
    """The rows that have prices; `ahead` are columns of the table that are known ahead."""
    named = _named(table, rows, target, data)
    extras = [name for name in table.columns if name not in (*USUAL, target)]
    if data.columns != "all":
        extras = [name for name in extras if name in named]
    usual = [name for name in (*OHLC, "Volume") if name in table]
    drop = data.missing == "drop"
    values, warnings = _prices(table, rows, [*usual, target], target, drop=drop)
    settings = dict.fromkeys(named, "columns") | dict.fromkeys(ahead, "known_ahead")
    reading = _Extras(table, rows, values, settings)
    for name in extras:
        reading.add(name)
    check_columns(rows, [name for name in extras if name in ahead], reading.values, values)
    adjusted = reading.adjusted
    if ADJUSTED in table:
        own, _ = _prices(table, rows, [ADJUSTED], target, drop=drop)
        adjusted = {ADJUSTED: "Close"} | adjusted
        reading.values = {ADJUSTED: own[ADJUSTED]} | reading.values
    if data.adjust:
        values, told = _use_adjusted(rows, values, target, adjusted, reading.values)
        warnings += told
    elif target == ADJUSTED:
        values[ADJUSTED] = reading.values[ADJUSTED]
    else:
        warnings += [
            f"{rows.file}: column {name!r} is {base} adjusted for dividends and splits that came "
            f"later, so it knows the future and is left out"
            + ("; adjust = true uses it." if base == "Close" else ".")
            for name, base in adjusted.items()
            if name not in (ADJUSTED, target)
        ]
    warnings += reading.warnings
    values |= {name: column for name, column in reading.values.items() if name not in adjusted}
    inputs = [name for name in values if name not in (*USUAL, target)]
    read = Columns(
        pd.DataFrame(values, index=rows.dates),
        rows,
        tuple(warnings),
        _usable(adjusted, reading.values, values),
        words=reading.words,
    )
    return _without_gaps(read, inputs, data)


def _named(
    table: pd.DataFrame, rows: FileRows, target: str, data: DataSection | JoinSection
) -> tuple[str, ...]:
    """The extra columns that the study file names, under their names in the table."""
    if not isinstance(data.columns, tuple):
        return ()
    named = tuple(find_column(rows.file, table, name, "columns") for name in data.columns)
    if ADJUSTED in named and target != ADJUSTED:
        raise DataError(_knows_the_future(rows.file, ADJUSTED, "columns"))
    return named


def _knows_the_future(file: str, name: str, setting: str) -> str:
    return (
        f"{file}: {name} cannot be an input: it is rewritten by every later dividend, so it knows "
        f"the future; use adjust = true or leave it out of {setting}."
    )


def _prices(
    table: pd.DataFrame, rows: FileRows, names: list[str], target: str, *, drop: bool
) -> tuple[dict[str, Floats], list[str]]:
    """Prices and volume, NaN where a row has none, or a word where such rows are to `drop`."""
    columns, warnings = {}, []
    for name in filter(None, dict.fromkeys(names)):
        if name == "Volume" and name != target and is_absent(table[name]):
            warnings.append(f"{rows.file}: Volume is missing in every row and is ignored.")
            continue
        column, word = words_as_gaps(table[name])
        if word and not drop:
            first = parse_numbers(table[name])[1]
            check_number(rows, name, table[name], first, ', or write missing = "drop"')
        if word:
            count = int((column.isna() & table[name].notna()).sum())
            warnings.append(
                f"{rows.file}: {name} is a word without a digit in "
                f"{number_of(count, 'row')}, such as "
                f"{word[:40]!r}, which is read as no value."
            )
        values, wrong = parse_numbers(column)
        check_number(rows, name, column, wrong)
        check_range(rows, name, values)
        columns[name] = values
    return columns, warnings


class _Extras:
    """Extra columns, one after the other: numbers, words, and what is no input."""

    def __init__(
        self,
        table: pd.DataFrame,
        rows: FileRows,
        prices: Mapping[str, Floats],
        named: Mapping[str, str],
    ) -> None:
        """`named`: columns that the study file names, which are refused rather than left out, and
        the setting that does."""
        self._table, self._rows, self._prices, self._all_named = table, rows, prices, named
        self.values: dict[str, Floats] = {}
        self.warnings: list[str] = []
        self.adjusted: dict[str, str] = {}
        self.words: dict[str, tuple[str, str]] = {}

    def add(self, name: str) -> None:
        column, named = self._table[name], name in self._all_named
        values, wrong = parse_numbers(column)
        if wrong is not None and (words := words_of(column)) is not None:
            if are_states(words) or (named and len(levels(words)) <= MOST_NAMED):
                self._add_words(name, words)
                return
            if named:
                self._refuse_words(name, len(levels(words)))
        if not named and (why := self._useless(name, values, wrong)) is not None:
            if why:
                self.warnings.append(f"{self._rows.file}: {why}.")
            return
        check_number(self._rows, name, column, wrong)
        check_range(self._rows, name, values)
        base = adjusted_of(name, values, self._prices)
        if base is None and is_factor(name, values):
            base = "its factor"
        if base is not None:
            if named:
                raise DataError(_knows_the_future(self._rows.file, name, self._all_named[name]))
            self.adjusted[name] = base
        self.values[name] = values

    def _useless(self, name: str, values: Floats, wrong: int | None) -> str | None:
        """Why a column that nobody named is no input; empty where that need not be told."""
        if NAMELESS.fullmatch(name):
            # without a value: a comma at the end of every line
            absent = np.isnan(values).all() and wrong is None
            return "" if absent else f"{name} has no name and is ignored"
        if wrong is not None or np.isnan(values).all():
            return f"column {name!r} is not numeric and is ignored"
        if (row := beyond_range(name, values)) is not None:
            told = f"{values[row]:g}, beyond what networks are computed in"
            return f"column {name!r} has values such as {told}, and is ignored"
        if counts_time(values, self._rows.dates):
            return f"column {name!r} only counts rows or time and is ignored"
        if np.nanmin(values) == np.nanmax(values):
            return f"column {name!r} is always {np.nanmin(values):g} and is ignored"
        return None

    def _add_words(self, name: str, words: pd.Series) -> None:
        columns = indicator_columns(name, words, self._table.columns)
        for called, (level, values) in columns.items():
            self.words[called] = (name, level)
            self.values[called] = values
        told = f"{self._rows.file}: column {name!r} has words: "
        told += f"{', '.join(columns) or 'its columns'}, each 1 where the row has its word"
        if missing := int(words.isna().sum()):
            told += (
                f"; {number_of(missing, 'row has none and is', 'rows have none and are')} 0 in all"
            )
        self.warnings.append(told + ".")

    def _refuse_words(self, name: str, count: int) -> None:
        raise DataError(
            f"{self._rows.file}: {name} must be a number, or a word of at most {MOST_NAMED} "
            f"different ones, but it has {count} different texts; write a number, or columns of "
            f"0 and 1, or leave it out of columns."
        )


# --- adjusted prices ----------------------------------------------------------------------------


def _use_adjusted(
    rows: FileRows,
    prices: dict[str, Floats],
    target: str,
    adjusted: Mapping[str, str],
    values: Mapping[str, Floats],
) -> tuple[dict[str, Floats], list[str]]:
    """Prices with dividends and splits taken out, and how.

    A whole adjusted set is used as it is. Otherwise Open, High, Low and Close are multiplied by
    adjusted close / close; returns then include dividends.
    """
    by_base: dict[str, str] = {}
    for name, base in adjusted.items():
        by_base.setdefault(base, name)
    close = by_base.get("Close")
    if close is None or "Close" not in prices or target in adjusted:
        raise DataError(
            f"{rows.file}: adjust = true rescales Close by Adj Close and needs both, with Close or "
            f"another column as target; set adjust = false."
        )
    both = pd.DataFrame({"Close": prices["Close"], close: values[close]}, index=rows.dates).dropna()
    check_prices(rows, both, "Close", needing="adjust = true")
    check_positive(rows, both[close], "adjust = true")
    bars = [name for name in OHLC if name in prices]
    if len(bars) > 1 and set(bars) <= by_base.keys():
        used = {base: by_base[base] for base in (*bars, "Volume") if base in by_base}
        used = {base: name for base, name in used.items() if base in prices}
        return (
            prices | {base: values[name] for base, name in used.items()},
            [f"{rows.file}: {', '.join(used)} are {', '.join(used.values())} (adjust = true)."],
        )
    factor = values[close] / prices["Close"]
    return (
        prices | {name: prices[name] * factor for name in bars},
        [f"{rows.file}: {', '.join(bars)} are rescaled by {close} / Close (adjust = true)."]
        * (close != ADJUSTED),
    )


def _usable(
    adjusted: Mapping[str, str], values: Mapping[str, Floats], prices: Mapping[str, Floats]
) -> dict[str, str]:
    """Those adjusted columns that say something else than what they adjust, and are above 0."""
    return {
        name: base
        for name, base in adjusted.items()
        if base in prices
        and not np.array_equal(values[name], prices[base], equal_nan=True)
        and not (values[name] <= 0).any()
    }


# --- missing values -----------------------------------------------------------------------------


def _without_gaps(read: Columns, inputs: list[str], data: DataSection | JoinSection) -> Columns:
    """Every value there, but for those before the first one of an input."""
    frame, rows = read.frame, read.rows
    _refuse_infinite(rows, frame)
    warnings, filled = [*read.warnings], []
    place = "[data]" if isinstance(data, DataSection) else f"[[data.join]] {data.prefix}"
    missing = frame.isna()
    numbers = [name for name in inputs if name not in read.words]
    past = values_past_prices(missing, numbers) if isinstance(data, DataSection) else []
    for name in inputs:
        gaps = missing[name].to_numpy(copy=True)
        first = int(np.argmin(gaps))
        gaps[:first] = False
        if gaps.any() and data.fill == "forward":
            frame[name] = frame[name].ffill()
            filled.append(name)
            warnings.append(
                f"{rows.file}: {name} has no value in {number_of(gaps.sum(), 'row')}, first in "
                f"{rows[int(np.argmax(gaps))]}, which have that of the row before "
                f'(fill = "forward").'
            )
            gaps[:] = False
        missing[name] = gaps
    if missing.to_numpy().any():
        if data.missing != "drop":
            refuse_gaps(rows, missing, inputs, place, past)
        absent = missing.any(axis=1).to_numpy()
        kept = np.flatnonzero(~absent)
        if len(kept) < 2:
            raise DataError(
                f"{rows.file}: has {len(kept)} rows with a value in every column; a forecast needs "
                f"at least 2 rows."
            )
        lacking = ", ".join(str(name) for name in frame if missing[name].any())
        many = f"row without {lacking} is", f"rows without {lacking} are"
        warnings.append(
            f"{rows.file}: {number_of(absent.sum(), *many)} left out "
            f'(missing = "drop"), first {rows[int(np.argmax(absent))]}.'
            + (f" Write, {as_known_ahead(past)}." if past else "")
        )
        read = replace(read, past=tuple(past))
        frame, rows = frame.iloc[kept], rows.take(kept)
    warnings += _late(rows, frame, inputs)
    return replace(read, frame=frame, rows=rows, warnings=tuple(warnings), filled=tuple(filled))


def _refuse_infinite(rows: FileRows, frame: pd.DataFrame) -> None:
    for name, column in frame.items():
        wrong = np.flatnonzero(np.isinf(column.to_numpy()))
        if len(wrong):
            row = int(wrong[0])
            raise DataError(
                f"{rows.file}: {name} must be there in every row, but {rows[row]} is "
                f"{column.iloc[row]}{rows.listed(wrong)}; write a number, or nothing where there "
                f"is none."
            )


def _late(rows: FileRows, frame: pd.DataFrame, inputs: list[str]) -> Iterator[str]:
    for name in inputs:
        gaps = frame[name].isna().to_numpy()
        if gaps[0]:
            first = int(np.argmin(gaps))
            yield (
                f"{rows.file}: {name} begins on {day(rows.dates, first)}, so the first {first} of "
                f"{len(rows.dates)} rows are its warm-up; leave it out with columns to use them."
            )
