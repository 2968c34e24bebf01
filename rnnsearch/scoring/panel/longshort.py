"""What it would have earned to hold the series that are forecast to rise most, and owe the others.

    D  dates      S  series      h  output shift

On each date the series with a forecast are held in proportion to their rank less the mean rank, so
that as much is owed as is held, one unit together. Forecasts over several sessions are followed
with a part in `h` each (Jegadeesh & Titman 1993). What is held after the close of a date earns each
series' return to its next session; changing it costs so many basis points of what is bought or
sold. Each series is traded on its own sessions: over a holiday of it what is held stays, and earns
the return to the session after. After its last session nothing is held.
"""

from dataclasses import dataclass

import numpy as np

from rnnsearch.arrays import Floats, Rows
from rnnsearch.scoring.panel.ranks import FEWEST


@dataclass(frozen=True)
class LongShort:
    """Of one unit held and owed together. Yearly figures; shares of that unit.

    `turnover` is what is bought and sold in a year; `sharpe_gross` before costs, `sharpe` after.
    `drawdown`: the deepest fall of the sum of the returns after costs.
    """

    sessions: int
    yearly_return: float
    volatility: float
    sharpe_gross: float | None
    sharpe: float | None
    turnover: float
    drawdown: float
    cost: float


def long_short(
    forecast: Floats, returns: Floats, horizon: int, *, cost: float, per_year: float
) -> tuple[LongShort, Floats] | None:
    """Figures, and the returns (D,) after costs.

    forecast  (D, S) of the move over the `horizon` sessions after each date, made then; NaN where
              there is none
    returns   (D, S) of each series on a date since its session before; NaN where it has none
    cost      basis points per side

    None where no date has enough series.
    """
    from scipy.stats import rankdata

    dates, count = forecast.shape
    wanted = np.zeros((dates, count))
    for place, row in enumerate(forecast):
        there = np.isfinite(row)
        if there.sum() >= FEWEST:
            ranks = rankdata(row[there])
            ranks -= ranks.mean()
            size = np.abs(ranks).sum()
            if size > 0:
                wanted[place, there] = ranks / size
    if not wanted.any():
        return None
    held = np.zeros((dates, count))
    traded_on = np.isfinite(forecast) | np.isfinite(returns)
    for place in range(count):
        held[:, place] = _held(wanted[:, place], np.flatnonzero(traded_on[:, place]), horizon)
    before = np.concatenate([np.zeros((1, count)), held[:-1]])
    gross = (before * np.nan_to_num(returns)).sum(axis=1)
    traded = np.abs(held - before).sum(axis=1)
    net = gross - cost * 1e-4 * traded
    worth = np.cumsum(net)
    return (
        LongShort(
            sessions=dates,
            yearly_return=float(net.mean() * per_year),
            volatility=float(net.std(ddof=1) * np.sqrt(per_year)),
            sharpe_gross=_sharpe(gross, per_year),
            sharpe=_sharpe(net, per_year),
            turnover=float(traded.mean() * per_year),
            drawdown=float((np.maximum.accumulate(np.maximum(worth, 0)) - worth).max()),
            cost=cost,
        ),
        net,
    )


def _held(wanted: Floats, sessions: Rows, horizon: int) -> Floats:
    """(D,) of a series after the close of each date: the mean of what was wanted on its last
    `horizon` sessions, and between two of them what it was."""
    held = np.zeros(len(wanted))
    if not len(sessions):
        return held
    sums = np.cumsum(np.concatenate([[0.0], wanted[sessions]]))
    ends = np.arange(1, len(sums))
    own = (sums[ends] - sums[np.maximum(ends - horizon, 0)]) / horizon
    own = np.where(np.abs(own) < 1e-15, 0.0, own)  # sums that cancel
    since = np.searchsorted(sessions, np.arange(len(wanted)), side="right") - 1
    there = (since >= 0) & (np.arange(len(wanted)) <= sessions[-1])
    held[there] = own[since[there]]
    return held


def _sharpe(returns: Floats, per_year: float) -> float | None:
    deviation = float(returns.std(ddof=1))
    return float(returns.mean() / deviation * np.sqrt(per_year)) if deviation > 0 else None
