"""An account in figures, by hand."""

import math

import numpy as np
import pandas as pd
import pytest

from rnnsearch.scoring.trading.account import Market, Terms
from rnnsearch.scoring.trading.measures import Drawdown, break_even, drawdown, measure, per_year

TERMS = Terms(cost=5, borrow=0, cash=0, per_year=252)


def walk(rows, seed=1, mean=0.0):
    moves = np.random.default_rng(seed).normal(mean, 0.01, rows)
    prices = 100 * np.exp(np.cumsum(np.append(0, moves)))
    return Market(prices[:-1], prices[1:])


def test_the_figures_of_a_short_account_are_those_by_hand():
    rng = np.random.default_rng(3)
    returns = rng.normal(0.001, 0.01, 126)
    prices = np.cumprod(np.append(1, 1 + returns))
    held = np.ones(126)
    held[100:] = 0
    found = measure(Market(prices[:-1], prices[1:]), held, Terms(0, 0, 0, 252))
    earned = np.where(held > 0, returns, 0)
    assert found.yearly_return == pytest.approx(np.prod(1 + earned) ** 2 - 1)
    assert found.volatility == pytest.approx(earned.std(ddof=1) * math.sqrt(252))
    assert found.sharpe == pytest.approx(earned.mean() / earned.std(ddof=1) * math.sqrt(252))
    assert found.turnover == pytest.approx(2 * 2)  # bought and sold once in half a year
    assert found.winning == pytest.approx(np.mean(returns[:100] > 0))
    assert found.sharpe_low < found.sharpe < found.sharpe_high
    assert found.deflated_sharpe is None


def test_the_deepest_drawdown_is_told_with_its_length():
    assert drawdown(np.array([1.1, 0.99, 1.05, 1.2, 1.14, 1.3])) == Drawdown(
        pytest.approx(0.1), 0, 1, 3, True
    )
    assert drawdown(np.array([0.8, 0.9])) == Drawdown(pytest.approx(0.2), -1, 0, 2, False)
    assert drawdown(np.array([1.0, 1.1, 1.2])) == Drawdown(0, -1, -1, 0, False)


def test_at_the_cost_where_the_gain_is_gone_it_is_gone():
    market = walk(500)
    moved = market.close / market.entry - 1
    held = np.sign(moved + np.random.default_rng(2).normal(0, 0.03, 500))
    cost = break_even(market, held, TERMS)
    assert 0 < cost < 1000
    at = Terms(cost, 0, 0, 252)
    assert measure(market, held, at).yearly_return == pytest.approx(0, abs=1e-6)
    assert break_even(market, -held, TERMS) == 0
    assert break_even(Market(np.array([1.0]), np.array([9.0])), np.ones(1), TERMS) is None


def test_the_gain_is_measured_against_cash():
    market = Market(np.full(252, 100.0), np.full(252, 100.0))
    found = measure(market, np.zeros(252), Terms(5, 0, 4, 252))
    assert found.yearly_return == pytest.approx((1 + 0.04 / 252) ** 252 - 1)
    assert found.sharpe is None
    assert break_even(market, np.zeros(252), Terms(5, 0, 4, 252)) == 0


@pytest.mark.parametrize(
    ("dates", "number"),
    [
        (pd.bdate_range("2010-01-01", "2020-01-01"), 252),
        (pd.date_range("2010-01-01", "2020-01-01"), 365),
        (pd.date_range("2010-01-01", "2020-01-01", freq="W"), 52),
        (pd.date_range("2010-01-01", "2020-01-01", freq="MS"), 12),
        (pd.date_range("2020-01-01", "2021-01-01", freq="h"), 8766),
        (pd.DatetimeIndex(["2020-01-01"]), 252),
    ],
)
def test_sessions_of_a_year_are_counted_by_the_dates(dates, number):
    days = dates.as_unit("s").asi8 / 86_400
    assert per_year(days) == pytest.approx(number, rel=0.001)


@pytest.mark.parametrize("price", [1e-9, 1e9])
def test_wild_prices_have_finite_figures(price):
    rng = np.random.default_rng(5)
    prices = price * np.exp(np.cumsum(rng.standard_cauchy(200)).clip(-30, 30))
    found = measure(
        Market(prices[:-1], prices[1:]), np.sign(rng.normal(size=199)), TERMS, hurdle=0.1
    )
    assert all(value is None or math.isfinite(value) for value in vars(found).values())
