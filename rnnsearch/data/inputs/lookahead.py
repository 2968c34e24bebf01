"""Whether what is said about a session depends on sessions that came later.

Columns are made of whole prices and of prices that are cut off at several rows. A value that is
another one then would not have been had on that day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rnnsearch.arrays import Floats
from rnnsearch.shown import day

if TYPE_CHECKING:
    import pandas as pd


SHARES = (0.5, 0.65, 0.8, 0.95)  # of the rows, where prices are cut
LAST = (1, 2, 3)  # and so many rows before their end: a week's or month's last day hides a leak
SAME = 1e-6  # of a column's deviation: less is rounding
ROUNDED = 1e-9  # of a value: less is rounding, too


@dataclass(frozen=True)
class Leak:
    """A column whose earlier values change when later rows are added.

    row, date  the first session whose value changed
    cut        the last session of the shorter prices
    short      its value there, and `long` the one with later sessions; NaN where there was none
    rows       how many values changed, up to `cut`
    others     the first prices were no shorter ones, but others after `cut`; of what is known ahead
    """

    column: str
    row: int
    date: pd.Timestamp
    cut: pd.Timestamp
    short: float
    long: float
    rows: int
    others: bool = False

    def __str__(self) -> str:
        if self.others:
            return (
                f"column {self.column!r} (known_ahead) looks ahead at prices: its value of "
                f"{day(self.date)} is {number(self.short)} with other prices after "
                f"{day(self.cut)} and {number(self.long)} with those of the file ({self.rows} "
                "such values up to that day)"
            )
        return (
            f"column {self.column!r} looks ahead: its value of {day(self.date)} is "
            f"{number(self.short)} where the prices end on {day(self.cut)} and "
            f"{number(self.long)} with later prices ({self.rows} such values up to that day)"
        )


REMEDY = (
    "Build each value of that session and earlier ones only: no filter, decomposition or scaling "
    "over the whole series, no centred window, no filling backward"
)


def cut_rows(rows: int) -> list[int]:
    """Numbers of rows that prices are cut to."""
    return sorted({int(rows * share) for share in SHARES} | {rows - n for n in LAST})


def find_leaks(whole: pd.DataFrame, short: pd.DataFrame) -> list[Leak]:
    """Where the columns of the whole prices differ from those of their head, one leak a column."""
    cut = short.index[-1]
    leaks = []
    for name in whole:
        long = whole[name].to_numpy()[: len(short)]
        # A column that is not there, or not of numbers: all its values are absent.
        had = short[name].to_numpy() if name in short else np.full(len(short), np.nan)
        changed = np.flatnonzero(_differ(long, had, whole[name].to_numpy()))
        if len(changed):
            row = int(changed[0])
            date = short.index[row]
            leaks.append(Leak(str(name), row, date, cut, had[row], long[row], len(changed)))
    return leaks


def first_difference(
    a: pd.DataFrame, b: pd.DataFrame, rounded: float = ROUNDED
) -> tuple[str, int] | None:
    """The first column of `a` that is another one in `b`, and the first such row."""
    for name in a:
        values = a[name].to_numpy()
        other = b[name].to_numpy() if name in b else np.full(len(b), np.nan)
        if (wrong := np.flatnonzero(_differ(values, other, values, rounded))).size:
            return str(name), int(wrong[0])
    return None


def _differ(a: Floats, b: Floats, column: Floats, rounded: float = ROUNDED) -> NDArray[np.bool_]:
    """Which values differ by more than rounding; a value and none do."""
    known = column[np.isfinite(column)]
    slack = SAME * float(known.std()) if len(known) else 0.0
    same: NDArray[np.bool_] = np.isclose(a, b, rtol=rounded, atol=slack, equal_nan=True)
    return ~same


def number(value: float) -> str:
    """A value in messages."""
    return "absent" if np.isnan(value) else f"{value:.6g}"
