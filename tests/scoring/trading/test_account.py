"""What exposures earn: by hand, and through an independent backtest library."""

import warnings

import numpy as np
import pandas as pd
import pytest

from rnnsearch.scoring.trading import sharpe
from rnnsearch.scoring.trading.account import ENTRIES, Market, Terms, run
from rnnsearch.scoring.trading.positions import tranches

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # about a notebook that there is not
    from backtesting import Backtest, Strategy

FREE = Terms(cost=0, borrow=0, cash=0, per_year=252)


def market(prices):
    """Entered at each close but the last."""
    prices = np.asarray(prices, dtype=float)
    return Market(prices[:-1], prices[1:])


def equity(prices, exposure, **terms):
    settings = {"cost": 0.0, "borrow": 0.0, "cash": 0.0, "per_year": 252.0} | terms
    held = np.asarray(exposure, dtype=float)[:, None]
    return run(market(prices), held, Terms(**settings)).equity[:, 0]


def test_buying_and_holding_earns_what_the_price_does_but_for_two_trades():
    prices = [100, 110, 99, 120]
    assert equity(prices, [1, 1, 1]) == pytest.approx([1.1, 0.99, 1.2])
    # 1 buys 1 / 1.01, and 1 % of what it has become is paid again at the end.
    cost = equity(prices, [1, 1, 1], cost=100)
    assert cost == pytest.approx([1.1 / 1.01, 0.99 / 1.01, 1.2 * 0.99 / 1.01])
    account = run(market(prices), np.ones((3, 1)), Terms(100, 0, 0, 252))
    assert account.traded[0] == pytest.approx(1 / 1.01 + 1)


def test_what_is_sold_short_earns_the_opposite_and_pays_interest():
    assert equity([100, 90], [-1]) == pytest.approx([1.1])
    assert equity([100, 90], [-1], borrow=252) == pytest.approx([1.1 - 0.01])


def test_cash_earns_interest_and_is_what_gains_are_measured_against():
    terms = Terms(0, 0, 25.2, 252)
    account = run(market([100, 110]), np.array([[0.0, 1.0, -1.0]]), terms)
    assert account.returns[0] == pytest.approx([0.001, 0.1, -0.1 + 0.002])
    assert account.excess[0] == pytest.approx([0, 0.1 - 0.001, -0.1 + 0.001])


def test_a_position_that_changes_sides_pays_for_both():
    prices = [100, 100, 100]
    account = run(market(prices), np.array([[1.0], [-1.0]]), Terms(100, 0, 0, 252))
    # Of 1 / 1.01 it sells all and x more, which leaves x: 1 / 1.01 - 0.01 (1 / 1.01 + x) = x.
    left = (1 / 1.01) * 0.99 / 1.01
    assert account.equity[-1, 0] == pytest.approx(left * 0.99)


def test_who_loses_all_has_nothing_ever_after():
    found = run(market([100, 250, 300, 100]), np.full((3, 1), -1.0), Terms(5, 0, 0, 252))
    assert found.returns[:, 0] == pytest.approx([-1, 0, 0])
    assert np.isfinite(found.traded).all()


def test_an_entry_at_the_open_holds_over_night_what_was_held_before():
    opens, closes = np.array([9.0, 11, 10, 12]), np.array([10.0, 12, 11, 15])
    entry = ENTRIES["open"].prices(opens, closes, 1, 3)
    assert entry.tolist() == [11, 10, 12]
    found = run(Market(entry, closes[1:]), np.array([[1.0], [0.0], [1.0]]), FREE)
    assert found.equity[:, 0] == pytest.approx([12 / 11, 10 / 11, 10 / 11 * 15 / 12])
    assert ENTRIES["close"].prices(None, closes, 1, 3).tolist() == [10, 12, 11]


def test_prices_of_later_sessions_change_nothing_before():
    rng = np.random.default_rng(1)
    prices = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 101)))
    held = np.clip(rng.normal(size=(100, 3)), -1, 1)
    other_prices, other_held = prices.copy(), held.copy()
    other_prices[61:] *= 1.5
    other_held[60:] *= -1
    terms = Terms(5, 3, 2, 252)
    one, other = (
        run(market(p), h, terms).returns for p, h in ((prices, held), (other_prices, other_held))
    )
    assert (one[:60] == other[:60]).all()
    assert (one[60:] != other[60:]).any()


# --- through backtesting.py


def bars(rows, seed):
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.standard_t(5, rows) * 0.01))
    open_ = np.append(100, close[:-1]) * np.exp(rng.normal(0, 0.004, rows))
    frame = pd.DataFrame(
        {"Open": open_, "Close": close}, pd.bdate_range("2015-01-01", periods=rows)
    )
    frame["High"], frame["Low"] = frame.max(axis=1) * 1.001, frame.min(axis=1) * 0.999
    return frame


def theirs(frame, exposure, entry, cost):
    """The equity at each close where backtesting.py holds these exposures, from bar 1 on.

    It trades whole shares, so there is money for a great many.
    """

    class Follow(Strategy):
        def init(self):
            self.bar = 0

        def next(self):
            # Called after each bar but the first; orders are filled at its close or the next open.
            self.bar += 1
            place = self.bar - FIRST
            if not 0 <= place <= len(exposure):
                return
            wanted = exposure[place] if place < len(exposure) else 0.0
            price = self.data.Close[-1] if entry == "close" else OPENS[self.bar + 1]
            held = self.position.size * price
            worth = self.equity + self.position.size * (price - self.data.Close[-1])
            # What is left once the trade is paid for.
            sign = 1 if wanted * worth > held else -1
            left = (worth + sign * cost * held) / (1 + sign * cost * wanted)
            size = round((wanted * left - held) / price)
            if size:
                (self.buy if size > 0 else self.sell)(size=abs(size))

    FIRST, OPENS = 1, frame["Open"].to_numpy()
    test = Backtest(
        frame,
        Follow,
        cash=1e13,
        commission=cost,
        margin=0.2,
        trade_on_close=entry == "close",
        hedging=False,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas, about a name that it will not have in 4
        return test.run()["_equity_curve"]["Equity"].to_numpy() / 1e13


@pytest.mark.parametrize("entry", ["close", "open"])
@pytest.mark.parametrize(("horizon", "cost"), [(1, 0.0), (1, 5.0), (4, 20.0)])
def test_an_independent_library_comes_to_the_same_returns_and_sharpe_ratio(entry, horizon, cost):
    frame = bars(300, seed=horizon)
    rng = np.random.default_rng(7)
    wanted = np.sign(rng.normal(size=(290 - horizon, 1)))
    held = tranches(wanted, horizon)
    first = 2  # the session after the first bar that the library tells of
    closes = frame["Close"].to_numpy()
    entries = ENTRIES[entry].prices(frame["Open"].to_numpy(), closes, first, len(held))
    ours = run(
        Market(entries, closes[first : first + len(held)]), held, Terms(cost, 0, 0, 252)
    ).returns[:-1, 0]
    curve = theirs(frame, held[:, 0], entry, cost * 1e-4)
    told = curve[first - 1 : first + len(held) - 1]
    their_returns = told[1:] / told[:-1] - 1
    assert their_returns == pytest.approx(ours, abs=1e-6)
    ratios = [sharpe.ratio(r[:, None])[0] * np.sqrt(252) for r in (ours, their_returns)]
    assert ratios[0] == pytest.approx(ratios[1], abs=1e-6)
