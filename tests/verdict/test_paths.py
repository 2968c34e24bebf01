"""A study of paths from its search to what is told of it."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rnnsearch.config import StudyFile, load_study
from rnnsearch.errors import StudyFileError
from rnnsearch.many.family import Family
from rnnsearch.many.predicting import predict_all
from rnnsearch.publish.pyfunc import ServedForecaster
from rnnsearch.publish.registry import _of_steps, forecast_rows, step_rows
from rnnsearch.publish.trials import forecast_rows as validation_rows
from rnnsearch.report.facts import collect
from rnnsearch.report.page import render
from rnnsearch.scoring import metrics
from rnnsearch.scoring.inference.information import holm
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.store import Store
from rnnsearch.terminal.evaluated import evaluation_tables
from rnnsearch.terminal.tables import output
from rnnsearch.verdict.answers import stored_answer
from rnnsearch.verdict.evaluation import evaluate, validation_losses
from rnnsearch.verdict.explanation.explaining import explain
from rnnsearch.verdict.journal.reading import journal
from rnnsearch.verdict.prediction import predict
from rnnsearch.verdict.renewal import evaluated_champion, renew
from tests.helpers.evaluated import quiet, search_inline
from tests.helpers.many import write_many
from tests.helpers.searches import write_study

pytestmark = pytest.mark.slow  # whole searches

STEPS = 3


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study of paths that was searched and evaluated."""
    folder = tmp_path_factory.mktemp("paths")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RNNSEARCH_HOME", str(folder / "runs"))
        path = write_study(
            folder,
            study={"trials": 3},
            data={"steps": STEPS, "columns": "none"},
            split={"folds": 2, "test": 0.4},
            space={"output_shift": [1, 2], "cell": "gru", "window": 3},
        )
        search_inline(path)
        evaluate(load_study(path), top=2, seeds=2, say=quiet)
    return folder


@pytest.fixture
def study(searched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StudyFile:
    shutil.copytree(searched, tmp_path / "own")
    monkeypatch.setenv("RNNSEARCH_HOME", str(tmp_path / "own" / "runs"))
    return load_study(tmp_path / "own" / "small.toml")


def answer_of(study: StudyFile) -> dict[str, Any]:
    answer = stored_answer(Store(study, create=False))
    assert answer is not None
    return answer


def test_each_step_is_held_to_its_own_naive_forecasts(study: StudyFile) -> None:
    problem, answer = Problem.load(study), answer_of(study)
    close, rows = problem.prices.close, problem.split.test
    h = answer["champion"]["params"]["output_shift"]
    train = problem.split.refit.train
    assert [one["ahead"] for one in answer["steps"]] == [h, h + 1, h + 2]
    for j, one in enumerate(answer["steps"]):
        came = np.log(close[rows + j] / close[rows - h])
        np.testing.assert_allclose(one["actual"], came, rtol=1e-5)
        mean = np.log(close[train + j] / close[train - h]).mean()
        np.testing.assert_allclose(one["forecasts"]["average"], mean, rtol=1e-5)
        naive = np.array(one["forecasts"][one["hardest"]])
        skill = metrics.skill(came, np.array(one["forecasts"]["champion"]), naive)
        assert one["table"][0]["skill"] == pytest.approx(skill, abs=1e-4)
        assert one["dates"] == [f"{date:%Y-%m-%d}" for date in problem.prices.dates[rows + j]]
        assert one["interval"]["rows"] == len(rows)


def test_the_answer_is_the_mean_of_the_steps_and_one_sentence(study: StudyFile) -> None:
    answer = answer_of(study)
    skills = [one["table"][0]["skill"] for one in answer["steps"]]
    assert answer["table"][0]["skill"] == pytest.approx(np.mean(skills))
    assert {row["forecast"] for row in answer["table"]} >= {"champion", "no_change", "ridge"}
    assert f"locked paths of {STEPS} sessions" in answer["verdict"]["sentence"]
    assert answer["verdict"]["sentence"].count(". ") == 0
    p = [one["significance"]["information"]["p"] for one in answer["steps"]]
    expected = holm([min(1.0, 1.25 * one) for one in p])
    assert [one["verdict"]["p_information"] for one in answer["steps"]] == pytest.approx(expected)
    assert answer["verdict"]["p_information"] == pytest.approx(min(expected))
    assert "one date" not in answer["trading"]["reason"]
    assert f"a path of {STEPS} sessions does not say" in answer["trading"]["reason"]
    assert {"superior_ability", "confidence_set", "overfitting"} == set(answer["significance"])


def test_what_is_tested_beside_the_verdict_is_corrected_over_all_steps(study: StudyFile) -> None:
    answer, p, corrected = answer_of(study), [], []
    for one in (answer, *answer["steps"]):
        for name, value in one["corrected"].items():
            result = one["significance"][name]
            times = 1.0 if name == "superior_ability" else 1.25
            p.append(min(1.0, times * result.get("p_better", result.get("p"))))
            corrected.append(value)
    assert len(p) > STEPS
    assert corrected == pytest.approx(holm(p))


def test_losses_of_trials_are_the_mean_of_the_steps(study: StudyFile) -> None:
    problem, store = Problem.load(study), Store(study, create=False)
    naive, losses = validation_losses(problem, store)
    assert losses.shape == (len(problem.split.validation), 3)
    assert naive.mean() == pytest.approx(1.0)


def test_a_dated_forecast_is_made_of_each_step_with_an_interval(study: StudyFile) -> None:
    answer = answer_of(study)
    h, rows = answer["champion"]["params"]["output_shift"], answer["test"]["rows"]
    said = predict(study, origins=rows + h + STEPS - 1)["forecasts"]
    by_step = [said[j::STEPS] for j in range(STEPS)]
    for one, told in zip(answer["steps"], by_step, strict=True):
        told = told[:rows]
        assert [row["target_date"] for row in told] == one["dates"]
        price = np.array([row["forecast_price"] for row in told])
        found = np.log(price / np.array(one["origin_price"]))
        np.testing.assert_allclose(found, one["forecasts"]["champion"], atol=2e-7)
        for side in ("low", "high"):
            found = np.log([row[f"{side}_price"] for row in told] / np.array(one["origin_price"]))
            np.testing.assert_allclose(found, one["interval"][side], atol=2e-6)
    newest = predict(study)["forecasts"]
    assert len(newest) == h * STEPS
    json.dumps(newest, allow_nan=False)


def test_paths_are_not_recorded_and_the_user_is_told_why(study: StudyFile) -> None:
    with pytest.raises(StudyFileError, match="leave --record out"):
        predict(study, record=True)
    predict(study)


def test_a_journal_of_paths_is_refused_with_what_to_do(study: StudyFile) -> None:
    with pytest.raises(StudyFileError, match="--export FILE` keeps what was said"):
        journal(study)


def test_a_folder_of_series_is_told_once_that_its_paths_are_not_recorded(tmp_path: Path) -> None:
    family = Family(load_study(write_many(tmp_path, data={"steps": 2})), (), ())
    told: list[str] = []
    with pytest.raises(StudyFileError, match="leave --record out"):
        predict_all(family, told.append, record=True)
    assert not told


def test_a_refit_knows_the_last_session_of_the_last_path(study: StudyFile) -> None:
    newest = f"{Problem.load(study).prices.dates[-1]:%Y-%m-%d}"
    assert renew(study, say=quiet)["last"] == newest
    told = predict(study, origins=STEPS + 2)
    assert told["trained"]["last"] == newest
    assert told["trained"]["sessions_since"] == 0
    known = sum(row["target_date"] is not None for row in told["forecasts"])
    assert any(note.startswith(f"{known} of ") for note in told["notes"]), told["notes"]


def test_of_a_path_the_mean_of_the_steps_is_explained(study: StudyFile) -> None:
    told = explain(study, say=quiet)
    assert told["evaluated"]
    assert all(np.isfinite(one["skill"]) for one in told["cells"])
    assert told["gates"]["of"] == "the next forecast"


def test_validation_forecasts_in_mlflow_have_a_row_per_step_and_date(study: StudyFile) -> None:
    problem, store = Problem.load(study), Store(study, create=False)
    trial = store.trials()[0]
    rows = validation_rows(problem, trial, store.scoring)
    assert len(rows) == STEPS * len(problem.split.validation)
    first = [row for row in rows if row["sessions_ahead"] == trial.output_shift + 1]
    assert [row["forecast"] for row in first] == pytest.approx(trial.forecasts[:, 1].tolist())
    dates = problem.prices.dates[problem.split.validation + 1]
    assert [row["target_date"] for row in first] == [f"{date:%Y-%m-%d}" for date in dates]


def test_the_champion_is_trained_again_on_all_that_is_known(study: StudyFile) -> None:
    before = evaluated_champion(study, answer_of(study))
    renewed = renew(study, say=quiet)
    problem = Problem.load(study)
    dates = problem.prices.dates
    assert renewed["made"]
    assert renewed["last"] == f"{dates[-1]:%Y-%m-%d}"  # the last step of the last path
    fresh = type(before).load(Path(renewed["folder"]))
    assert fresh.spec.steps == STEPS
    assert fresh.errors.shape[1] == STEPS
    assert len(fresh.errors) > len(before.errors)
    assert not renew(study, say=quiet)["made"]


def test_the_page_and_the_terminal_tell_each_step(study: StudyFile) -> None:
    page = render(collect(study))
    assert 'id="table-steps"' in page
    assert '"fan"' in page
    assert '"step_skills"' in page
    console = output()
    with console.capture() as shown:
        for part in evaluation_tables(answer_of(study)):
            console.print(part)
    text = shown.get()
    assert "Step by step" in text
    assert "the mean of the steps" in text


def test_mlflow_is_given_each_step(study: StudyFile) -> None:
    answer = answer_of(study)
    told = _of_steps(answer)
    for number, one in enumerate(answer["steps"], start=1):
        assert told[f"test_skill_step_{number}"] == one["table"][0]["skill"]
    assert len(step_rows(answer)) == sum(len(one["table"]) for one in answer["steps"])
    rows = forecast_rows(answer)
    assert len(rows) == STEPS * answer["test"]["rows"]
    assert {row["sessions_ahead"] for row in rows} == {one["ahead"] for one in answer["steps"]}


def test_a_served_model_answers_with_a_row_per_step(study: StudyFile) -> None:
    champion = evaluated_champion(study, answer_of(study))
    frame = pd.read_csv(study.data.path or "")
    said = ServedForecaster(champion).predict(frame, {"origins": 2})
    assert len(said) == 2 * STEPS
    here = predict(study, origins=2)["forecasts"]
    assert said["target_date"].tolist() == [row["target_date"] for row in here]
    np.testing.assert_allclose(
        said["forecast_price"].astype(float), [row["forecast_price"] for row in here]
    )
