"""Tests of significance against hand computations, slow oracles, published examples, simulation."""

import math
from itertools import combinations

import numpy as np
import pytest
from arch.bootstrap import SPA
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rnnsearch.scoring import selection, significance
from rnnsearch.scoring.intervals import Coverage, conformal_radius, coverage
from rnnsearch.scoring.selection import model_confidence_set, overfitting_probability, spa
from rnnsearch.scoring.significance import (
    DieboldMariano,
    diebold_mariano,
    pesaran_timmermann,
    verdict,
)
from rnnsearch.scoring.skipped import Skipped


def overlapping(rng, rows, horizon):
    """Sums of `horizon` normal steps: the returns of overlapping forecasts, variance 1."""
    total = np.concatenate([[0], np.cumsum(rng.normal(size=rows + horizon - 1))])
    return (total[horizon:] - total[:-horizon]) / math.sqrt(horizon)


# Diebold-Mariano


def diebold_mariano_by_hand(d, horizon, lags):
    """Diebold & Mariano 1995 with Bartlett weights, times Harvey et al. 1997, eq. 9."""
    n = len(d)
    gamma = [sum((d[i] - d.mean()) * (d[i - k] - d.mean()) for i in range(k, n)) / n
             for k in range(lags + 1)]  # fmt: skip
    variance = gamma[0] + 2 * sum((1 - k / (lags + 1)) * gamma[k] for k in range(1, lags + 1))
    correction = math.sqrt((n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n)
    return correction * d.mean() / math.sqrt(variance / n)


@pytest.mark.parametrize(("rows", "horizon", "lags"), [(60, 1, 4), (250, 5, 8), (250, 10, 18)])
def test_diebold_mariano_equals_a_computation_by_hand(rows, horizon, lags):
    rng = np.random.default_rng(horizon)
    actual = overlapping(rng, rows, horizon)
    model, naive = (actual - 0.1 * rng.normal(size=rows)) ** 2, actual**2
    result = diebold_mariano(model, naive, horizon)
    statistic = diebold_mariano_by_hand(model - naive, horizon, lags)
    assert result.statistic == pytest.approx(statistic, rel=1e-9)
    assert result.p_better == pytest.approx(stats.t(rows - 1).cdf(statistic))
    assert result.p == pytest.approx(2 * stats.t(rows - 1).cdf(-abs(statistic)))
    assert (result.lags, result.rows) == (lags, rows)


def test_diebold_mariano_with_alternating_losses_is_a_known_number():
    # d = 1, -3, 1, -3, ...: mean -1, autocovariances 4 (-1)^k (n-k)/n.
    n = 64  # 4 lags
    d = np.tile([1.0, -3.0], n // 2)
    weights = [1, -2 * 0.8 * 63 / 64, 2 * 0.6 * 62 / 64, -2 * 0.4 * 61 / 64, 2 * 0.2 * 60 / 64]
    expected = -math.sqrt((n - 1) / n) / math.sqrt(4 * sum(weights) / n)
    assert diebold_mariano(d + 5, np.full(n, 5.0)).statistic == pytest.approx(expected)


def test_which_forecast_is_called_better():
    rng = np.random.default_rng(0)
    small, large = rng.normal(size=300) ** 2, (2 * rng.normal(size=300)) ** 2
    better, worse = diebold_mariano(small, large), diebold_mariano(large, small)
    assert better.statistic == pytest.approx(-worse.statistic)
    assert better.statistic < 0
    assert better.p_better < 0.001 < 0.999 < worse.p_better
    assert better.p == pytest.approx(2 * better.p_better) == pytest.approx(worse.p)


def test_diebold_mariano_does_not_depend_on_the_unit_of_the_losses():
    rng = np.random.default_rng(0)
    model, naive = rng.normal(size=(2, 100)) ** 2
    tiny, whole = diebold_mariano(model * 1e-12, naive * 1e-12), diebold_mariano(model, naive)
    assert tiny.statistic == pytest.approx(whole.statistic)


def test_the_same_forecast_is_not_better():
    losses = np.random.default_rng(0).normal(size=50) ** 2
    assert diebold_mariano(losses, losses) == DieboldMariano(0.0, 1.0, 1.0, 4, 50)


@pytest.mark.parametrize(
    ("model", "naive", "horizon", "reason"),
    [
        (np.ones(19), np.zeros(19), 1, "needs 20 rows, has 19"),
        (np.ones(99), np.zeros(99), 5, "needs 100 rows for forecasts 5 sessions ahead, has 99"),
        (np.full(50, 1.1), np.full(50, 0.7), 1, "the same loss on every row"),
        (np.full(50, np.inf), np.ones(50), 1, "not a finite number"),
        (np.ones(50), np.full(50, np.nan), 1, "not a finite number"),
    ],
)
def test_diebold_mariano_says_when_it_does_not_apply(model, naive, horizon, reason):
    result = diebold_mariano(model, naive, horizon)
    assert isinstance(result, Skipped)
    assert reason in result.reason


@pytest.mark.parametrize("horizon", [1, 10])
def test_diebold_mariano_rejects_a_true_null_about_as_often_as_it_says(horizon):
    rng = np.random.default_rng(7)
    rejected = 0
    for _ in range(300):
        actual = overlapping(rng, 300, horizon)
        first, second = 0.5 * rng.normal(size=(2, 300))
        result = diebold_mariano((actual - first) ** 2, (actual - second) ** 2, horizon)
        rejected += result.p_better < 0.05
    assert 0.02 < rejected / 300 < 0.10


# Pesaran-Timmermann


def signs(both_up, both_down, false_up, false_down):
    """Actual and forecast signs of a table of counts, in no particular order."""
    actual = np.repeat([1.0, -1.0, -1.0, 1.0], [both_up, both_down, false_up, false_down])
    forecast = np.repeat([1.0, -1.0, 1.0, -1.0], [both_up, both_down, false_up, false_down])
    order = np.random.default_rng(0).permutation(len(actual))
    return actual[order], forecast[order]


def test_pesaran_timmermann_of_a_worked_example():
    # 65 of 100 right, 50 rises, 55 forecast: P* = 0.5, var(P) = 0.0025, var(P*) = 0.000025.
    result = pesaran_timmermann(*signs(35, 30, 20, 15))
    assert result.statistic == pytest.approx(0.15 / math.sqrt(0.002475))
    assert result.p_better == pytest.approx(stats.norm.sf(3.0151134458))
    assert (result.accuracy, result.expected, result.rows) == (0.65, pytest.approx(0.5), 100)


@given(st.tuples(*[st.integers(3, 60)] * 4))
def test_pesaran_timmermann_equals_the_formula_of_the_paper(counts):
    result = pesaran_timmermann(*signs(*counts))
    n, y, x = sum(counts), (counts[0] + counts[3]), (counts[0] + counts[2])
    if n < 20 or min(y, n - y, x, n - x) < 5:
        assert isinstance(result, Skipped)
        return
    hit, y, x = (counts[0] + counts[1]) / n, y / n, x / n
    chance = y * x + (1 - y) * (1 - x)
    of_hit = chance * (1 - chance) / n
    of_chance = ((2 * y - 1) ** 2 * x * (1 - x) + (2 * x - 1) ** 2 * y * (1 - y)) / n
    assert result.statistic == pytest.approx((hit - chance) / math.sqrt(of_hit - of_chance))


def test_always_forecasting_a_rise_has_no_direction_to_test():
    actual = np.random.default_rng(0).normal(0.1, 1, 100)
    assert pesaran_timmermann(actual, np.ones(100)) == Skipped("all forecasts go the same way")
    assert pesaran_timmermann(np.ones(100), actual) == Skipped("all actual values go the same way")
    few = np.where(np.arange(100) < 3, -1.0, 1.0)
    assert "97 rises and 3 falls" in pesaran_timmermann(actual, few).reason
    assert pesaran_timmermann(actual[:12], few[:12]) == Skipped("needs 20 rows, has 12")
    assert "finite" in pesaran_timmermann(actual, actual * np.nan).reason


def test_overlapping_directions_are_thinned():
    # Forecast and actual direction keep for five rows and have nothing to do with each other.
    rng = np.random.default_rng(0)
    rejected = 0
    for _ in range(200):
        actual, forecast = overlapping(rng, 500, 5), np.repeat(rng.normal(size=100), 5)
        result = pesaran_timmermann(actual, forecast, 5)
        rejected += result.p_better < 0.05
    assert result.rows == 100
    assert rejected / 200 < 0.09
    last = pesaran_timmermann(actual[4::5], forecast[4::5])
    assert last == result


# The verdict


def said(p_better, skill, openings=1, trials=100):
    test = DieboldMariano(-1.0, p_better, 2 * min(p_better, 1 - p_better), 10, 985)
    return verdict(
        test, skill=skill, rows=985, first="2015-02-03", last="2018-12-31", trials=trials,
        openings=openings,
    )  # fmt: skip


def test_the_verdict_is_one_plain_sentence():
    assert said(0.0123, 0.021) == significance.Verdict(
        True,
        0.0123,
        "Better than doing nothing: on 985 locked sessions from 2015-02-03 to 2018-12-31 the "
        "champion's error is 2.1 % below the naive forecast's (p = 0.012, Diebold–Mariano), after "
        "100 trials; first opening of the test.",
    )


@pytest.mark.parametrize(
    ("p", "skill", "openings", "better", "p_shown", "words"),
    [
        (0.0001, 0.123, 1, True, 0.0001, "12 % below the naive forecast's (p < 0.001,"),
        (0.3, 0.0004, 1, False, 0.3, "0.04 % below the naive forecast's (p = 0.300,"),
        (0.03, 0.02, 1, True, 0.03, "Better than doing nothing:"),
        (0.03, 0.02, 2, False, 0.06, "(p = 0.060, Diebold–Mariano), after 100 trials; opening 2 of "
         "the test, so p is multiplied by 2."),
        (0.7, -0.01, 2, False, 1.0, "Not distinguishable from doing nothing:"),
        (0.7, -0.01, 2, False, 1.0, "1 % above the naive forecast's (p = 1.000,"),
        (0.97, -0.01, 1, False, 0.97, "Worse than doing nothing:"),
        (0.97, -0.01, 1, False, 0.97, "above the naive forecast's (p = 0.030,"),
        (0.97, -0.01, 3, False, 1.0, "Not distinguishable from doing nothing:"),
        (0.04996, 0.01, 1, True, 0.04996, "(p = 0.04996,"),
        (0.05004, 0.01, 1, False, 0.05004, "(p = 0.050,"),
        (1.0, 0.0, 1, False, 1.0, "is the same as the naive forecast's"),
    ],
)  # fmt: skip
def test_the_verdict_weighs_skill_chance_and_openings(p, skill, openings, better, p_shown, words):
    verdict = said(p, skill, openings)
    assert verdict.better is better
    assert verdict.p == pytest.approx(p_shown)
    assert words in verdict.sentence


def test_a_verdict_without_a_test_says_so():
    result = verdict(
        Skipped("needs 20 rows, has 12"), skill=0.9, rows=12, first="Mon", last="Tue", trials=1,
        openings=1,
    )  # fmt: skip
    assert (result.better, result.p) == (False, None)
    assert result.sentence == (
        "Cannot be told: needs 20 rows, has 12 (on 12 locked sessions from Mon to Tue), after "
        "1 trial; first opening of the test."
    )


# Superior predictive ability


def noise(rows, trials, seed=0):
    """Squared errors of a naive forecast and of trials that forecast noise, equal on average."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=rows)
    return common**2, (common[:, None] + 0.3 * rng.normal(size=(rows, trials))) ** 2 - 0.09


def test_spa_finds_the_one_trial_that_is_better():
    naive, losses = noise(300, 30)
    losses[:, 17] = 0.8 * naive
    result = spa(naive, losses, reps=200)
    assert (result.best, result.trials, result.rows, result.note) == (17, 30, 300, "")
    assert result.p < 0.02
    assert result == spa(naive, losses, reps=200)


def test_spa_allows_for_the_number_of_trials_that_were_tried():
    naive, losses = noise(300, 41)
    losses += naive.mean() - losses.mean(axis=0)  # as good as naive,
    losses[:, 0] -= 0.06  # but for the first
    alone = spa(naive, losses[:, :1], reps=500).p
    among = spa(naive, losses, reps=500).p
    assert alone < 0.05 < 0.2 < among


def test_spa_rejects_a_true_null_about_as_often_as_it_says():
    p = [spa(*noise(100, 8, seed), reps=99, seed=seed).p for seed in range(60)]
    assert np.mean(np.array(p) < 0.1) < 0.2
    assert 0.3 < np.mean(p) < 0.8


def test_a_wild_trial_does_not_hide_a_better_one():
    # arch 8 takes the largest mean, however uncertain, so the statistic is studentised here.
    rng = np.random.default_rng(0)
    naive = rng.normal(size=400) ** 2
    losses = np.column_stack([naive - 0.1 + 0.3 * rng.normal(size=400), 30 * rng.normal(size=400)])
    result = spa(naive, losses, reps=300)
    plain = SPA(naive, losses, reps=300, seed=0)
    plain.compute()
    assert result.p < 0.05 < plain.pvalues["consistent"]
    assert result.best == 0


def test_spa_equals_arch_for_one_trial_but_for_the_count_of_the_sample_itself():
    naive, losses = noise(200, 1)
    result = spa(naive, losses, reps=200, seed=3)
    plain = SPA(naive, losses, block_size=result.block_length, reps=200, seed=3)
    plain.compute()
    assert result.p == pytest.approx((200 * plain.pvalues["consistent"] + 1) / 201)


def test_spa_leaves_out_what_says_nothing():
    naive, losses = noise(100, 3)
    twice = np.column_stack([losses, losses[:, :2], naive])
    assert spa(naive, twice, reps=50) == spa(naive, losses, reps=50)
    assert spa(naive, naive[:, None]).p == 1
    assert spa(naive[:59], losses[:59]) == Skipped("needs 60 rows, has 59")
    assert spa(naive, losses[:, :0]) == Skipped("there are no trials")
    assert spa(naive, losses * np.inf) == Skipped("an error is not a finite number")


def test_spa_blocks_are_as_long_as_the_overlap():
    naive, losses = noise(300, 3)
    assert spa(naive, losses, reps=50, horizon=20).block_length == 20


def test_many_rows_and_trials_are_condensed_and_said(monkeypatch):
    naive, losses = noise(1600, 300)
    result = spa(naive, losses, reps=20)
    assert (result.trials, result.rows, result.note) == (300, 1600, "")
    result = spa(naive, np.hstack([losses, losses + 1]), reps=20)  # at most 833 rows
    assert (result.trials, result.rows, result.note) == (600, 1600, "means of 2 consecutive rows")
    monkeypatch.setattr(selection, "MAX_SPA_TRIALS", 50)
    result = spa(naive, losses, reps=20)
    assert result.note == "the 50 trials with the smallest mean loss of 300"


def test_condensing_rows_keeps_the_long_run_variance():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(20_003, 3))
    condensed, step = selection._condense(values, 2_500)
    assert (step, condensed.shape) == (9, (2222, 3))
    np.testing.assert_allclose(condensed[-1], values[-9:].mean(axis=0))
    np.testing.assert_allclose(condensed.std(axis=0) * 3, values.std(axis=0), rtol=0.05)


# Model confidence set


def test_the_confidence_set_keeps_the_best_and_drops_the_bad():
    losses = noise(400, 6)[1]
    losses[:, 2] -= 0.3
    losses[:, 4] = losses[:, 2] + np.tile([0.1, -0.1], 200)
    losses[:, 5] += 0.5
    result = model_confidence_set(losses)
    assert set(result.included) == {2, 4}
    assert (result.trials, result.rows, result.size, result.note) == (6, 400, 0.1, "")
    assert result == model_confidence_set(losses)


def test_trials_of_noise_cannot_be_told_apart():
    # Equal losses on average: each set holds the best with probability 0.9, here column 0.
    kept = [0 in model_confidence_set(noise(100, 4, s)[1], seed=s, reps=99).included
            for s in range(60)]  # fmt: skip
    assert np.mean(kept) > 0.8


def test_equal_trials_do_not_break_the_confidence_set():
    losses = noise(100, 3)[1]
    twice = np.column_stack([losses, losses])
    assert model_confidence_set(twice, reps=50) == model_confidence_set(losses, reps=50)
    assert model_confidence_set(losses[:, [1, 1]]) == Skipped("needs two different trials, has 1")
    assert model_confidence_set(losses[:20]) == Skipped("needs 60 rows, has 20")
    tied = np.column_stack([losses[:, 0], losses[:, 0] + np.tile([1, -1], 50), losses[:, 0] + 9])
    assert model_confidence_set(tied, reps=50).included == (0, 1)
    reversed_rows = np.column_stack([losses[:, 0], losses[::-1, 0]])
    assert model_confidence_set(reversed_rows, reps=50).included == (0, 1)


def test_of_many_trials_the_best_enter_the_confidence_set(monkeypatch):
    monkeypatch.setattr(selection, "MAX_MCS_TRIALS", 5)
    losses = noise(100, 9)[1] + np.arange(9)[::-1]
    result = model_confidence_set(losses, reps=50)
    assert (result.included, result.trials) == ((8,), 5)
    assert result.note == "the 5 trials with the smallest mean loss of 9"


# Probability of backtest overfitting


def overfitting_slowly(naive, losses, S):
    """Bailey et al. 2015, section 2, step by step."""
    rows, trials = losses.shape
    blocks = np.array_split(np.arange(rows % S, rows), S)
    logits, chosen, after = [], [], []
    for half in combinations(range(S), S // 2):
        J = np.concatenate([blocks[b] for b in half])
        other = np.concatenate([blocks[b] for b in range(S) if b not in half])
        R = [1 - math.sqrt(losses[J, i].mean() / naive[J].mean()) for i in range(trials)]
        R_other = [
            1 - math.sqrt(losses[other, i].mean() / naive[other].mean()) for i in range(trials)
        ]
        best = int(np.argmax(R))
        relative_rank = stats.rankdata(R_other)[best] / (trials + 1)
        logits.append(math.log(relative_rank / (1 - relative_rank)))
        chosen.append(R[best])
        after.append(R_other[best])
    return np.array(logits), np.array(chosen), np.array(after)


@settings(max_examples=10)
@given(seed=st.integers(0, 999), rows=st.integers(60, 130), trials=st.integers(10, 14))
def test_overfitting_equals_the_steps_of_the_paper(seed, rows, trials):
    naive, losses = (np.maximum(values, 0) for values in noise(rows, trials, seed))
    result = overfitting_probability(naive, losses, blocks=8)
    S = 6 if rows < 80 else 8
    logits, chosen, after = overfitting_slowly(naive, losses, S)
    assert (result.blocks, result.splits) == (S, math.comb(S, S // 2))
    assert (result.rows, result.trials) == (rows - rows % S, trials)
    assert result.probability == pytest.approx(np.mean(logits <= 1e-9))
    assert result.logit_quartiles == pytest.approx(np.quantile(logits, [0.25, 0.5, 0.75]))
    assert result.skill_chosen == pytest.approx(chosen.mean())
    assert result.skill_after == pytest.approx(after.mean())
    assert result.loss_probability == pytest.approx(np.mean(after < 0))
    assert result.slope == pytest.approx(stats.linregress(chosen, after).slope)


def test_trials_with_equal_means_are_all_overfitting():
    # The example of R's package pbo: each column has the same mean over all rows, so what is best
    # on one half must be worst on the other. Its relative rank is 1 / (k + 1), its logit -log(k).
    losses = np.random.default_rng(765).uniform(0, 1, (240, 20))
    losses += 1 - losses.mean(axis=0)
    result = overfitting_probability(np.ones(240), losses, blocks=8)
    assert result.probability == 1
    assert result.logit_quartiles == pytest.approx([-math.log(20)] * 3)
    assert result.slope == pytest.approx(-1, abs=0.1)
    assert result.skill_after < 0 < result.skill_chosen
    assert result.loss_probability == 1


def test_losses_made_of_differences_may_be_below_zero_and_still_rank():
    naive, losses = (np.abs(values) for values in noise(500, 20))
    losses[:, 3] = naive - 1.5 * naive.mean()  # as of a nearly perfect trial of another horizon
    result = overfitting_probability(naive, losses)
    assert result.probability == 0
    assert (result.skill_chosen, result.skill_after) == (1, 1)
    assert result.logit_quartiles == pytest.approx([math.log(20)] * 3)


def test_one_trial_that_is_always_better_is_not_overfitting():
    naive, losses = (np.abs(values) for values in noise(500, 20))
    losses[:, 3] = 0.5 * naive
    result = overfitting_probability(naive, losses)
    assert (result.probability, result.loss_probability) == (0, 0)
    assert (result.blocks, result.splits) == (16, 12_870)
    assert result.logit_quartiles == pytest.approx([math.log(20)] * 3)
    assert result.skill_after == pytest.approx(1 - math.sqrt(0.5))
    assert result.slope is None  # skill is the same on every half


def test_choosing_among_noise_is_drawing_lots():
    found = []
    for seed in range(60):
        losses = np.random.default_rng(seed).normal(size=(400, 21)) ** 2
        found.append(overfitting_probability(losses[:, 0], losses[:, 1:], blocks=8).probability)
    assert 0.4 < np.mean(found) < 0.6


def test_overfitting_says_when_it_does_not_apply():
    naive, losses = (np.abs(values) for values in noise(100, 12))
    assert overfitting_probability(naive[:59], losses[:59]) == Skipped("needs 60 rows, has 59")
    few = losses[:, [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1]]
    assert overfitting_probability(naive, few) == Skipped("needs 10 different trials, has 3")
    assert "perfect" in overfitting_probability(naive * 0, losses).reason
    for blocks in (7, 4, 18):
        with pytest.raises(ValueError, match=f"an even number from 6 to 16, got {blocks}"):
            overfitting_probability(naive, losses, blocks=blocks)


# Intervals


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
