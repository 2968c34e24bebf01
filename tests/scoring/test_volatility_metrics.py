"""Measures of forecasts of volatility."""

import math

import numpy as np
import pytest
import statsmodels.api as sm

from rnnsearch import targets
from rnnsearch.scoring import metrics, objectives
from rnnsearch.scoring.metrics.volatility import mincer_zarnowitz, qlike

RNG = np.random.default_rng(1)
ACTUAL = RNG.normal(-4.6, 0.5, 200)
FORECAST = 0.8 * ACTUAL - 1 + 0.2 * RNG.normal(size=200)


def test_qlike_is_that_of_patton_less_its_least_value():
    variance, forecast = np.exp(2 * ACTUAL), np.exp(2 * FORECAST)
    patton = np.mean(np.log(forecast) + variance / forecast)
    least = np.mean(np.log(variance) + 1)
    assert qlike(ACTUAL, FORECAST) == pytest.approx(patton - least)
    assert qlike(ACTUAL, ACTUAL) == 0
    assert qlike(ACTUAL, ACTUAL - 0.3) > qlike(ACTUAL, ACTUAL + 0.3)


def test_mincer_zarnowitz_is_the_regression_that_statsmodels_fits():
    fit = sm.OLS(ACTUAL, sm.add_constant(FORECAST)).fit()
    found = mincer_zarnowitz(ACTUAL, FORECAST)
    np.testing.assert_allclose(found, [*fit.params, fit.rsquared])


def test_a_constant_forecast_has_no_slope():
    assert all(map(math.isnan, mincer_zarnowitz(ACTUAL, np.full(200, -4.6))))


def test_volatility_is_measured_by_its_own_and_not_by_directions_or_prices():
    target = targets.get("volatility")
    found = {metric.key for metric in metrics.registry() if metric.applies(target)}
    assert {"rmse", "r2", "qlike", "mz_slope", "mz_intercept", "mz_r2"} <= found
    assert not {"directional_accuracy", "always_up", "price_rmse", "auc", "log_loss"} & found
    returns = targets.get("log_return")
    assert not any(
        metric.applies(returns) for metric in metrics.registry() if metric.key.startswith("mz_")
    )


def test_what_has_no_meaning_for_volatility_is_not_searched_by():
    target = targets.get("volatility")
    fitting = {name for name, one in objectives.OBJECTIVES.items() if not one.unfit(target)}
    assert fitting == {"skill", "mae_skill", "rank_ic", "pinball_skill"}
