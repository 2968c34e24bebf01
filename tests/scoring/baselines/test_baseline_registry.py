"""Every baseline keeps the same promises; boosted trees, exponential smoothing and Theta."""

import sys
from dataclasses import replace
from importlib.metadata import EntryPoint

import numpy as np
import pytest
from statsmodels.tsa.exponential_smoothing.ets import ETSModel
from statsmodels.tsa.forecasting.theta import ThetaModel
from statsmodels.tsa.statespace.exponential_smoothing import ExponentialSmoothing

from rnnsearch import targets
from rnnsearch.scoring import baselines, words
from rnnsearch.scoring.baselines import Baseline, Fitted, Task, registry
from rnnsearch.scoring.baselines.ets import ets
from rnnsearch.scoring.baselines.theta import theta
from rnnsearch.scoring.inference.skipped import Skipped

NAMES = [one.name for one in registry()]
H, WINDOW, FIRST = 3, 4, 330
"""Horizon, window, first test row."""


def walk(rows=400, seed=0):
    rng = np.random.default_rng(seed)
    return 100 * np.exp(np.cumsum(0.01 * rng.normal(size=rows) + 0.0005))


def a_task(probability=False, rows=400, seed=0) -> Task:
    rng = np.random.default_rng(seed)
    close = walk(rows, seed)
    train, test = np.arange(10, FIRST - H + 1), np.arange(FIRST, rows)
    growth = np.log(close[train] / close[train - H])
    return Task(
        prices=close,
        history=slice(4, int(train[-1]) + 1),
        inputs=rng.normal(size=(rows, 2)).astype(np.float32),
        window=WINDOW,
        horizon=H,
        train_rows=train,
        train_targets=(growth > 0).astype(float) if probability else growth,
        test_rows=test,
        probability=probability,
        from_growth=None if probability else lambda growth: growth,
    )


def of_volatility() -> Task:
    task = a_task()
    sigma = np.exp(-4 + 0.3 * np.random.default_rng(3).normal(size=len(task.prices)))
    target = targets.get("volatility")
    learnt = target.values(sigma, task.train_rows, H)
    return replace(task, prices=sigma, closes=task.prices, train_targets=learnt, from_growth=None)


@pytest.mark.parametrize("name", ["ridge", "trees"])
def test_those_of_windows_learn_what_the_champion_learns(name):
    """Trees have only said prices that they saw; their changes go on from any price."""
    one, task = baselines.by_name(name), a_task()
    prices = task.prices * np.exp(0.02 * np.arange(len(task.prices)))
    levels = replace(
        task, prices=prices, train_targets=prices[task.train_rows], from_growth=lambda g: g
    )
    before = prices[task.train_rows - H]
    later = prices[task.test_rows - H]
    changes = replace(levels, scales=(lambda y: y / before - 1, lambda z: later * (1 + z)))
    plain, taught = (
        np.abs(np.log(one.forecast(each).forecast / prices[task.test_rows])).mean()
        for each in (levels, changes)
    )
    assert taught < 0.02
    assert plain > 3 * taught


def applicable(name):
    one = baselines.by_name(name)
    tasks = [a_task(), a_task(probability=True), of_volatility()]
    return one, [task for task in tasks if one.applies(task)]


def test_these_baselines_are_there():
    assert [
        *("har", "logistic", "ridge", "trees"),
        *("arima", "drift", "ets", "ewma", "garch", "gjr", "theta"),
    ] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_baseline_learns_nothing_from_the_future_and_repeats_itself(name):
    one, tasks = applicable(name)
    assert tasks
    for task in tasks:
        before = one.forecast(task)
        assert before.forecast.shape == task.test_rows.shape
        np.testing.assert_array_equal(one.forecast(task).forecast, before.forecast)
        prices, inputs = task.prices.copy(), task.inputs.copy()
        prices[361:] *= np.linspace(2, 5, len(prices) - 361)
        inputs[361:] = 50
        later = replace(task, prices=prices, inputs=inputs)
        if task.closes is not None:
            closes = task.closes.copy()
            closes[361:] *= np.linspace(2, 5, len(prices) - 361)
            later = replace(later, closes=closes)
        if task.from_growth is not None:
            later = replace(later, from_growth=lambda growth: growth)
        after = one.forecast(later)
        same = task.test_rows - H <= 360
        np.testing.assert_allclose(after.forecast[same], before.forecast[same], rtol=1e-9)
        assert after.chosen == before.chosen


@pytest.mark.parametrize("name", NAMES)
def test_a_baseline_is_told_in_plain_words(name):
    assert words.meaning(name)
    assert not words.meaning(name).endswith(".")
    rival = baselines.by_name(name).rival
    assert words.rival(f"diebold_mariano_{name}") == (rival or name)
    assert words.rival("diebold_mariano") is None
    assert words.meaning("gone") == ""


def test_all_that_apply_are_run_and_their_cost_is_told():
    said = []
    found = baselines.run(a_task(), said.append)
    others = {"logistic", "har", "ewma", "garch", "gjr"}
    assert list(found) == [name for name in NAMES if name not in others]
    assert all(fitted.seconds > 0 for fitted in found.values())
    assert said[0] == "fitting 6 baselines: ridge, trees, arima, drift, ets, theta"
    assert [line.split(":")[0] for line in said[1:]] == [f"baseline {name}" for name in found]
    assert all(line.endswith(" s") for line in said[1:])
    assert list(baselines.run(a_task(probability=True), said.append)) == ["logistic", "trees"]


def test_prices_that_are_not_positive_have_no_growth():
    task = replace(a_task(), prices=np.linspace(-5, 5, 400))
    found = baselines.run(task, lambda _: None)
    for name in ("arima", "drift", "ets", "theta"):
        assert found[name] == Skipped("needs prices above 0")
    assert isinstance(found["trees"], Fitted)


@pytest.mark.parametrize("name", ["arima", "ets", "theta"])
def test_a_model_of_prices_says_when_they_are_too_few_or_do_not_move(name):
    one, task = baselines.by_name(name), a_task()
    assert one.forecast(replace(task, history=slice(0, 50))) == Skipped(
        "needs 50 daily returns, has 49"
    )
    steady = replace(task, prices=np.full(400, 5.0))
    assert one.forecast(steady) == Skipped("the daily returns do not vary")


# What other packages bring


@pytest.fixture
def brought(monkeypatch):
    """Entry points as if another package had them."""

    def bring(**values):
        points = [EntryPoint(name, value, "rnnsearch.baselines") for name, value in values.items()]
        monkeypatch.setattr("rnnsearch.plugins.entry_points", lambda group: points)
        registry.cache_clear()

    yield bring
    registry.cache_clear()


def broken(kind):
    def forecast(task):
        if kind == "raises":
            raise ValueError("no\nsuch thing.")
        rows = len(task.test_rows)
        values = {"short": np.zeros(rows - 1), "nan": np.full(rows, np.nan)}
        return Fitted(values[kind], "", 1)

    return Baseline(name=kind, meaning="", applies=lambda _: True, forecast=forecast)


RAISES, SHORT, NAN = broken("raises"), broken("short"), broken("nan")
CLASH = replace(RAISES, name="ridge")


def test_a_baseline_that_fails_is_skipped_with_its_reason(brought, monkeypatch):
    monkeypatch.setitem(sys.modules, "theirs", sys.modules[__name__])
    brought(
        raises="theirs:RAISES",
        short="theirs:SHORT",
        nan="theirs:NAN",
        clash="theirs:CLASH",
        gone="not_there:IT",
        other="theirs:NAMES",
    )
    found = baselines.run(a_task(), lambda _: None)
    reasons = {name: f.reason for name, f in found.items() if isinstance(f, Skipped)}
    assert reasons == {
        "raises": "it failed with ValueError: no",
        "short": "it forecast 69 numbers for 70 rows",
        "nan": "its forecast is not a finite number on every row",
        "clash": "theirs:CLASH is called 'ridge', as another baseline is",
        "gone": "not_there:IT: it failed with ModuleNotFoundError: No module named 'not_there'",
        "other": "theirs:NAMES is a list, not a rnnsearch Baseline",
    }
    assert isinstance(found["ridge"], Fitted)


# Models of the price against statsmodels, from each origin


@pytest.mark.parametrize("strength", [0.0, 0.5])
def test_ets_equals_the_forecasts_of_statsmodels_from_each_origin(strength):
    rng = np.random.default_rng(1)
    noise = 0.01 * rng.normal(size=400)
    returns = noise.copy()
    for row in range(1, 400):
        returns[row] = strength * returns[row - 1] + noise[row]
    close = 100 * np.exp(np.cumsum(returns))
    rows, history = np.array([330, 351, 399]), slice(20, 328)
    result = ets(close, rows, H, history)
    unit = np.diff(np.log(close[history])).std()
    log = (np.log(close) - np.log(close[20])) / unit
    kinds = ({}, {"trend": "add"}, {"trend": "add", "damped_trend": True})
    fits = [ETSModel(log[history], error="add", **kind).fit(disp=False) for kind in kinds]
    best = int(np.argmin([fit.aic for fit in fits]))
    assert result.chosen.startswith(("ETS(A, N, N)", "ETS(A, A, N)", "ETS(A, Ad, N)")[best])
    for row, forecast in zip(rows, result.forecast, strict=True):
        known = log[20 : row - H + 1]
        there = ETSModel(known, error="add", **kinds[best]).smooth(fits[best].params)
        expected = unit * (there.forecast(H)[-1] - known[-1])
        assert forecast == pytest.approx(expected, abs=1e-10)


def test_theta_equals_the_forecasts_of_statsmodels():
    close, history = walk(), slice(20, 328)
    rows = np.array([330, 351, 399])  # the first origin is the last row of the history
    result = theta(close, rows, H, history)
    unit = np.diff(np.log(close[history])).std()
    log = (np.log(close) - np.log(close[20])) / unit
    fit = ThetaModel(log[history], deseasonalize=False).fit()
    first = unit * (np.asarray(fit.forecast(H))[-1] - log[327])
    assert result.forecast[0] == pytest.approx(first, abs=1e-10)
    slope, alpha = fit.params["b0"], fit.params["alpha"]
    for row, forecast in zip(rows, result.forecast, strict=True):
        known = log[20 : row - H + 1]
        smoothing = ExponentialSmoothing(
            known, initial_level=known[0], initialization_method="known"
        )
        level = smoothing.smooth([alpha]).forecast(1)[0]
        trend = slope * (H - 1 + 1 / alpha - (1 - alpha) ** len(known) / alpha)
        assert forecast == pytest.approx(unit * (level + trend / 2 - known[-1]), abs=1e-10)


# Boosted trees


def planted(interacting, probability=False):
    rng = np.random.default_rng(3)
    inputs = rng.normal(size=(1500, 3)).astype(np.float32)
    ends = np.arange(WINDOW, 1500 - H)
    a, b = inputs[ends, 0], inputs[ends - 2, 1]
    signal = a * b if interacting else 0 * a
    y = signal + rng.normal(size=len(ends))
    y = (y > 0).astype(float) if probability else y
    train = len(ends) - 300
    task = replace(
        a_task(probability),
        inputs=inputs,
        train_rows=ends[: train - H] + H,
        train_targets=y[: train - H],
        test_rows=ends[train:] + H,
    )
    return task, y[train:]


@pytest.mark.parametrize("probability", [False, True])
def test_trees_find_what_interacts_and_a_regression_does_not(probability):
    task, later = planted(True, probability)
    trees = baselines.by_name("trees").forecast(task)
    linear = baselines.by_name("logistic" if probability else "ridge").forecast(task)
    errors = [np.mean((fitted.forecast - later) ** 2) for fitted in (trees, linear)]
    assert errors[0] < 0.9 * errors[1]
    assert "trees of" in trees.chosen


@pytest.mark.parametrize("probability", [False, True])
def test_trees_of_noise_end_near_the_average(probability):
    task, later = planted(False, probability)
    found = baselines.by_name("trees").forecast(task)
    average = np.mean((later - task.train_targets.mean()) ** 2)
    assert np.mean((later - found.forecast) ** 2) < 1.03 * average


def test_trees_are_fitted_on_the_most_recent_rows_where_memory_is_short(monkeypatch):
    task, _ = planted(True)
    few = replace(task, train_rows=task.train_rows[-200:], train_targets=task.train_targets[-200:])
    recent = baselines.by_name("trees").forecast(few)
    monkeypatch.setattr("rnnsearch.scoring.baselines.trees.MAX_CELLS", 200 * 3 * WINDOW)
    bounded = baselines.by_name("trees").forecast(task)
    assert bounded.rows == 200
    np.testing.assert_array_equal(bounded.forecast, recent.forecast)


def test_trees_say_when_they_do_not_apply():
    task = a_task()
    forecast = baselines.by_name("trees").forecast
    short = replace(task, train_rows=task.train_rows[:49], train_targets=task.train_targets[:49])
    assert forecast(short) == Skipped("needs 50 training rows, has 49")
    flat = replace(task, train_targets=np.zeros(len(task.train_rows)))
    assert forecast(flat) == Skipped("the training targets do not vary")
