"""Tests of significance against hand computations, slow oracles, published examples, simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rnnsearch.scoring.inference import significance
from rnnsearch.scoring.inference.significance import (
    DieboldMariano,
    diebold_mariano,
    pesaran_timmermann,
)
from rnnsearch.scoring.inference.skipped import Skipped


def overlapping(rng, rows, horizon):
    """Sums of `horizon` normal steps: the returns of overlapping forecasts, variance 1."""
    total = np.concatenate([[0], np.cumsum(rng.normal(size=rows + horizon - 1))])
    return (total[horizon:] - total[:-horizon]) / math.sqrt(horizon)


# Diebold-Mariano


def diebold_mariano_by_hand(d, horizon, lags):
    """Diebold & Mariano 1995 with Bartlett weights, times Harvey et al. 1997, eq. 9."""
    n = len(d)
    gamma = [sum((d[i] - d.mean()) * (d[i - k] - d.mean()) for i in range(k, n)) / n
             for k in range(lags + 1)]  # fmt: skip
    variance = gamma[0] + 2 * sum((1 - k / (lags + 1)) * gamma[k] for k in range(1, lags + 1))
    correction = math.sqrt((n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n)
    return correction * d.mean() / math.sqrt(variance / n)


@pytest.mark.parametrize(("rows", "horizon", "lags"), [(60, 1, 4), (250, 5, 8), (250, 10, 18)])
def test_diebold_mariano_equals_a_computation_by_hand(rows, horizon, lags):
    rng = np.random.default_rng(horizon)
    actual = overlapping(rng, rows, horizon)
    model, naive = (actual - 0.1 * rng.normal(size=rows)) ** 2, actual**2
    result = diebold_mariano(model, naive, horizon)
    statistic = diebold_mariano_by_hand(model - naive, horizon, lags)
    assert result.statistic == pytest.approx(statistic, rel=1e-9)
    assert result.p_better == pytest.approx(stats.t(rows - 1).cdf(statistic))
    assert result.p == pytest.approx(2 * stats.t(rows - 1).cdf(-abs(statistic)))
    assert (result.lags, result.rows) == (lags, rows)


def test_diebold_mariano_with_alternating_losses_is_a_known_number():
    # d = 1, -3, 1, -3, ...: mean -1, autocovariances 4 (-1)^k (n-k)/n.
    n = 64  # 4 lags
    d = np.tile([1.0, -3.0], n // 2)
    weights = [1, -2 * 0.8 * 63 / 64, 2 * 0.6 * 62 / 64, -2 * 0.4 * 61 / 64, 2 * 0.2 * 60 / 64]
    expected = -math.sqrt((n - 1) / n) / math.sqrt(4 * sum(weights) / n)
    assert diebold_mariano(d + 5, np.full(n, 5.0)).statistic == pytest.approx(expected)


def test_which_forecast_is_called_better():
    rng = np.random.default_rng(0)
    small, large = rng.normal(size=300) ** 2, (2 * rng.normal(size=300)) ** 2
    better, worse = diebold_mariano(small, large), diebold_mariano(large, small)
    assert better.statistic == pytest.approx(-worse.statistic)
    assert better.statistic < 0
    assert better.p_better < 0.001 < 0.999 < worse.p_better
    assert better.p == pytest.approx(2 * better.p_better) == pytest.approx(worse.p)


def test_diebold_mariano_does_not_depend_on_the_unit_of_the_losses():
    rng = np.random.default_rng(0)
    model, naive = rng.normal(size=(2, 100)) ** 2
    tiny, whole = diebold_mariano(model * 1e-12, naive * 1e-12), diebold_mariano(model, naive)
    assert tiny.statistic == pytest.approx(whole.statistic)


def test_the_same_forecast_is_not_better():
    losses = np.random.default_rng(0).normal(size=50) ** 2
    assert diebold_mariano(losses, losses) == DieboldMariano(0.0, 1.0, 1.0, 4, 50)


@pytest.mark.parametrize(
    ("model", "naive", "horizon", "reason"),
    [
        (np.ones(19), np.zeros(19), 1, "needs 20 rows, has 19"),
        (np.ones(99), np.zeros(99), 5, "needs 100 rows for forecasts 5 sessions ahead, has 99"),
        (np.full(50, 1.1), np.full(50, 0.7), 1, "the same loss on every row"),
        (np.full(50, np.inf), np.ones(50), 1, "not a finite number"),
        (np.ones(50), np.full(50, np.nan), 1, "not a finite number"),
    ],
)
def test_diebold_mariano_says_when_it_does_not_apply(model, naive, horizon, reason):
    result = diebold_mariano(model, naive, horizon)
    assert isinstance(result, Skipped)
    assert reason in result.reason


@pytest.mark.parametrize("horizon", [1, 10])
def test_diebold_mariano_rejects_a_true_null_about_as_often_as_it_says(horizon):
    rng = np.random.default_rng(7)
    rejected = 0
    for _ in range(300):
        actual = overlapping(rng, 300, horizon)
        first, second = 0.5 * rng.normal(size=(2, 300))
        result = diebold_mariano((actual - first) ** 2, (actual - second) ** 2, horizon)
        rejected += result.p_better < 0.05
    assert 0.02 < rejected / 300 < 0.10


# Pesaran-Timmermann


def signs(both_up, both_down, false_up, false_down):
    """Actual and forecast signs of a table of counts, in no particular order."""
    actual = np.repeat([1.0, -1.0, -1.0, 1.0], [both_up, both_down, false_up, false_down])
    forecast = np.repeat([1.0, -1.0, 1.0, -1.0], [both_up, both_down, false_up, false_down])
    order = np.random.default_rng(0).permutation(len(actual))
    return actual[order], forecast[order]


def test_pesaran_timmermann_of_a_worked_example():
    # 65 of 100 right, 50 rises, 55 forecast: P* = 0.5, var(P) = 0.0025, var(P*) = 0.000025.
    result = pesaran_timmermann(*signs(35, 30, 20, 15))
    assert result.statistic == pytest.approx(0.15 / math.sqrt(0.002475))
    assert result.p_better == pytest.approx(stats.norm.sf(3.0151134458))
    assert (result.accuracy, result.expected, result.rows) == (0.65, pytest.approx(0.5), 100)


@given(st.tuples(*[st.integers(3, 60)] * 4))
def test_pesaran_timmermann_equals_the_formula_of_the_paper(counts):
    result = pesaran_timmermann(*signs(*counts))
    n, y, x = sum(counts), (counts[0] + counts[3]), (counts[0] + counts[2])
    if n < 20 or min(y, n - y, x, n - x) < 5:
        assert isinstance(result, Skipped)
        return
    hit, y, x = (counts[0] + counts[1]) / n, y / n, x / n
    chance = y * x + (1 - y) * (1 - x)
    of_hit = chance * (1 - chance) / n
    of_chance = ((2 * y - 1) ** 2 * x * (1 - x) + (2 * x - 1) ** 2 * y * (1 - y)) / n
    assert result.statistic == pytest.approx((hit - chance) / math.sqrt(of_hit - of_chance))


def test_always_forecasting_a_rise_has_no_direction_to_test():
    actual = np.random.default_rng(0).normal(0.1, 1, 100)
    assert pesaran_timmermann(actual, np.ones(100)) == Skipped("all forecasts go the same way")
    assert pesaran_timmermann(np.ones(100), actual) == Skipped("all actual values go the same way")
    few = np.where(np.arange(100) < 3, -1.0, 1.0)
    assert "97 rises and 3 falls" in pesaran_timmermann(actual, few).reason
    assert pesaran_timmermann(actual[:12], few[:12]) == Skipped("needs 20 rows, has 12")
    assert "finite" in pesaran_timmermann(actual, actual * np.nan).reason


def test_overlapping_directions_are_thinned():
    # Forecast and actual direction keep for five rows and have nothing to do with each other.
    rng = np.random.default_rng(0)
    rejected = 0
    for _ in range(200):
        actual, forecast = overlapping(rng, 500, 5), np.repeat(rng.normal(size=100), 5)
        result = pesaran_timmermann(actual, forecast, 5)
        rejected += result.p_better < 0.05
    assert result.rows == 100
    assert rejected / 200 < 0.09
    last = pesaran_timmermann(actual[4::5], forecast[4::5])
    assert last == result


def test_better_than_both_is_no_more_than_better_than_the_harder():
    one, two = (DieboldMariano(0.0, p, 2 * p, 1, 100) for p in (0.01, 0.2))
    assert significance.hardest([one, two]) == two
    assert significance.hardest([one, Skipped("why")]) == Skipped("why")
