"""What MLflow shows to whoever follows the link that a search prints."""

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rnnsearch.config import load_study
from rnnsearch.publish.trials import BEST, forecast_rows
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import best_first, trained
from rnnsearch.tracking import CHAMPION, TRIAL, VERDICT
from tests.helpers.browser import browser
from tests.helpers.evaluated import Evaluated
from tests.helpers.searches import runs_of, trials_of, write_study

pytestmark = pytest.mark.slow

Result = tuple[int, str, str]


@pytest.mark.browser
def test_the_link_of_a_search_opens_on_its_trials_by_skill_with_what_was_searched(
    tmp_path: Path,
    home: Path,
    mlflow_server: str,
    rnnsearch: Callable[..., Result],
) -> None:
    path = write_study(tmp_path, "viewed", study={"trials": 3})
    code, out, err = rnnsearch("search", path, "--tracking", mlflow_server)
    assert code == 0, err
    link = re.findall(r"in MLflow: (http\S+)", out)[0]
    best = best_first(trained(trials_of(path)))
    names = "[...document.querySelectorAll('.ag-row [col-id=\"attributes.`Run Name`\"]')]"
    heads = "[...document.querySelectorAll('.ag-header-cell')].map(h => h.getAttribute('col-id'))"
    with browser(1900, 1000, tmp_path / "profile") as tab:
        tab.open(link)
        tab.wait_for(f"return {names}.length > 3", 120)
        place = "Number(n.closest('.ag-row').getAttribute('row-index'))"
        shown = tab.run(f"return {names}.map(n => [{place}, n.innerText])")
        columns = tab.run(f"return {heads}")
        assert tab.run("return document.body.innerText.includes('Model training')")
    rows = [re.search(r"^(\d{4}) ", text, re.MULTILINE) for _, text in sorted(shown)]
    numbers = [int(found[1]) for found in rows if found]
    assert numbers == [trial.number for trial in best]
    assert {"metrics.`skill`", "metrics.`gain`", "params.`cell`"} <= set(columns)


def test_the_best_trials_have_their_forecasts_which_are_those_they_were_scored_by(
    evaluated: Evaluated,
) -> None:
    study = load_study(evaluated.path)
    problem, store = Problem.load(study), Store(study, create=False)
    best = best_first(trained(store.trials()))
    rows = forecast_rows(problem, best[0], store.scoring)
    assert len(rows) == sum(len(fold.validation) for fold in problem.split.folds)
    skills = []
    for number in {row["fold"] for row in rows}:
        part = [row for row in rows if row["fold"] == number]
        errors = {
            key: float(np.sqrt(np.mean([(row[key] - row["actual"]) ** 2 for row in part])))
            for key in ("forecast", "no_change", "average")
        }
        skills.append((errors["forecast"], errors["no_change"], errors["average"]))
    harder = min((1, 2), key=lambda place: sum(row[place] for row in skills))
    found = [1 - row[0] / row[harder] for row in skills]
    assert np.mean(found) == pytest.approx(best[0].skill, abs=0.01)


def test_after_an_evaluation_mlflow_says_who_is_the_champion_and_what_came_out(
    evaluated: Evaluated, rnnsearch: Callable[..., Result]
) -> None:
    code, _, err = rnnsearch("report", evaluated.path)
    assert code == 0, err
    code, _, err = rnnsearch("sync", evaluated.path)  # which does not know the verdict
    assert code == 0, err
    (parent,), trials = runs_of(evaluated.path)
    assert parent.data.tags["mlflow.note.content"].startswith(VERDICT)
    assert parent.data.tags["mlflow.user"]
    assert parent.inputs.dataset_inputs[0].dataset.name
    champions = [run.data.tags[TRIAL] for run in trials if CHAMPION in run.data.tags]
    assert champions == [str(evaluated.answer["champion"]["trial"])]
    files = [
        Path(run.info.artifact_uri.removeprefix("file://")) / "validation" / "forecasts.csv"
        for run in trials
    ]
    written = [file for file in files if file.is_file()]
    assert len(written) == min(BEST, len(trained(trials_of(evaluated.path))))
    (row, *_) = csv.DictReader(io.StringIO(written[0].read_text()))
    assert {"fold", "target_date", "actual", "forecast"} <= set(row)
    own = {"cell", "inputs", "neurons", "window"}
    assert all(own <= set(run.data.params) for run in trials if run.data.params)
    assert not any(
        name.startswith(("data.", "split.")) for run in trials for name in run.data.params
    )
