"""Picking the best of many: SPA, confidence set, overfitting, against oracles and simulation."""

import math
from itertools import combinations

import numpy as np
import pytest
from arch.bootstrap import SPA
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rnnsearch.scoring.inference import selection
from rnnsearch.scoring.inference.selection import (
    model_confidence_set,
    overfitting_of_blocks,
    overfitting_probability,
    spa,
)
from rnnsearch.scoring.inference.skipped import Skipped

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


def test_of_blocks_trials_rank_as_by_losses_that_add_up():
    losses = np.abs(noise(160, 12)[1])
    result = overfitting_probability(np.ones(160), losses, blocks=8)
    gains = 1 - losses.reshape(8, 20, 12).mean(axis=1)
    other = overfitting_of_blocks(gains, 160)
    assert (other.probability, other.splits) == (result.probability, result.splits)
    assert other.logit_quartiles == pytest.approx(result.logit_quartiles)
    assert (other.measure, result.measure) == ("gain", "skill")
    assert other.skill_chosen > other.skill_after
    assert overfitting_of_blocks(gains[:, :9], 160) == Skipped("needs 10 different trials, has 9")
    assert overfitting_of_blocks(gains, 59) == Skipped("needs 60 rows, has 59")


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
