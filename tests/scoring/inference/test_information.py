"""The information tests against slow oracles, statsmodels, and simulations whose truth is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from rnnsearch.scoring.inference.information import (
    ClarkWest,
    Information,
    clark_west,
    hodrick_variance,
    holm,
    information,
    overlap_variance,
    weights_against_later_rows,
)
from rnnsearch.scoring.inference.skipped import Skipped


def returns_ahead(rng, rows, horizon, drift=0.0):
    """Overlapping returns (n,) and what each session brings to them (h, n)."""
    daily = drift + rng.standard_t(5, size=rows + horizon - 1)
    pieces = np.stack([daily[ahead : ahead + rows] for ahead in range(horizon)])
    return pieces.sum(axis=0), pieces


def persistent(rng, rows, phi):
    series = rng.normal(size=rows) / math.sqrt(1 - phi**2 if phi else 1)
    shocks = rng.normal(size=rows)
    for row in range(1, rows):
        series[row] = phi * series[row - 1] + shocks[row]
    return series


# Weights


def test_the_weights_give_the_covariance_with_values_less_the_mean_of_later_ones():
    rng = np.random.default_rng(0)
    news, actual = rng.normal(size=30), rng.normal(size=30)
    expected = sum(
        math.sqrt((29 - i) / (30 - i)) * news[i] * (actual[i] - actual[i + 1 :].mean())
        for i in range(29)
    )
    assert weights_against_later_rows(news) @ actual == pytest.approx(expected, rel=1e-12)


@given(st.integers(2, 300), st.integers(0, 1000))
def test_the_weights_sum_to_zero_so_that_a_drift_adds_nothing(rows, seed):
    weights = weights_against_later_rows(np.random.default_rng(seed).normal(3, 1, size=rows))
    assert weights.sum() == pytest.approx(0, abs=1e-9 * rows)


def test_no_weight_depends_on_a_later_forecast():
    rng = np.random.default_rng(1)
    news = rng.normal(size=100)
    changed = news.copy()
    changed[60:] = 1e3 * rng.normal(size=40)
    before = weights_against_later_rows(news)[:60]
    np.testing.assert_array_equal(weights_against_later_rows(changed)[:60], before)


# Variances


@pytest.mark.parametrize("horizon", [1, 2, 5])
def test_hodricks_variance_equals_a_double_loop_over_sessions_and_rows(horizon):
    rng = np.random.default_rng(horizon)
    rows = 40
    weights, pieces = rng.normal(size=rows), rng.normal(size=(horizon, rows))
    expected = 0.0
    for session in range(1, rows + horizon):
        brought = 0.0
        for row in range(rows):
            if 1 <= session - row <= horizon:
                brought += pieces[session - row - 1, row] * weights[row]
        expected += brought**2
    assert hodrick_variance(weights, pieces) == pytest.approx(expected, rel=1e-12)


def test_hodricks_variance_of_returns_is_the_return_times_the_sum_of_the_last_weights():
    # Hodrick 1992, eq. 8: each session's return with the sum of the h regressors before it.
    rng = np.random.default_rng(4)
    _, pieces = returns_ahead(rng, 50, 3)
    weights = rng.normal(size=50)
    daily = np.concatenate([pieces[0], pieces[1:, -1]])
    summed = np.convolve(weights, np.ones(3))
    expected = float(((daily * summed) ** 2).sum())
    assert hodrick_variance(weights, pieces) == pytest.approx(expected, rel=1e-12)


def test_both_variances_are_whites_one_session_ahead():
    rng = np.random.default_rng(5)
    weights, surprise = rng.normal(size=60), rng.standard_t(5, size=60)
    white = float((weights**2) @ (surprise**2))
    assert overlap_variance(weights, surprise, 1) == pytest.approx(white, rel=1e-12)
    assert hodrick_variance(weights, surprise[None]) == pytest.approx(white, rel=1e-12)


def test_the_overlap_variance_equals_a_double_loop_over_pairs_of_rows():
    rng = np.random.default_rng(6)
    horizon, rows = 4, 80
    surprise, _ = returns_ahead(rng, rows, horizon)
    weights = persistent(rng, rows, 0.9)
    product = 0.0
    for lag in range(-horizon + 1, horizon):
        pairs = [(i, i + lag) for i in range(rows) if 0 <= i + lag < rows]
        product += sum(surprise[a] * surprise[b] for a, b in pairs) * sum(
            weights[a] * weights[b] for a, b in pairs
        )
    together = ((surprise * weights) ** 2).sum() * rows / ((surprise**2).sum() * (weights**2).sum())
    assert overlap_variance(weights, surprise, horizon) == pytest.approx(
        together * product / rows, rel=1e-12
    )


# Information


def test_the_statistic_one_session_ahead_is_a_score_test_of_statsmodels():
    # n times the uncentred R² of a regression of 1 on the scores: Wooldridge 1991's form.
    from statsmodels.regression.linear_model import OLS

    rng = np.random.default_rng(7)
    forecast = rng.normal(size=200)
    actual = 0.1 * forecast + rng.standard_t(5, size=200)
    scores = weights_against_later_rows(forecast - 0.2) * (actual - actual.mean())
    fit = OLS(np.ones(200), scores).fit()
    result = information(actual, forecast, centre=0.2)
    assert isinstance(result, Information)
    assert result.statistic**2 == pytest.approx(200 * fit.rsquared, rel=1e-9)
    assert result.p == pytest.approx(stats.t(199).sf(result.statistic))
    assert result.slope == pytest.approx(stats.linregress(forecast, actual).slope)


def test_a_naive_forecast_adds_nothing_to_what_a_constant_knows():
    rng = np.random.default_rng(8)
    forecast, actual = rng.normal(size=(2, 100))
    alone = information(actual, forecast, centre=0.0)
    assert information(actual, forecast, known=[np.zeros(100)], centre=0.0) == alone


@pytest.mark.parametrize("drift", [-3.0, 5.0])
def test_a_drift_moves_nothing(drift):
    rng = np.random.default_rng(9)
    actual, pieces = returns_ahead(rng, 200, 5)
    forecast = rng.normal(size=200)
    still = information(actual, forecast, pieces=pieces, horizon=5, centre=0.0)
    moved = information(actual + 5 * drift, forecast, pieces=pieces + drift, horizon=5, centre=0.0)
    assert isinstance(still, Information)
    assert isinstance(moved, Information)
    assert moved.statistic == pytest.approx(still.statistic, rel=1e-9)


def test_units_move_nothing():
    rng = np.random.default_rng(10)
    walk = np.cumsum(rng.normal(size=201))
    actual, last = walk[1:], walk[:-1]
    forecast = last + rng.normal(size=200)
    one = information(actual, forecast, known=[last])
    other = information(1000 + 50 * actual, 1000 + 50 * forecast, known=[1000 + 50 * last])
    assert isinstance(one, Information)
    assert isinstance(other, Information)
    assert other.statistic == pytest.approx(one.statistic, rel=1e-6)


@pytest.mark.parametrize(
    "forecast",
    [
        pytest.param(lambda last: np.full(len(last), 7.0), id="a constant"),
        pytest.param(lambda last: last, id="the last value"),
        pytest.param(lambda last: 0.9 * last + 4, id="between the last value and the mean"),
        pytest.param(
            lambda last: (
                np.full(len(last), 7.0, dtype=np.float32)
                * (1 + np.float32(1e-7) * (np.arange(len(last)) % 2))
            ),
            id="a constant of single precision",
        ),
    ],
)
def test_a_forecast_that_says_what_doing_nothing_says_is_skipped(forecast):
    rng = np.random.default_rng(11)
    walk = 100 + np.cumsum(rng.normal(size=201))
    result = information(walk[1:], np.asarray(forecast(walk[:-1]), float), known=[walk[:-1]])
    assert result == Skipped("the forecasts do not vary beyond what doing nothing knows")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda y, f: (y[:99], f[:99]), "needs 100 rows for forecasts 5 sessions ahead, has 99"),
        (lambda y, f: (y, np.where(f == f[3], np.nan, f)), "a value is not a finite number"),
        (lambda y, f: (np.full(200, 3.0), f), "nothing is left to forecast"),
    ],
)
def test_what_the_test_does_not_apply_to_is_skipped_with_its_reason(change, reason):
    rng = np.random.default_rng(12)
    actual, forecast = change(returns_ahead(rng, 200, 5)[0], rng.normal(size=200))
    result = information(actual, forecast, horizon=5)
    assert isinstance(result, Skipped)
    assert result.reason.startswith(reason)


def share_informative(files, make):
    """Share of files called informative, and the largest share of a fair 5 % that luck explains."""
    answers = [make(np.random.default_rng(seed)) for seed in range(files)]
    found = sum(isinstance(answer, Information) and answer.p < 0.05 for answer in answers)
    return found / files, stats.binom(files, 0.05).ppf(0.9999) / files


@pytest.mark.parametrize("horizon", [1, 5])
@pytest.mark.parametrize("phi", [0.0, 0.98])
def test_noise_with_drift_is_rarely_called_informative(horizon, phi):
    def noise(rng):
        actual, pieces = returns_ahead(rng, 250, horizon, drift=0.1)
        forecast = persistent(rng, 250, phi)
        return information(actual, forecast, pieces=pieces, horizon=horizon, centre=0.0)

    share, limit = share_informative(300, noise)
    assert share <= limit


def test_a_forecast_made_of_past_prices_is_rarely_called_informative_on_a_random_walk():
    # Minus the price: a regression on the same rows calls about one in two informative.
    def reverting(rng):
        price = np.cumsum(rng.normal(size=251))
        return information(np.diff(price), -price[:-1], centre=0.0)

    share, limit = share_informative(300, reverting)
    assert share <= limit


def test_a_signal_of_five_percent_is_nearly_always_seen_in_a_thousand_rows():
    def signal(rng):
        forecast = rng.normal(size=1000)
        actual = math.sqrt(0.05) * forecast + math.sqrt(0.95 * 3 / 5) * rng.standard_t(5, size=1000)
        return information(actual, forecast, centre=0.0)

    assert share_informative(50, signal)[0] == 1


# Clark and West


@pytest.mark.parametrize(("horizon", "lags"), [(1, 0), (5, 8)])
def test_clark_west_is_a_regression_of_the_adjusted_difference_on_a_constant(horizon, lags):
    rng = np.random.default_rng(13)
    actual, _ = returns_ahead(rng, 300, horizon)
    forecast, nested = 0.2 * rng.normal(size=300), np.full(300, 0.05)
    result = clark_west(actual, forecast, nested, horizon)
    assert isinstance(result, ClarkWest)
    d = 2 * (actual - nested) * (forecast - nested)  # what the adjusted difference comes to
    e = d - d.mean()
    variance = (e @ e) / 300 + 2 * sum(
        (1 - k / (lags + 1)) * (e[k:] @ e[:-k]) / 300 for k in range(1, lags + 1)
    )
    correction = 300 / 299 if lags == 0 else 1  # least squares divides by n - 1
    statistic = d.mean() / math.sqrt(correction * variance / 300)
    assert result.statistic == pytest.approx(statistic, rel=1e-9)
    assert result.gain == pytest.approx(d.mean())
    assert result.p == pytest.approx(stats.norm.sf(statistic))
    assert (result.lags, result.rows) == (lags, 300)


def test_clark_west_one_session_ahead_is_students_t_of_the_adjusted_differences():
    rng = np.random.default_rng(14)
    actual, forecast = rng.normal(size=(2, 100))
    result = clark_west(actual, forecast, np.zeros(100))
    assert isinstance(result, ClarkWest)
    expected = stats.ttest_1samp(2 * actual * forecast, 0).statistic
    assert result.statistic == pytest.approx(expected)


@pytest.mark.parametrize(
    ("rows", "forecast", "reason"),
    [
        (19, lambda n: np.arange(n, dtype=float), "needs 20 rows, has 19"),
        (30, lambda n: np.full(n, 0.3), "the forecast differs from the naive one by the same"),
        (30, lambda n: np.full(n, np.inf), "a value is not a finite number"),
    ],
)
def test_clark_west_is_skipped_where_it_does_not_apply(rows, forecast, reason):
    actual = np.random.default_rng(15).normal(size=rows)
    result = clark_west(actual, forecast(rows), np.zeros(rows))
    assert isinstance(result, Skipped)
    assert result.reason.startswith(reason)


# Holm


def test_holm_corrects_a_known_example_and_an_empty_list():
    # Sorted 0.005, 0.01, 0.03, 0.04: times 4, 3, 2, 1, and never below the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_is_that_of_the_paper(p_values):
    """The least level at which each is rejected, and with it all before it."""
    in_order, count = sorted(p_values), len(p_values)
    expected = {}
    for place, p in enumerate(in_order):
        expected[p] = min(1.0, max((count - k) * in_order[k] for k in range(place + 1)))
    found = holm(p_values)
    assert found == pytest.approx([found[p_values.index(p)] for p in p_values])  # ties alike
    assert [expected[p] for p in p_values] == pytest.approx(found)


def test_holm_is_statsmodels_s():
    p_values = np.random.default_rng(16).uniform(size=200) ** 3
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1].tolist())
