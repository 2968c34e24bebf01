"""The report, images and figures on the study's parent run."""

import json
from pathlib import Path

import pytest

from rnnsearch.config import load_study
from rnnsearch.publish.page import publish_plots, publish_report
from rnnsearch.report.status import status
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.records import tracking_uri
from rnnsearch.search.store.store import Store
from tests.helpers.evaluated import search_inline
from tests.helpers.reported import NASTY, Pages
from tests.helpers.searches import runs_of, write_study

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("report")]  # made once


def artifacts(path: Path, folder: str | None = None) -> list[str]:
    """What the parent run of a study has."""
    from mlflow import MlflowClient

    parents, _ = runs_of(path)
    client = MlflowClient(tracking_uri(load_study(path)))
    return [item.path for item in client.list_artifacts(parents[0].info.run_id, folder)]


def test_the_report_and_images_are_on_the_parent_run(pages: Pages) -> None:
    study = load_study(pages.path)
    assert publish_report(study, notice=pytest.fail)
    assert publish_report(study, notice=pytest.fail), "twice is no harm"
    assert {"report.html", "inputs.json"} <= set(artifacts(pages.path))
    images = {"best_so_far", "parameter_importance", "inputs", "date_shifts"}
    images |= {"permutation_importance", "ranking", "equity"}
    images |= {f"compared_{name}" for name in ("cell", "input_shift", "output_shift")}
    assert set(artifacts(pages.path, "plots")) == {f"plots/{name}.svg" for name in images}


def test_images_are_there_after_a_search_unless_mlflow_lacks_trials(
    tmp_path: Path, home: Path
) -> None:
    path = write_study(tmp_path)
    search_inline(path, "3")
    study = load_study(path)
    store = Store(study, create=False)
    assert publish_plots(Problem.load(study), store, notice=pytest.fail)
    assert "plots/best_so_far.svg" in artifacts(path, "plots")
    elsewhere = load_study(path, run__tracking="http://127.0.0.1:9")  # nothing listens there
    assert not publish_plots(Problem.load(elsewhere), store, notice=pytest.fail)


def test_an_mlflow_that_does_not_answer_is_told_and_not_raised(pages: Pages) -> None:
    study = load_study(pages.path, run__tracking="http://user:secret@127.0.0.1:9")
    notices: list[str] = []
    assert publish_report(study, notice=notices.append) is False
    assert "MLflow did not take the report" in notices[0]
    assert "secret" not in notices[0]


def test_status_tells_inputs_shifts_and_importance(pages: Pages) -> None:
    study = load_study(pages.path)
    facts = json.loads(json.dumps(status(study, Store(study, create=False)), allow_nan=False))
    assert {one["input"] for one in facts["inputs"]} >= {"return", NASTY}
    assert sum(cell["trials"] for cell in facts["shifts"]["all inputs"]) == 12 - facts["duplicates"]
    assert sum(facts["importance"]["parameters"].values()) == pytest.approx(1)
