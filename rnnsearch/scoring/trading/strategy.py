"""One forecast traded: the accounts side by side, and what is said of them in a sentence.

n  origins     h  sessions from an origin to its target     m = n + h - 1  sessions
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rnnsearch.arrays import Floats, rounded
from rnnsearch.scoring.trading import measures, sharpe
from rnnsearch.scoring.trading.account import BASIS_POINT, Entry, Market, Terms, run
from rnnsearch.scoring.trading.positions import Rule, Said, tranches
from rnnsearch.scoring.volatility import recent_size

COSTS = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0)
"""Basis points per side at which the champion's account is shown, beside the study's own."""


@dataclass(frozen=True)
class Strategy:
    """How forecasts are followed. `bounds`: the least and the most that may be held."""

    rule: Rule
    bounds: tuple[float, float]
    entry: Entry
    terms: Terms


@dataclass(frozen=True, eq=False)
class Series:
    """The prices of a file, (rows,) each and above 0; opens are None where it has none."""

    closes: Floats
    opens: Floats | None = None

    def usual(self, h: int) -> Floats:
        """How far the price usually goes in h sessions, as its past up to each row tells: (rows,),
        above 0."""
        changes = self.closes[1:] / self.closes[:-1] - 1
        sizes = recent_size(changes, abs(float(changes[0])) if len(changes) else 0.0)
        usual: Floats = np.maximum(sizes, BASIS_POINT**2) * np.sqrt(h)
        return usual


def exposures(
    strategy: Strategy, series: Series, moves: Floats, first: int, h: int
) -> tuple[Floats, Market]:
    """What is held in the sessions from row `first` on (m, k), and at which prices.

    `moves` (n, k) are forecast at the rows first - 1, first, ...: see `Said`.
    """
    origins = np.arange(first - 1, first - 1 + len(moves))
    said = Said(moves, series.usual(h)[origins], strategy.terms.charges(h))
    wanted = np.clip(strategy.rule.wanted(said), *strategy.bounds)
    held = tranches(wanted, h)
    entries = strategy.entry.prices(series.opens, series.closes, first, len(held))
    return held, Market(entries, series.closes[first : first + len(held)])


def sharpes(
    strategy: Strategy, series: Series, moves: Floats, first: int, h: int, *, charged: bool
) -> Floats:
    """Sharpe ratios per session of k forecasts: (n, k) -> (k,). `charged`: after costs."""
    held, market = exposures(strategy, series, moves, first, h)
    costs = None if charged else np.zeros(held.shape[1])
    return sharpe.ratio(run(market, held, strategy.terms, costs).excess)


@dataclass(frozen=True, eq=False)
class Traded:
    """What came of it.

    table       figures by account: champion, before_costs, buy_and_hold, cash
    equity      (m,) by account, what 1 had become after each session
    exposure    (m,)
    costs       the champion's account at other costs
    break_even  cost per side at which its gain is gone; see `measures.break_even`
    hurdle      Sharpe ratio of a year that the best of the trials would reach without ability
    """

    table: dict[str, measures.Measures]
    equity: dict[str, Floats]
    exposure: Floats
    costs: list[dict[str, float | None]]
    break_even: float | None
    hurdle: float
    drawdown: measures.Drawdown


def traded(
    strategy: Strategy,
    series: Series,
    moves: Floats,
    first: int,
    h: int,
    *,
    trials: int = 1,
    others: tuple[Floats, int] = (np.empty(0), 1),
) -> Traded:
    """Trade `moves` (n,), forecast at the rows first - 1, first, ..., h sessions ahead.

    It was chosen among so many `trials`; `others` are their Sharpe ratios per session (k,) in so
    many sessions, as far as they are known: before costs, for they tell how far luck spreads them.
    """
    held, market = exposures(strategy, series, moves[:, None], first, h)
    exposure, terms = held[:, 0], strategy.terms
    hurdle = sharpe.luck(trials, sharpe.spread_by_luck(*others, len(exposure)))
    accounts = {
        "champion": (exposure, None),
        "before_costs": (exposure, 0.0),
        "buy_and_hold": (np.ones_like(exposure), None),
        "cash": (np.zeros_like(exposure), None),
    }
    table, equity = {}, {}
    for name, (one, cost) in accounts.items():
        chosen = hurdle if one is exposure else None
        table[name] = measures.measure(market, one, terms, cost, chosen)
        charged = None if cost is None else np.array([cost])
        equity[name] = run(market, one[:, None], terms, charged).equity[:, 0]
    return Traded(
        table,
        equity,
        exposure,
        list(_at_costs(market, exposure, terms)),
        measures.break_even(market, exposure, terms),
        hurdle * float(np.sqrt(terms.per_year)),
        measures.drawdown(equity["champion"]),
    )


def _at_costs(market: Market, exposure: Floats, terms: Terms) -> Iterator[dict[str, float | None]]:
    """The same positions at other costs."""
    costs = np.array(sorted({*COSTS, terms.cost}))
    account = run(market, np.repeat(exposure[:, None], len(costs), axis=1), terms, costs)
    ratios = sharpe.ratio(account.excess) * np.sqrt(terms.per_year)
    years = len(exposure) / terms.per_year
    for cost, ratio, worth in zip(costs, ratios, account.equity[-1], strict=True):
        yearly = measures.yearly(float(worth), years)
        yield {
            "cost": float(cost),
            "sharpe": float(ratio) if np.isfinite(ratio) else None,
            "yearly_return": yearly,
        }


def plain(traded: Traded) -> dict[str, Any]:
    """As JSON has it."""
    return {
        "table": [{"account": name} | asdict(one) for name, one in traded.table.items()],
        "costs": traded.costs,
        "break_even": traded.break_even,
        "hurdle": traded.hurdle,
        "drawdown": asdict(traded.drawdown),
        "equity": {name: rounded(values) for name, values in traded.equity.items()},
        "exposure": rounded(traded.exposure),
    }
