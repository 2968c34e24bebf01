"""What refits say: what the one fit says where they begin, and nothing that the future decides."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rnnsearch.model.training import Diverged
from rnnsearch.scoring.inference.skipped import Skipped
from rnnsearch.search.trial import refits
from rnnsearch.search.trial.protocol import BaselineRefit, NetworkRefit, Refitted
from rnnsearch.verdict.comparison import Line
from tests.helpers.drifting import plant_drifting
from tests.helpers.searches import write_study
from tests.helpers.walking import walk_through

pytestmark = pytest.mark.slow  # whole searches or commands

EVERY = 13


def study(folder: Path, **keys: Any) -> Path:
    data = {"predict": keys.pop("predict", "log_return")}
    return write_study(folder, evaluate={"refit_every": EVERY} | keys, data=data)


def every_forecast(line: Line) -> dict[str, Any]:
    networks = {f"seed {number}": said for number, said in enumerate(line.by_seed)}
    return networks | {name: fitted.forecast for name, fitted in line.fitted.items()}


def assert_alike(ours: Any, theirs: Any, name: str) -> None:
    np.testing.assert_allclose(ours, theirs, atol=1e-6 * np.abs(theirs).max(), err_msg=name)


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"refit_window": "rolling"},
        {"refit_start": "warm"},
        {"predict": "level"},
        {"predict": "direction"},
    ],
    ids=str,
)
def test_until_the_second_refit_all_say_what_the_one_fit_says(
    home: Path, tmp_path: Path, keys: dict[str, Any]
) -> None:
    chosen = None if not keys else {"ridge", "logistic", "trees"}
    _, once, line = walk_through(study(tmp_path, **keys), chosen)
    ours, theirs = every_forecast(line), every_forecast(once)
    assert ours.keys() == theirs.keys()
    assert len(ours) == (8 if not keys else 4)
    for name, forecast in theirs.items():
        assert_alike(ours[name][:EVERY], forecast[:EVERY], name)
    for name in ("seed 0", "seed 1", "trees"):
        assert np.abs(ours[name][EVERY:] - theirs[name][EVERY:]).max() > 1e-6, name
    np.testing.assert_array_equal(line.test.actual, once.test.actual)
    for name, naive in once.test.naive.items():
        np.testing.assert_allclose(line.test.naive[name][:EVERY], naive[:EVERY], err_msg=name)


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param({}, marks=pytest.mark.slow),  # every baseline
        {"refit_window": "rolling", "predict": "level"},
        {"refit_window": 90, "refit_start": "warm"},
        {"predict": "direction"},
    ],
    ids=str,
)
def test_changing_the_future_changes_no_forecast_through_any_refit(
    home: Path, tmp_path: Path, keys: dict[str, Any]
) -> None:
    """Rows after a day are changed, again and again: what was said by that day stays."""
    chosen = None if not keys else {"ridge", "logistic", "drift"}
    path = study(tmp_path, **keys)
    problem, _, before = walk_through(path, chosen)
    rows, horizon = before.test.rows, before.test.horizon
    prices = pd.read_csv(tmp_path / "prices.csv")
    numbers = prices.columns[1:]
    days = [rows[2 * EVERY + 5], rows[EVERY - 1], rows[2 * EVERY], rows[4 * EVERY - 2]]
    for day in days if keys else days[:1]:
        changed = prices.copy()
        later = changed.index > day
        factors = np.random.default_rng(int(day)).uniform(0.7, 1.5, (int(later.sum()), 3))
        changed.loc[later, numbers] *= factors
        changed.to_csv(tmp_path / "prices.csv", index=False)
        other, _, after = walk_through(path, chosen)
        assert other.table.hash != problem.table.hash
        said = rows - horizon <= day
        ours, theirs = every_forecast(after), every_forecast(before)
        assert ours.keys() == theirs.keys()
        for name, forecast in theirs.items():
            assert_alike(ours[name][said], forecast[said], f"{name}, after row {day}")
        for name in ("seed 0", "ridge" if "ridge" in ours else "logistic"):
            assert not np.allclose(ours[name][~said], theirs[name][~said]), name
        average, cut = np.asarray(before.test.average), before.test.cut
        np.testing.assert_array_equal(np.asarray(after.test.average)[said], average[said])
        np.testing.assert_array_equal(after.test.cut[said], cut[said])


def test_averages_are_learnt_anew_as_often_as_forecasts_are(home: Path, tmp_path: Path) -> None:
    problem, once, line = walk_through(study(tmp_path), {"drift"})
    close, test = problem.prices.close, line.test
    for number in range(len(test.rows) // EVERY):
        train = np.arange(problem.split.first, problem.split.refit.train[-1] + number * EVERY + 1)
        mean = np.log(close[train] / close[train - test.horizon]).mean()
        block = slice(number * EVERY, (number + 1) * EVERY)
        np.testing.assert_allclose(test.naive["average"][block], mean)
        np.testing.assert_allclose(np.asarray(test.average)[block], mean)
        np.testing.assert_allclose(test.cut[block], mean)
    assert np.ptp(once.test.naive["average"]) == 0


def test_warm_refits_go_on_from_the_weights_before_in_a_pass_over_the_newest_rows(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[NetworkRefit] = []
    real = refits._network

    def network(task: NetworkRefit, parameters: Any, *given: Any) -> Any:
        asked.append(task)
        return real(task, parameters, *given)

    monkeypatch.setattr(refits, "_network", network)
    _, once, line = walk_through(study(tmp_path, refit_start="warm"), {"drift"}, epochs=10, seeds=1)
    assert [task.parameters["epochs"] for task in asked] == [10, 1, 1, 1, 1]
    assert {task.newest for task in asked} == {10 * EVERY}
    assert [bool(task.weights) for task in asked] == [False, True, True, True, True]
    later = slice(EVERY, None)
    assert 0 < np.abs(line.by_seed[:, later] - once.by_seed[:, later]).max() < 0.01


def diverging(
    monkeypatch: pytest.MonkeyPatch, when: Callable[[NetworkRefit, int], bool]
) -> list[NetworkRefit]:
    """Networks diverge where `when` says so of a task and its number; all tasks in order."""
    asked: list[NetworkRefit] = []
    real = refits.Trainer

    class Diverging(real):  # type: ignore[misc,valid-type]
        def run(self) -> Any:
            if when(asked[-1], len(asked)):
                raise Diverged("epoch 1: the training loss of fold 1 is nan")
            return super().run()

    network = refits._network

    def begun(task: NetworkRefit, *given: Any) -> Any:
        asked.append(task)
        return network(task, *given)

    monkeypatch.setattr(refits, "Trainer", Diverging)
    monkeypatch.setattr(refits, "_network", begun)
    return asked


def test_where_a_refit_diverges_the_weights_before_it_stay(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, said = study(tmp_path), []
    _, _, whole = walk_through(path, {"drift"}, seeds=1)
    third = 2 * EVERY
    last_rows = [int(whole.test.rows[0]) - 2 + block * EVERY + 1 for block in range(5)]
    asked = diverging(monkeypatch, lambda task, _: task.train[1] in last_rows[2:4])
    monkeypatch.setenv("RNNSEARCH_HOME", str(tmp_path / "other"))
    _, _, line = walk_through(path, {"drift"}, seeds=1, say=said.append)
    ours, theirs = line.by_seed[0], whole.by_seed[0]
    assert_alike(ours[:third], theirs[:third], "as before")
    assert_alike(ours[4 * EVERY :], theirs[4 * EVERY :], "as later")
    stayed = [task for task in asked if task.train[1] == last_rows[1]]
    assert [task.told[0] for task in stayed] == [
        int(whole.test.rows[block * EVERY]) for block in (1, 2, 3)
    ]
    assert np.abs(ours[third : 4 * EVERY] - theirs[third : 4 * EVERY]).max() > 1e-6
    assert sum("diverged" in text and "weights before it stay" in text for text in said) == 3


@pytest.mark.parametrize("keys", [{"refit_start": "warm"}, {"refit_window": 60}], ids=str)
def test_where_every_refit_diverges_the_one_fit_stays(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: dict[str, Any]
) -> None:
    diverging(monkeypatch, lambda *_: True)
    said: list[str] = []
    _, once, line = walk_through(study(tmp_path, **keys), {"drift"}, seeds=1, say=said.append)
    np.testing.assert_array_equal(line.by_seed, once.by_seed)
    assert any("the one fit's weights stay" in text for text in said)


def test_where_a_warm_refit_diverges_its_weights_stay(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    diverging(monkeypatch, lambda _, number: number > 1)
    _, once, line = walk_through(study(tmp_path, refit_start="warm"), {"drift"}, seeds=1)
    # The scalers know a few rows more: the forecasts are nearly, not quite, those of the one fit.
    np.testing.assert_allclose(line.by_seed, once.by_seed, atol=2e-3)
    assert not np.array_equal(line.by_seed, once.by_seed)


def test_a_baseline_that_fails_on_a_refit_is_left_out_and_not_fitted_further(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = refits._baseline

    def baseline(task: BaselineRefit, *given: Any) -> Refitted | str:
        asked.append(task.baseline)
        if task.baseline == "drift" and asked.count("drift") == 2:
            return "it has had enough"
        return real(task, *given)

    monkeypatch.setattr(refits, "_baseline", baseline)
    _, _, line = walk_through(study(tmp_path), {"drift", "ridge"}, seeds=1)
    assert line.simple["drift"] == Skipped("one of its refits has no forecast: it has had enough")
    assert asked.count("drift") == 2
    assert line.fitted.keys() == {"ridge"}
    assert line.fitted["ridge"].chosen.startswith("5 fits, the last alpha ")


OWN = """
import numpy as np

def tenth(task):
    "A tenth of what the last training rows did."
    return np.full(len(task.test_rows), task.train_targets[-50:].mean() / 10)

def peeks(task):
    rows = task.test_rows
    return np.log(task.prices[rows] / task.prices[rows - task.horizon])
"""


def test_a_baseline_of_the_study_s_own_is_refitted_too_and_cannot_look_ahead(
    home: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(OWN, encoding="utf-8")
    path = study(tmp_path, baselines=["mine.py:tenth", "mine.py:peeks"])
    problem, _, line = walk_through(path, {"tenth", "peeks"}, seeds=1)
    close, horizon = problem.prices.close, line.test.horizon
    for number in range(0, len(line.test.rows), EVERY):
        last = problem.split.refit.train[-1] + number
        train = np.arange(last - 49, last + 1)
        expected = np.log(close[train] / close[train - horizon]).mean() / 10
        said = line.fitted["tenth"].forecast[number : number + EVERY]
        np.testing.assert_allclose(said, expected, rtol=1e-6)
    skipped = line.simple["peeks"]
    assert isinstance(skipped, Skipped)
    assert "it looks ahead" in skipped.reason


@pytest.mark.slow
def test_worker_processes_say_what_this_process_says(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = study(tmp_path)
    _, _, here = walk_through(path, {"ridge"})
    monkeypatch.setenv("RNNSEARCH_HOME", str(tmp_path / "other"))
    text = path.read_text(encoding="utf-8")
    text = text.replace('engine = "inline"', 'engine = "local"').replace(
        "workers = 1", "workers = 2"
    )
    path.write_text(text, encoding="utf-8")
    said: list[str] = []
    _, _, there = walk_through(path, {"ridge"}, say=said.append)
    for name, forecast in every_forecast(here).items():
        assert_alike(every_forecast(there)[name], forecast, name)
    assert any("on 2 workers" in text for text in said)


@pytest.mark.slow
def test_refits_see_weights_that_drift_and_one_fit_does_not(home: Path, tmp_path: Path) -> None:
    """One file, of a fast drift; `tests.bench.bench_refit` has ten of each kind."""
    plant_drifting(rows=1500, r2=0.3, half_life=200, seed=1).write(tmp_path / "prices.csv")
    path = write_study(
        tmp_path,
        evaluate={"refit_every": 21, "refit_window": 250},
        space={"window": 1, "output_shift": 1},
        inputs={"search": "all"},
    )
    inputs = [f"x{number}" for number in range(5)]
    _, once, line = walk_through(
        path, {"ridge"}, inputs=inputs, window=1, output_shift=1, epochs=10, learning_rate=0.01
    )
    for name in ("champion", "ridge"):
        ours, theirs = line.forecasts[name], once.forecasts[name]
        assert np.mean((ours - once.test.actual) ** 2) < np.mean((theirs - once.test.actual) ** 2)
