"""[space] loss through search, resume, status, evaluate, predict and report."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnsearch.config import load_study
from rnnsearch.errors import StudyFileError
from rnnsearch.prepare.preview import check
from rnnsearch.report.facts import collect
from rnnsearch.report.page import render
from rnnsearch.report.status import status
from rnnsearch.search.problem import Problem
from rnnsearch.search.searching import search
from rnnsearch.search.store.records import run_record
from rnnsearch.search.store.store import Store
from rnnsearch.search.trial.parameters import TrialParameters
from rnnsearch.verdict.champion import validation_value
from rnnsearch.verdict.evaluation import evaluate
from rnnsearch.verdict.prediction import predict
from tests.helpers.evaluated import quiet, search_inline
from tests.helpers.searches import Notes, task, write_study


def study_of(folder: Path, **space: Any) -> Path:
    metric = space.pop("metric", "skill")
    return write_study(folder, study={"trials": 4, "metric": metric}, space=space)


# --- what a study file may say


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"loss": "hubber"}, r'\[space\] loss: should be .* did you mean "huber"'),
        ({"loss": []}, "needs at least one value"),
        ({"loss": "quantile", "quantiles": [0.1, 0.9]}, "hold 0.5, the median"),
        ({"loss": "quantile", "quantiles": [0.5, 0.9]}, "some below and above it"),
        ({"loss": "quantile", "quantiles": [0.5, 0.1, 0.9]}, "levels rise"),
        ({"loss": "quantile", "quantiles": [0.0, 0.5, 0.9]}, r"between 0\.001 and 0\.999, got 0"),
        ({"loss": "quantile", "quantiles": []}, "is an empty list"),
        (
            {"loss": "quantile", "quantiles": [0.1, 0.1000001, 0.5, 0.9]},
            r"at least 0\.001 apart, got 0\.1 and 0\.1000001; leave one out",
        ),
        ({"loss_function": "mae"}, "did you mean loss"),
        ({"loss": ["mse", "quantile"], "metric": "pinball_skill"}, "loss = 'quantile'"),
        ({"loss": "mae", "metric": "pinball_skill"}, "compares distributions"),
        ({"metric": "pinball_skill"}, r"\[space\] loss: .*got 'mse'"),
    ],
)
def test_what_cannot_be_trained_by_is_refused_with_a_way_out(
    tmp_path: Path, space: dict[str, Any], message: str
) -> None:
    with pytest.raises(StudyFileError, match=message):
        load_study(study_of(tmp_path, **space))


def test_a_direction_is_learnt_by_cross_entropy_and_says_so(tmp_path: Path) -> None:
    direction = {"predict": "direction"}
    for loss in ("mae", ["mse", "huber"]):
        path = write_study(tmp_path, data=direction, space={"loss": loss})
        with pytest.raises(StudyFileError, match=r"by cross-entropy alone, got .*leave loss out"):
            load_study(path)
    load_study(write_study(tmp_path, data=direction))


def test_levels_may_lie_as_close_as_their_names_can_tell(tmp_path: Path) -> None:
    levels = [0.001, 0.002, 0.003, 0.499, 0.5, 0.501, 0.997, 0.998, 0.999]
    study = load_study(study_of(tmp_path, loss="quantile", quantiles=levels))
    assert study.space.quantiles == tuple(levels)


@pytest.mark.parametrize("data", [{"predict": "direction"}, {"path": "*.csv", "pool": True}])
def test_where_there_are_no_distributions_none_is_advised(
    tmp_path: Path, data: dict[str, Any]
) -> None:
    for metric in ("pinball_skill", "skill"):
        path = write_study(tmp_path, study={"metric": metric}, data=data)
        if metric == "skill":  # what is advised
            load_study(path)
            continue
        with pytest.raises(StudyFileError, match=r"there are none of .*write metric = 'skill'"):
            load_study(path)


def test_one_network_for_many_series_forecasts_points(tmp_path: Path) -> None:
    pool = {"path": "*.csv", "pool": True}
    for loss in ("quantile", ["mse", "quantile"]):
        with pytest.raises(StudyFileError, match=r"\(pool = true\) forecasts points, got .*leave"):
            load_study(write_study(tmp_path, data=pool, space={"loss": loss}))
    load_study(write_study(tmp_path, data=pool, space={"loss": ["mse", "huber"]}))


def test_the_loss_of_all_studies_before_is_told_in_no_record(tmp_path: Path) -> None:
    """Their fingerprints, trials and seeds are what they were."""
    plain, said = (load_study(study_of(tmp_path, **space)) for space in ({}, {"loss": "mse"}))
    assert plain.fingerprint() == said.fingerprint()
    assert not {"loss", "quantiles"} & set(plain.fingerprint()["space"])
    other = load_study(study_of(tmp_path, loss=["mse", "mae"], quantiles=[0.2, 0.5, 0.8]))
    assert other.fingerprint()["space"]["loss"] == ["mse", "mae"]
    assert "quantiles" not in other.fingerprint()["space"], "they change nothing there"
    fan = load_study(study_of(tmp_path, loss="quantile", quantiles=[0.2, 0.5, 0.8]))
    assert fan.fingerprint()["space"]["quantiles"] == [0.2, 0.5, 0.8]
    old = task(0).parameters
    assert not {"loss", "quantiles"} & set(old)
    parameters = TrialParameters.from_plain(old)
    assert (parameters.loss, parameters.quantiles) == ("mse", ())
    assert parameters.plain() == old
    mae = TrialParameters.from_plain(old | {"loss": "mae"})
    assert mae.key != parameters.key
    assert mae.plain()["loss"] == "mae"


# --- whole searches


@pytest.mark.slow
@pytest.mark.usefixtures("home")
def test_losses_are_searched_like_any_parameter(tmp_path: Path) -> None:
    path = study_of(tmp_path, loss=["mse", "mae", "huber"], cell="gru")
    search_inline(path, "8")
    search_inline(path, "+1")
    study = load_study(path)
    store = Store(study, create=False)
    trials = [trial for trial in store.trials() if trial.is_complete]
    assert {trial.parameters.loss for trial in trials} == {"mse", "mae", "huber"}
    facts = json.loads(json.dumps(status(study, store), allow_nan=False))
    (losses,) = [one for one in facts["comparisons"] if one["parameter"] == "loss"]
    assert [group["value"] for group in losses["groups"]] == ["huber", "mae", "mse"]
    for trial in trials:
        record = run_record(trial)
        assert record.params["loss"] == trial.parameters.loss
        assert record.name.endswith(trial.parameters.loss) == (trial.parameters.loss != "mse")
    answer = evaluate(study, top=2, seeds=2, say=quiet)
    assert "quantiles" not in answer
    assert "By loss" in render(collect(study))
    assert predict(study)["forecasts"]


@pytest.mark.slow
@pytest.mark.usefixtures("home")
def test_trials_of_before_are_copied_by_a_fork_that_searches_the_loss(tmp_path: Path) -> None:
    search_inline(write_study(tmp_path, study={"trials": 3}))
    path = write_study(tmp_path, "other", study={"trials": 3}, space={"loss": ["mse", "mae"]})
    notes = Notes()
    store = search(load_study(path, run__engine="inline"), notes, fork_of="small")
    assert any("3 finished trials still hold" in note for note in notes.notices), notes.notices
    assert all(trial.parameters.loss == "mse" for trial in store.trials())


@pytest.mark.slow
@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("predicted", ["log_return", "level", "volatility"])
def test_quantiles_go_from_the_search_to_the_page(
    tmp_path: Path, predicted: str, rnnsearch: Any
) -> None:
    metric = "pinball_skill" if predicted == "log_return" else "skill"
    levels = [0.05, 0.25, 0.5, 0.9]
    path = write_study(
        tmp_path,
        study={"trials": 4, "metric": metric},
        data={"predict": predicted},
        space={"loss": "quantile", "quantiles": levels, "output_shift": 1},
        evaluate={"refit_every": 20 if predicted == "level" else 0},
    )
    search_inline(path)
    search_inline(path, "+1")
    study = load_study(path)
    store, problem = Store(study, create=False), Problem.load(study)
    assert json.loads(json.dumps(status(study, store)))["metric"] == metric
    rows = len(problem.split.validation)
    for trial in store.trials():
        if not trial.is_complete:
            continue
        fan = trial.quantiles
        assert fan is not None
        assert fan.shape == (rows, 4)
        assert (np.diff(fan, axis=1) >= 0).all()
        np.testing.assert_allclose(fan[:, 2], trial.forecasts)
        assert {"crps", "pinball_skill"} <= set(trial.metrics)
        _, gain = validation_value(
            problem, trial.parameters, trial.forecasts, quantiles=trial.quantiles
        )
        assert gain == pytest.approx(trial.gain, rel=1e-4, abs=1e-6)
    answer = json.loads(json.dumps(evaluate(study, top=2, seeds=2, say=quiet), allow_nan=False))
    told = answer["quantiles"]
    assert told["levels"] == levels
    assert set(told["naive"]) == {"no_change", "average"}
    values = np.array(told["values"])
    assert values.shape == (answer["test"]["rows"], 4)
    assert (np.diff(values, axis=1) >= 0).all()
    np.testing.assert_allclose(values[:, 2], answer["forecasts"]["champion"], rtol=1e-4, atol=1e-6)
    assert told["points"]["champion"] == pytest.approx(answer["table"][0]["mae"], rel=1e-6)
    assert told["crps"] < told["points"]["champion"], "a distribution knows more than its median"
    page = render(collect(study))
    assert "The forecast as a distribution" in page
    assert "5 % were to and" in page
    (row,) = predict(study)["forecasts"]
    noun = problem.target.noun
    fan_ = [row[f"{name}_{noun}"] for name in ("q5", "q25", "q50", "q90")]
    assert fan_ == sorted(fan_)
    assert row[f"q50_{noun}"] == pytest.approx(row[f"forecast_{noun}"], rel=1e-6)
    low, high = row[f"low_{noun}"], row[f"high_{noun}"]
    assert low < row[f"forecast_{noun}"] < high, "intervals stay"
    code, out, _ = rnnsearch("evaluate", path)
    assert code == 0
    assert "pinball skill" in out


@pytest.mark.slow
@pytest.mark.usefixtures("home")
def test_check_trains_a_tiny_trial_of_quantiles(tmp_path: Path) -> None:
    facts = "\n".join(check(load_study(study_of(tmp_path, loss="quantile"))).facts)
    assert "time per trial" in facts
