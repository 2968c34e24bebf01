"""Conformal intervals: their radius, how it adapts, and the share of outcomes that they hold."""

import math

import numpy as np
import pytest
from mapie.conformity_scores import AbsoluteConformityScore
from mapie.regression import TimeSeriesRegressor
from sklearn.base import BaseEstimator, RegressorMixin

from rnnsearch.scoring.inference.skipped import Skipped
from rnnsearch.scoring.intervals import (
    LEAST,
    STEP,
    Coverage,
    adaptive_radii,
    conformal_radius,
    coverage,
)


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


# --- adaptive


def storms(seed, rows=400):
    """Scores that are twice and half as large for a while: no calibration fits them all."""
    rng = np.random.default_rng(seed)
    return rng.standard_t(4, size=rows) * np.repeat([1.0, 2.0, 0.5, 1.0], rows // 4)


def gibbs_candes(calibration, scores, delay, alpha):
    """The paper's recursion, day by day: what was known, what is forecast, what came."""
    gamma = STEP * min(alpha, 1 - alpha)
    level, radii = alpha, []
    for today in range(len(scores)):
        yesterday = today - delay  # the forecast whose outcome came today
        if yesterday >= 0:
            error = 1 if abs(scores[yesterday]) > radii[yesterday] else 0
            level = level + gamma * (alpha - error)
        known = sorted(abs(s) for s in [*calibration, *scores[: max(yesterday + 1, 0)]])
        used = LEAST * alpha if level < LEAST * alpha else level
        needed = math.ceil(round((len(known) + 1) * (1 - used), 9))
        radii.append(known[max(min(needed, len(known)), 1) - 1])
    return np.array(radii)


@pytest.mark.parametrize("alpha", [0.02, 0.1, 0.5, 0.8])
@pytest.mark.parametrize("delay", [1, 3, 5])
def test_radii_follow_the_papers_recursion_with_outcomes_when_they_are_known(delay, alpha):
    calibration, scores = storms(1, 60), storms(delay)
    found = adaptive_radii(calibration, scores, delay=delay, alpha=alpha)
    np.testing.assert_array_equal(found, gibbs_candes(calibration, scores, delay, alpha))
    assert len(set(found)) > 10


class Nothing(RegressorMixin, BaseEstimator):
    """A model for MAPIE: it forecasts 0, so that errors are the scores."""

    def fit(self, X, y):
        self.fitted_ = True
        return self

    def predict(self, X):
        return np.zeros(len(X))


def test_radii_one_session_ahead_are_mapies():
    calibration, scores = (np.random.default_rng(n).standard_t(4, size=200) for n in (1, 2))
    x = np.zeros((200, 1))
    mapie = TimeSeriesRegressor(
        Nothing().fit(x, calibration),
        method="aci",
        cv="prefit",
        conformity_score=AbsoluteConformityScore(sym=True),
    ).fit(x, calibration)
    radii = []
    for score in scores:
        if mapie._get_alpha(0.1)[0] < LEAST * 0.1:  # it goes on to infinite widths, we do not
            break
        _, bounds = mapie.predict(x[:1], confidence_level=0.9, allow_infinite_bounds=True)
        radii.append(bounds[0, 1, 0])
        mapie.adapt_conformal_inference(x[:1], np.array([score]), gamma=0.03, confidence_level=0.9)
        mapie.conformity_scores_ = np.append(mapie.conformity_scores_, abs(score))
    assert len(radii) > 50
    ours = adaptive_radii(calibration, scores, delay=1)
    np.testing.assert_array_equal(ours[: len(radii)], radii)


@pytest.mark.parametrize("delay", [1, 4])
def test_changing_the_future_changes_no_radius_known_before(delay):
    calibration, scores = storms(3, 80), storms(4)
    whole = adaptive_radii(calibration, scores, delay=delay)
    for day in (1, 57, 200, 399):  # the scores from here on become others, or are not known yet
        known = day + delay
        for other in (100.0, 0.0, np.nan):
            changed = np.concatenate([scores[:day], np.full(len(scores) - day, other)])
            found = adaptive_radii(calibration, changed, delay=delay)
            np.testing.assert_array_equal(found[:known], whole[:known])
    wild = np.concatenate([scores[:57], np.full(len(scores) - 57, 100.0)])
    assert (
        adaptive_radii(calibration, wild, delay=delay)[57 + delay :] > whole[57 + delay :]
    ).all()


@pytest.mark.parametrize("delay", [1, 5])
def test_adaptive_intervals_keep_their_promise_where_fixed_ones_break_it(delay):
    calibration = np.random.default_rng(5).normal(size=300)
    scores = 2 * np.random.default_rng(6).normal(size=1000)  # twice as wild as before
    fixed = np.mean(np.abs(scores) <= conformal_radius(calibration))
    adapted = np.abs(scores) <= adaptive_radii(calibration, scores, delay=delay)
    assert fixed < 0.65
    assert np.mean(adapted[:250]) > 0.85
    assert np.mean(adapted[250:]) == pytest.approx(0.9, abs=0.015)


def test_adaptive_intervals_need_as_many_errors_as_fixed_ones():
    assert adaptive_radii(np.ones(8), np.ones(3), delay=1) == Skipped(
        "needs 9 validation errors for 90%, has 8"
    )
    np.testing.assert_array_equal(adaptive_radii(np.ones(9), np.array([]), delay=1), [])
    with pytest.raises(ValueError, match="1 or more sessions later, got 0"):
        adaptive_radii(np.ones(9), np.ones(3), delay=0)
