"""Does the order of the forecasts of a day tell the order of what came?

D  dates with enough series      S  series      NaN where a series has no forecast on a date
"""

from dataclasses import dataclass

import numpy as np

from rnnsearch.arrays import Floats, Rows
from rnnsearch.scoring.inference.significance import (
    MIN_ROWS,
    long_run_variance,
    variance_lags,
)

FEWEST = 5
"""Series of a date, below which an order says little."""


@dataclass(frozen=True)
class CrossSection:
    """`ic`: mean over dates of the correlation of forecast and actual moves over the series;
    `rank_ic`: of their ranks (Spearman). `icir`: the latter over its deviation from date to date.
    `above`: share of the dates on which it is above 0. `p`: how often it is so large by chance,
    with dates `horizon` apart that overlap (Newey & West).
    """

    ic: float
    rank_ic: float
    icir: float
    above: float
    p: float
    dates: int


def cross_section(forecast: Floats, actual: Floats, horizon: int) -> CrossSection | None:
    """Of moves (D, S); None where fewer than 20 dates have enough series."""
    from scipy.stats import rankdata
    from scipy.stats import t as student

    ics, ranks = [], []
    for f, a in zip(forecast, actual, strict=True):
        there = np.isfinite(f) & np.isfinite(a)
        if there.sum() < FEWEST or np.ptp(f[there]) == 0 or np.ptp(a[there]) == 0:
            continue
        ics.append(_correlation(f[there], a[there]))
        ranks.append(_correlation(rankdata(f[there]), rankdata(a[there])))
    count = len(ranks)
    if count < MIN_ROWS:
        return None
    daily = np.array(ranks)
    variance = long_run_variance(daily - daily.mean(), variance_lags(count, horizon))
    error = np.sqrt(max(variance, 1e-30)) / count
    deviation = float(daily.std(ddof=1))
    return CrossSection(
        ic=float(np.mean(ics)),
        rank_ic=float(daily.mean()),
        icir=float(daily.mean() / deviation) if deviation > 0 else 0.0,
        above=float((daily > 0).mean()),
        p=float(student.sf(daily.mean() / error, df=max(count / horizon - 1, 1))),
        dates=count,
    )


def mean_rank_ic(days: Rows, forecast: Floats, actual: Floats) -> float | None:
    """The mean over dates of the rank correlation over their series; (n,) each, in any order.

    Where all series of a date are forecast alike it is 0. None where fewer than 20 dates have five
    series or more whose actual moves differ.
    """
    from scipy.stats import rankdata

    order = np.argsort(days, kind="stable")
    ends = np.flatnonzero(np.diff(days[order])) + 1
    found = []
    for rows in np.split(order, ends):
        f, a = forecast[rows], actual[rows]
        if len(rows) < FEWEST or np.ptp(a) == 0:
            continue
        found.append(0.0 if np.ptp(f) == 0 else _correlation(rankdata(f), rankdata(a)))
    return float(np.mean(found)) if len(found) >= MIN_ROWS else None


def _correlation(x: Floats, y: Floats) -> float:
    x, y = x - x.mean(), y - y.mean()
    return float(x @ y / np.sqrt((x @ x) * (y @ y)))
