"""What is refused in prices, and what is warned of."""

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnsearch.errors import DataError

OHLC = ("Open", "High", "Low", "Close")
SPLIT_FACTORS = np.array([1.5, 2, 3, 4, 5, 8, 10, 20, 50, 100])
WEEKEND = 4.0  # days: no gap in bars of minutes or hours

# --- what is refused ----------------------------------------------------------------------------


def check_order(file: str, dates: pd.DatetimeIndex) -> bool:
    """Dates increase, or all decrease, which is told; none is there twice."""
    steps = np.diff(dates.asi8)
    falls = 2 * int((steps < 0).sum()) > len(steps)
    wrong = np.flatnonzero(steps >= 0 if falls else steps <= 0)
    if not len(wrong):
        return falls
    row = int(wrong[0]) + 1
    now, before = _day(dates, row), _day(dates, row - 1)
    if now == before:
        raise DataError(
            f"{file}: dates must differ, but rows {row} and {row + 1} are both {now}; "
            f"remove one of them."
        )
    order = "decrease in every row, as in most" if falls else "increase"
    raise DataError(
        f"{file}: dates must {order}, but row {row + 1} is {now} after {before}; "
        f"sort the file or remove the row."
    )


def check_numbers(
    file: str,
    name: str,
    column: pd.Series,
    values: NDArray[np.float64],
    wrong: int | None,
    dates: pd.DatetimeIndex,
    extra: bool,
) -> None:
    """Every value is there and is a finite number."""
    if wrong is not None:
        text = str(column.iloc[wrong])
        grouped = re.fullmatch(r"[-+]?[\d.,' ]*\d", text.strip()) is not None
        plain = "with a decimal point and no thousands separators" if grouped else "alone"
        raise DataError(
            f"{file}: {name} must be a number, but row {wrong + 1} ({_day(dates, wrong)}) is "
            f"{text[:40]!r}; write the number {plain}."
        )
    gaps = np.flatnonzero(~np.isfinite(values))
    if len(gaps):
        row = int(gaps[0])
        found = "missing" if np.isnan(values[row]) else f"{values[row]}"
        remedy = "fill it or remove the row"
        if extra:
            remedy += f", or leave {name} out with columns = [...] (--columns of init)"
        if name == "Volume":
            remedy += ", or the column: a file need not have it"
        more = f" ({len(gaps)} such rows)" if len(gaps) > 1 else ""
        raise DataError(
            f"{file}: {name} must be there in every row, but row {row + 1} ({_day(dates, row)}) "
            f"is {found}{more}; {remedy}."
        )


def check_prices(file: str, frame: pd.DataFrame, target: str, *, positive: bool) -> None:
    """No bar has its high under its low, no volume is negative, the target is `positive`."""
    if target and frame[target].nunique() == 1:
        raise DataError(
            f"{file}: {target} must move, but it is {frame[target].iloc[0]:g} in every row: there "
            f"is nothing to forecast."
        )
    if positive:
        check_positive(file, frame[target], 'predict = "log_return"')
    if {"High", "Low"} <= set(frame.columns):
        low, high = frame["Low"].to_numpy(), frame["High"].to_numpy()
        wrong = np.flatnonzero(high < low)
        if len(wrong):
            row = int(wrong[0])
            raise DataError(
                f"{file}: High must not be under Low, but row {row + 1} "
                f"({_day(frame.index, row)}) has High {high[row]:g} and Low {low[row]:g}; "
                f"correct or remove the row."
            )
    if "Volume" in frame:
        volume = frame["Volume"].to_numpy()
        wrong = np.flatnonzero(volume < 0)
        if len(wrong):
            row = int(wrong[0])
            raise DataError(
                f"{file}: Volume must not be negative, but row {row + 1} "
                f"({_day(frame.index, row)}) is {volume[row]:g}; correct or remove the row."
            )


def check_positive(file: str, column: pd.Series, need: str) -> None:
    """Every price is above 0, which `need` (a setting or a use) asks for."""
    wrong = np.flatnonzero(column.to_numpy() <= 0)
    if len(wrong):
        row = int(wrong[0])
        raise DataError(
            f"{file}: {need} needs prices above 0, but {column.name} in row {row + 1} "
            f"({_day(column.index, row)}) is {column.iloc[row]:g}; correct or remove the row"
            + (', or set predict = "level".' if need.startswith("predict") else ".")
        )


# --- what is warned of --------------------------------------------------------------------------


def oddities(frame: pd.DataFrame, target: str) -> Iterator[str]:
    """What may be right or wrong: splits, empty sessions, odd bars, gaps; with their dates."""
    if target:
        yield from _splits(frame, target)
    if {*OHLC, "Volume"} <= set(frame.columns):
        yield from _empty_sessions(frame)
    if set(OHLC) <= set(frame.columns):
        yield from _odd_bars(frame)
    yield from _gaps(frame)


def _splits(frame: pd.DataFrame, target: str) -> Iterator[str]:
    dates = frame.index
    price = frame[target].to_numpy()
    both = (price[1:] > 0) & (price[:-1] > 0)
    jump = np.log(np.divide(price[1:], price[:-1], out=np.ones(len(price) - 1), where=both))
    nearest = np.abs(np.abs(jump)[:, None] - np.log(SPLIT_FACTORS)).min(axis=1)
    splits = np.flatnonzero((np.abs(jump) > 0.4) & (nearest < 0.03))
    if len(splits):
        row = int(splits[0]) + 1
        yield (
            f"{target} jumps from {price[row - 1]:g} to {price[row]:g} on {_day(dates, row)}"
            f"{_more(splits)}, which looks like a split that was not adjusted; use adjusted prices."
        )


def _empty_sessions(frame: pd.DataFrame) -> Iterator[str]:
    empty = frame["Volume"].to_numpy() == 0
    if empty.any():
        bars = frame[list(OHLC)].to_numpy()
        before = np.concatenate([[np.nan], bars[:-1, 3]])
        fillers = empty & (bars == before[:, None]).all(axis=1)
        rows = np.flatnonzero(empty)
        yield (
            f"Volume is 0 in {len(rows)} rows, first on {_day(frame.index, int(rows[0]))}; "
            f"{fillers.sum()} of them only repeat the close before."
        )


def _odd_bars(frame: pd.DataFrame) -> Iterator[str]:
    bars = frame[list(OHLC)].to_numpy()
    slack = 1e-6 * np.abs(bars).max(axis=1)  # rounding of prices
    ends, high, low = bars[:, [0, 3]], bars[:, 1] + slack, bars[:, 2] - slack
    odd = np.flatnonzero(((ends > high[:, None]) | (ends < low[:, None])).any(axis=1))
    if len(odd):
        row = int(odd[0])
        yield (f"Open or Close lies outside Low..High on {_day(frame.index, row)}{_more(odd)}.")


def _gaps(frame: pd.DataFrame) -> Iterator[str]:
    dates = frame.index
    assert isinstance(dates, pd.DatetimeIndex)
    steps = np.diff(dates.asi8) / 86_400e6  # days
    usual = float(np.median(steps))
    gaps = np.flatnonzero(steps > max(10 * usual, WEEKEND if usual < 1 else 0))
    if len(gaps):
        row = int(gaps[np.argmax(steps[gaps])]) + 1
        yield (
            f"no sessions between {_day(dates, row - 1)} and {_day(dates, row)}"
            f"{_more(gaps)}, more than 10 times the usual step."
        )


def _more(rows: NDArray[np.intp]) -> str:
    return f" (and {len(rows) - 1} times more)" if len(rows) > 1 else ""


def _day(dates: pd.Index, row: int) -> str:
    """A date as a user writes it: without its time where that is midnight."""
    return str(dates[row]).removesuffix(" 00:00:00")
