"""Do forecasts of many series carry information, and are they better than doing nothing?

    N  rows of all series      D  dates of their targets      h  output shift

Series move together: a hundred of them on one day are hardly more witnesses than one. So what every
row says is added up by date, and only dates are taken to be independent. All is in units of each
series' volatility, so that each counts alike.

Cameron, Gelbach & Miller 2011, Robust inference with multiway clustering (here one way, by date);
Akgun, Pirotte, Urga & Yang 2024, Equal predictive ability tests based on panel data, S1: what is
tested is the mean over series, with any dependence among them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnsearch.arrays import Floats, Rows
from rnnsearch.scoring.inference.information import (
    SAME,
    Information,
    weighed,
)
from rnnsearch.scoring.inference.significance import (
    MIN_ROWS,
    DieboldMariano,
    diebold_mariano,
    long_run_variance,
    too_few,
    variance_lags,
)
from rnnsearch.scoring.inference.skipped import Skipped

MIN_OF_SERIES = 5
"""Fewest rows of a series that takes part in the test of information."""


@dataclass(frozen=True, eq=False)
class Rated:
    """The forecasts of one series on rows that follow each other; (n,) each, in the target's unit.

    dates   of the targets, as numbers of dates of all series
    unit    what the series' targets vary by, known before the rows
    centre  what forecasts would be without information, known before the rows
    known   naive forecasts (n,) that vary, of which forecasts are freed first
    pieces  (h, n) what each session after the origin brings, and `sessions` (h, n), the numbers of
            their dates; None where targets have no parts
    """

    dates: Rows
    actual: Floats
    forecast: Floats
    hardest: Floats
    unit: float
    centre: float
    known: Sequence[Floats] = ()
    pieces: Floats | None = None
    sessions: NDArray[np.int64] | None = None


def panel_information(series: Sequence[Rated], horizon: int) -> Information | Skipped:
    """Whether forecasts tell about what comes what a constant for each series cannot.

    `sum over series of w_i y_i` as in `inference.information`, whose weights are made of each
    series' own forecasts so far, and sum to 0, so that no drift moves the sum. Its variance adds
    what all series say on one date before it is squared; of overlapping targets that is done with
    the piece of each session (Hodrick 1992), or else with the long-run variance of the dates' sums
    (Newey & West 1987). Student's t of `D / h - 1` degrees of freedom.

    Skipped: fewer than 20 dates or 20 horizons, values that are not finite, forecasts that do not
    vary.
    """
    own = [one for one in series if len(one.actual) >= MIN_OF_SERIES * horizon]
    count = len(np.unique(np.concatenate([one.dates for one in own]))) if own else 0
    if count < MIN_ROWS * horizon:
        return Skipped(too_few(count, horizon, "dates"))
    if not all(np.isfinite(v).all() for one in own for v in (one.actual, one.forecast)):
        return Skipped("a value is not a finite number")
    if all(np.ptp(one.forecast) <= SAME * one.unit for one in own):
        return Skipped("the forecasts do not vary beyond what doing nothing knows")
    dates = 1 + max(
        int(one.dates.max() if one.sessions is None else one.sessions.max()) for one in own
    )
    scores, total, news_power, slope = np.zeros(dates), 0.0, 0.0, 0.0
    parted = horizon > 1 and all(one.pieces is not None for one in own)
    for one in own:
        surprise, news, weights = (
            values / one.unit for values in weighed(one.actual, one.forecast, one.known, one.centre)
        )
        total += float(weights @ surprise)
        slope, news_power = slope + float(surprise @ news), news_power + float(news @ news)
        if parted:
            assert one.pieces is not None
            assert one.sessions is not None
            pieces = (one.pieces - one.pieces.mean(axis=1, keepdims=True)) / one.unit
            np.add.at(scores, one.sessions, pieces * weights)
        else:
            np.add.at(scores, one.dates, weights * surprise)
    if parted or horizon == 1:
        variance = float(scores @ scores)
    else:
        there = np.unique(np.concatenate([one.dates for one in own]))
        own_scores = scores[there]  # their mean is not taken off: without information it is 0
        variance = max(
            long_run_variance(own_scores, variance_lags(count, horizon)),
            float(own_scores @ own_scores) / len(own_scores),
        )
    if not variance > 0 or not news_power > 0:
        return Skipped("the forecasts do not vary beyond what doing nothing knows")

    from scipy.stats import t as student

    statistic = float(total / np.sqrt(variance))
    p = float(student.sf(statistic, df=count / horizon - 1))
    return Information(statistic, p, slope / news_power, count, horizon)


def panel_accuracy(series: Sequence[Rated], horizon: int) -> DieboldMariano | Skipped:
    """Whether squared errors, the mean over the series of each date, are below those of doing
    nothing; see `diebold_mariano`. Dates with fewer series count for as much less.
    """
    if not series:
        return Skipped("no series has rows to compare")
    dates = np.concatenate([one.dates for one in series])
    losses, naive = (
        np.concatenate([((getattr(one, which) - one.actual) / one.unit) ** 2 for one in series])
        for which in ("forecast", "hardest")
    )
    own, others = by_date(dates, losses), by_date(dates, naive)
    return diebold_mariano(own, others, horizon)


def by_date(dates: Rows, values: Floats) -> Floats:
    """Sums (D,) over the series of each date, in date order, divided by how many series a date has
    on average."""
    there, place = np.unique(dates, return_inverse=True)
    sums = np.bincount(place, weights=values)
    return np.asarray(sums * len(there) / len(dates), dtype=np.float64)
