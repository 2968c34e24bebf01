"""Tests over many series take dates for witnesses, and agree with those of one series."""

import numpy as np
import pytest

from rnnsearch.scoring.inference.information import Information, information
from rnnsearch.scoring.inference.significance import DieboldMariano, diebold_mariano
from rnnsearch.scoring.inference.skipped import Skipped
from rnnsearch.scoring.panel.tests import Rated, panel_accuracy, panel_information


def rated(actual: np.ndarray, forecast: np.ndarray, dates: np.ndarray | None = None) -> Rated:
    there = np.arange(len(actual)) if dates is None else dates
    return Rated(
        dates=there,
        actual=actual,
        forecast=forecast,
        hardest=np.zeros(len(actual)),
        unit=1.0,
        centre=0.0,
        pieces=actual[None, :],
        sessions=there[None, :],
    )


def test_of_one_series_they_say_what_its_own_tests_say() -> None:
    rng = np.random.default_rng(3)
    forecast = rng.normal(size=300)
    actual = 0.1 * forecast + rng.normal(size=300)
    alone = information(actual, forecast, centre=0.0)
    panel = panel_information([rated(actual, forecast)], 1)
    assert isinstance(alone, Information)
    assert isinstance(panel, Information)
    assert panel.statistic == pytest.approx(alone.statistic, rel=0.03)  # White's, one way or other
    assert panel.slope == pytest.approx(alone.slope)
    own = diebold_mariano((forecast - actual) ** 2, actual**2)
    both = panel_accuracy([rated(actual, forecast)], 1)
    assert isinstance(own, DieboldMariano)
    assert isinstance(both, DieboldMariano)
    assert both.statistic == pytest.approx(own.statistic)


def test_the_same_series_a_hundred_times_are_one_witness() -> None:
    rng = np.random.default_rng(4)
    forecast = rng.normal(size=200)
    actual = 0.12 * forecast + rng.normal(size=200)
    for test in (panel_information, panel_accuracy):
        one = test([rated(actual, forecast)], 1)
        many = test([rated(actual, forecast)] * 100, 1)
        assert many.statistic == pytest.approx(one.statistic)


def test_series_of_their_own_are_many_witnesses() -> None:
    rng = np.random.default_rng(5)
    made = []
    for _ in range(20):
        forecast = rng.normal(size=200)
        made.append(rated(0.1 * forecast + rng.normal(size=200), forecast))
    alone = [panel_information([one], 1) for one in made]
    together = panel_information(made, 1)
    assert isinstance(together, Information)
    assert together.statistic > 2 * np.mean([one.statistic for one in alone])
    assert together.p < 1e-6


def test_without_a_signal_one_in_twenty_is_called_informative() -> None:
    rng = np.random.default_rng(6)
    hits = 0
    for _ in range(300):
        market, shared = rng.standard_t(5, 150), rng.normal(size=150)
        made = [
            rated(0.7 * market + rng.normal(size=150), shared + 0.5 * rng.normal(size=150))
            for _ in range(8)
        ]
        hits += panel_information(made, 1).p < 0.05
    assert 4 <= hits <= 28  # 15 expected, 3 deviations


def test_what_cannot_be_tested_says_why() -> None:
    short = rated(np.ones(10), np.arange(10.0))
    assert panel_information([short], 1) == Skipped("needs 20 dates, has 10")
    still = rated(np.random.default_rng(0).normal(size=50), np.zeros(50))
    assert isinstance(panel_information([still], 1), Skipped)
    assert panel_accuracy([], 1) == Skipped("no series has rows to compare")
