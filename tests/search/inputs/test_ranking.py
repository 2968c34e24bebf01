"""The ranking of inputs: planted ones are found, at their lag, on training rows alone."""

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnsearch.search.inputs import ranking
from rnnsearch.search.inputs.ranking import Ranking, rank_inputs, usable_lags
from tests.helpers.planted import Planted, SignalKind, plant

pytestmark = pytest.mark.slow  # seconds each, or many

LAGS = usable_lags(max_window=10, input_shifts=(0, 3), max_output_shift=5)
TRAIN = np.arange(50, 1250)


def ranked(planted: Planted, **changes: NDArray[np.floating]) -> Ranking:
    values = changes.get("values", planted.values)
    return rank_inputs(values, changes.get("close", planted.close), TRAIN, lags=LAGS)


@pytest.mark.parametrize("delay", [1, 3, 10])
@pytest.mark.parametrize("kind", ["linear", "interacting", "threshold", "crossed", "slow"])
def test_the_three_true_inputs_come_first_whatever_the_delay(kind: SignalKind, delay: int) -> None:
    for seed in range(2):
        planted = plant(rows=1300, kind=kind, delay=delay, attainable_r2=0.3, seed=seed)
        assert set(ranked(planted).order[:3]) == set(planted.true_columns)


@pytest.mark.parametrize("kind", ["linear", "interacting"])
def test_a_weak_signal_is_found_among_many_inputs(kind: SignalKind) -> None:
    planted = plant(rows=1300, candidates=80, kind=kind, attainable_r2=0.12, seed=3)
    ranking = ranked(planted)
    assert set(ranking.order[:3]) == set(planted.true_columns)
    assert ranking.found == 3


def test_the_delay_and_the_partner_of_an_interaction_are_told() -> None:
    planted = plant(rows=1300, delay=4, seed=5)
    u, v, w = planted.true_columns
    told = {finding.column: finding for finding in ranked(planted).findings[:3]}
    assert {(told[column].first_lag, told[column].last_lag) for column in (u, v, w)} == {(4, 4)}
    assert (told[u].partner, told[v].partner, told[w].partner) == (None, w, v)


def test_lags_that_no_trial_can_use_are_not_looked_at() -> None:
    planted = plant(rows=1300, delay=2, kind="linear", seed=6)
    later = usable_lags(max_window=10, input_shifts=(2, 3), max_output_shift=5)
    assert later == range(3, 18)
    assert rank_inputs(planted.values, planted.close, TRAIN, lags=later).found == 0


def test_noise_is_not_found_in_a_random_walk_more_than_chance_allows() -> None:
    files = [plant(rows=1300, attainable_r2=0, seed=seed) for seed in range(10)]
    assert sum(ranked(planted).found > 0 for planted in files) <= 2


def test_prices_below_zero_are_ranked_by_their_differences() -> None:
    planted = plant(rows=1300, seed=7)
    spread = np.log(planted.close) - np.log(planted.close).mean()
    assert spread.min() < 0
    assert set(ranked(planted, close=spread).order[:3]) == set(planted.true_columns)


def test_one_crash_does_not_decide() -> None:
    planted = plant(rows=1300, seed=8)
    crashed = planted.close * np.where(np.arange(1300) < 600, 1.0, 0.4)
    assert ranked(planted, close=crashed).order[:3] == ranked(planted).order[:3]


def test_an_exact_duplicate_comes_last_and_names_the_earlier_column() -> None:
    planted = plant(rows=1300, seed=9)
    u = planted.true_columns[0]
    values = np.column_stack([planted.values, planted.values[:, u]])
    ranking = ranked(planted, values=values)
    assert u in ranking.order[:3]
    assert ranking.findings[-1].column == 20
    assert ranking.findings[-1].duplicate_of == u


def test_what_repeats_a_found_input_with_noise_comes_after_the_other_found_ones() -> None:
    planted = plant(rows=1300, kind="linear", seed=10)
    noise = np.random.default_rng(0).standard_normal((1300, 3)).astype(np.float32)
    true = planted.values[:, planted.true_columns]
    copies = true + 0.5 * true.std(axis=0) * noise
    order = ranked(planted, values=np.hstack([planted.values, copies])).order
    assert set(order[:3]) == set(planted.true_columns)


def test_inputs_constant_on_the_training_rows_come_last_though_they_change_later() -> None:
    planted = plant(rows=1300, seed=11)
    values = planted.values
    values[:1250, 4] = 1.5
    ranking = ranked(planted, values=values)
    assert ranking.findings[-1].column == 4
    assert ranking.findings[-1].evidence is None


def test_a_table_of_constants_is_ranked_too() -> None:
    planted = plant(rows=1300, seed=12)
    assert ranked(planted, values=np.ones((1300, 3), dtype=np.float32)).order == (0, 1, 2)


def test_an_input_of_two_values_can_be_the_gate() -> None:
    planted = plant(rows=1300, seed=13)
    w = planted.true_columns[2]
    values = planted.values
    values[:, w] = values[:, w] > np.median(values[:, w])
    assert set(ranked(planted, values=values).order[:3]) == set(planted.true_columns)


def test_changing_what_comes_after_the_training_rows_changes_nothing() -> None:
    planted = plant(rows=1300, seed=14)
    rng = np.random.default_rng(0)
    values, close = planted.values, planted.close
    values[TRAIN[-1] :] = rng.standard_normal(values[TRAIN[-1] :].shape)
    close[TRAIN[-1] + 1 :] = rng.uniform(1, 1000, len(close) - TRAIN[-1] - 1)
    assert ranked(planted, values=values, close=close) == ranked(planted)


def test_changing_what_comes_before_the_first_window_changes_nothing() -> None:
    planted = plant(rows=1300, seed=15)
    values, close = planted.values, planted.close
    values[: TRAIN[0] - LAGS[-1]] = np.nan
    close[: TRAIN[0] - LAGS[-1]] = np.nan
    assert ranked(planted, values=values, close=close) == ranked(planted)


def test_the_last_known_session_counts() -> None:
    planted = plant(rows=1300, seed=16)
    close = planted.close
    close[TRAIN[-1]] *= 1.5
    assert ranked(planted, close=close) != ranked(planted)


def test_units_do_not_matter() -> None:
    planted = plant(rows=1300, seed=17)
    units = np.float32(2) ** np.arange(-10, 10, dtype=np.float32)
    assert ranked(planted, values=planted.values * units).order == ranked(planted).order


def test_equal_arguments_give_equal_rankings() -> None:
    planted = plant(rows=1300, candidates=40, attainable_r2=0.1, seed=18)
    assert ranked(planted) == ranked(planted)


def test_only_the_latest_rows_are_looked_at_where_there_are_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    planted = plant(rows=1300, seed=19)
    latest = rank_inputs(planted.values, planted.close, TRAIN[-700:], lags=LAGS)
    monkeypatch.setattr(ranking, "MAX_ROWS", 700)
    assert ranked(planted) == latest
    assert latest.rows == 700


def test_a_ranking_survives_json() -> None:
    ranking = ranked(plant(rows=1300, seed=20))
    assert Ranking.from_plain(json.loads(json.dumps(ranking.to_plain()))) == ranking


def test_a_lag_that_reaches_before_the_table_is_refused() -> None:
    planted = plant(rows=1300, seed=22)
    with pytest.raises(ValueError, match="training row 10 has no session 17 earlier"):
        rank_inputs(planted.values, planted.close, np.arange(10, 500), lags=LAGS)


# --- the files themselves -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["linear", "interacting", "threshold"])
@pytest.mark.parametrize("shifts", [(20, 0, 1), (1, 0, 3), (1, 0, 2), (1, 2, 1), (5, 0, 6)])
def test_a_planted_file_has_the_skill_it_claims(
    kind: SignalKind, shifts: tuple[int, int, int]
) -> None:
    planted = plant(rows=20_000, kind=kind, seed=0)
    window, input_shift, output_shift = shifts
    claimed = planted.attainable_skill(
        window=window, input_shift=input_shift, output_shift=output_shift
    )
    measured = planted.skill_on_rows(
        np.arange(100, 20_000), window=window, input_shift=input_shift, output_shift=output_shift
    )
    assert measured == pytest.approx(claimed, abs=0.01)


def test_a_window_of_one_session_makes_the_delay_the_only_right_shift() -> None:
    planted = plant(delay=4, seed=0)
    output = [planted.attainable_skill(window=1, output_shift=h) for h in range(1, 8)]
    assert output.index(max(output)) + 1 == 4
    assert output[:3] == [0, 0, 0]
    early = [planted.attainable_skill(window=1, input_shift=s) for s in range(8)]
    assert [shift for shift, skill in enumerate(early) if skill > 0] == [3]


def test_planted_files_are_reproducible_and_differ_by_seed() -> None:
    assert plant(rows=300, seed=1).frame.equals(plant(rows=300, seed=1).frame)
    assert not plant(rows=300, seed=1).frame.equals(plant(rows=300, seed=2).frame)


def test_a_random_walk_has_no_truth() -> None:
    planted = plant(rows=300, attainable_r2=0, seed=1)
    assert planted.truth == ()
    assert planted.attainable_skill(window=20) == 0
    assert not planted.expected.any()
