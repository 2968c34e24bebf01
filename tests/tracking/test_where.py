"""Which MLflow is meant, what is said of the others, and the page of a study in it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rnnsearch.config import load_study
from rnnsearch.search.store.records import tracking_uri
from rnnsearch.tracking import (
    default_uri,
    experiment_page,
    runs_page,
    uri_from_environment,
    variable_unused,
)
from tests.helpers.searches import write_study

Result = tuple[int, str, str]
SERVER = "http://mlflow.invalid:5000"


@pytest.fixture
def variable(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda uri: monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)


def test_mlflow_s_own_variable_is_honoured_where_nothing_else_names_a_place(
    tmp_path: Path, home: Path, variable: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_study(tmp_path)
    assert tracking_uri(load_study(path)) == default_uri(home)
    variable(SERVER)
    assert tracking_uri(load_study(path)) == SERVER
    assert variable_unused(SERVER) is None
    own = load_study(path, run__tracking="http://other:5000")
    assert tracking_uri(own) == "http://other:5000"
    monkeypatch.setenv("RNNSEARCH_TRACKING", "http://ours:5000")
    assert tracking_uri(load_study(path)) == "http://ours:5000"


def test_a_variable_that_is_overridden_is_told_without_its_password(
    variable: Callable[[str], None],
) -> None:
    variable("http://me:secret@mlflow:5000")
    told = variable_unused("http://other:5000")
    assert told is not None
    assert "comes first: trials go to http://other:5000" in told
    assert "secret" not in told


@pytest.mark.parametrize(
    "uri", ["mlruns", "./mlruns", "file:///tmp/mlruns", "databricks", "s3://x"]
)
def test_a_folder_is_no_place_for_trials_and_that_is_said(
    uri: str, variable: Callable[[str], None]
) -> None:
    variable(uri)
    assert uri_from_environment() is None
    assert "which is no server and no database" in (variable_unused("sqlite:////x.db") or "")


def test_the_default_database_is_the_same_by_a_relative_path(
    tmp_path: Path, variable: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "50% of it?"
    folder.mkdir()
    monkeypatch.chdir(folder)
    variable("sqlite:///runs/mlflow.db")
    assert uri_from_environment() == default_uri(folder / "runs")
    variable("sqlite:////absolute/mlflow.db")
    assert uri_from_environment() == "sqlite:////absolute/mlflow.db"
    variable("  ")
    assert uri_from_environment() is None
    assert variable_unused("sqlite:////x.db") is None


def test_the_address_of_a_study_s_page_has_no_password() -> None:
    page = "https://host:5000/mlflow/#/experiments/7/runs?workflowType=machine_learning&"
    page += "viewStateShareKey=rnnsearch"
    assert runs_page("https://me:a@b@host:5000/mlflow/", "7") == page
    assert experiment_page("sqlite:////x.db", "small") is None


@pytest.mark.slow
def test_a_search_says_where_it_logged_and_what_it_did_not_use(
    tmp_path: Path,
    home: Path,
    mlflow_server: str,
    variable: Callable[[str], None],
    rnnsearch: Callable[..., Result],
) -> None:
    variable(mlflow_server)
    path = write_study(tmp_path, "linked", study={"trials": 1})
    code, out, err = rnnsearch("search", path)
    assert code == 0, err
    assert f"in MLflow: {mlflow_server}/#/experiments/" in out
    assert "MLFLOW_TRACKING_URI" not in err
    assert experiment_page(mlflow_server, "nobody") is None
    code, out, err = rnnsearch("search", path, "--tracking", default_uri(home))
    assert code == 0, err
    assert "MLFLOW_TRACKING_URI" in err
    assert "comes first: trials go to sqlite:///" in err.replace("\n", " ")
    assert "in MLflow:" not in out
