"""What looks odd in prices and may be right: told with its dates, and left as it is."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnsearch.data.prices.refusals import OHLC
from rnnsearch.data.prices.rows import day
from rnnsearch.shown import number_of

SPLIT_FACTORS = np.array([1.5, 2, 3, 4, 5, 8, 10, 20, 50, 100])
WEEKEND = 4.0  # days: no gap in bars of minutes or hours
USUALLY = 0.95  # share of the moves that are no larger than the usual ones
BEYOND = 4.0  # times the usual moves, and the largest around it, is a jump
BEYOND_SPLIT = 3.0  # times the largest around it, of one that is as large as a split
LEAST = 0.05  # log; no jump is smaller
AROUND = 15  # rows on each side of a move
WEEKS = 0.05  # share of the rows that Sundays are of at least
PACE = 20  # rows that tell how long bars are
UNFINISHED = 0.25  # of the least volume before it
COARSE = 4  # days from a bar to the next, of weeks and months


def oddities(frame: pd.DataFrame, target: str) -> Iterator[str]:
    """What may be right or wrong, with its dates: jumps, empty or repeated sessions, odd bars."""
    if target:
        yield from _jumps(frame, target)
    if {*OHLC, "Volume"} <= set(frame.columns):
        yield from _empty_sessions(frame)
    if set(OHLC) <= set(frame.columns):
        yield from _copies(frame)
        yield from _odd_bars(frame)
    yield from _gaps(frame)
    yield from _sundays(frame)
    yield from _other_bars(frame)
    yield from _unfinished(frame)


def _jumps(frame: pd.DataFrame, target: str) -> Iterator[str]:
    """Moves far beyond all others, and beyond those around them, as a crash is not.

    Of a series that is not above 0 throughout, a spread, ratios of prices say nothing.
    """
    dates = frame.index
    price = frame[target].to_numpy()
    if (price <= 0).any():
        return
    move = np.log(price[1:]) - np.log(price[:-1])
    size = np.abs(move)
    wild = (size > BEYOND * np.quantile(size, USUALLY)) & (size > LEAST)
    nearest = np.abs(size[:, None] - np.log(SPLIT_FACTORS)).min(axis=1)
    looks = (size > 0.4) & (nearest < 0.03)
    around = _largest_around(np.where(wild | looks, 0.0, size))  # jumps do not hide each other
    looks &= size > BEYOND_SPLIT * around
    jumps = np.flatnonzero(looks | (wild & (size > BEYOND * around)))
    if len(jumps):
        step = int(jumps[0])
        before, now = price[step], price[step + 1]
        what = (
            "which looks like a split that was not adjusted; use adjusted prices."
            if looks[step]
            else "far beyond its other moves; where it is a dividend in shares or a split that was "
            "not adjusted, use adjusted prices."
        )
        yield (
            f"{target} jumps from {before:g} to {now:g} ({now / before - 1:+.0%}) on "
            f"{day(dates, step + 1)}{_more(jumps)}, {what}"
        )


def _largest_around(size: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest of the `AROUND` values on each side of a value, without itself."""
    padded = pd.Series(np.pad(size, AROUND))
    before = padded.shift(1).rolling(AROUND).max()
    after = padded[::-1].shift(1).rolling(AROUND).max()[::-1]
    largest: NDArray[np.float64] = np.fmax(before.to_numpy(), after.to_numpy())[AROUND:-AROUND]
    return largest


def _copies(frame: pd.DataFrame) -> Iterator[str]:
    """Rows that are those before once more, as holidays are filled; flat bars may be right."""
    bars = frame[list(OHLC)].to_numpy()
    same = (bars[1:] == bars[:-1]).all(axis=1) & (np.ptp(bars[1:], axis=1) > 0)
    copies = np.flatnonzero(same) + 1
    if len(copies):
        yield (
            f"{number_of(len(copies), 'row repeats', 'rows repeat')} the prices of the row before, "
            f"first on {day(frame.index, int(copies[0]))}; where the market was closed, remove "
            "them."
        )


def _empty_sessions(frame: pd.DataFrame) -> Iterator[str]:
    empty = frame["Volume"].to_numpy() == 0
    if empty.any():
        bars = frame[list(OHLC)].to_numpy()
        before = np.concatenate([[np.nan], bars[:-1, 3]])
        fillers = empty & (bars == before[:, None]).all(axis=1)
        rows = np.flatnonzero(empty)
        yield (
            f"Volume is 0 in {number_of(len(rows), 'row')}, first on "
            f"{day(frame.index, int(rows[0]))}; "
            f"{number_of(fillers.sum(), 'of them only repeats', 'of them only repeat')} the close "
            "before."
        )


def _odd_bars(frame: pd.DataFrame) -> Iterator[str]:
    bars = frame[list(OHLC)].to_numpy()
    slack = 1e-6 * np.abs(bars).max(axis=1)  # rounding of prices
    ends, high, low = bars[:, [0, 3]], bars[:, 1] + slack, bars[:, 2] - slack
    odd = np.flatnonzero(((ends > high[:, None]) | (ends < low[:, None])).any(axis=1))
    if len(odd):
        row = int(odd[0])
        yield (f"Open or Close lies outside Low..High on {day(frame.index, row)}{_more(odd)}.")


def _gaps(frame: pd.DataFrame) -> Iterator[str]:
    dates = frame.index
    assert isinstance(dates, pd.DatetimeIndex)
    steps = np.diff(dates.asi8) / 86_400e6  # days
    usual = float(np.median(steps))
    gaps = np.flatnonzero(steps > max(10 * usual, WEEKEND if usual < 1 else 0))
    if len(gaps):
        row = int(gaps[np.argmax(steps[gaps])]) + 1
        yield (
            f"no sessions between {day(dates, row - 1)} and {day(dates, row)}"
            f"{_more(gaps)}, more than 10 times the usual step."
        )


def _sundays(frame: pd.DataFrame) -> Iterator[str]:
    """Daily bars of the hours that a currency trades on Sunday evenings."""
    days = _dates(frame).day_of_week
    counts = np.bincount(days, minlength=7)
    if counts[6] > WEEKS * len(days) and counts[5] < counts[6] / 4 and (counts[:5] > 0).all():
        rows = np.flatnonzero(days == 6)
        if len(rows) == len(pd.unique(_dates(frame)[rows].normalize())):  # one bar a day
            yield (
                f"{len(rows)} rows are of Sundays, first on {day(frame.index, int(rows[0]))}, and "
                f"{counts[5]} of Saturdays: bars of a few hours count as sessions; add them to the "
                f"Mondays, or remove them."
            )


def _other_bars(frame: pd.DataFrame) -> Iterator[str]:
    """A file that goes on in bars of another length, as weeks and later days."""
    dates = _dates(frame)
    if len(dates) < 3 * PACE:
        return
    steps = pd.Series(np.diff(dates.asi8) / 86_400e6)  # days
    pace = steps.rolling(PACE).median().dropna()
    first, last = float(pace.iloc[0]), float(pace.iloc[-1])
    if max(first, last) < 3 * min(first, last):
        return
    nearer = (np.log(pace) - np.log(first)).abs() > (np.log(pace) - np.log(last)).abs()
    row = int(np.argmax(nearer)) + PACE // 2 + 1
    yield (
        f"the rows are {_long(first)} apart at first and {_long(last)} at the end, from about "
        f"{day(dates, row)} on; use rows of one length."
    )


def _unfinished(frame: pd.DataFrame) -> Iterator[str]:
    """A last bar that may still be going on."""
    dates = _dates(frame)
    last = day(dates, -1)
    now = pd.Timestamp.now()
    daily = bool((dates == dates.normalize()).all())
    if dates[-1] >= now.normalize() if daily else dates[-1] > now:
        yield f"the last row is of {last}, today or later: if its bar is not over, remove it."
        return
    if len(dates) <= PACE:
        return
    if "Volume" in frame:
        volume = frame["Volume"].to_numpy()
        least = volume[-PACE - 1 : -1].min()
        if 0 < volume[-1] < UNFINISHED * least:
            yield (
                f"the last row ({last}) has a volume of {volume[-1]:g}, and none of the {PACE} "
                f"before it less than {least:g}: if its bar was not over, remove it."
            )
            return
    steps = np.diff(dates.asi8)
    usual = float(np.median(steps))
    if usual > COARSE * 86_400e6 and steps[-1] < 0.6 * usual <= steps[:-1].min() * 1.2:
        yield (
            f"the last row ({last}) comes {_long(steps[-1] / 86_400e6)} after the one before and "
            f"the others {_long(usual / 86_400e6)}: if its bar was not over, remove it."
        )


def _dates(frame: pd.DataFrame) -> pd.DatetimeIndex:
    assert isinstance(frame.index, pd.DatetimeIndex)
    return frame.index


def _long(days: float) -> str:
    if days >= 1:
        return f"{days:.3g} day{'s' if days > 1 else ''}"
    return f"{days * 24:.3g} hours" if days * 24 >= 1 else f"{days * 1440:.3g} minutes"


def _more(rows: NDArray[np.intp]) -> str:
    return f" (and {len(rows) - 1} times more)" if len(rows) > 1 else ""
