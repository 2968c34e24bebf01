"""How much a price moved within each session, from what a file tells of the session.

    O, H, L, C  open, high, low, close      r  log return of the column from the row before it
    g           of that, what came before the open: r - log(C / O)

The variance of a session is taken from the most that its row tells:

    Garman–Klass     g^2 + log(H/L)^2 / 2 - (2 log 2 - 1) log(C/O)^2
    Parkinson        log(H/L)^2 / (4 log 2)             where there is no open above 0
    squared return   r^2                                where there is no range

Garman & Klass 1980, On the estimation of security price volatilities from historical data (their
practical estimator, of the open session); the gap before the open is added as by Yang & Zhang 2000,
Drift-independent volatility estimation, since whoever holds the price overnight bears it. Parkinson
1980, The extreme value method for estimating the variance of the rate of return.

Row by row, so that a later row does not decide what was known at an earlier one.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from rnnsearch.arrays import Floats
from rnnsearch.language import marked

PARKINSON = 4 * math.log(2)
OPEN_TO_CLOSE = 2 * math.log(2) - 1

LEAST = 0.1
"""A session counts as having at least so much of the usual volatility before it: the log of a
session in which nothing moved would be minus infinity."""
USUAL = 250
"""Sessions before one whose median volatility is the usual one; those in which nothing moved do not
count."""
NOTHING = 1e-6
"""The least volatility where nothing has moved yet."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What a kind of target forecasts, where that is no column of the file.

    name    what it is called in the table of prices
    values  (rows,) finite; row i is made of rows up to i
    how     how it was measured, in words
    odd     what looks odd in the rows that it was made of, a sentence each
    """

    name: str
    values: Floats
    how: str
    odd: tuple[str, ...] = ()


def volatility(columns: Mapping[str, Floats], target: str, *, ranged: bool) -> Measured:
    """The volatility of the column `target`, above 0, session by session: (rows,), per session.

    `columns` (rows,) each; `ranged`: whether Open, High, Low and Close tell of the same price, as
    they do of an adjusted close. A session's volatility is at least `LEAST` times the usual one;
    of the first row, before which there is none, it is that of the open session alone.
    """
    price = columns[target]
    returns = np.concatenate([[0.0], np.log(price[1:] / price[:-1])])
    close = columns.get("Close", price)
    open_, high, low = (
        columns.get(name, np.zeros(len(price))) if ranged else np.zeros(len(price))
        for name in ("Open", "High", "Low")
    )
    has_range = (high > low) & (low > 0)
    opened = has_range & (open_ > 0) & (close > 0)

    def log_ratio(above: Floats, below: Floats, where: np.ndarray) -> Floats:
        ratio = np.divide(above, below, out=np.ones(len(price)), where=where)
        return np.asarray(np.log(ratio), dtype=np.float64)

    span = log_ratio(high, low, has_range)
    within = log_ratio(close, open_, opened)
    gap = np.concatenate([[0.0], (returns - within)[1:]])
    variance = np.where(
        opened,
        gap**2 + span**2 / 2 - OPEN_TO_CLOSE * within**2,
        np.where(has_range, span**2 / PARKINSON, returns**2),
    )
    values, still = _above_nothing(np.sqrt(np.maximum(variance, 0.0)))
    names = [name for name in ("Open", "High", "Low", "Close") if name in columns]
    return Measured(
        f"volatility of {target}",
        values,
        _how(names, ranged),
        tuple(_odd(target, names if ranged else [], opened, has_range, still)),
    )


def _above_nothing(raw: Floats) -> tuple[Floats, int]:
    """Volatility of at least `LEAST` of the usual one, and in how many rows nothing moved."""
    import pandas as pd  # where prices are read it is there

    moved = pd.Series(np.where(raw > 0, raw, np.nan))
    usual = moved.rolling(USUAL, min_periods=1).median().shift(1).ffill().to_numpy()
    least = np.maximum(np.nan_to_num(LEAST * usual), NOTHING)
    return np.maximum(raw, least), int(np.count_nonzero(raw[1:] == 0))


def _how(names: list[str], ranged: bool) -> str:
    if ranged and {"Open", "High", "Low", "Close"} <= {*names}:
        return marked("Garman–Klass, from open, high, low and close")
    if ranged and {"High", "Low"} <= {*names}:
        return marked("Parkinson, from high and low")
    return marked("squared returns")


def _odd(
    target: str, names: list[str], opened: np.ndarray, has_range: np.ndarray, still: int
) -> Iterator[str]:
    rows = len(has_range)
    if {"High", "Low"} <= {*names} and (flat := int(np.count_nonzero(~has_range))):
        yield (
            f"{flat:,} of {rows:,} rows have no range from Low to High, or none above 0: their "
            "volatility is that of their return"
        )
    closed = int(np.count_nonzero(has_range & ~opened))
    if {"Open", "Close"} <= {*names} and closed:
        yield (
            f"{closed:,} of {rows:,} rows have no Open above 0: their volatility is that of High "
            "and Low"
        )
    if still:
        yield (
            f"{target} did not move at all in {still:,} of {rows:,} rows: they count as a tenth of "
            f"the usual volatility of the {USUAL} sessions before them"
        )
