"""One forecast traded: its accounts, its sentence, and what it may know."""

import math

import numpy as np
import pytest

from rnnsearch.scoring.trading import ENTRIES, RULES, SIDES, words
from rnnsearch.scoring.trading.account import Terms
from rnnsearch.scoring.trading.strategy import Series, Strategy, exposures, plain, sharpes, traded


def strategy(rule="sign", sides="long_short", entry="close", cost=5.0, **more):
    terms = Terms(**{"cost": cost, "borrow": 0.0, "cash": 0.0, "per_year": 252.0} | more)
    return Strategy(RULES[rule], SIDES[sides], ENTRIES[entry], terms)


def series(rows=600, seed=1):
    rng = np.random.default_rng(seed)
    closes = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, rows)))
    opens = np.append(100, closes[:-1]) * np.exp(rng.normal(0, 0.003, rows))
    return Series(closes, opens)


def told(found, settings):
    """What the sentence is made of."""
    return {"settings": settings, "trials": 20, **plain(found)}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("h", [1, 5])
def test_nothing_is_traded_on_what_was_not_known(rule, entry, h):
    """All prices after an origin and all later forecasts are others: what is held from it on its
    first session, and all that was earned until its close, is the same."""
    prices, rng = series(), np.random.default_rng(2)
    moves, first, origin = rng.normal(0, 0.01, (100, 1)), 450, 40
    row = first - 1 + origin
    closes, opens, other = prices.closes.copy(), prices.opens.copy(), moves.copy()
    closes[row + 1 :] *= np.exp(rng.normal(0.01, 0.05, len(closes) - row - 1))
    opens[row + 1 :] *= 0.9
    other[origin + 1 :] *= -3
    one, (held, market) = (
        exposures(strategy(rule, entry=entry), s, m, first, h)
        for s, m in ((prices, moves), (Series(closes, opens), other))
    )
    assert (one[0][: origin + 1] == held[: origin + 1]).all()
    assert (one[0][origin + 1 :] != held[origin + 1 :]).any()
    assert (market.close[:origin] == one[1].close[:origin]).all()
    before = traded(strategy(rule, entry=entry), prices, moves[:, 0], first, h)
    after = traded(strategy(rule, entry=entry), Series(closes, opens), other[:, 0], first, h)
    kept = origin - (entry == "open")
    assert (before.equity["champion"][:kept] == after.equity["champion"][:kept]).all()


def test_a_perfect_forecast_gains_and_a_useless_one_pays_the_costs():
    prices, first = series(), 450
    came = prices.closes[450:550] / prices.closes[449:549] - 1
    best = traded(strategy(), prices, came, first, 1)
    assert best.table["champion"].sharpe > 10
    assert best.break_even > 40
    useless = traded(strategy(), prices, np.random.default_rng(3).normal(size=100), first, 1)
    assert useless.table["champion"].sharpe < useless.table["before_costs"].sharpe
    by_cost = [one["sharpe"] for one in useless.costs]
    assert by_cost == sorted(by_cost, reverse=True)
    assert [one["cost"] for one in useless.costs] == [0, 1, 2, 5, 10, 20]


def test_long_only_holds_nothing_where_a_fall_is_forecast():
    held, _ = exposures(strategy(sides="long_only"), series(), -np.ones((50, 1)), 450, 1)
    assert not held.any()


def test_buying_and_holding_is_always_up():
    found = traded(strategy(), series(), np.ones(100), 450, 1)
    assert found.equity["champion"] == pytest.approx(found.equity["buy_and_hold"])
    assert found.equity["cash"] == pytest.approx(np.ones(100))


def test_more_trials_deflate_more():
    came = np.random.default_rng(3).normal(size=100)
    chances = [
        traded(strategy(), series(), came, 450, 1, trials=n).table["champion"].deflated_sharpe
        for n in (1, 10, 1000)
    ]
    assert chances == sorted(chances, reverse=True)
    assert chances[0] == traded(strategy(), series(), came, 450, 1).table[
        "champion"
    ].probabilistic_sharpe  # fmt: skip


def test_ratios_of_many_forecasts_are_those_of_each():
    rng = np.random.default_rng(4)
    moves = rng.normal(size=(100, 3))
    many, after = (
        sharpes(strategy(), series(), moves, 450, 5, charged=charged) for charged in (False, True)
    )
    for number in range(3):
        alone = traded(strategy(), series(), moves[:, number], 450, 5)
        assert many[number] * math.sqrt(252) == pytest.approx(alone.table["before_costs"].sharpe)
        assert after[number] * math.sqrt(252) == pytest.approx(alone.table["champion"].sharpe)


# --- in words


SETTINGS = {"position": "sign", "sides": "long_short", "entry": "close", "cost": 5.0}


def account(name, sharpe, yearly, **more):
    return {"account": name, "sharpe": sharpe, "yearly_return": yearly, "turnover": 90} | more


def said(sharpe, break_even, **settings):
    chances = {"probabilistic_sharpe": 0.31, "deflated_sharpe": 0.0004}
    table = [
        account("champion", sharpe, -0.061, **chances),
        account("before_costs", 0.47, 0.05),
        account("buy_and_hold", 0.62, 0.081),
    ]
    facts = {"settings": SETTINGS | settings, "trials": 20, "table": table}
    return words.sentence(facts | {"break_even": break_even})


def test_a_loss_is_told_in_plain_words():
    assert said(-0.35, 2.87) == (
        "Traded by the sign of each forecast, entered at the close of the origin, the champion has "
        "a Sharpe ratio of 0.47 before costs, −0.35 at 5 bp per side (buy and hold: 0.62), that is "
        "−6.1 % a year against 8.1 %. The gain is gone at 2.9 bp per side. That the true ratio is "
        "above 0 has a chance of 31.0 %, above what luck gives the best of 20 trials of less than "
        "0.1 %."
    )


@pytest.mark.parametrize(
    ("break_even", "words"),
    [(0.0, "There is no gain even without costs."), (None, "The gain outlasts costs of 1,000 bp")],
)
def test_what_becomes_of_the_gain_is_always_said(break_even, words):
    assert words in said(0.3, break_even)


def test_no_position_at_all_is_said_so():
    found = traded(strategy(cost=500, rule="costs"), series(), np.zeros(100), 450, 1)
    facts = told(found, SETTINGS | {"cost": 500.0, "position": "costs", "sides": "long_only"})
    assert words.sentence(facts).startswith(
        "Traded where the forecast exceeds what trading it costs, long only, entered at the close "
        "of the origin, nothing was earned and nothing lost"
    )


def test_a_handful_of_sessions_has_no_sharpe_ratio():
    found = traded(strategy(), series(), np.ones(10), 450, 1)
    sentence = words.sentence(told(found, SETTINGS))
    assert sentence.endswith("in too few sessions to tell how sure that is.")


def test_a_price_that_stays_costs_what_is_traded():
    still = Series(np.full(600, 100.0))
    found = traded(strategy(), still, np.random.default_rng(1).normal(size=100), 450, 1)
    assert found.table["champion"].yearly_return < 0
    assert "Sharpe ratio of 0.00 before costs, −" in words.sentence(told(found, SETTINGS))


def test_every_figure_is_shown_with_its_meaning():
    facts = told(traded(strategy(), series(), np.ones(100), 450, 1), SETTINGS)
    rows = {one.key: cells for one, cells in words.shown_measures(facts)}
    assert rows.keys() == facts["table"][0].keys() - {"account"}
    assert [text for text, _ in rows["turnover"]][3] == "0.0×"
    assert [text for text, _ in rows["sharpe"]][3] == "–"
    assert all(one.hint for one in words.MEASURES)
