"""MLflow as a view of the store: written once, repaired, and never waited for."""

import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from mlflow import MlflowClient

from rnnsearch.config import load_study
from rnnsearch.errors import RnnsearchError, StorageError
from rnnsearch.search import searching as study_module
from rnnsearch.search.driver.running import RunningTrial
from rnnsearch.search.engines.inline import InlineWorkers
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.store import Store
from rnnsearch.tracking import (
    STATE,
    TRIAL,
    Experiment,
    shown_uri,
)
from rnnsearch.tracking.server import connect, sqlite_url
from tests.conftest import _free_port, _stop_with_children, _wait_for
from tests.helpers.faults import failing_server, killed
from tests.helpers.searches import (
    Notes,
    assert_in_order,
    facts_of,
    runs_of,
    write_study,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("home")]


@pytest.fixture(params=["embedded", "server"])
def uri(request: pytest.FixtureRequest, home: Path) -> str:
    if request.param == "embedded":
        return f"sqlite:///{home / 'mlflow.db'}"
    return str(request.getfixturevalue("mlflow_server"))


def search(path: Path, notes: Notes | None = None, **overrides: Any) -> Notes:
    notes = notes or Notes()
    study_module.search(load_study(path, **overrides), notes)
    return notes


def study_at(folder: Path, tracking: str, **changes: Any) -> Path:
    """A study with a name of its own, for a server that tests share."""
    name = f"study-{uuid.uuid4().hex[:8]}"
    return write_study(folder, name, **({"run": {"tracking": tracking}} | changes))


def sync(path: Path) -> dict[str, int]:
    return study_module.sync(Problem.load(load_study(path)))


def test_every_trial_is_one_run_with_its_curves_parameters_and_metrics(
    tmp_path: Path, uri: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = study_at(tmp_path, uri, space={"epochs": 3})
    search(path)
    assert capfd.readouterr().out == ""  # MLflow likes to advertise its pages
    assert_in_order(path, 6)
    client = MlflowClient(uri)
    trials = {trial.number: trial for trial in Store(load_study(path), create=False).trials()}
    parents, children = runs_of(path)
    for run in children:
        trial = trials[int(run.data.tags[TRIAL])]
        record, parameters = trial.record, trial.plain
        for name, values in record["history"].items():
            logged = client.get_metric_history(run.info.run_id, f"epoch/{name}")
            assert [(m.step, m.value) for m in logged] == list(enumerate(values, start=1))
        assert run.data.metrics["gain"] == trial.value
        assert {
            "rmse",
            "mae",
            "r2",
            "directional_accuracy",
            "price_mape",
            "naive_rmse",
            "no_change_rmse",
        } <= set(run.data.metrics)
        assert run.data.params["cell"] == parameters["cell"]
        assert run.data.params["layers"] == "1"
        assert run.data.params["neurons"] == str(parameters["neurons"][0])
        assert run.data.params["input_count"] == str(len(parameters["inputs"]))
        assert {"seed", "device", "data_hash", "torch", STATE} <= set(run.data.tags)
        assert run.info.run_name.startswith(f"{trial.number:04d} ")
    best = max(trial.value or 0 for trial in trials.values())
    assert parents[0].data.metrics["best_gain"] == best
    assert parents[0].data.params["study.trials"] == "6"


def test_a_second_sync_changes_nothing(tmp_path: Path, uri: str) -> None:
    path = study_at(tmp_path, uri)
    search(path)
    assert sync(path) == {"written": 0, "kept": 6, "deleted": 0}
    assert_in_order(path, 6)


def test_sync_repairs_whatever_happened_to_the_runs(tmp_path: Path, uri: str) -> None:
    path = study_at(tmp_path, uri)
    search(path)
    client = MlflowClient(uri)
    runs = {int(run.data.tags[TRIAL]): run for run in runs_of(path)[1]}
    experiment = runs[0].info.experiment_id
    client.delete_run(runs[0].info.run_id)  # deleted
    client.set_tag(runs[1].info.run_id, STATE, "running")  # left over by a driver that was killed
    client.update_run(runs[1].info.run_id, "RUNNING")
    client.create_run(experiment, tags=runs[2].data.tags)  # a second one
    client.create_run(experiment, tags={**runs[2].data.tags, TRIAL: "99"})  # of no trial
    assert sync(path) == {"written": 2, "kept": 4, "deleted": 2}
    assert_in_order(path, 6)
    assert sync(path) == {"written": 0, "kept": 6, "deleted": 0}


def test_sync_repairs_a_deleted_parent_and_a_deleted_experiment(tmp_path: Path, uri: str) -> None:
    path = study_at(tmp_path, uri)
    search(path)
    client = MlflowClient(uri)
    parent = runs_of(path)[0][0]
    client.delete_run(parent.info.run_id)
    assert sync(path) == {"written": 6, "kept": 0, "deleted": 0}
    assert_in_order(path, 6)
    client.delete_experiment(parent.info.experiment_id)
    sync(path)
    assert_in_order(path, 6)


def test_sync_fills_an_empty_server(tmp_path: Path, mlflow_server: str) -> None:
    path = study_at(tmp_path, "sqlite:///" + str(tmp_path / "runs" / "mlflow.db"))
    search(path)
    study = load_study(path, run__tracking=mlflow_server)
    assert study_module.sync(Problem.load(study))["written"] == 6
    assert study_module.sync(Problem.load(study))["kept"] == 6


def test_studies_of_one_name_in_two_stores_keep_their_runs_apart(tmp_path: Path, uri: str) -> None:
    path = study_at(tmp_path, uri)
    other = {"run__storage": f"sqlite:///{tmp_path / 'other.db'}", "study__seed": 2}
    search(path)
    search(path, **other)
    for overrides in ({}, other):
        assert_in_order(path, 6, **overrides)
        done = study_module.sync(Problem.load(load_study(path, **overrides)))
        assert done == {"written": 0, "kept": 6, "deleted": 0}
        assert_in_order(path, 6, **overrides)
    assert not {run.info.run_id for run in runs_of(path)[1]} & {
        run.info.run_id for run in runs_of(path, **other)[1]
    }


@pytest.mark.parametrize("on_server", [False, True], ids=["sqlite", "postgresql"])
def test_a_search_that_ends_by_an_error_does_not_stay_running_in_mlflow(
    tmp_path: Path, home: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch, on_server: bool
) -> None:
    run = {"storage": postgres_url if on_server else None}
    path = study_at(tmp_path, f"sqlite:///{home / 'mlflow.db'}", run=run)
    notes = Notes()
    heard = InlineWorkers.events

    def until_the_third(workers: InlineWorkers, timeout: float) -> Any:
        if len(notes.told) == 2:
            raise RnnsearchError("workers: none starts")
        return heard(workers, timeout)

    monkeypatch.setattr(InlineWorkers, "events", until_the_third)
    with pytest.raises(RnnsearchError, match="none starts"):
        search(path, notes)
    parents, children = runs_of(path)
    assert [run.info.status for run in parents] == ["FINISHED"]
    assert sum(run.info.status == "FINISHED" for run in children) == 2
    assert not [run for run in children if run.info.status == "RUNNING"]


def test_sync_leaves_running_trials_to_their_driver(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    notes = Notes()
    done: list[dict[str, int]] = []

    def in_the_middle(trial: RunningTrial) -> None:
        if (trial.number, trial.epoch) == (3, 1):
            done.append(sync(path))

    notes.at = in_the_middle
    search(path, notes)
    assert len(done) == 1
    assert done[0]["written"] + done[0]["kept"] == 3
    assert_in_order(path, 6)


def test_sync_ends_what_a_driver_that_is_gone_left_running(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    killed(path, InlineWorkers, "events", call=8)
    sync(path)
    parents, children = runs_of(path)
    assert [run.info.status for run in parents] == ["FINISHED"]
    assert not [run for run in children if run.info.status == "RUNNING"]
    search(path)
    assert_in_order(path, 6)


# --- servers that fail ------------------------------------------------------------------------


def test_a_search_without_its_server_is_complete_and_synced_later(
    tmp_path: Path, mlflow_server: str
) -> None:
    path = study_at(tmp_path, f"http://user:s3cret@127.0.0.1:{_free_port()}")
    notes = search(path)
    facts = facts_of(path)
    assert (facts["complete"], facts["tracked"]) == (6, 0)
    down = [text for text in notes.notices if "MLflow does not answer" in text]
    assert len(down) == 1
    assert [text for text in notes.notices if "6 trials are not in MLflow yet" in text]
    assert "s3cret" not in " ".join(notes.notices)
    write_study(tmp_path, path.stem, run={"tracking": mlflow_server})
    assert sync(path) == {"written": 6, "kept": 0, "deleted": 0}
    assert_in_order(path, 6)


def test_the_next_search_catches_up_with_what_a_dead_server_missed(
    tmp_path: Path, mlflow_server: str
) -> None:
    path = study_at(tmp_path, f"http://127.0.0.1:{_free_port()}")
    search(path)
    write_study(tmp_path, path.stem, run={"tracking": mlflow_server})
    notes = search(path)
    assert notes.told == []
    assert_in_order(path, 6)


@pytest.mark.parametrize("status", [500, 503, 401, 200])
def test_a_server_that_answers_nonsense_stops_no_search(tmp_path: Path, status: int) -> None:
    with failing_server(lambda: status) as port:
        notes = search(study_at(tmp_path, f"http://127.0.0.1:{port}"))
    assert notes.told == list(range(6))
    assert len([text for text in notes.notices if "MLflow does not answer" in text]) == 1


def test_sync_leaves_the_run_of_a_trial_that_begins_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    path = study_at(tmp_path, f"sqlite:///{home / 'mlflow.db'}")
    search(path)
    all_runs = Experiment.all_runs

    def after_one_more(experiment: Experiment) -> Any:
        monkeypatch.setattr(Experiment, "all_runs", all_runs)
        study_module.search(load_study(path), Notes(), trials="+1")
        return all_runs(experiment)

    monkeypatch.setattr(Experiment, "all_runs", after_one_more)
    assert sync(path) == {"written": 0, "kept": 7, "deleted": 0}
    assert_in_order(path, 7)


@pytest.mark.slow
def test_a_server_that_goes_down_and_comes_back_gets_every_trial_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rnnsearch.tracking.tracker.RETRY_SECONDS", 0.2)
    # Beside other work a server that has just been started may be silent for longer than a user's.
    monkeypatch.setattr("rnnsearch.search.driver.driver.FINISH_SECONDS", 240.0)
    monkeypatch.setattr("rnnsearch.tracking.tracker.DOWN_SECONDS", 240.0)
    port = _free_port()
    folder = tmp_path / "server"
    folder.mkdir()
    process = _start_mlflow(folder, port)
    path = study_at(tmp_path, f"http://127.0.0.1:{port}")
    notes = Notes()
    servers = [process]

    def outage(trial: RunningTrial) -> None:
        if (trial.number, trial.epoch) == (2, 1):
            _stop_with_children(servers.pop())
        if (trial.number, trial.epoch) == (4, 1):
            servers.append(_start_mlflow(folder, port))

    notes.at = outage
    try:
        search(path, notes)
        assert_in_order(path, 6)
    finally:
        for process in servers:
            _stop_with_children(process)
    down, up = [text for text in notes.notices if "MLflow" in text]  # told once each
    assert down.startswith("MLflow does not answer (")
    assert up == "MLflow answers again and has caught up"


def _start_mlflow(folder: Path, port: int) -> "subprocess.Popen[bytes]":
    log = folder / "server.log"
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=folder, stdout=output, stderr=output, start_new_session=True
        )
    _wait_for(f"http://127.0.0.1:{port}/health", process, log)
    return process


URIS = {
    "http://user:s3cret@127.0.0.1:1": "http://user:***@127.0.0.1:1",
    "postgresql://user:s3c@s3cret@host/db": "postgresql://user:***@host/db",
    "postgresql://user:a/s3cret@host/db": "postgresql://user:***@host/db",
    "postgresql://user@host/db?password=s3cret&x=1": "postgresql://user@host/db?password=***&x=1",
    "user:s3cret@host": "user:***@host",
    "sqlite:////tmp/runs/mlflow.db": "sqlite:////tmp/runs/mlflow.db",
    "tried http://host:5000/a, then http://u:s3cret@b:1/": (
        "tried http://host:5000/a, then http://u:***@b:1/"
    ),
}


@pytest.mark.parametrize("uri", URIS)
def test_a_uri_is_shown_without_its_password(uri: str) -> None:
    assert shown_uri(uri) == URIS[uri]


def test_no_password_is_shown_or_stored(
    tmp_path: Path, home: Path, postgres_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    uri = "http://user:s3cret@127.0.0.1:1"
    storage = sqlalchemy.make_url(postgres_url).set(password="s3cret")
    run = {"tracking": uri, "storage": storage.render_as_string(hide_password=False)}
    path = study_at(tmp_path, uri, run=run)
    notes = search(path)
    with pytest.raises(StorageError) as refused:
        sync(path)
    write_study(tmp_path, path.stem, run=run | {"tracking": None})
    sync(path)  # into a store whose every byte is looked at below
    said = [*notes.notices, str(refused.value), *capfd.readouterr()]
    assert "s3cret" not in " ".join(said)
    for file in home.rglob("*"):
        assert "s3cret" not in file.name
        if file.is_file():
            assert b"s3cret" not in file.read_bytes(), file
    with sqlalchemy.create_engine(postgres_url, poolclass=sqlalchemy.NullPool).connect() as server:
        for table in sqlalchemy.inspect(server).get_table_names():
            rows = server.execute(sqlalchemy.text(f'SELECT * FROM "{table}"')).fetchall()
            assert "s3cret" not in str(rows), table


def test_what_a_driver_left_that_was_killed_while_it_made_the_database_is_removed(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "tracking"
    folder.mkdir()
    database = folder / "[mlflow].db"
    for name in ("1.new", "2.new-journal", "2.new-wal", "2.new-shm"):
        (folder / f"{database.name}.{name}").write_text("half")
    others = [folder / f"{database.name}.{name}" for name in ("my.new", "3.newer", "lock.new")]
    for other in others:
        other.write_text("mine")
    connect(sqlite_url(database))
    kept = {path.name for path in folder.iterdir()}
    assert kept == {database.name, f"{database.name}.lock", *(path.name for path in others)}
