"""Baselines against hand solutions, libraries, planted series and changed futures."""

import math

import numpy as np
import pytest
from scipy.signal import lfilter
from sklearn.linear_model import LogisticRegression
from statsmodels.tsa.arima.model import ARIMA

from rnnsearch.scoring.baselines.arima import arima
from rnnsearch.scoring.baselines.drift import drift
from rnnsearch.scoring.baselines.logistic import logistic_forecast
from rnnsearch.scoring.baselines.ridge import ridge_forecast
from rnnsearch.scoring.inference.skipped import Skipped

WINDOW, SHIFT = 3, 2


def planted(rows=400, inputs=4, seed=0, strength=0.8):
    """A table, ends of training windows, targets, ends of test windows, test targets."""
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(rows, inputs)) * [1, 10, 0.1, 5][:inputs] + 3
    ends = np.arange(WINDOW - 1, rows)
    signal = (table[ends, 0] - 3) + (table[ends - 2, 1] - 3) / 10
    y = strength * signal + rng.normal(size=len(ends)) + 0.5
    train, test = ends[: rows - 100], ends[rows - 98 :]  # purged by output_shift - 1
    return table, train, y[: len(train)], test, y[-len(test) :]


def flat(table, ends, mean, deviation):
    windows = [table[end - WINDOW + 1 : end + 1] for end in ends]
    return np.array([((rows - mean) / deviation).ravel() for rows in windows])


def scaled(table, train, test):
    span = table[train[0] - WINDOW + 1 : train[-1] + 1]
    return [flat(table, ends, span.mean(axis=0), span.std(axis=0)) for ends in (train, test)]


def ridge_by_hand(X, y, later, alpha):
    """Hoerl & Kennard 1970: (X'X + alpha I)^-1 X'y of centred data."""
    centre, mean = X.mean(axis=0), y.mean()
    Xc = X - centre
    weights = np.linalg.solve(Xc.T @ Xc + alpha * np.eye(X.shape[1]), Xc.T @ (y - mean))
    return (later - centre) @ weights + mean


@pytest.mark.parametrize("rows", [400, 152])
def test_ridge_equals_a_solution_by_hand(rows):
    table, train, y, test, _ = planted(rows)
    result = ridge_forecast(table, train, y, test, WINDOW, output_shift=SHIFT)
    X, later = scaled(table, train, test)
    cut = len(train) - len(train) // 5
    known = cut - (SHIFT - 1)  # targets known at the first held-out origin

    def error(alpha):
        return np.mean((ridge_by_hand(X[:known], y[:known], X[cut:], alpha) - y[cut:]) ** 2)

    alpha = min(12 * np.logspace(5, -1, 7), key=error)
    assert result.chosen == f"alpha {alpha:,.4g}"
    assert result.rows == len(train)
    np.testing.assert_allclose(result.forecast, ridge_by_hand(X, y, later, alpha), rtol=1e-8)


def test_ridge_with_more_columns_than_rows_equals_a_solution_by_hand():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(70, 40))
    train, test = np.arange(2, 62), np.arange(64, 70)
    y = table[train, 0] + 0.1 * rng.normal(size=60)
    result = ridge_forecast(table, train, y, test, WINDOW, output_shift=1)
    X, later = scaled(table, train, test)
    alpha = float(result.chosen.split()[1])
    np.testing.assert_allclose(result.forecast, ridge_by_hand(X, y, later, alpha), rtol=1e-8)


def test_ridge_finds_a_signal_within_the_window():
    table, train, y, test, later = planted()
    forecast = ridge_forecast(table, train, y, test, WINDOW, output_shift=SHIFT).forecast
    assert np.mean((later - forecast) ** 2) < 0.6 * np.mean((later - y.mean()) ** 2)


def test_ridge_of_noise_ends_near_the_mean():
    table, train, y, test, _ = planted(strength=0)
    result = ridge_forecast(table, train, y, test, WINDOW, output_shift=SHIFT)
    assert np.std(result.forecast) < 0.1
    assert np.mean(result.forecast) == pytest.approx(y.mean(), abs=0.05)


@pytest.mark.parametrize("forecast", [ridge_forecast, logistic_forecast])
def test_regressions_learn_nothing_from_the_future(forecast):
    table, train, y, test, _ = planted()
    y = (y > 0.5).astype(float)
    before = forecast(table, train, y, test, WINDOW, output_shift=SHIFT)
    changed = table.copy()
    changed[test[50] + 1 :] = 1e6
    after = forecast(changed, train, y, test, WINDOW, output_shift=SHIFT)
    np.testing.assert_array_equal(before.forecast[:51], after.forecast[:51])
    assert before.chosen == after.chosen
    few = forecast(table, train, y, test[:1], WINDOW, output_shift=SHIFT)
    np.testing.assert_allclose(few.forecast, before.forecast[:1], rtol=1e-12)


@pytest.mark.parametrize("forecast", [ridge_forecast, logistic_forecast])
def test_only_the_most_recent_rows_are_fitted_when_memory_is_short(forecast, monkeypatch):
    table, train, y, test, _ = planted()
    y = (y > 0.5).astype(float)
    recent = forecast(table, train[-150:], y[-150:], test, WINDOW, output_shift=SHIFT)
    monkeypatch.setattr("rnnsearch.scoring.baselines.windows.MAX_BYTES", 150 * 12 * 4)
    bounded = forecast(table, train, y, test, WINDOW, output_shift=SHIFT)
    assert bounded.rows == 150
    np.testing.assert_allclose(bounded.forecast, recent.forecast)


@pytest.mark.parametrize("forecast", [ridge_forecast, logistic_forecast])
def test_inputs_that_do_not_vary_are_harmless(forecast):
    table, train, y, test, _ = planted()
    y = (y > 0.5).astype(float)
    table[:, 2] = 7
    result = forecast(table.astype(np.float32), train, y, test, WINDOW, output_shift=SHIFT)
    assert np.isfinite(result.forecast).all()


def test_regressions_say_when_they_do_not_apply():
    table, train, y, test, _ = planted()

    def ridge(n, values, shift=1):
        return ridge_forecast(table, train[:n], values[:n], test, WINDOW, output_shift=shift)

    for n in (0, 3, 49):
        assert ridge(n, y) == Skipped(f"needs 50 training rows, has {n}")
    assert "for the output shift" in ridge(50, y, 30).reason
    assert ridge(300, np.ones(300)) == Skipped("the training targets do not vary")
    late = np.repeat([0.0, 1.0], [290, 10])
    for rises in (np.ones(300), late):
        result = logistic_forecast(table, train[:300], rises, test, WINDOW, output_shift=1)
        assert result == Skipped("the training targets are all rises or all not")


def test_logistic_regression_is_that_of_scikit_learn_on_scaled_windows():
    table, train, y, test, later = planted()
    rises = (y > 0.5).astype(float)
    result = logistic_forecast(table, train, rises, test, WINDOW, output_shift=SHIFT)
    X, X_later = scaled(table, train, test)
    alpha = float(result.chosen.split()[1])
    model = LogisticRegression(C=1 / alpha, max_iter=200).fit(X, rises)
    np.testing.assert_allclose(result.forecast, model.predict_proba(X_later)[:, 1], atol=1e-6)
    happened = later > 0.5
    assert np.mean((result.forecast - happened) ** 2) < 0.85 * np.mean((0.5 - happened) ** 2)


# ARIMA


def prices(returns):
    return 100 * np.exp(np.concatenate([[0], np.cumsum(returns)]))


def autoregressive(rows, coefficient, seed=0, mean=0.0005):
    noise = 0.01 * np.random.default_rng(seed).normal(size=rows)
    return lfilter([1], [1, -coefficient], noise) + mean


@pytest.fixture
def one_order(monkeypatch):
    def only(p, q):
        monkeypatch.setattr("rnnsearch.scoring.baselines.arima.ARIMA_ORDERS", ((p, q),))

    return only


@pytest.mark.parametrize("shift", [1, 5])
def test_arima_without_terms_is_drift(one_order, shift):
    one_order(0, 0)
    close = prices(autoregressive(400, 0))
    rows, history = np.arange(310, 401), slice(0, 305)
    result = arima(close, rows, shift, history)
    average = drift(close, rows, shift, history).forecast
    np.testing.assert_allclose(result.forecast, average, atol=1e-6)
    assert (result.chosen, result.rows) == ("ARIMA(0, 1, 0) with drift", 304)


@pytest.mark.parametrize("order", [(1, 0), (1, 1), (0, 2), (2, 0)])
def test_arima_equals_the_forecasts_of_statsmodels_from_each_origin(one_order, order):
    one_order(*order)
    returns = autoregressive(330, 0.4)
    close, history = prices(returns), slice(20, 301)
    rows, shift = np.array([304, 310, 330]), 4
    result = arima(close, rows, shift, history)
    model = ARIMA(returns[20:300] / returns[20:300].std(), order=(order[0], 0, order[1]), trend="c")
    fit = model.fit(cov_type="none")
    for row, forecast in zip(rows, result.forecast, strict=True):
        known = returns[20 : row - shift] / returns[20:300].std()
        expected = fit.apply(known).forecast(shift).sum() * returns[20:300].std()
        assert forecast == pytest.approx(expected, abs=1e-8)


def test_arima_finds_the_order_and_beats_persistence_on_an_autoregressive_series():
    close = prices(autoregressive(1500, 0.5))
    rows = np.arange(1001, 1501)
    for shift, most in ((1, 0.9), (3, 0.95)):
        result = arima(close, rows, shift, slice(0, 1001 - shift))
        actual = np.log(close[rows] / close[rows - shift])
        ratio = math.sqrt(np.mean((actual - result.forecast) ** 2) / np.mean(actual**2))
        assert ratio < most
        assert result.chosen != "ARIMA(0, 1, 0) with drift"


def test_arima_learns_nothing_from_the_future():
    close = prices(autoregressive(400, 0.5))
    rows, shift, history = np.arange(310, 401), 3, slice(0, 305)
    before = arima(close, rows, shift, history)
    changed = close.copy()
    changed[351:] *= np.exp(np.random.default_rng(1).normal(size=50))
    after = arima(changed, rows, shift, history)
    same = rows - shift <= 350
    np.testing.assert_allclose(after.forecast[same], before.forecast[same], rtol=1e-12)
    assert (after.forecast[~same] != before.forecast[~same]).all()
    assert after.chosen == before.chosen


def test_arima_uses_the_most_recent_rows(monkeypatch):
    monkeypatch.setattr("rnnsearch.scoring.baselines.base.MAX_SERIES_ROWS", 200)
    close = prices(autoregressive(400, 0.5))
    rows = np.arange(310, 401)
    result = arima(close, rows, 1, slice(0, 305))
    assert result.rows == 200
    close[:104] = 1.0
    np.testing.assert_allclose(arima(close, rows, 1, slice(0, 305)).forecast, result.forecast)


def test_arima_says_when_it_does_not_apply(monkeypatch):
    close, rows = prices(autoregressive(400, 0)), np.arange(310, 401)
    assert arima(close, rows, 1, slice(0, 50)) == Skipped("needs 50 daily returns, has 49")
    for steady in (np.full(401, 5.0), 100 * 1.01 ** np.arange(401)):
        assert arima(steady, rows, 1, slice(0, 305)) == Skipped("the daily returns do not vary")

    def fails(*_, **__):
        raise np.linalg.LinAlgError("Schur decomposition")

    monkeypatch.setattr(ARIMA, "fit", fails)
    assert arima(close, rows, 1, slice(0, 305)) == Skipped("no ARIMA model converged")
