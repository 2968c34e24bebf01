"""A test that may be read on every day: it errs as seldom as it says, and sees what is broken."""

import numpy as np
import pytest

from rnnsearch.arrays import Floats
from rnnsearch.scoring.inference import drift
from rnnsearch.scoring.inference.drift import BOUND, MOST, STAKES, Sequential, sequential
from tests.bench import bench_drift
from tests.bench.bench_drift import Case, run


def forecasts(rows: int = 200, seed: int = 3) -> tuple[Floats, Floats, list[Floats], Floats]:
    """Outcomes, forecasts that know a little, two naive forecasts, usual moves."""
    rng = np.random.default_rng(seed)
    forecast = rng.normal(0, 0.3, rows)
    return (
        0.5 * forecast + rng.standard_t(5, rows),
        forecast,
        [np.zeros(rows), np.full(rows, 0.05)],
        np.exp(rng.normal(0, 0.3, rows)),
    )


def slowly(
    actual: Floats, forecast: Floats, rival: Floats, scale: Floats, horizon: int, sign: float
) -> list[float]:
    """p after each outcome, by the definition: every gambler's money, bet by bet."""
    most = [1.0] * horizon
    gamblers: list[list[list[float]]] = [[] for _ in range(horizon)]
    found = []
    for place in range(len(actual)):
        player, own = place % horizon, place // horizon
        if own % max(1, drift.QUARTER // horizon) == 0:
            gamblers[player].append([1.0] * len(STAKES))
        apart = forecast[place] - rival[place]
        gain = np.sign(apart) * (actual[place] - (forecast[place] + rival[place]) / 2)
        gain = sign * float(np.clip(gain / scale[place], -BOUND, BOUND)) / BOUND
        for purses in gamblers[player]:
            for number, stake in enumerate(STAKES):
                bet = min(stake * abs(apart) / scale[place] * BOUND, MOST)
                purses[number] *= 1 + bet * gain
        shares = [1 / ((j + 1) * (j + 2)) for j in range(len(gamblers[player]))]
        money = 1 - sum(shares)
        money += sum(w * np.mean(p) for w, p in zip(shares, gamblers[player], strict=True))
        most[player] = max(most[player], money)
        p = 1 / most[0] if horizon == 1 else np.e * float(np.exp(-np.mean(np.log(most))))
        found.append(min(1.0, p))
    return found


@pytest.mark.parametrize("horizon", [1, 3])
def test_it_is_what_gamblers_come_to_bet_by_bet(horizon: int) -> None:
    actual, forecast, naive, scale = forecasts()
    test = sequential(actual, forecast, naive, scale, horizon)
    worse = [slowly(actual, forecast, rival, scale, horizon, -1) for rival in naive]
    better = [slowly(actual, forecast, rival, scale, horizon, 1) for rival in naive]
    np.testing.assert_allclose(test.worse, np.minimum(1, 2 * np.min(worse, axis=0)))
    np.testing.assert_allclose(test.better, np.max(better, axis=0))


@pytest.mark.parametrize("horizon", [1, 5])
def test_what_comes_later_changes_nothing_that_was_read_before(horizon: int) -> None:
    actual, forecast, naive, scale = forecasts()
    before = sequential(actual, forecast, naive, scale, horizon)
    actual[120:] *= -50
    after = sequential(actual, forecast, naive, scale, horizon)
    np.testing.assert_array_equal(after.worse[:120], before.worse[:120])
    np.testing.assert_array_equal(after.better[:120], before.better[:120])
    assert (np.diff(after.worse) <= 0).all()
    assert (after.worse <= 1).all()


@pytest.mark.parametrize("case", [case for case in bench_drift.CASES if case.null])
def test_read_on_every_day_it_errs_no_more_often_than_it_says(case: Case) -> None:
    rng = np.random.default_rng(7)
    alarms = [run(case, rng, 250, 1, two=False)[-1] <= 0.05 for _ in range(60)]
    assert np.mean(alarms) <= 0.05


def test_garbage_is_seen_within_a_quarter_and_also_where_the_model_was_good_before() -> None:
    rng = np.random.default_rng(8)
    garbage = Case("garbage", 0.0, 0.0, size=1.0)
    assert all(run(garbage, rng, 100, 1, two=True)[-1] <= 0.05 for _ in range(10))
    late = Case("late", 1.0, 0.0, size=1.0)
    courses = [run(late, rng, 800, 1, two=True) for _ in range(10)]
    assert all(course[399] > 0.05 >= course[-1] for course in courses)


def test_a_forecast_that_is_right_is_seen_to_be_better() -> None:
    rng = np.random.default_rng(9)
    forecast = rng.normal(0, 0.5, 300)
    actual = forecast + rng.standard_normal(300)
    test = sequential(actual, forecast, [np.zeros(300)], np.ones(300), 1)
    assert test.ahead
    assert test.crossed is None


def test_a_chance_of_a_rise_is_judged_the_same_way() -> None:
    rng = np.random.default_rng(10)
    rose = (rng.uniform(size=300) < 0.5).astype(float)
    wrong = np.where(rose > 0, 0.2, 0.8)
    test = sequential(rose, wrong, [np.full(300, 0.5)], np.full(300, 0.5), 1)
    assert test.crossed is not None
    assert test.crossed < 30


def test_a_forecast_that_is_doing_nothing_is_neither_worse_nor_better() -> None:
    actual = np.random.default_rng(11).standard_normal(100)
    test = sequential(actual, np.zeros(100), [np.zeros(100)], np.ones(100), 1)
    assert (test.worse[-1], test.better[-1]) == (1.0, 1.0)


def test_without_an_outcome_nothing_is_said() -> None:
    empty = np.empty(0)
    test = sequential(empty, empty, [empty], empty, 2)
    assert test == Sequential(test.worse, test.better)
    assert test.crossed is None
    assert not test.ahead
