"""What is forecast, and what needs no learning to be said of it."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rnnsearch import targets
from rnnsearch.scoring import metrics
from rnnsearch.scoring.gain import gain, overlap
from rnnsearch.targets import Quotes, naive_forecasts, ours

PRICED = [target for target in ours().values() if target.priced]


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
    for target in ours().values():
        scale = target.fit_scale(y)
        assume(scale.scale > 1e-6)
        each = scale.at(Quotes(y), np.arange(len(y)))
        np.testing.assert_allclose(each.unscale(each.scale_values(y)), y, rtol=1e-5, atol=1e-3)


def walk(rows: int = 600, start: float = 0.0) -> np.ndarray:
    return start + np.cumsum(np.random.default_rng(4).normal(size=rows))


@given(
    h=st.integers(1, 5),
    series=st.sampled_from([walk(), walk(start=-90.0), prices(600), prices(600, drift=0.01)]),
    own=st.booleans(),
)
def test_taught_targets_come_back_on_every_row(h, series, own):
    quotes = Quotes(series, None if own else series * 1.01)
    rows = np.arange(400, 600)
    for target in ours().values():
        if target.name == "log_return" and series.min() <= 0:
            continue
        for formulation in range(1, target.formulation + 1):
            scale = target.taught(quotes, np.arange(50, 390), h, formulation)
            each = scale.at(quotes, rows - h)
            y = target.values(series, rows, h)
            np.testing.assert_allclose(each.unscale(each.scale_values(y)), y, rtol=1e-5, atol=1e-4)
            part = slice(None, None, 7)
            np.testing.assert_array_equal(
                each[part].unscale(np.zeros(len(y[part]))), each.unscale(np.zeros(len(y)))[part]
            )


@pytest.mark.parametrize("h", [1, 4])
@pytest.mark.parametrize("start", [0.0, 300.0])
def test_a_network_of_levels_that_says_zero_says_the_last_value_however_far_it_is(start, h):
    level, series = targets.get("level"), walk(start=start)
    scale = level.taught(Quotes(series), np.arange(50, 390), h, level.formulation)
    far = series + 10_000
    rows = np.arange(400, 600)
    said = scale.at(Quotes(far), rows - h).unscale(np.zeros(200))
    np.testing.assert_array_equal(said, far[rows - h])


def test_moves_of_a_growing_price_are_shares_of_it_and_those_of_a_walk_are_differences():
    level, train = targets.get("level"), np.arange(50, 590)
    growing = level.taught(Quotes(prices(600, drift=0.01)), train, 1, 2)
    assert growing.relative
    assert growing.scale == pytest.approx(0.0142, rel=0.1)
    differences = level.taught(Quotes(walk(start=300.0)), train, 1, 2)
    assert not differences.relative
    assert differences.scale == pytest.approx(1, rel=0.1)
    # A share of nothing is nothing: where the price falls below all that training saw, it is
    # counted in shares of the least it saw.
    unit = growing.at(Quotes(np.array([0.0, -5.0, 1e9])), np.arange(3)).unit
    assert (unit > 0).all()
    assert unit[2] == pytest.approx(1e9 * growing.scale)


def test_where_the_average_is_harder_on_training_rows_the_forecast_starts_from_it():
    level, train = targets.get("level"), np.arange(50, 590)
    labels = np.random.default_rng(2).normal(5, 1, 600)
    scale = level.taught(Quotes(labels), train, 1, 2)
    assert scale == level.fit_scale(labels[train])
    said = scale.at(Quotes(labels), train).unscale(np.zeros(540))
    np.testing.assert_allclose(said, labels[train].mean())


def test_a_forecast_of_an_open_starts_from_the_close_before_it():
    close = prices(600)
    opens = np.concatenate([[100.0], close[:-1]])
    level, rows = targets.get("level"), np.arange(400, 600)
    scale = level.taught(Quotes(opens, close), np.arange(50, 390), 1, 2)
    assert scale.start == "close"
    said = scale.at(Quotes(opens, close), rows - 1).unscale(np.zeros(200))
    np.testing.assert_allclose(said, opens[rows])


def test_a_study_of_old_learns_the_level_itself():
    level, series = targets.get("level"), prices(600)
    train = np.arange(50, 390)
    assert level.taught(Quotes(series), train, 1, 1) == level.fit_scale(series[train])


def test_a_network_that_says_zero_is_no_change():
    y = np.random.default_rng(0).normal(0.001, 0.01, 500)
    scale = targets.get("log_return").fit_scale(y)
    each = scale.at(Quotes(y), np.arange(500))
    assert each.unscale(np.zeros(500)).tolist() == [0.0] * 500
    assert np.mean(each.scale_values(y) ** 2) == pytest.approx(1)


def test_targets_that_do_not_vary_are_not_divided_by_zero():
    assert targets.get("log_return").fit_scale(np.zeros(9)).scale == 1
    level = targets.get("level")
    assert level.fit_scale(np.full(9, 5.0)).scale == 1
    assert level.taught(Quotes(np.full(9, 5.0)), np.arange(2, 9), 1, 2).scale == 1
    assert level.taught(Quotes(np.zeros(9)), np.arange(2, 9), 1, 2).scale == 1


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
@pytest.mark.parametrize("target", ours().values(), ids=lambda target: target.name)
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
    for target in ours().values():
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
