"""Chances of a rise against scikit-learn, and excess profitability against a regression."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import norm
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.metrics import log_loss as sklearn_log_loss

from rnnsearch.scoring import directions
from rnnsearch.scoring.skipped import Skipped


def drawn(rows=300, seed=0):
    rng = np.random.default_rng(seed)
    p = np.round(rng.uniform(0.3, 0.7, rows), 2)  # with ties
    return rng.uniform(size=rows) < p, p


def test_measures_of_chances_are_those_of_scikit_learn():
    rose, p = drawn()
    naive = np.full(300, 0.55)
    assert directions.log_loss(rose, p) == pytest.approx(sklearn_log_loss(rose, p))
    assert directions.auc(rose, p) == pytest.approx(roc_auc_score(rose, p))
    expected = 1 - brier_score_loss(rose, p) / brier_score_loss(rose, naive)
    assert directions.brier_skill(rose, p, naive) == pytest.approx(expected)
    assert set(directions.chances(rose, p, naive)) == {"log_loss", "auc", "brier_skill"}


def test_a_sure_and_wrong_chance_is_finite_and_one_class_has_no_order():
    rose = np.array([True, True])
    assert directions.log_loss(rose, np.array([0.0, 1.0])) == pytest.approx(-np.log(1e-6) / 2)
    assert math.isnan(directions.auc(rose, np.array([0.2, 0.3])))
    assert directions.brier_skill(rose, np.ones(2), np.ones(2)) == 0
    assert directions.brier_skill(rose, np.zeros(2), np.ones(2)) == -math.inf


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
