"""An account in figures.

m  sessions, one after the other
"""

import math
from dataclasses import dataclass

import numpy as np

from rnnsearch.arrays import Floats
from rnnsearch.scoring.inference.skipped import Skipped
from rnnsearch.scoring.trading import sharpe as ratios
from rnnsearch.scoring.trading.account import Market, Terms, run

MOST_COST = 1000.0
"""Basis points up to which the cost is looked for at which a gain is gone: a tenth of the price."""

USUAL_YEARS = (252.0, 365.0, 52.0, 12.0, 4.0)
"""Sessions of markets that close on weekends and of those that do not; weeks, months, quarters."""


@dataclass(frozen=True)
class Drawdown:
    """The deepest fall below the highest worth so far.

    depth      share of that worth
    peak, low  sessions, from 0 for the first; peak is -1 where the start was the highest
    sessions   from the peak until it was reached again, or to the end
    recovered  whether it was
    """

    depth: float
    peak: int
    low: int
    sessions: int
    recovered: bool


@dataclass(frozen=True)
class Measures:
    """What an account came to; what cannot be told is None, shares are of the capital.

    yearly_return  as growth that compounds
    volatility     of a year
    sharpe         of a year, beyond interest on cash; `sharpe_error`, `sharpe_low`, `sharpe_high`
    probabilistic_sharpe  chance that the true Sharpe ratio is above 0
    deflated_sharpe       that it is above what the best of the trials would reach without ability
    turnover       bought and sold in a year, in multiples of the capital
    winning        share of the sessions with a position that ended higher, after costs
    """

    yearly_return: float
    volatility: float
    sharpe: float | None
    sharpe_error: float | None
    sharpe_low: float | None
    sharpe_high: float | None
    probabilistic_sharpe: float | None
    deflated_sharpe: float | None
    drawdown: float
    drawdown_sessions: int
    turnover: float
    winning: float | None


def measure(
    market: Market,
    exposure: Floats,
    terms: Terms,
    cost: float | None = None,
    hurdle: float | None = None,
) -> Measures:
    """Of one account that holds `exposure` (m,), at another `cost` than that of the terms if given.

    `hurdle`: the Sharpe ratio per session of `sharpe.luck`; None where nothing was chosen.
    """
    charged = None if cost is None else np.array([cost])
    account = run(market, exposure[:, None], terms, charged)
    returns, excess = account.returns[:, 0], account.excess[:, 0]
    years = len(returns) / terms.per_year
    fall = drawdown(account.equity[:, 0])
    root = math.sqrt(terms.per_year)
    invested = returns[exposure != 0]
    return Measures(
        yearly_return=yearly(float(account.equity[-1, 0]), years),
        volatility=float(returns.std(ddof=1)) * root if len(returns) > 1 else 0.0,
        **_sharpes(excess, root, hurdle),
        drawdown=fall.depth,
        drawdown_sessions=fall.sessions,
        turnover=float(account.traded[0]) / years,
        winning=float(np.mean(invested > 0)) if len(invested) else None,
    )


def _sharpes(excess: Floats, root: float, hurdle: float | None) -> dict[str, float | None]:
    """The Sharpe ratio of returns (m,) and how sure it is; `root`: of the sessions in a year."""
    found = ratios.sharpe(excess)
    if isinstance(found, Skipped):
        names = ("sharpe", "sharpe_error", "sharpe_low", "sharpe_high")
        return dict.fromkeys((*names, "probabilistic_sharpe", "deflated_sharpe"))
    told: dict[str, float | None] = {
        "sharpe": root * found.value,
        "sharpe_error": root * found.error,
        "sharpe_low": root * found.low,
        "sharpe_high": root * found.high,
        "probabilistic_sharpe": found.probability,
    }
    if hurdle is None:
        return told | {"deflated_sharpe": None}
    deflated = ratios.probability(found.value, len(excess), *ratios.shape(excess), hurdle)
    return told | {"deflated_sharpe": deflated}


def yearly(worth: float, years: float) -> float:
    """Growth of a year, of what 1 has become after so many years."""
    return math.expm1(min(math.log(worth) / years, 700.0)) if worth > 0 else -1.0


def drawdown(equity: Floats) -> Drawdown:
    """The deepest one of an account that began with 1: (m,)."""
    worth = np.concatenate([[1.0], equity])
    highest = np.maximum.accumulate(worth)
    low = int(np.argmin(worth / highest))
    peak = int(np.flatnonzero(worth[: low + 1] == highest[low])[-1])
    again = np.flatnonzero(worth[low:] >= highest[low])
    recovered = bool(len(again)) and low > peak
    end = low + int(again[0]) if recovered else len(equity)
    depth = float(1 - worth[low] / highest[low])
    return Drawdown(depth, peak - 1, low - 1, end - peak if depth > 0 else 0, recovered)


def break_even(market: Market, exposure: Floats, terms: Terms) -> float | None:
    """The cost per side, in basis points, at which `exposure` (m,) ends where cash does.

    0 where there is nothing to lose even without costs; None where it is above `MOST_COST`.
    """
    cash = float((1 + terms.interest) ** len(exposure))
    low, high = 0.0, MOST_COST
    for _ in range(8):  # 65 costs at once: the width shrinks 64-fold
        costs = np.linspace(low, high, 65)
        held = np.repeat(exposure[:, None], len(costs), axis=1)
        gains = run(market, held, terms, costs).equity[-1] > cash
        if not gains[0]:
            return 0.0
        if gains[-1]:
            return None
        last = int(np.flatnonzero(~gains)[0]) - 1
        low, high = float(costs[last]), float(costs[last + 1])
    return low


def per_year(days: Floats) -> float:
    """Sessions in a year, of dates in days (rows,); a usual number where it is nearly that."""
    span = (days[-1] - days[0]) / 365.25
    found = (len(days) - 1) / span if span > 0 else USUAL_YEARS[0]
    near = min(USUAL_YEARS, key=lambda usual: abs(math.log(found / usual)))
    return near if abs(found / near - 1) < 0.04 else float(found)
