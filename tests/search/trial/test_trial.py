"""One trial, where it is trained: what its forecasts may know, and what it does without memory."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from rnnsearch.config import Predict, kernels_folder, load_study
from rnnsearch.model.kernels.cache import ensure, load
from rnnsearch.prepare.preview import check
from rnnsearch.search.problem import Problem
from rnnsearch.search.trial import importance
from rnnsearch.search.trial import runner as trial
from rnnsearch.search.trial.folds import TrialData
from rnnsearch.search.trial.packing import unpack
from rnnsearch.search.trial.parameters import TrialParameters
from rnnsearch.search.trial.protocol import EpochReport, Outcome, Task
from rnnsearch.search.trial.runner import TrialRunner, run_trial
from rnnsearch.targets import Quotes
from tests.helpers.searches import write_study

pytestmark = pytest.mark.slow  # seconds each, or many

CPU = torch.device("cpu")


def parameters(problem: Problem, **changes: Any) -> TrialParameters:
    plain: dict[str, Any] = {
        "cell": "gru",
        "neurons": (4,),
        "dropout": 0.0,
        "window": 3,
        "epochs": 2,
        "batch_size": 32,
        "learning_rate": 0.01,
        "optimizer": "adam",
        "weight_decay": 0.1,
        "averaging": True,
        "scaler": "standard",
        "input_shift": 1,
        "output_shift": 2,
        "inputs": problem.table.names,
        "clip": 1.0,
        "seed": 3,
    }
    return TrialParameters(**(plain | changes))


@pytest.fixture
def problem(tmp_path, home) -> Problem:
    return Problem.load(load_study(write_study(tmp_path)))


def forecasts(problem: Problem, data: TrialData, **changes: Any) -> np.ndarray:
    *_, outcome = run_trial(parameters(problem, **changes), data, CPU)
    assert isinstance(outcome, Outcome)
    return unpack(outcome.forecasts)


@pytest.mark.parametrize("predict", ["log_return", "level"])
@pytest.mark.parametrize("input_shift", [1, {"price": 0, "column": 1}], ids=["all", "family"])
def test_changing_the_future_changes_no_validation_forecast(
    problem: Problem, input_shift: int | dict[str, int], predict: Predict
) -> None:
    close = problem.prices.close
    data = TrialData(problem.table, Quotes(close, close * 1.001), problem.split, predict)
    before = forecasts(problem, data, input_shift=input_shift)
    validation = problem.split.validation
    for row in (validation[5], validation[len(validation) // 2], validation[-1]):
        origin = row - 2  # what is known when `row` is forecast
        values, later = np.array(problem.table.values), close.copy()
        values[origin + 1 :] *= 7
        later[origin + 1 :] *= np.linspace(2, 3, len(close) - origin - 1)
        changed = TrialData(
            replace(problem.table, values=values),
            Quotes(later, later * 1.001),
            problem.split,
            predict,
        )
        # Later folds train on what was changed, so look at the folds that had begun by then.
        begun = [fold for fold in problem.split.folds if fold.train[-1] <= origin]
        rows = np.concatenate([fold.validation for fold in begun])
        known = np.flatnonzero(rows <= row)
        assert len(known)
        after = forecasts(problem, changed, input_shift=input_shift)
        np.testing.assert_array_equal(after[known], before[known])


def test_a_changed_past_does_change_a_validation_forecast(problem: Problem) -> None:
    close = problem.prices.close
    before = forecasts(
        problem, TrialData(problem.table, Quotes(close), problem.split, "log_return")
    )
    values = np.array(problem.table.values)
    values[problem.split.validation[0] - 3] += 5  # in the first window: 2 ahead, 1 input shift
    changed = TrialData(
        replace(problem.table, values=values), Quotes(close), problem.split, "log_return"
    )
    assert forecasts(problem, changed)[0] != before[0]


def test_shuffling_the_only_true_input_costs_its_skill_and_others_none(tmp_path, home) -> None:
    rng = np.random.default_rng(0)
    known, useless = rng.normal(size=(2, 600))
    returns = 0.01 * np.concatenate([[0.0], known[:-1]]) + 0.003 * rng.normal(size=600)
    frame = {"Date": pd.bdate_range("2020-01-01", periods=600), "Known": known, "Useless": useless}
    frame["Close"] = 100 * np.exp(np.cumsum(returns))
    pd.DataFrame(frame).to_csv(tmp_path / "prices.csv", index=False)
    problem = Problem.load(load_study(write_study(tmp_path)))
    changes = {"inputs": ("return", "Known", "Useless"), "output_shift": 1, "input_shift": 0}
    changes |= {"epochs": 10, "batch_size": 16, "learning_rate": 0.03}
    runner = TrialRunner(problem.worker_setup("cpu", 1))
    plain = parameters(problem, **changes).plain()
    *_, outcome = runner.run(Task(0, plain, measure_above=-1.0))
    losses = outcome.permutation
    assert list(losses) == ["return", "Known", "Useless"]
    assert losses["Known"] > 0.3
    assert max(abs(losses["return"]), abs(losses["Useless"])) < 0.1
    *_, other = runner.run(Task(0, plain, measure_above=outcome.skill))
    assert other.permutation == {}
    assert (other.skill, other.forecasts) == (outcome.skill, outcome.forecasts)


def test_a_trial_whose_inputs_cannot_be_measured_has_its_result(
    problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = Task(0, parameters(problem).plain(), measure_above=float("-inf"))
    runner = TrialRunner(problem.worker_setup("cpu", 1))
    *_, measured = runner.run(task)
    assert set(measured.permutation) == set(problem.table.names)

    def full(*_: Any) -> None:
        raise torch.OutOfMemoryError("injected")

    with monkeypatch.context() as patch:
        patch.setattr(trial, "permutation_losses", full)
        *_, short = runner.run(task)
    monkeypatch.setattr(importance, "MOST_EPOCHS", 0)  # as with a thousand inputs
    *_, wide = runner.run(task)
    assert short.permutation == wide.permutation == {}
    assert short.forecasts == wide.forecasts == measured.forecasts


class ShortOfMemory:
    """`run_trial` that runs out of memory in its first epoch, so many times."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.accumulated: list[int] = []

    def __call__(self, *args: Any, accumulate: int, **kwargs: Any) -> Iterator[Any]:
        self.accumulated.append(accumulate)
        said = run_trial(*args, accumulate=accumulate, **kwargs)
        yield next(said)
        if len(self.accumulated) <= self.times:
            raise torch.OutOfMemoryError("injected")
        yield from said


def test_out_of_memory_is_tried_once_more_in_parts_with_the_same_result(
    problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = TrialRunner(problem.worker_setup("cpu", 1))
    task = Task(0, parameters(problem).plain())
    *_, whole = runner.run(task)
    short = ShortOfMemory(1)
    monkeypatch.setattr(trial, "run_trial", short)
    *reports, outcome = runner.run(task)
    assert short.accumulated == [1, 4]
    assert [said.epoch for said in reports if isinstance(said, EpochReport)] == [1, 1, 2]
    assert outcome.skill == pytest.approx(whole.skill, abs=1e-5)


@pytest.mark.slow
def test_check_says_that_its_tiny_trial_runs_out_of_memory(
    problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "run_trial", ShortOfMemory(2))
    facts = "\n".join(check(problem.study).facts)
    assert "does not train" in facts
    assert "out of memory" in facts
    assert "time per trial" not in facts


@pytest.mark.slow
def test_out_of_memory_twice_is_the_last_word(
    problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = TrialRunner(problem.worker_setup("cpu", 1))
    monkeypatch.setattr(trial, "run_trial", ShortOfMemory(2))
    *_, last = runner.run(Task(0, parameters(problem).plain()))
    assert last == "out of memory, also with the batch in four parts"


@pytest.mark.parametrize("predict", ["log_return", "direction"])
def test_a_trial_by_kernels_has_the_outcome_that_it_has_by_torch(
    problem: Problem, predict: Any
) -> None:
    machine = load(ensure(kernels_folder(), say=lambda _: None))
    data = TrialData(problem.table, problem.prices.quotes, problem.split, predict)
    plain = parameters(problem, cell="bilstm", neurons=(6, 5), dropout=0.2, epochs=3)
    by_torch, by_kernels = (
        list(run_trial(plain, data, CPU, measure_above=-np.inf, machine=which))
        for which in (None, machine)
    )
    assert [report.kernels for report in by_kernels[:-1]] == [machine.width.name] * 3
    for one, two in zip(by_torch[:-1], by_kernels[:-1], strict=True):
        assert two.skill == pytest.approx(one.skill, rel=1e-5, abs=1e-6)
    one, two = by_torch[-1], by_kernels[-1]
    np.testing.assert_allclose(unpack(two.forecasts), unpack(one.forecasts), rtol=1e-4, atol=1e-6)
    assert two.metrics == pytest.approx(one.metrics, rel=1e-4, abs=1e-6)
    assert len(one.permutation) == len(problem.table.names)
    assert two.permutation == pytest.approx(one.permutation, rel=1e-3, abs=1e-6)
