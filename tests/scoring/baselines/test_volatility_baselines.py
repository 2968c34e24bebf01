"""Baselines of volatility against statsmodels, arch and pandas, and under changed futures."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from arch import arch_model

from rnnsearch import targets
from rnnsearch.scoring import baselines
from rnnsearch.scoring.baselines import Fitted, Task
from rnnsearch.scoring.inference.skipped import Skipped
from rnnsearch.targets.ranges import volatility
from tests.helpers.storms import stormy

TARGET = targets.get("volatility")
NAMES = ("har", "ewma", "garch", "gjr")
FRAME = stormy(900)
CLOSE = FRAME["Close"].to_numpy()
SIGMA = volatility(
    {name: values.to_numpy() for name, values in FRAME.items()}, "Close", ranged=True
).values


def task(h=5, sigma=SIGMA, close=CLOSE, first=30, last=600):
    train = np.arange(first, last)
    return Task(
        prices=sigma,
        closes=close,
        history=slice(0, last),
        inputs=np.zeros((len(sigma), 1)),
        window=5,
        horizon=h,
        train_rows=train,
        train_targets=TARGET.values(sigma, train, h),
        test_rows=np.arange(last + h, len(sigma)),
        probability=False,
        from_growth=None,
    )


def fitted(name, asked):
    result = baselines.by_name(name).forecast(asked)
    assert isinstance(result, Fitted), result
    return result


def past(series, rows, sessions):
    return np.array([np.log(np.mean(series[t - sessions + 1 : t + 1] ** 2)) / 2 for t in rows])


@pytest.mark.parametrize("h", [1, 5])
def test_har_is_the_regression_that_statsmodels_fits(h):
    asked = task(h)
    train, test = asked.train_rows - h, asked.test_rows - h
    design, later = (
        sm.add_constant(np.column_stack([past(SIGMA, rows, k) for k in (1, 5, 22)]))
        for rows in (train, test)
    )
    fit = sm.OLS(asked.train_targets, design).fit()
    np.testing.assert_allclose(fitted("har", asked).forecast, fit.predict(later), rtol=1e-8)


@pytest.mark.parametrize(("name", "o"), [("garch", 0), ("gjr", 1)])
def test_garch_says_what_arch_does_but_for_its_level(name, o):
    h = 5
    asked = task(h)
    returns = pd.Series(np.diff(np.log(CLOSE)))
    unit = float(returns[:599].std(ddof=0))
    model = arch_model(returns / unit, mean="Constant", p=1, o=o, q=1, rescale=False)
    fit = model.fit(last_obs=599, disp="off")
    said = fit.forecast(horizon=h, start=24, reindex=True).variance.mean(axis=1).to_numpy()
    log = np.log(unit**2 * np.concatenate([[np.nan], said])) / 2
    level = np.mean(asked.train_targets - log[asked.train_rows - h])
    # arch begins its recursion with all returns there are, ours with those it was fitted on.
    np.testing.assert_allclose(
        fitted(name, asked).forecast, log[asked.test_rows - h] + level, rtol=2e-4
    )


def test_ewma_is_that_of_riskmetrics_but_for_its_level():
    asked = task(3)
    variance = pd.Series(SIGMA**2).ewm(alpha=0.06, adjust=False).mean().to_numpy()
    log = np.log(variance) / 2
    level = np.mean(asked.train_targets - log[asked.train_rows - 3])
    np.testing.assert_allclose(
        fitted("ewma", asked).forecast, log[asked.test_rows - 3] + level, rtol=1e-9
    )


@pytest.mark.parametrize("name", NAMES)
def test_no_later_price_changes_an_earlier_forecast(name):
    asked = task(5)
    before = fitted(name, asked).forecast
    close, sigma = CLOSE.copy(), SIGMA.copy()
    close[701:] *= np.linspace(2, 9, len(close) - 701)
    sigma[701:] = 3.0
    known = asked.test_rows - 5 <= 700
    after = fitted(name, task(5, sigma, close)).forecast
    np.testing.assert_array_equal(before[known], after[known])
    assert (before[~known] != after[~known]).all()


def test_where_storms_last_all_are_better_than_the_average_and_har_than_doing_nothing():
    asked = task(5)
    actual = TARGET.values(SIGMA, asked.test_rows, 5)
    naive = TARGET.first_naive(targets.Quotes(SIGMA), asked.test_rows, 5, asked.train_rows)

    def error(forecast):
        return np.mean((forecast - actual) ** 2)

    errors = {name: error(fitted(name, asked).forecast) for name in NAMES}
    assert max(errors.values()) < error(asked.train_targets.mean())
    assert errors["har"] < error(naive)


@pytest.mark.parametrize("name", NAMES)
def test_with_too_few_rows_it_is_skipped(name):
    asked = task(5, first=560, last=600)
    assert isinstance(baselines.by_name(name).forecast(asked), Skipped)


def test_those_of_prices_leave_volatility_alone_and_the_other_way_round():
    applying = {one.name for one in baselines.registry() if one.applies(task())}
    assert applying == {*NAMES, "ridge", "trees"}
    of_prices = Task(**{**vars(task()), "closes": None})
    assert not {*NAMES} & {one.name for one in baselines.registry() if one.applies(of_prices)}
