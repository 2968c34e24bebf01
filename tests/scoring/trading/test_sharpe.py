"""The Sharpe ratio held against the papers' own figures, and against another package."""

import math

import numpy as np
import purgedcv
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from rnnsearch.scoring.inference.skipped import Skipped
from rnnsearch.scoring.trading import sharpe


def normal_sample(ratio, rows):
    """Returns whose mean, deviation, skewness and kurtosis are those of a normal distribution."""
    q = norm.ppf((np.arange(rows) + 0.5) / rows)

    def bent(power):
        z = np.sign(q) * np.abs(q) ** power
        return z / z.std()

    power = brentq(lambda p: float(np.mean(bent(p) ** 4)) - 3, 0.5, 3)
    return np.random.default_rng(1).permutation(bent(power)) + ratio


# Lo 2002, The statistics of Sharpe ratios, table 1: standard errors under iid returns.
@pytest.mark.parametrize(
    ("ratio", "rows", "error"),
    [
        (0.50, 60, 0.137),
        (0.75, 60, 0.146),
        (1.00, 24, 0.250),
        (1.00, 60, 0.158),
        (1.50, 125, 0.130),
        (2.00, 250, 0.110),
        (3.00, 500, 0.105),
    ],
)
def test_the_standard_error_is_lo_s_where_returns_are_normal_and_independent(ratio, rows, error):
    found = sharpe.standard_error(normal_sample(ratio, rows), lags=0)
    assert found == pytest.approx(error, abs=5e-4)
    assert found == pytest.approx(math.sqrt((1 + ratio**2 / 2) / rows), rel=1e-6)


def test_the_standard_error_is_how_far_ratios_of_dependent_returns_spread():
    """Moving averages: sqrt((1 + SR²/2) / T) is too small by a half."""
    rng = np.random.default_rng(2)
    noise = rng.standard_normal((2000, 1003))
    returns = 0.1 + (noise[:, 3:] + noise[:, 2:-1] + noise[:, 1:-2] + noise[:, :-3]) / 2
    spread = float(sharpe.ratio(returns.T).std())
    told = np.mean([sharpe.standard_error(one) for one in returns[:200]])
    assert told == pytest.approx(spread, rel=0.15)
    assert spread > 1.5 * math.sqrt((1 + 0.05**2 / 2) / 1000)


def test_the_probabilistic_ratio_is_that_of_its_paper():
    """Bailey & López de Prado 2012, section 4: 24 months, a yearly ratio of 1.59."""
    assert sharpe.probability(0.458, 24, 0, 3) == pytest.approx(0.982, abs=5e-4)
    assert sharpe.probability(0.458, 24, -2.448, 10.164) == pytest.approx(0.913, abs=5e-4)


def test_the_deflated_ratio_is_that_of_its_paper():
    """Bailey & López de Prado 2014, A numerical example: five years of 250 days, a yearly ratio of
    2.5, whose trials have a variance of 1/2."""
    spread, ratio = math.sqrt(0.5 / 250), 2.5 / math.sqrt(250)
    hurdle = sharpe.luck(100, spread)
    assert hurdle == pytest.approx(0.1132, abs=5e-5)
    assert sharpe.probability(ratio, 1250, -3, 10, hurdle) == pytest.approx(0.9004, abs=5e-5)
    fewer = sharpe.luck(46, spread)
    assert sharpe.probability(ratio, 1250, -3, 10, fewer) == pytest.approx(0.9505, abs=5e-5)
    normal = sharpe.luck(88, spread)
    assert sharpe.probability(ratio, 1250, 0, 3, normal) == pytest.approx(0.9505, abs=5e-5)


@pytest.mark.parametrize("trials", [1, 2, 20, 1000])
def test_another_package_says_the_same(trials):
    """It divides by T in the deviation, and corrects skewness and kurtosis for small samples."""
    returns = np.random.default_rng(3).standard_t(5, 5000) * 0.01 + 0.0004
    spread = 0.02
    value = returns.mean() / returns.std()
    ours = sharpe.probability(
        value, len(returns), *sharpe.shape(returns), sharpe.luck(trials, spread)
    )
    theirs = purgedcv.deflated_sharpe_ratio(returns, trials, spread**2)
    assert ours == pytest.approx(theirs, abs=1e-4)


def test_the_bootstrap_interval_is_as_wide_as_the_standard_error_says():
    returns = np.random.default_rng(4).normal(0.05, 1, 1000)
    low, high = sharpe.interval(returns)
    assert low < 0.05 < high
    assert high - low == pytest.approx(2 * 1.96 * sharpe.standard_error(returns), rel=0.15)
    assert sharpe.interval(returns) == (low, high)


def test_no_luck_is_needed_where_there_was_one_trial():
    assert sharpe.luck(1, 0.5) == 0
    assert 0 < sharpe.luck(2, 0.5) < sharpe.luck(3, 0.5)


def test_luck_spreads_ratios_as_those_of_the_trials_but_no_further_than_chance():
    """400 sessions on validation rows, 1,600 traded ones: half the spread."""
    alike = 0.02 * np.array([-1, 0, 1, 0])
    told = alike.std(ddof=1)
    assert sharpe.spread_by_luck(alike, 400, 1600) == pytest.approx(told / 2)
    able = np.array([0.0, 0.2, 0.0, 0.2])  # some have found a signal
    assert sharpe.spread_by_luck(able, 400, 1600) == 1 / 40
    for unknown in ([], [0.1], [0.1, np.nan]):
        assert sharpe.spread_by_luck(np.array(unknown), 400, 1600) == 1 / 40


@pytest.mark.parametrize(
    ("returns", "reason"),
    [(np.zeros(100), "nothing was earned"), (np.full(10, 0.1), "needs 20 sessions, has 10")],
)
def test_what_has_no_ratio_says_why(returns, reason):
    found = sharpe.sharpe(returns)
    assert isinstance(found, Skipped)
    assert reason in found.reason
