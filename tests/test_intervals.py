"""Conformal intervals: their radius, and the share of outcomes that they hold."""

import numpy as np
import pytest

from rnnsearch.scoring.intervals import Coverage, conformal_radius, coverage
from rnnsearch.scoring.skipped import Skipped


def test_the_conformal_radius_is_an_order_statistic():
    errors = np.array([3.0, -1, 4, -10, 5, -9, 2, 6, -8, 7])  # absolute values 1 to 10
    assert conformal_radius(errors[:9], 0.2) == 9  # 8th smallest of 1 .. 6, 8, 9, 10
    assert conformal_radius(errors, 0.5) == 6  # ceil(11 * 0.5)
    assert conformal_radius(errors, 0.1) == 10
    assert conformal_radius(errors[:9], 0.1) == 10  # ceil(10 * 0.9) = 9, in spite of rounding
    assert conformal_radius(np.arange(1.0, 20), 0.05) == 19


def test_too_few_errors_give_no_interval():
    assert conformal_radius(np.ones(8)) == Skipped("needs 9 validation errors for 90%, has 8")
    assert conformal_radius(np.array([]), 0.5) == Skipped(
        "needs 1 validation errors for 50%, has 0"
    )
    assert conformal_radius(np.full(50, np.nan)) == Skipped("an error is not a finite number")
    with pytest.raises(ValueError, match="between 0 and 1, got 1"):
        conformal_radius(np.ones(9), 1)


def test_conformal_intervals_hold_as_many_outcomes_as_promised():
    # Lei et al. 2018, theorem 2: between 1 - alpha and 1 - alpha + 1 / (n + 1).
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(2000):
        errors = rng.standard_t(3, size=25)
        radius = conformal_radius(errors[:-1], 0.2)
        inside.append(coverage(errors[-1:], np.array([-radius]), np.array([radius]), 0.2).share)
    assert 0.8 - 0.027 < np.mean(inside) < 0.84 + 0.027


def test_coverage_counts_the_ends():
    actual, low, high = np.array([1.0, 2, 3, 4]), np.zeros(4), np.array([1.0, 1, 4, 3])
    assert coverage(actual, low, high, 0.2) == Coverage(0.5, 0.8, 4)
