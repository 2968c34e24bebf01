"""Chances of a rise against scikit-learn, and excess profitability against a regression."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import norm
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.metrics import log_loss as sklearn_log_loss

from rnnsearch import targets
from rnnsearch.report.figures import champion as figures
from rnnsearch.scoring import directions, metrics
from rnnsearch.scoring.inference.skipped import Skipped
from rnnsearch.scoring.metrics import chances
from rnnsearch.targets import Quotes
from rnnsearch.verdict import comparison


def drawn(rows=300, seed=0):
    rng = np.random.default_rng(seed)
    p = np.round(rng.uniform(0.3, 0.7, rows), 2)  # with ties
    return rng.uniform(size=rows) < p, p


def test_measures_of_chances_are_those_of_scikit_learn():
    rose, p = drawn()
    naive = np.full(300, 0.55)
    assert chances.log_loss(rose, p) == pytest.approx(sklearn_log_loss(rose, p))
    assert chances.auc(rose, p) == pytest.approx(roc_auc_score(rose, p))
    expected = 1 - brier_score_loss(rose, p) / brier_score_loss(rose, naive)
    assert chances.brier_skill(rose, p, naive) == pytest.approx(expected)


def test_a_sure_and_wrong_chance_is_finite_and_one_class_has_no_order():
    rose = np.array([True, True])
    assert chances.log_loss(rose, np.array([0.0, 1.0])) == pytest.approx(-np.log(1e-6) / 2)
    assert math.isnan(chances.auc(rose, np.array([0.2, 0.3])))
    assert chances.brier_skill(rose, np.ones(2), np.ones(2)) == 0
    assert chances.brier_skill(rose, np.zeros(2), np.ones(2)) == -math.inf


def test_reliability_bins_hold_all_rows_and_true_chances_lie_within_the_bounds():
    rose, p = drawn(5000)
    found = directions.reliability(rose, p)
    assert found.rows.sum() == 5000
    assert len(found.rows) == 10
    assert (np.diff(found.forecast) > 0).all()
    np.testing.assert_allclose(np.average(found.came, weights=found.rows), rose.mean())
    inside = (found.low <= found.forecast) & (found.forecast <= found.high)
    assert inside.mean() >= 0.7
    constant = directions.reliability(rose, np.full(5000, 0.5))
    assert constant.rows.tolist() == [5000]


def test_reliability_bounds_are_those_of_wilson():
    from statsmodels.stats.proportion import proportion_confint

    rose, p = drawn(400)
    found = directions.reliability(rose, p)
    low, high = proportion_confint(found.came * found.rows, found.rows, 0.1, method="wilson")
    np.testing.assert_allclose(found.low, low)
    np.testing.assert_allclose(found.high, high)


@pytest.mark.parametrize("horizon", [1, 3])
def test_excess_profitability_is_the_score_test_of_a_regression_on_the_direction(horizon):
    rng = np.random.default_rng(2)
    rises = rng.uniform(size=301) < 0.6
    moves = 0.01 * rng.standard_t(4, size=301) + 0.002 * rises
    found = directions.excess_profitability(moves, rises, horizon)
    rows = np.arange(300, -1, -horizon)  # the last one included
    y, s = moves[rows], np.where(rises[rows], 1.0, -1.0)
    fit = sm.OLS(y, sm.add_constant(s)).fit()
    expected = np.sign(fit.params[1]) * math.sqrt(fit.nobs * fit.rsquared)  # n R^2 is its square
    assert found.statistic == pytest.approx(expected)
    assert found.p_better == pytest.approx(norm.sf(expected))
    assert found.earned == pytest.approx(np.mean(s * y))
    assert found.rows == len(rows)


def test_excess_profitability_errs_as_often_as_it_says_whatever_the_drift():
    rng = np.random.default_rng(3)
    runs = [
        directions.excess_profitability(
            0.01 * rng.standard_t(5, size=400) + 0.003, rng.uniform(size=400) < 0.8
        )
        for _ in range(2000)
    ]
    assert 0.035 < np.mean([run.p_better < 0.05 for run in runs]) < 0.065
    assert np.mean([run.earned > 0 for run in runs]) > 0.9  # by drift alone


def test_excess_profitability_says_when_it_does_not_apply():
    test, rises = directions.excess_profitability, np.arange(60) % 2 == 0
    moves = np.linspace(-1, 1, 60)
    assert test(moves[:19], rises[:19]) == Skipped("needs 20 rows, has 19")
    assert test(moves[:59], rises[:59], 3) == Skipped("needs 60 rows, has 59")
    few = test(moves, np.arange(60) < 56)
    assert few.reason == "the forecasts have 56 rises and 4 others; at least 5 of each are needed"
    assert test(np.full(60, 0.1), rises) == Skipped("the moves do not vary")
    assert test(np.full(60, np.nan), rises) == Skipped("a move is not a finite number")


# In an evaluation


def scored(kind, close, rows, train, horizon=1):
    return comparison.scored_rows(Quotes(close), rows, horizon, targets.get(kind), train)


def drifting(rows=600, seed=4):
    rng = np.random.default_rng(seed)
    return 100 * np.exp(np.cumsum(0.01 * rng.normal(size=rows) + 0.01))


@pytest.mark.parametrize("kind", ["log_return", "level", "direction"])
def test_directions_are_cut_at_what_training_rows_say_on_average(kind):
    close, train, rows = drifting(), np.arange(50, 400), np.arange(401, 600)
    test = scored(kind, close, rows, train)
    target = targets.get(kind)
    moved = target.values(close, train, 1) - target.reference(close[train - 1])
    np.testing.assert_allclose(test.cut, target.reference(test.origin) + moved.mean())
    # A forecast that has learnt the drift and a little more always says up, and is tested.
    wiggle = np.where(np.arange(199) % 2, 1, -1) * 0.1 * np.abs(moved).mean()
    tests = comparison.tests_of_the_champion(test, {"champion": test.cut + wiggle}, [], [])
    assert tests["pesaran_timmermann"].rows == tests["excess_profitability"].rows == 199
    later = close.copy()
    later[401:] *= np.linspace(1, 3, 199)
    np.testing.assert_allclose(scored(kind, later, rows[:1], train).cut, test.cut[:1])


def test_moves_are_log_returns_or_differences_where_prices_are_not_positive():
    close, rows = np.array([1.0, 2.0, 4.0, 2.0]), np.array([2, 3])
    np.testing.assert_allclose(
        scored("direction", close, rows, np.array([1])).moves, np.log([2, 0.5])
    )
    np.testing.assert_allclose(scored("level", close - 3, rows, np.array([1])).moves, [2, -2])


def test_a_direction_has_measures_of_chances_in_its_row_of_the_table():
    close, train, rows = drifting(), np.arange(50, 400), np.arange(401, 600)
    test = scored("direction", close, rows, train)
    row = metrics.score(test.scored(test.hardest_naive))
    assert row["auc"] == 0.5
    assert row["brier_skill"] == 0
    returns = scored("log_return", close, rows, train)
    assert "auc" not in metrics.score(returns.scored(rows * 0.0))


def test_the_picture_of_calibration_shows_every_bin():
    rose, p = drawn(500)
    found = directions.reliability(rose, p)
    figure = figures.calibration(found)
    points = figure.data[-1]
    np.testing.assert_allclose(points.x, found.forecast, rtol=1e-4)
    np.testing.assert_allclose(points.y, found.came, rtol=1e-4)
