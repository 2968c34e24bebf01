"""A study of volatility from the search to the next forecast, on invented storms and calms."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from rnnsearch.config import load_study
from rnnsearch.errors import DataError, StudyFileError
from rnnsearch.report.facts import collect
from rnnsearch.report.page import render
from rnnsearch.search.problem import Problem
from rnnsearch.verdict.evaluation import evaluate
from rnnsearch.verdict.journal.reading import journal
from rnnsearch.verdict.prediction import predict
from rnnsearch.verdict.renewal import renew
from tests.helpers.evaluated import Evaluated, copy_study, quiet, search_inline
from tests.helpers.searches import write_study
from tests.helpers.storms import stormy, write_stormy

pytestmark = pytest.mark.slow

DATA = {"path": "storms.csv", "predict": "volatility"}
SPACE = {"output_shift": [2, 5], "epochs": 6, "learning_rate": 0.01, "batch_size": 64}


@pytest.fixture(scope="module")
def studied(tmp_path_factory, _mlflow_database):
    """Searched and evaluated; made once."""
    folder = tmp_path_factory.mktemp("volatility")
    home = folder / "runs"
    home.mkdir()
    shutil.copy(_mlflow_database, home / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RNNSEARCH_HOME", str(home))
        write_stormy(folder / "storms.csv", 600)
        path = write_study(folder, data=DATA, space=SPACE, study={"trials": 4})
        search_inline(path)
        answer = evaluate(load_study(path), top=2, seeds=2, say=quiet)
        yield Evaluated(path, home, answer)


def test_the_verdict_is_of_doing_nothing_and_har_stands_beside_it(studied):
    answer = studied.answer
    rows = {row["forecast"]: row for row in answer["table"]}
    assert {"champion", "no_change", "average", "har", "ewma", "garch", "gjr", "ridge"} <= {*rows}
    assert answer["hardest_in_words"] in (
        "the volatility of as many sessions before",
        "the average volatility",
    )
    beyond = answer["beyond"]
    assert beyond["baseline"] == "har"
    assert beyond["skill"] == pytest.approx(1 - rows["champion"]["rmse"] / rows["har"]["rmse"])
    assert beyond["p"] == answer["corrected"]["diebold_mariano_har"]
    assert beyond["better"] == (beyond["p"] < 0.05 and beyond["skill"] > 0)
    assert "HAR" in beyond["sentence"]


def test_its_measures_are_told_and_those_of_directions_are_not(studied):
    first = studied.answer["table"][0]
    assert {"rmse", "qlike", "mz_slope", "mz_r2"} <= first.keys()
    assert not {"directional_accuracy", "price_rmse", "auc"} & first.keys()
    tests = studied.answer["significance"]
    assert "information" in tests
    assert not {"pesaran_timmermann", "excess_profitability"} & tests.keys()


def test_nothing_is_traded_and_the_reason_is_said(studied):
    assert studied.answer["trading"]["reason"] == (
        "a forecast of volatility says nothing of where the price goes"
    )


def test_its_intervals_are_of_volatility(studied):
    interval = studied.answer["interval"]
    assert interval["unit"] == "volatility"
    assert 0.7 < interval["share"] <= 1


def test_the_page_tells_the_answer(studied, monkeypatch):
    monkeypatch.setenv("RNNSEARCH_HOME", str(studied.home))
    page = render(collect(studied.study))
    assert studied.answer["beyond"]["sentence"].split(":")[0] in page
    assert "forecast_volatility" in page
    assert "says nothing of where the price goes" in page
    assert "percentage points" in page


def test_the_next_forecast_is_a_volatility_with_its_interval(studied, tmp_path, monkeypatch):
    study = copy_study(studied, tmp_path, monkeypatch)
    told = predict(study.study, record=True)
    h = study.answer["champion"]["params"]["output_shift"]
    assert len(told["forecasts"]) == h
    for row in told["forecasts"]:
        assert 0 < row["low_volatility"] < row["forecast_volatility"] < row["high_volatility"]
        assert row["forecast_volatility"] < 0.2
    assert told["recorded"]["new"] == h


def test_the_journal_judges_the_volatility_of_all_sessions_to_the_target(
    studied, tmp_path, monkeypatch
):
    study = copy_study(studied, tmp_path, monkeypatch)
    frame = pd.read_csv(tmp_path / "storms.csv", index_col="Date", parse_dates=True)
    frame.iloc[:-20].to_csv(tmp_path / "early.csv")
    # What was said counts only where nobody could know the outcome: the clock stands before it.
    monkeypatch.setattr(
        "rnnsearch.verdict.journal.recording.now",
        lambda: frame.index[-21].tz_localize("UTC").to_pydatetime(),
    )
    predict(study.study, data=tmp_path / "early.csv", record=True)
    told = journal(study.study)
    h = study.answer["champion"]["params"]["output_shift"]
    sigma = Problem.load(study.study).prices.close
    rows = {str(day.date()): row for row, day in enumerate(frame.index)}
    assert told["forecasts"]
    for one in told["forecasts"]:
        row = rows[one["target_date"]]
        wanted = np.log(np.mean(sigma[row - h + 1 : row + 1] ** 2)) / 2
        assert one["actual"] == pytest.approx(wanted)
        assert one["hit"] is None
    (champion,) = told["champions"]
    assert "direction" not in " ".join(told["sentences"])
    assert "directional_accuracy" not in champion["table"][0]


def test_a_file_that_measures_it_in_another_way_is_refused(studied, tmp_path, monkeypatch):
    study = copy_study(studied, tmp_path, monkeypatch)
    stormy(600)[["Close"]].to_csv(tmp_path / "closes.csv")
    with pytest.raises(DataError, match=r"learnt volatility of Close measured by Garman.*squared"):
        predict(study.study, data=tmp_path / "closes.csv")
    with pytest.raises(DataError, match=r"learnt volatility of Close measured by Garman.*squared"):
        renew(study.study, data=tmp_path / "closes.csv", say=quiet)
    predict(study.study, record=True)
    with pytest.raises(DataError, match=r"learnt volatility of Close measured by Garman.*squared"):
        journal(study.study, data=tmp_path / "closes.csv")


def test_openings_are_those_of_the_price_whatever_is_forecast_of_it(studied, tmp_path, monkeypatch):
    study = copy_study(studied, tmp_path, monkeypatch)
    changes = {"data": {"path": "storms.csv"}, "study": {"trials": 1}}
    path = write_study(tmp_path, "returns", **changes)
    search_inline(path)
    answer = evaluate(load_study(path), top=1, seeds=1, say=quiet)
    assert answer["opening"] == study.answer["opening"] + 1
    assert json.dumps(answer["opened_before_by"]) == '["small"]'


def test_what_has_no_meaning_for_it_is_refused_with_the_reason(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNSEARCH_HOME", str(tmp_path / "runs"))
    write_stormy(tmp_path / "storms.csv", 600)
    for metric, reason in (
        ("sharpe", "a forecast of volatility says nothing of where the price goes"),
        ("hit_rate", "hit_rate does not go with predict = 'volatility'"),
        ("log_loss_skill", "log_loss_skill does not go with predict = 'volatility'"),
    ):
        path = write_study(tmp_path, data=DATA, study={"metric": metric})
        with pytest.raises(StudyFileError, match=reason):
            Problem.load(load_study(path), tried=True)


def test_training_targets_end_before_the_first_validation_origin(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNSEARCH_HOME", str(tmp_path / "runs"))
    write_stormy(tmp_path / "storms.csv", 600)
    problem = Problem.load(load_study(write_study(tmp_path, data=DATA, space=SPACE)))
    h = 5
    target, sigma = problem.target, problem.prices.close
    for fold in (*problem.split.folds, problem.split.refit):
        known = fold.history.stop
        later = sigma.copy()
        later[known:] *= 9
        for values in (
            target.values(later, fold.train, h),
            target.naive(problem.prices.quotes, fold.train, h, fold.train)["average"][0],
        ):
            assert np.isfinite(values).all()
        np.testing.assert_array_equal(
            target.values(later, fold.train, h), target.values(sigma, fold.train, h)
        )
        if len(fold.validation):
            assert fold.train[-1] <= fold.validation[0] - h
