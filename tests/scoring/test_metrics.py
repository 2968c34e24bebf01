"""Measures and baselines against libraries, hand-worked values and published figures."""

import math

import numpy as np
import pytest
from arch.data import sp500
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics as sk
from statsmodels.tools import eval_measures as sm

from rnnsearch import targets
from rnnsearch.scoring import metrics
from rnnsearch.scoring.baselines.drift import drift


def scored(kind, actual, forecast, origin, moved=math.nan):
    """Rows whose only naive forecast is no change, or one half."""
    target = targets.get(kind)
    naive = target.reference(origin)
    return metrics.Scored(
        actual=actual,
        forecast=forecast,
        naive={"no_change": naive},
        hardest=naive,
        origin=origin,
        target=target,
        moved=moved,
    )


blocks = hnp.arrays(np.float64, (3, 20), elements=st.floats(1, 1000).map(lambda x: round(x, 3)))


@given(blocks)
def test_errors_equal_scikit_learn_and_statsmodels(block):
    actual, forecast, _ = block
    assert metrics.rmse(actual, forecast) == pytest.approx(sm.rmse(actual, forecast))
    assert metrics.mae(actual, forecast) == pytest.approx(sk.mean_absolute_error(actual, forecast))
    assert metrics.mape(actual, forecast) == pytest.approx(
        100 * sk.mean_absolute_percentage_error(actual, forecast)
    )
    if np.ptp(actual) > 0.01:  # nearly constant values: rounding decides
        assert metrics.r2(actual, forecast) == pytest.approx(sk.r2_score(actual, forecast))


def test_r2_of_actual_values_that_do_not_vary_is_that_of_scikit_learn():
    same = np.full(4, 5.0)
    assert metrics.r2(same, same) == sk.r2_score(same, same) == 1
    assert metrics.r2(same, same + 1) == sk.r2_score(same, same + 1) == 0


def test_mape_of_a_zero_is_undefined():
    assert math.isnan(metrics.mape(np.array([0.0, 1.0]), np.ones(2)))


def test_only_a_change_above_zero_is_a_rise_of_what_came_and_of_what_was_forecast():
    actual = np.array([1.0, -1.0, 0.0, 2.0, 0.0])
    assert metrics.directional_accuracy(actual, np.array([3.0, -0.1, 5.0, 0.0, 0.0])) == 3 / 5
    assert metrics.directional_accuracy(np.zeros(3), np.ones(3)) == 0
    assert metrics.directional_accuracy(np.zeros(3), np.zeros(3)) == 1


def test_direction_is_the_same_for_returns_and_prices():
    rng = np.random.default_rng(0)
    naive, returns, said = rng.uniform(50, 60, 99), rng.normal(size=99), rng.normal(size=99)
    on_returns = metrics.score(scored("log_return", returns, said, naive))
    prices = naive * np.exp(returns), naive * np.exp(said)
    on_prices = metrics.score(scored("level", *prices, naive))
    assert on_returns["directional_accuracy"] == on_prices["directional_accuracy"]


def test_probabilities_are_counted_from_the_threshold():
    actual, forecast = np.array([1.0, 0.0, 1.0]), np.array([0.55, 0.55, 0.55])
    scores = metrics.score(scored("direction", actual, forecast, np.full(3, 50.0)))
    assert scores["directional_accuracy"] == 2 / 3


def test_theil_u2_of_a_worked_example():
    # Relative changes: actual 10 %, -10 %; forecast 0 %, -20 %. sqrt(0.02 / 0.02) = 1.
    actual, forecast, naive = np.array([110.0, 99.0]), np.array([100.0, 88.0]), np.array([100, 110])
    assert metrics.theil_u2(actual, forecast, naive) == pytest.approx(1)
    assert metrics.theil_u2(actual, (actual + naive) / 2, naive) == pytest.approx(0.5)


@given(blocks)
def test_the_naive_forecast_has_no_skill(block):
    actual, _, naive = block
    assert metrics.skill(actual, naive, naive) == 0
    assert metrics.theil_u2(actual, naive, naive) == 1


@given(blocks)
def test_skill_on_returns_is_one_minus_theil_u2(block):
    actual, forecast, _ = block
    naive = np.zeros(20)
    u2 = metrics.theil_u2(actual, forecast, naive)
    assert metrics.skill(actual, forecast, naive) == pytest.approx(1 - u2)


def test_skill_against_a_perfect_naive_forecast_is_defined():
    same = np.ones(3)
    assert metrics.skill(same, same, same) == 0
    assert metrics.skill(same, same + 1, same) == -math.inf
    assert metrics.skill(same, same, same + 1) == 1


def test_mase_scales_by_the_error_in_training():
    actual, forecast = np.array([1.0, 2.0]), np.array([2.0, 4.0])
    assert metrics.mase(actual, forecast, 0.5) == 3
    assert metrics.score(scored("level", actual, forecast, actual, moved=0.5))["price_mase"] == 3
    assert math.isnan(metrics.score(scored("level", actual, forecast, actual))["price_mase"])


@pytest.fixture(scope="module")
def close():
    return sp500.load()["Adj Close"].to_numpy(float)


@pytest.mark.parametrize(("output_shift", "rmse"), [(1, 19.975), (5, 42.935), (10, 57.595)])
def test_persistence_on_the_sp500_has_the_known_error(close, output_shift, rmse):
    rows = np.arange(len(close) - 1007, len(close))
    naive = close[rows - output_shift]
    scores = metrics.score(scored("level", close[rows], naive, naive))
    assert scores["rmse"] == pytest.approx(rmse, abs=5e-4)
    assert scores["skill"] == 0
    if output_shift == 1:
        assert scores["price_mape"] == pytest.approx(0.586, abs=5e-4)
        assert scores["r2"] == pytest.approx(0.99544, abs=5e-6)


def test_drift_on_the_sp500_has_the_known_error(close):
    rows = np.arange(len(close) - 1007, len(close))
    growth = drift(close, rows, 1, slice(0, int(rows[0]))).forecast
    forecast = close[rows - 1] * np.exp(growth)
    assert metrics.rmse(close[rows], forecast) == pytest.approx(19.972, abs=5e-4)


def test_drift_of_steady_growth_is_perfect():
    close = 100 * 1.01 ** np.arange(50)
    rows = np.arange(40, 50)
    growth = drift(close, rows, 4, slice(0, 40)).forecast
    np.testing.assert_allclose(close[rows - 4] * np.exp(growth), close[rows])
