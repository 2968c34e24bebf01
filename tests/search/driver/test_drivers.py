"""Several drivers of one study: what each knows of the others, who takes over, who is refused."""

import contextlib
import os
import signal
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy
from mlflow import MlflowClient

from rnnsearch.config import load_study
from rnnsearch.errors import RnnsearchError, StorageError
from rnnsearch.search import searching as study_module
from rnnsearch.search.driver import asking as asking_module
from rnnsearch.search.driver import driver as driver_module
from rnnsearch.search.driver.asking import TrialSource
from rnnsearch.search.driver.running import RunningTrial
from rnnsearch.search.engines.inline import InlineWorkers
from rnnsearch.search.store import leases
from rnnsearch.search.store.cached import DriverStorage
from rnnsearch.search.store.databases import HELD_SECONDS
from rnnsearch.search.store.records import tracking_uri
from rnnsearch.search.store.store import Store
from rnnsearch.terminal.tables import status_text
from tests.helpers.faults import begin, ended, fatal, killed
from tests.helpers.searches import (
    Notes,
    assert_in_order,
    facts_of,
    resume,
    run,
    runs_of,
    start,
    trials_of,
    wait_until,
    write_study,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("home")]


# --- side by side ---------------------------------------------------------------------------------


def test_drivers_of_one_study_show_what_all_have_done(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver_module, "LOOK_SECONDS", 0.0)
    path = write_study(tmp_path, run={"storage": postgres_url}, study={"sampler": "random"})
    first, second = Notes(), Notes()
    statuses: list[str] = []

    def leave(trial: RunningTrial) -> None:
        if len(second.told) == 2:
            signal.raise_signal(signal.SIGTERM)

    def join(trial: RunningTrial) -> None:
        if (trial.number, trial.epoch) == (1, 1):
            with pytest.raises(study_module.Interrupted):
                study_module.search(load_study(path), second, trials="99")
            statuses.extend(run.info.status for run in runs_of(path)[0])

    second.at, first.at = leave, join
    study_module.search(load_study(path), first, trials="5")
    assert statuses == ["RUNNING"], "the first driver is still at work"
    assert (len(first.told), len(second.told)) == (3, 2)
    assert first.looks > 0
    resume(path, trials="6")  # that which the second was stopped over
    facts = assert_in_order(path, 6)
    parent = runs_of(path)[0][0]
    assert parent.data.metrics["best_gain"] == facts["best"]["value"]
    client = MlflowClient(tracking_uri(load_study(path)))
    history = client.get_metric_history(parent.info.run_id, "best_skill")
    by_step = [point.value for point in sorted(history, key=lambda point: point.step)]
    assert by_step == sorted(by_step)


def test_a_grid_is_drawn_from_by_one_driver_at_a_time(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = {"learning_rate": [0.001, 0.01], "output_shift": 1, "neurons": 2, "window": 2}
    study = {"sampler": "grid", "references": False}
    path = write_study(tmp_path, study=study, space=space, inputs={"search": "all"})
    settings = load_study(path, run__storage=postgres_url)
    begun: list[threading.Thread] = []
    draw = TrialSource._draw

    def while_another_asks(source: TrialSource, trial: Any) -> RunningTrial:
        if not begun:

            def take_a_turn() -> None:
                with Store(settings).turn():
                    begun.append(threading.current_thread())

            begun.append(threading.Thread(target=take_a_turn))
            begun[0].start()
            begun[0].join(2)
            assert len(begun) == 1, "another driver had its turn before this trial was drawn"
        return draw(source, trial)

    monkeypatch.setattr(TrialSource, "_draw", while_another_asks)
    study_module.search(settings, Notes())
    begun[0].join()
    assert len(begun) == 2
    assert facts_of(path, run__storage=postgres_url)["duplicates"] == 0


def test_what_goes_wrong_on_leaving_hides_no_earlier_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_worker(*_: object) -> None:
        raise RnnsearchError("workers: none starts")

    def no_storage(*_: object, **__: object) -> None:
        raise optuna.exceptions.StorageInternalError("the network is cut")

    monkeypatch.setattr(InlineWorkers, "events", no_worker)
    monkeypatch.setattr(Store, "interrupt", no_storage)
    with pytest.raises(RnnsearchError, match="none starts"):
        resume(write_study(tmp_path))


def test_a_driver_of_another_boot_is_not_shown_as_at_work(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    store = Store(load_study(path))
    lease = {"machine": "here 1", "pid": 1, "born": 0.0, "engine": "local", "workers": 2}
    store.note("driver:silent", lease | {"renewals": 9, "renewed": time.time() - 3600})
    store.note("driver:well", lease | {"renewals": 9, "renewed": time.time() - 20})
    store.ask(optuna.samplers.RandomSampler(), "silent")
    store.flush()
    facts = facts_of(path)
    assert [driver["driver"] for driver in facts["workers"]] == ["well"]
    assert facts["abandoned"] == 1


# --- one is stopped, or dies ----------------------------------------------------------------------


STOPS = {
    "claiming the study": (Store, "claim", True, 1),
    "training": (optuna.Trial, "report", True, 5),
    "writing, in a transaction": (DriverStorage, "_upsert", False, 9),
    "counting, while no other driver may": (optuna.Study, "ask", False, 4),
    "asking, while no other driver may": (optuna.Study, "ask", True, 4),
}


def end_transactions(url: str) -> None:
    """What PostgreSQL does by itself after HELD_SECONDS with those that do nothing."""
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        connection.execute(
            sqlalchemy.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                "datname = current_database() AND state LIKE 'idle in transaction%'"
            )
        )


def test_postgresql_ends_the_transaction_of_a_driver_that_does_nothing(
    tmp_path: Path, postgres_url: str
) -> None:
    store = Store(load_study(write_study(tmp_path, run={"storage": postgres_url})))
    with store._engine.connect() as connection:
        wait = connection.scalar(sqlalchemy.text("SHOW idle_in_transaction_session_timeout"))
    assert wait == f"{HELD_SECONDS // 60}min"


@pytest.mark.parametrize("step", STOPS)
def test_a_driver_stopped_past_its_lease_goes_on_without_the_trials_it_lost(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    import mlflow  # noqa: F401  so that the processes need not

    monkeypatch.setattr(leases, "RENEW_SECONDS", 0.1)
    monkeypatch.setattr(leases, "LAPSE_SECONDS", 2.0)
    monkeypatch.setattr(asking_module, "RECOVER_SECONDS", 0.2)
    path = write_study(tmp_path, run={"storage": postgres_url})
    said = tmp_path / "said.txt"

    def search(path: Path) -> None:
        notes = Notes()
        study_module.search(load_study(path), notes)
        said.write_text("\n".join(notes.notices))

    owner, name, after, call = STOPS[step]
    stop = partial(fatal, after=after, call=call, kind=signal.SIGSTOP)
    children = [stopped := begin(path, stop, owner, name, search)]
    try:
        assert os.WIFSTOPPED(ended(stopped, os.WUNTRACED))
        end_transactions(postgres_url)
        children.append(other := begin(path, lambda same: same, owner, name, resume))
        assert ended(other) == 0
        assert facts_of(path)["complete"] == 6
        os.kill(stopped, signal.SIGCONT)
        assert ended(stopped) == 0
    finally:
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
    resume(path)  # it may have been stopped over MLflow's file
    lost = assert_in_order(path, 6)["interrupted"]
    late = "trial 2: this driver was silent for so long that another one has taken it over"
    assert (late in said.read_text()) == bool(lost) == (step != "claiming the study")
    trials = trials_of(path)
    retries = [trial for trial in trials if trial.retry_of is not None]
    surplus = [trial for trial in trials if trial.is_surplus]
    assert bool(surplus) == step.startswith("counting")  # and then asking for one too many
    assert len(retries) + len(surplus) == lost


def test_the_trials_of_a_driver_that_died_are_taken_over(tmp_path: Path, postgres_url: str) -> None:
    path = write_study(tmp_path, run={"storage": postgres_url})
    killed(path, optuna.Study, "tell", call=2)
    facts = facts_of(path)
    assert facts["running"] == facts["abandoned"] == 2
    assert "2 running (2 without a driver: the next search runs them" in status_text(facts)
    resume(path)
    facts = assert_in_order(path, 6)
    assert facts["interrupted"] == 2


def test_two_drivers_do_not_queue_a_lost_trial_twice(tmp_path: Path, postgres_url: str) -> None:
    path = write_study(tmp_path, run={"storage": postgres_url})
    killed(path, optuna.Study, "tell", call=2)
    study = load_study(path)
    stores = [Store(study), Store(study)]
    for store in stores:
        for trial in Store(study).trials("running"):
            with store.turn():
                store.interrupt(trial, died=True)
        with store.turn():
            store.requeue_lost()
    resume(path)
    assert_in_order(path, 6)


# --- as commands ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_two_drivers_share_a_study_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    path = write_study(
        tmp_path,
        study={"trials": 9, "sampler": "random"},
        space={"epochs": 30},
        run={"engine": "local"},
    )
    both = [start("search", path, RNNSEARCH_STORAGE=postgres_url) for _ in range(2)]
    results = [process.communicate(timeout=180) for process in both]
    assert [process.returncode for process in both] == [0, 0], results
    trials = trials_of(path, run__storage=postgres_url)
    assert [trial.state for trial in trials] == ["complete"] * 9
    assert len({trial.driver for trial in trials}) == 2
    rates = [trial.drawn["learning_rate"] for trial in trials]
    assert len(set(rates)) == 8  # only the two references have one in common
    references = [t.reference for t in trials if t.reference is not None]
    assert sorted(references) == ["all inputs", "close only"]


@pytest.mark.slow
def test_a_second_driver_on_sqlite_is_refused_while_the_first_runs(tmp_path: Path) -> None:
    # More trials than can be trained until the second one is there.
    path = write_study(tmp_path, study={"trials": 5_000}, run={"engine": "local"})
    first = start("search", path)
    try:
        wait_until(lambda: (tmp_path / "runs" / "optuna.db.small.lock").exists())
        wait_until(lambda: _has_running_trial(path))
        code, _, err = run("search", path)
        assert code == 4
        assert "is being searched by another process" in err
        with pytest.raises(StorageError, match="share the study through PostgreSQL"):
            resume(path)
    finally:
        first.kill()
        first.communicate()


def _has_running_trial(path: Path) -> bool:
    try:
        return facts_of(path)["running"] > 0
    except StorageError:
        return False
