"""The order of a day's forecasts, and what following it earns, against slow and obvious code."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from rnnsearch.scoring.panel.longshort import long_short
from rnnsearch.scoring.panel.ranks import cross_section, mean_rank_ic

RNG = np.random.default_rng(0)


def made(dates: int = 60, series: int = 7) -> tuple[np.ndarray, np.ndarray]:
    forecast = RNG.normal(size=(dates, series))
    actual = 0.5 * forecast + RNG.normal(size=(dates, series))
    forecast[RNG.random((dates, series)) < 0.1] = np.nan
    return forecast, actual


def test_the_rank_correlation_is_the_mean_of_the_days() -> None:
    forecast, actual = made()
    found = cross_section(forecast, actual, 1)
    assert found is not None
    days = []
    for f, a in zip(forecast, actual, strict=True):
        there = np.isfinite(f)
        if there.sum() >= 5:
            days.append(spearmanr(f[there], a[there]).statistic)
    assert found.rank_ic == pytest.approx(np.mean(days))
    assert found.icir == pytest.approx(np.mean(days) / np.std(days, ddof=1))
    assert found.above == pytest.approx(np.mean(np.array(days) > 0))
    assert found.p < 0.01
    assert found.dates == len(days)


def test_few_series_or_dates_have_no_order() -> None:
    forecast, actual = made(series=4)
    assert cross_section(forecast, actual, 1) is None
    assert cross_section(*made(dates=10), 1) is None
    nothing = np.zeros((60, 4))
    assert long_short(forecast, nothing, 1, cost=5.0, per_year=252) is None


def test_a_portfolio_is_what_a_loop_over_days_holds_and_pays() -> None:
    forecast, returns = made()
    returns *= 0.01
    # Each has a session on each date, with a forecast or with a return.
    returns[(RNG.random(returns.shape) < 0.1) & np.isfinite(forecast)] = np.nan
    for h in (1, 3):
        figures, net = long_short(forecast, returns, h, cost=7.0, per_year=252)
        weights = []
        for row in forecast:
            there = np.flatnonzero(np.isfinite(row))
            own = np.zeros(len(row))
            if len(there) >= 5:
                own[there] = np.argsort(np.argsort(row[there])) - (len(there) - 1) / 2
                own /= np.abs(own).sum()
            weights.append(own)
        held = np.zeros(forecast.shape[1])
        expected = []
        for day in range(len(forecast)):
            earned = float(np.nansum(held * np.where(np.isnan(returns[day]), 0, returns[day])))
            new = np.sum(weights[max(day - h + 1, 0) : day + 1], axis=0) / h
            expected.append(earned - 7e-4 * np.abs(new - held).sum())
            held = new
        np.testing.assert_allclose(net, expected, atol=1e-12)
        assert figures.sharpe == pytest.approx(
            np.mean(expected) / np.std(expected, ddof=1) * np.sqrt(252)
        )
        assert figures.sharpe < figures.sharpe_gross


def test_what_is_held_over_a_holiday_earns_the_return_to_the_session_after_it() -> None:
    forecast = RNG.normal(size=(12, 6))
    returns = RNG.normal(size=(12, 6)) * 0.01
    whole, _ = long_short(forecast, returns, 1, cost=0.0, per_year=252)
    # The first series has no session on the fourth date; it ends after the tenth.
    forecast[3, 0] = returns[3, 0] = np.nan
    forecast[10:, 0] = returns[10:, 0] = np.nan
    for h in (1, 2):
        figures, net = long_short(forecast, returns, h, cost=0.0, per_year=252)
        weights = np.zeros(forecast.shape)
        for day, row in enumerate(forecast):
            there = np.flatnonzero(np.isfinite(row))
            ranks = np.argsort(np.argsort(row[there])) - (len(there) - 1) / 2
            weights[day, there] = ranks / np.abs(ranks).sum()
        expected = np.zeros(12)
        for place in range(6):
            sessions = [day for day in range(12) if np.isfinite(forecast[day, place])]
            for number, day in enumerate(sessions[1:], start=1):
                known = [weights[d, place] for d in sessions[max(number - h, 0) : number]]
                expected[day] += sum(known) / h * returns[day, place]
        np.testing.assert_allclose(net, expected, atol=1e-12)
    assert figures.turnover < 3 * whole.turnover


def test_rows_in_any_order_have_the_rank_correlation_of_their_days() -> None:
    forecast, actual = made()
    there = np.isfinite(forecast)
    days = np.broadcast_to(np.arange(len(forecast))[:, None], forecast.shape)[there]
    mixed = RNG.permutation(len(days))
    found = mean_rank_ic(days[mixed], forecast[there][mixed], actual[there][mixed])
    whole = cross_section(forecast, actual, 1)
    assert whole is not None
    assert found == pytest.approx(whole.rank_ic)
    assert mean_rank_ic(days, np.zeros(len(days)), actual[there]) == 0
    assert mean_rank_ic(days, forecast[there], np.zeros(len(days))) is None
    few = days < 19
    assert mean_rank_ic(days[few], forecast[there][few], actual[there][few]) is None
