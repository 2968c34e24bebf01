"""What is forecast, and what needs no learning to be said of it."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rnnsearch import targets
from rnnsearch.scoring import metrics
from rnnsearch.scoring.gain import gain, overlap
from rnnsearch.targets import TARGETS, Quotes, naive_forecasts

PRICED = [target for target in TARGETS.values() if target.priced]


def prices(rows: int, seed: int = 0, drift: float = 0.0) -> np.ndarray:
    return 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(drift, 0.01, rows)))


@given(st.integers(1, 5), st.sampled_from(PRICED))
def test_a_perfect_forecast_becomes_the_price_that_came(h, target):
    close, rows = prices(60), np.arange(10, 60)
    perfect = target.values(close, rows, h)
    np.testing.assert_allclose(target.to_price(perfect, close[rows - h]), close[rows])


@pytest.mark.parametrize("target", PRICED, ids=lambda target: target.name)
def test_no_change_is_the_last_known_price(target):
    close, rows = prices(60), np.arange(10, 60)
    naive = naive_forecasts(target, Quotes(close), rows, 3, rows)["no_change"]
    np.testing.assert_allclose(target.to_price(naive, close[rows - 3]), close[rows - 3])


def test_the_naive_direction_is_the_share_of_rises_in_training():
    close = np.array([1.0, 2, 3, 2, 2, 9, 9])
    direction = targets.get("direction")
    naive = naive_forecasts(direction, Quotes(close), np.array([5, 6]), 1, np.array([1, 2, 3, 4]))
    assert naive["base_rate"].tolist() == [0.5, 0.5]


def test_a_direction_has_no_price():
    with pytest.raises(ValueError, match="no price"):
        targets.get("direction").to_price(np.ones(1), np.ones(1))


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=50))
def test_scaled_targets_come_back(values):
    y = np.array(values)
    for target in TARGETS.values():
        scale = target.fit_scale(y)
        assume(scale.scale > 1e-6)
        np.testing.assert_allclose(scale.unscale(scale.scale_values(y)), y, rtol=1e-5, atol=1e-3)


def test_a_network_that_says_zero_is_no_change():
    y = np.random.default_rng(0).normal(0.001, 0.01, 500)
    scale = targets.get("log_return").fit_scale(y)
    assert scale.unscale(np.zeros(3)).tolist() == [0, 0, 0]
    assert np.mean(scale.scale_values(y) ** 2) == pytest.approx(1)


def test_targets_that_do_not_vary_are_not_divided_by_zero():
    assert targets.get("log_return").fit_scale(np.zeros(9)).scale == 1
    assert targets.get("level").fit_scale(np.full(9, 5.0)).scale == 1


# --- doing nothing is the best that needs no learning


def test_a_price_of_the_row_is_expected_where_the_row_closed():
    """Yesterday's open is old when its close is known."""
    rng = np.random.default_rng(1)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 600)))
    opens = np.concatenate([[100.0], close[:-1]]) * np.exp(rng.normal(0, 1e-4, 600))
    rows, train = np.arange(400, 600), np.arange(50, 380)
    for target in PRICED:
        quotes = Quotes(opens, close)
        actual = target.values(opens, rows, 1)
        naive = naive_forecasts(target, quotes, rows, 1, train)["no_change"]
        own = naive_forecasts(target, Quotes(opens), rows, 1, train)["no_change"]
        assert metrics.rmse(actual, naive) < 0.05 * metrics.rmse(actual, own)
    direction = targets.get("direction")
    up = direction.values(opens, rows, 1)
    base = naive_forecasts(direction, Quotes(opens, close), rows, 1, train)["base_rate"]
    assert metrics.rmse(up, base) < 0.2


@pytest.mark.parametrize("h", [1, 5])
@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.name)
def test_what_has_learnt_the_average_of_the_training_rows_has_no_skill(target, h):
    close = prices(900, drift=0.002)
    rows, train = np.arange(700, 900), np.arange(50, 690)
    actual = target.values(close, rows, h)
    naive = naive_forecasts(target, Quotes(close), rows, h, train)
    _, hardest = targets.hardest(actual, list(naive.values()))
    for learnt in naive.values():
        assert metrics.skill(actual, learnt, hardest) <= 0


def test_a_constant_has_no_skill_on_independent_labels():
    labels = np.random.default_rng(2).normal(5, 1, 900)
    level = targets.get("level")
    rows, train = np.arange(700, 900), np.arange(50, 690)
    actual = level.values(labels, rows, 1)
    naive = naive_forecasts(level, Quotes(labels), rows, 1, train)
    _, hardest = targets.hardest(actual, list(naive.values()))
    assert metrics.skill(actual, np.full(200, labels[train].mean()), hardest) <= 0
    assert metrics.skill(actual, np.full(200, labels[train].mean()), naive["no_change"]) > 0.2


def test_a_study_of_old_knows_one_naive_forecast():
    close, rows = prices(200), np.arange(100, 200)
    for target in TARGETS.values():
        (naive,) = naive_forecasts(target, Quotes(close), rows, 2, rows, scoring=1).values()
        np.testing.assert_array_equal(naive, target.first_naive(Quotes(close), rows, 2, rows))


@given(h=st.integers(1, 6), own=st.booleans())
def test_the_pieces_of_a_return_add_up_to_it(h, own):
    target = targets.get("log_return")
    series, close = prices(60, 1), prices(60, 2)
    rows = np.arange(10, 60)
    quotes = Quotes(series) if own else Quotes(series, close)
    known = target.naive(quotes, rows, h, rows)["no_change"][-1]
    pieces = target.pieces(quotes, rows, h)
    assert pieces.shape == (h, len(rows))
    np.testing.assert_allclose(
        pieces.sum(axis=0), target.values(series, rows, h) - known, atol=1e-9
    )


# --- gain


def test_one_session_ahead_gain_is_skill():
    rng = np.random.default_rng(0)
    assert gain(0.03, [rng.normal(size=50)], [rng.normal(size=50)], 1) == 0.03


def test_gain_divides_by_what_overlap_adds_to_the_variance_of_a_mean_of_products():
    """Against the variance of many such means: slow bets on overlapping moves, and quick ones."""
    rng = np.random.default_rng(3)
    h, rows, files = 5, 400, 2_000
    for persistence, seen in ((0.0, 1.0), (0.95, 4.4)):
        steps = rng.normal(size=(files, rows + h))
        sums = np.lib.stride_tricks.sliding_window_view(steps, h, axis=1)[:, :rows].sum(axis=2)
        bets = np.zeros((files, rows))
        bets[:, 0] = rng.normal(size=files)
        for row in range(1, rows):
            shock = rng.normal(size=files) * np.sqrt(1 - persistence**2)
            bets[:, row] = persistence * bets[:, row - 1] + shock
        inflation = np.var(np.mean(sums * bets, axis=1)) * rows / h
        kappa = np.mean([overlap([e], [g], h) for e, g in zip(sums[:200], bets[:200], strict=True)])
        assert kappa == pytest.approx(seen, rel=0.08)
        assert kappa == pytest.approx(inflation, rel=0.12)


def test_a_bet_that_is_always_the_same_overlaps_as_much_as_can_be():
    moves = np.convolve(np.random.default_rng(0).normal(size=2_000), np.ones(4), "valid")
    assert overlap([moves], [np.ones_like(moves)], 4) == pytest.approx(4, rel=0.1)
    assert overlap([moves], [np.zeros_like(moves)], 4) == 4
