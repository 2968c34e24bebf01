"""Columns whose values are known ahead of their date (holidays, announced events, option expiries),
and the rows past the last price, which hold them for the sessions to come.

Such a value enters a forecast at the target's date. So a column may be one only where nobody needs
a price of that date to know it: prices, and what is a sum of them, are refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rnnsearch.arrays import Floats
from rnnsearch.data.files.names import USUAL, find_column, key
from rnnsearch.data.files.numbers import absent_rows, parse_numbers
from rnnsearch.data.prices.categories import words_of
from rnnsearch.data.prices.refusals import OHLC, check_number, check_range
from rnnsearch.data.prices.rows import FileRows, day
from rnnsearch.errors import DataError
from rnnsearch.shown import some

if TYPE_CHECKING:
    from rnnsearch.config import DataSection


RECENT = 250  # rows that tell on which weekdays there are sessions
LATEST = 5_000  # rows in which a column is compared with prices
DAILY = pd.Timedelta(days=4)  # from a session to the next, at most, on which weekdays are compared
BEFORE, AFTER = 20, 2  # rows around a value whose prices it may be a sum of
ROWS_EACH = 3  # rows per such price, so that a fit tells something
MADE_OF = 0.99  # share of a column's changes that those of prices explain


def known_ahead(table: pd.DataFrame, file: str, target: str, data: DataSection) -> tuple[str, ...]:
    """The columns of the table that `known_ahead` names.

    One that `columns` does not name need not be there: a forecaster that has no use for it says so.
    """
    named = None if data.columns == "all" else set(map(key, data.columns))
    there = {key(name) for name in table.columns}
    names = []
    for wanted in data.known_ahead:
        if named is not None and key(wanted) not in named and key(wanted) not in there:
            continue
        name = find_column(file, table, wanted, "known_ahead")
        if name in USUAL or name == target:
            what = "the target" if name == target else "a price" if name in OHLC else "of a session"
            raise DataError(_refused(file, name, f"is {what}, known when the session is over"))
        names.append(name)
    return tuple(dict.fromkeys(names))


def rows_past_prices(table: pd.DataFrame, target: str) -> int:
    """How many rows at the end (the oldest are first) have no price."""
    names = [name for name in table if name in (*OHLC, target)]
    empty = np.logical_and.reduce([absent_rows(table[name]) for name in names])
    return int(np.argmin(empty[::-1])) if not empty.all() else 0


def check_columns(
    rows: FileRows, names: Sequence[str], values: Mapping[str, Floats], prices: Mapping[str, Floats]
) -> None:
    """None of the columns `names` is a sum of prices of sessions around its own."""
    for name in names:
        if name in values and _is_made_of(values[name], prices):  # words are not there
            told = "is made of the prices (sums of theirs give its changes), so nobody knows it "
            raise DataError(_refused(rows.file, name, f"{told}before them"))


def _refused(file: str, name: str, why: str) -> str:
    return (
        f"{file}: known_ahead: {name} {why}; name only columns whose value is known before its "
        f"date, and leave {name} out of known_ahead."
    )


def _is_made_of(column: Floats, prices: Mapping[str, Floats]) -> bool:
    """Whether one price over many sessions, or all prices over a few, give the column's changes."""
    each = ([price] for price in prices.values())
    lags = range(-AFTER, BEFORE + 1)
    return any(_share(column, one, lags) > MADE_OF for one in each) or (
        _share(column, list(prices.values()), range(-1, AFTER)) > MADE_OF
    )


def _share(column: Floats, prices: Sequence[Floats], lags: range) -> float:
    """R² of the column's changes on those of prices, and of their logs, so many rows before."""
    made_of = []
    column = column[-LATEST:]
    for price in (price[-LATEST:] for price in prices):
        for one in (price, np.log(np.where(price > 0, price, np.nan))):
            for lag in lags:
                moved = np.full(len(price), np.nan)
                rows = np.arange(max(0, lag), len(price) + min(0, lag))
                moved[rows] = one[rows - lag]
                made_of.append(moved)
    changes = np.diff(column)
    design = np.diff(np.stack(made_of, axis=1), axis=0)
    design = design[:, np.isfinite(design).sum(axis=0) > len(changes) / 2]
    good = np.isfinite(changes) & np.isfinite(design).all(axis=1)
    changes, design = changes[good], design[good]
    changes = changes - (changes.mean() if len(changes) else 0.0)
    if len(changes) < ROWS_EACH * design.shape[1] or not (changes != 0).any():
        return 0.0
    size = np.abs(design).max(axis=0)
    design = (design - design.mean(axis=0)) / np.where(size > 0, size, 1.0)
    left = changes - design @ np.linalg.lstsq(design, changes, rcond=None)[0]
    return float(1 - (left @ left) / (changes @ changes))


# --- the sessions to come -----------------------------------------------------------------------


def read_coming(
    whole: pd.DataFrame,
    rows: FileRows,
    count: int,
    names: Sequence[str],
    frame: pd.DataFrame,
    words: Mapping[str, tuple[str, str]],
    data: DataSection,
) -> tuple[pd.DataFrame, list[str]]:
    """The last `count` rows as (count, inputs known ahead) float64 by date, and what is odd.

    whole, rows  the table and its rows, oldest first
    names        columns of the table that are known ahead
    frame        the rows with prices, as they were read; its inputs that come from `names` are
                 those of the result, NaN where a row says nothing
    words        as `Columns.words`
    data         says whether a gap has the last value, and whether a calendar tells the sessions
    """
    first = len(whole) - count
    coming: dict[str, Floats] = {}
    told: list[str] = []
    for name in names:
        inputs = {called: word for called, (column, word) in words.items() if column == name}
        if inputs:
            said = words_of(whole[name])
            assert said is not None
            said = said.iloc[first:]
            for called, word in inputs.items():
                coming[called] = (said == word).to_numpy().astype(np.float64)
            told += _new_words(rows, name, said, set(inputs.values()), first)
        elif name in frame:
            values, wrong = parse_numbers(whole[name])
            check_number(rows, name, whole[name], wrong)
            check_range(rows, name, values)
            if np.isinf(values).any():
                row = int(np.argmax(np.isinf(values)))
                raise DataError(
                    f"{rows.file}: {name} must be a number, but {rows[row]} is {values[row]}; "
                    "write a number, or nothing where there is none."
                )
            if data.fill == "forward":
                values = np.asarray(pd.Series(values).ffill(), dtype=np.float64)
            coming[name] = values[first:]
    others = [
        str(name)
        for name in whole.columns
        if name not in (*names, *OHLC) and not absent_rows(whole[name].iloc[first:]).all()
    ]
    if others:
        told.append(
            f"{rows.file}: {', '.join(others)} have values in the rows past the last price, which "
            "are not used; a column that is known ahead is named in known_ahead."
        )
    if data.calendar is None or (rows.dates != rows.dates.normalize()).any():
        told += _steps(rows, first)
    order = [name for name in frame if name in coming]
    result = pd.DataFrame({name: coming[str(name)] for name in order}, index=rows.dates[first:])
    return result, told


def _new_words(
    rows: FileRows, name: str, said: pd.Series, known: set[str], first: int
) -> Iterator[str]:
    for place, word in enumerate(said):
        if isinstance(word, str) and word not in known:
            yield (
                f"{rows.file}: {name} is {word!r} in {rows[first + place]}, a word that no row "
                "with prices has; every input of the column is 0 there."
            )
            return


def _steps(rows: FileRows, first: int) -> list[str]:
    """Rows past the last price are the sessions to come, one after the other, and skip none.

    Raises DataError for a step that is longer than any before it.
    """
    longest = np.diff(rows.dates[:first].asi8).max()
    dates = rows.dates[max(0, first - RECENT) :]
    past = min(first, RECENT)
    steps = np.diff(dates.asi8)
    if len(wrong := np.flatnonzero(steps[past - 1 :] > longest)):
        place = past - 1 + int(wrong[0])
        raise DataError(
            f"{rows.file}: a row past the last price stands for each session to come, but after "
            f"{day(dates, place)} comes {day(dates, place + 1)}, further than any two sessions "
            "before lie apart; add a row for every session between, also for those without an "
            "event."
        )
    if np.median(steps[: past - 1]) > DAILY.value // 1000 or (dates != dates.normalize()).any():
        return []
    weekdays = set(dates[:past].day_of_week)
    skipped = [
        f"{date:%Y-%m-%d}"
        for place in range(past - 1, len(dates) - 1)
        for date in pd.date_range(dates[place], dates[place + 1], inclusive="neither")
        if date.weekday() in weekdays
    ]
    if not skipped:
        return []
    return [
        f"{rows.file}: the rows past the last price have none for {some(skipped)}, "
        "so these are taken for days without a session; add a row for each that is one."
    ]
