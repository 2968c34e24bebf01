"""How wide an interval is on each session: what a usual move is, and how often it is multiplied."""

import numpy as np
import pytest
from arch.univariate import EWMAVariance

from rnnsearch import targets
from rnnsearch.model.forecasting.bands import Moves, radii, scales_of_validation
from rnnsearch.scoring.volatility import recent_size


def stormy(seed=0, rows=600, start=100.0):
    """Prices of a calm, a storm that is five times as wild, and a calm."""
    sizes = np.repeat([0.01, 0.05, 0.01], rows // 3)
    moves = np.random.default_rng(seed).normal(size=rows) * sizes
    return start * np.exp(np.cumsum(moves))


def told(close, *, predict="log_return", horizon=1, history=300, since=250):
    """Half widths of forecasts of no change from the last `since` sessions."""
    moves = Moves.fit(close[:history], targets.get(predict))
    origins = np.arange(len(close) - since, len(close))
    forecast = close[origins] if predict == "level" else np.zeros(since)
    calibration = np.random.default_rng(1).normal(size=100)
    return radii(
        close,
        origins,
        forecast,
        calibration=calibration,
        moves=moves,
        since=since,
        horizon=horizon,
        target=targets.get(predict),
        alpha=0.1,
    )


def test_the_size_of_recent_changes_is_that_of_riskmetrics_in_arch():
    changes = np.random.default_rng(0).normal(size=200)
    process = EWMAVariance(0.94)
    found = np.empty(200)
    bounds = np.tile([1e-12, 1e12], (200, 1))
    process.compute_variance(np.array([]), changes, found, 4.0, bounds)
    ours = recent_size(changes, 2.0) ** 2
    # arch forecasts the next variance, so its first is the start and its last lacks one change.
    np.testing.assert_allclose(ours[:-1], found, rtol=1e-10)


def test_later_prices_change_no_usual_move():
    close = stormy()
    for predict in ("log_return", "level"):
        moves = Moves.fit(close[:300], targets.get(predict))
        other = close.copy()
        other[400:] *= np.linspace(1, 9, 200)
        np.testing.assert_array_equal(moves.at(other)[:400], moves.at(close)[:400])
        np.testing.assert_array_equal(moves.at(close[:400]), moves.at(close)[:400])
        assert (moves.at(other)[401:] != moves.at(close)[401:]).all()


def test_the_usual_move_of_returns_has_no_unit_and_that_of_prices_has_theirs():
    close = stormy()
    returns, prices = (
        Moves.fit(close[:300], targets.get(kind)) for kind in ("log_return", "level")
    )
    np.testing.assert_allclose(returns.at(1000 * close), returns.at(close))
    np.testing.assert_allclose(prices.at(close), returns.at(close) * close)
    spread = close - 100  # no percent of it makes sense
    moves = Moves.fit(spread[:300], targets.get("level"))
    assert not moves.relative
    np.testing.assert_allclose(moves.at(spread + 7), moves.at(spread))


@pytest.mark.parametrize("predict", ["log_return", "level"])
@pytest.mark.parametrize("horizon", [1, 5])
def test_intervals_are_wide_in_a_storm_and_narrow_in_a_calm(predict, horizon):
    close = stormy()
    width = told(close, predict=predict, horizon=horizon)
    if predict == "level":
        width = width / close[-250:]
    storm, calm = width[:50].mean(), width[150:].mean()
    assert storm > 3 * calm > 0


@pytest.mark.parametrize("predict", ["log_return", "level"])
def test_changing_the_future_changes_no_interval(predict):
    close = stormy()
    for horizon in (1, 5):
        whole = told(close, predict=predict, horizon=horizon)
        other = close.copy()
        other[500:] *= 1.3
        changed = told(other, predict=predict, horizon=horizon)
        np.testing.assert_array_equal(changed[:150], whole[:150])  # origins before row 500
        assert (changed[150:] != whole[150:]).all()


def test_prices_that_do_not_move_or_touch_nought_give_no_warning():
    flat = np.full(600, 5.0)
    assert np.isfinite(told(flat)).all()
    assert told(flat)[0] > 0
    spread = np.concatenate([np.linspace(-2, 2, 300), np.full(300, 2.0)])
    assert np.isfinite(told(spread, predict="level")).all()
    ruined = stormy()
    ruined[500:510] = 0.0
    assert np.isfinite(told(ruined, predict="level")[:150]).all()
    ruined[500:510] = -1.0
    assert np.isfinite(told(ruined, predict="level")[:150]).all()


def test_the_scales_of_an_older_champion_are_those_of_its_historys_last_targets():
    close = stormy()
    moves = Moves.fit(close, targets.get("log_return")).at(close)
    np.testing.assert_array_equal(
        scales_of_validation(close, 40, 3, targets.get("log_return")), moves[600 - 40 - 3 : 600 - 3]
    )
