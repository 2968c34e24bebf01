"""Columns that only count rows or time: they say when a row is, which no future row repeats."""

import numpy as np
import pandas as pd

from rnnsearch.arrays import Floats

FEWEST = 30  # rows from which on a column is seen to count
CLOSE = 0.9999  # correlation with the time, of a column that hardly ever turns back
TURNS = 0.02  # share of the steps that may turn back
STEADY = 0.95  # share of the steps that are as long as the usual one
SAME = 1e-3  # relative difference of two such steps
ENDS = 5  # rows at each end whose median is where the column begins and ends
DETOUR = 0.2  # relative difference between the way it goes and that of its steps
DAYS = (19000101, 21001231)  # dates written as numbers


def counts_time(values: Floats, dates: pd.DatetimeIndex) -> bool:
    """Whether `values` (rows,) rise or fall as rows or dates do.

    That is a row number, whichever end it counts from, or a time stamp in any unit, also where a
    few of them are wrong.
    """
    if len(values) < FEWEST or not np.isfinite(values).all() or values.min() == values.max():
        return False
    time = dates.as_unit("us").asi8.astype(np.float64)
    number = np.arange(len(values), dtype=np.float64)
    if _are_days(values):
        values = _as_time(values)
    steps = np.diff(values)
    onward = max((steps > 0).mean(), (steps < 0).mean())
    if onward >= 1 - TURNS and _together(values, time, number) > CLOSE:
        return True
    return any(_is_steady(values, base) for base in (time, number))


def _together(values: Floats, *bases: Floats) -> float:
    return max(abs(float(np.corrcoef(values, base)[0, 1])) for base in bases)


def _is_steady(values: Floats, base: Floats) -> bool:
    """Whether values rise or fall by the same amount, and never begin anew as hours of days do."""
    speed = np.diff(values) / np.diff(base)
    usual = float(np.median(speed))
    steady = float((np.abs(speed - usual) <= SAME * abs(usual)).mean())
    if usual == 0 or steady < STEADY:
        return False
    way = float(np.median(values[-ENDS:]) - np.median(values[:ENDS]))
    long = float(np.median(base[-ENDS:]) - np.median(base[:ENDS]))
    return abs(way - usual * long) <= DETOUR * abs(usual * long)


def _are_days(values: Floats) -> bool:
    """Whether values are dates like 20140307."""
    low, high = DAYS
    if values.min() < low or values.max() > high or (values != np.floor(values)).any():
        return False
    month, of_month = values // 100 % 100, values % 100
    return bool(((month >= 1) & (month <= 12) & (of_month >= 1) & (of_month <= 31)).all())


def _as_time(values: Floats) -> Floats:
    """Days since the year 0, months of 31 days: enough to see that they rise with the dates."""
    return values // 10000 * 365.25 + (values // 100 % 100 - 1) * 30.44 + values % 100
