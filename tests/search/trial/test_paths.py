"""Paths: several sessions forecast at once, each step held to what it would be alone."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from rnnsearch.config import load_study
from rnnsearch.errors import StudyFileError
from rnnsearch.model.paths import apart, later, shaped
from rnnsearch.scoring.gain import overlap
from rnnsearch.search.problem import Problem
from rnnsearch.search.trial.folds import TrialData, prepare_fold
from rnnsearch.search.trial.packing import unpack
from rnnsearch.search.trial.parameters import TrialParameters
from rnnsearch.search.trial.protocol import EpochReport, Outcome
from rnnsearch.search.trial.runner import run_trial
from rnnsearch.targets import TargetScale
from tests.helpers.evaluated import PARAMETERS, fitted
from tests.helpers.machines import USABLE
from tests.helpers.machines import machine as kernels
from tests.helpers.searches import write_study

CPU = torch.device("cpu")
STEPS = 3


def problem_of(folder: Path, steps: int = STEPS, **data: Any) -> Problem:
    return Problem.load(load_study(write_study(folder, data={"steps": steps} | data)))


def data_of(problem: Problem) -> TrialData:
    return TrialData(problem.table, problem.prices.quotes, problem.split, "log_return")


def parameters(**changes: Any) -> TrialParameters:
    return TrialParameters.from_plain(PARAMETERS | {"steps": STEPS} | changes)


def outcome_of(problem: Problem, chosen: TrialParameters) -> Outcome:
    *_, outcome = run_trial(chosen, data_of(problem), CPU)
    assert isinstance(outcome, Outcome)
    return outcome


@pytest.fixture
def problem(home: Path, tmp_path: Path) -> Problem:
    return problem_of(tmp_path)


def test_each_step_is_taught_the_move_from_the_origin_on_a_scale_of_its_own(
    problem: Problem,
) -> None:
    fold, chosen = problem.split.folds[0], parameters()
    prepared = prepare_fold(fold, chosen, data_of(problem), CPU)
    close, h = problem.prices.close, chosen.output_shift
    assert prepared.tensors.train_targets.shape == (len(fold.train), STEPS)
    for j in range(STEPS):
        moves = np.array([np.log(close[r + j] / close[r - h]) for r in fold.train])
        rms = np.sqrt(np.mean(moves**2))
        assert prepared.scales[0][j] == TargetScale(0.0, pytest.approx(rms))
        found = prepared.tensors.train_targets[:, j].numpy()
        np.testing.assert_allclose(found, moves / rms, rtol=1e-5, atol=1e-6)
        came = [np.log(close[r + j] / close[r - h]) for r in fold.validation]
        unscaled = prepared.validation_scale.unscale(prepared.tensors.validation_targets.numpy())
        np.testing.assert_allclose(unscaled[:, j], came, atol=1e-8)


def test_the_first_step_is_taught_what_a_study_of_one_step_teaches_on_the_same_rows(
    home: Path, tmp_path: Path, problem: Problem
) -> None:
    one = problem_of(tmp_path / "one", steps=1)
    fold = problem.split.folds[0]
    path = prepare_fold(fold, parameters(), data_of(problem), CPU)
    alone = prepare_fold(fold, parameters(steps=1), data_of(one), CPU)
    assert torch.equal(path.tensors.train_targets[:, 0], alone.tensors.train_targets)
    assert torch.equal(path.tensors.train_ends, alone.tensors.train_ends)


def test_skill_and_gain_are_the_means_of_what_the_steps_come_to(problem: Problem) -> None:
    chosen = parameters()
    outcome = outcome_of(problem, chosen)
    said = shaped(unpack(outcome.forecasts), STEPS)
    assert said.shape == (len(problem.split.validation), STEPS)
    close, skills, gains = problem.prices.close, [], []
    for j in range(STEPS):
        ahead, start, folds = chosen.output_shift + j, 0, []
        for fold in problem.split.folds:
            rows, train = fold.validation + j, fold.train + j
            came = np.log(close[rows] / close[rows - ahead])
            mean = np.log(close[train] / close[train - ahead]).mean()
            folds.append((came, said[start : start + len(rows), j], mean))
            start += len(rows)
        squared = {
            "no change": sum(np.sum(came**2) for came, _, _ in folds),
            "average": sum(np.sum((came - mean) ** 2) for came, _, mean in folds),
        }
        moved = squared["average"] < squared["no change"]
        naive = [(came, f, mean if moved else 0.0) for came, f, mean in folds]
        skills.append(
            np.mean(
                [
                    1 - np.sqrt(np.mean((came - f) ** 2) / np.mean((came - b) ** 2))
                    for came, f, b in naive
                ]
            )
        )
        errors, bets = [came - b for came, _, b in naive], [f - b for _, f, b in naive]
        gains.append(skills[-1] / overlap(errors, bets, ahead))
    assert outcome.skill == pytest.approx(np.mean(skills), abs=1e-5)
    assert outcome.gain == pytest.approx(np.mean(gains), abs=1e-5)
    told = [outcome.metrics[f"skill_step_{number}"] for number in range(1, STEPS + 1)]
    assert told == pytest.approx(skills, abs=1e-5)


def test_a_trial_of_one_step_says_nothing_of_steps(home: Path, tmp_path: Path) -> None:
    one = problem_of(tmp_path, steps=1)
    chosen = parameters(steps=1)
    assert "steps" not in chosen.plain()
    assert chosen.key == TrialParameters.from_plain(PARAMETERS).key
    assert "steps" not in one.study.fingerprint()["data"]
    outcome = outcome_of(one, chosen)
    assert not [name for name in outcome.metrics if "step" in name]
    assert unpack(outcome.forecasts).shape == (len(one.split.validation),)


@pytest.mark.parametrize("head", ["direct", "decoder", "attention"])
def test_kernels_train_a_direct_head_as_torch_does_and_leave_decoders_to_it(
    problem: Problem, head: str
) -> None:
    chosen = parameters(head=head, teacher_forcing=0.0 if head == "direct" else 0.5)
    machine = kernels(USABLE[0])
    reports, outcomes = [], []
    for which in (machine, None):
        first, *_, outcome = run_trial(chosen, data_of(problem), CPU, machine=which)
        assert isinstance(first, EpochReport)
        assert isinstance(outcome, Outcome)
        reports.append(first.kernels)
        outcomes.append(unpack(outcome.forecasts))
    assert reports == [machine.width.name if head == "direct" else "torch", "torch"]
    np.testing.assert_allclose(*outcomes, atol=1e-6)


@pytest.mark.parametrize("predict", ["level", "direction"])
def test_a_path_of_any_target_is_learnt(home: Path, tmp_path: Path, predict: str) -> None:
    problem = problem_of(tmp_path, predict=predict)
    _, forecaster = fitted(problem, seeds=1)
    assert forecaster is not None
    frame = forecaster.forecast(problem.prices, origins=1)
    assert frame["sessions_ahead"].tolist() == [2, 3, 4]
    said = frame["probability_up" if predict == "direction" else "forecast_price"]
    assert np.isfinite(said).all()


def changed_after(problem: Problem, row: int, folder: Path) -> Problem:
    """The same file with other prices after a row."""
    frame = pd.read_csv(problem.study.data.path or "")
    frame.loc[row + 1 :, ["Close", "Spread", "Breadth"]] *= 3
    folder.mkdir()
    frame.to_csv(folder / "prices.csv", index=False)
    return problem_of(folder)


def test_changing_the_future_changes_no_step_of_what_was_learnt_before(
    problem: Problem, tmp_path: Path
) -> None:
    chosen, fold = parameters(), problem.split.folds[0]
    known = int(fold.validation[0]) - chosen.output_shift  # the first validation origin
    other = changed_after(problem, known, tmp_path / "changed")
    before, after = (prepare_fold(fold, chosen, data_of(one), CPU) for one in (problem, other))
    assert before.scales == after.scales
    for name in ("scale", "offset", "train_ends", "train_targets"):
        assert torch.equal(getattr(before.tensors, name), getattr(after.tensors, name))
    assert fold.train[-1] + STEPS - 1 == known  # not a row is given away


def test_changing_the_future_changes_no_step_of_a_forecast(
    problem: Problem, tmp_path: Path
) -> None:
    _, forecaster = fitted(problem, seeds=1)
    assert forecaster is not None
    row = len(problem.prices.dates) - 20
    other = changed_after(problem, row, tmp_path / "changed")
    origins = np.arange(row - 30, row + 1)
    said = [
        forecaster.forecast_rows(one.prices, forecaster.table(one.prices), origins)
        for one in (problem, other)
    ]
    np.testing.assert_array_equal(*said)
    for step in range(STEPS):
        widths = [
            forecaster.intervals(one.prices, forecaster.table(one.prices), origins, step=step)
            for one in (problem, other)
        ]
        np.testing.assert_array_equal(*widths)


def test_a_forecaster_of_paths_is_the_same_from_disk(problem: Problem, tmp_path: Path) -> None:
    _, forecaster = fitted(problem, seeds=2)
    assert forecaster is not None
    forecaster.save(tmp_path / "champion")
    loaded = type(forecaster).load(tmp_path / "champion")
    assert loaded.spec == forecaster.spec
    frames = [one.forecast(problem.prices, origins=4) for one in (forecaster, loaded)]
    pd.testing.assert_frame_equal(*frames)


def test_a_forecast_has_a_row_and_an_interval_for_each_step(problem: Problem) -> None:
    _, forecaster = fitted(problem, seeds=1)
    assert forecaster is not None
    dates, origins = problem.prices.dates, 6
    frame = forecaster.forecast(problem.prices, origins=origins)
    assert len(frame) == origins * STEPS
    assert frame["sessions_ahead"].tolist() == [2, 3, 4] * origins
    assert frame["origin_date"].is_monotonic_increasing
    for _, row in frame.iterrows():
        place = dates.get_loc(row["origin_date"]) + row["sessions_ahead"]
        if place < len(dates):
            assert row["target_date"] == dates[place]
    assert (frame["low_price"] < frame["forecast_price"]).all()
    widths = (frame["high_price"] - frame["low_price"]).to_numpy().reshape(origins, STEPS)
    assert (widths[:, 0] < widths[:, -1]).all()  # the farther, the less sure


def test_rows_of_a_step_are_those_of_the_path_so_many_later(problem: Problem) -> None:
    fold = problem.split.folds[0]
    step = later(fold, 2)
    assert (step.train == fold.train + 2).all()
    assert step.history == fold.history
    assert fold.history.stop == fold.train[-1] + STEPS
    said = np.arange(12.0).reshape(4, 3)
    assert [one.tolist() for one in apart(said, 3)] == said.T.tolist()
    assert (shaped(said.reshape(-1), 3) == said).all()


@pytest.mark.parametrize(
    ("section", "keys", "reason"),
    [
        ("study", {"metric": "sharpe"}, 'write metric = "skill", or write'),
        ("evaluate", {"refit_every": 21}, "leave it out, or write"),
        ("data", {"known_ahead": ["Spread"]}, "leave known_ahead out, or write"),
        ("space", {"loss": ["mse", "quantile"]}, "leave it out, or write"),
        ("data", {"predict": "volatility"}, "one number for all of the next sessions; write"),
    ],
)
def test_what_does_not_go_with_paths_is_refused_when_the_study_is_read(
    tmp_path: Path, section: str, keys: dict[str, Any], reason: str
) -> None:
    data = {"steps": 5} | (keys if section == "data" else {})
    changes = {"data": data} | ({} if section == "data" else {section: keys})
    with pytest.raises(StudyFileError, match=r"\[data\] steps = 5 forecasts paths, but") as error:
        load_study(write_study(tmp_path, **changes))
    assert reason in str(error.value)
    assert "write [data] steps = 1" in str(error.value)
    changes["data"] = data | {"steps": 1}
    load_study(write_study(tmp_path, **changes))


@pytest.mark.parametrize("space", [{}, {"loss": "quantile"}])
def test_of_paths_no_distribution_is_advised(tmp_path: Path, space: dict[str, Any]) -> None:
    metric = {"metric": "pinball_skill"}
    path = write_study(tmp_path, study=metric, data={"steps": 5}, space=space)
    with pytest.raises(StudyFileError, match='write metric = "skill", or write'):
        load_study(path)


def test_how_decoders_are_taught_matters_to_no_study_without_one(tmp_path: Path) -> None:
    def fingerprint(**space: Any) -> Any:
        return load_study(write_study(tmp_path, data={"steps": 5}, space=space)).fingerprint()

    assert fingerprint() == fingerprint(teacher_forcing=0.3)
    both = {"head": ["direct", "decoder"]}
    assert fingerprint(**both) != fingerprint(**both, teacher_forcing=0.3)


def test_one_network_for_many_series_forecasts_no_paths(tmp_path: Path) -> None:
    with pytest.raises(StudyFileError, match="leave pool out, or write"):
        load_study(write_study(tmp_path, data={"steps": 5, "path": "*.csv", "pool": True}))


def test_steps_of_no_session_or_of_a_decade_are_refused(tmp_path: Path) -> None:
    for steps in (0, 2500):
        with pytest.raises(StudyFileError, match="steps: should be at"):
            load_study(write_study(tmp_path, data={"steps": steps}))


def test_a_file_too_short_for_a_path_says_so(home: Path, tmp_path: Path) -> None:
    with pytest.raises(
        Exception, match="lower the largest window, input shift or output shift, the"
    ):
        problem_of(tmp_path, steps=120)


def test_a_title_says_how_far_a_path_reaches() -> None:
    from rnnsearch.search.store.records import title

    assert title(parameters().plain()).endswith("h2-4")
    assert title(replace(parameters(), steps=1).plain()).endswith("h2")
