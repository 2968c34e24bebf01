"""Searches that are killed, interrupted or abandoned, and what the next search makes of them."""

import contextlib
import os
import random
import signal
import time
import traceback
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import psutil
import pytest
import sqlalchemy
from optuna.trial import FrozenTrial

from rnnsearch.config import load_study
from rnnsearch.errors import StorageError
from rnnsearch.search import asking as asking_module
from rnnsearch.search import driver as driver_module
from rnnsearch.search import leases
from rnnsearch.search import store as store_module
from rnnsearch.search import study as study_module
from rnnsearch.search.driver import Driver
from rnnsearch.search.storage import DriverStorage
from rnnsearch.search.store import INTERRUPTED, Store, state_of
from rnnsearch.terminal import status_text
from rnnsearch.tracking import Experiment
from tests.faults import fatal
from tests.searches import (
    InlineWorkers,
    Notes,
    assert_in_order,
    end_group,
    facts_of,
    finish,
    run,
    start,
    trials_of,
    wait_until,
    write_study,
)

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture(autouse=True)
def _inline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Searches inside this process, or in a fork of it, need no worker processes."""
    monkeypatch.setattr(study_module, "LocalWorkers", InlineWorkers)


def resume(path: Path, trials: str | None = None) -> Store:
    return study_module.search(load_study(path), Notes(), trials=trials)


# --- killed at a known step ---------------------------------------------------------------------


def begin(
    path: Path, fault: Callable[..., Any], owner: Any, name: str, search: Callable[[Path], Any]
) -> int:
    """Search in a process with a fault in `owner.name`; its number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12, of forks with threads
        child = os.fork()
    if child == 0:
        try:
            setattr(owner, name, fault(getattr(owner, name)))
            search(path)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        os._exit(1)
    return child


def ended(child: int, flags: int = 0) -> int:
    """How a process has ended, which it does within a time that is long on any machine."""

    def status() -> tuple[int] | None:
        number, status = os.waitpid(child, os.WNOHANG | flags)
        return (status,) if number else None

    return int(wait_until(status, 240)[0])


def killed(
    path: Path,
    owner: Any,
    name: str,
    *,
    after: bool = False,
    call: int = 1,
    search: Callable[[Path], Any] = resume,
) -> None:
    """Search in a process that kills itself (SIGKILL) at a call of `owner.name`."""
    child = begin(path, partial(fatal, after=after, call=call), owner, name, search)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"{name} was not called {call} times"
    assert os.WTERMSIG(status) == signal.SIGKILL


STEPS = {
    "first reference queued": (optuna.Study, "enqueue_trial", True, 1),
    "study claimed": (Store, "claim", True, 1),
    "asked, driver not named": (optuna.Study, "ask", True, 2),
    "parameters drawn, not kept": (asking_module, "suggest", True, 4),
    "handed out": (InlineWorkers, "submit", True, 3),
    "before the first report": (optuna.Trial, "report", False, 3),
    "after the first report": (optuna.Trial, "report", True, 3),
    "before it is told": (optuna.Study, "tell", False, 3),
    "after it is told": (optuna.Study, "tell", True, 3),
    "before its run is made": (Experiment, "_create", False, 2),
    "after its run is made": (Experiment, "_create", True, 2),
    "after its run is written": (Experiment, "write", True, 2),
    "before it is marked as tracked": (Store, "mark_tracked", False, 1),
    "last trial told": (optuna.Study, "tell", True, 6),
    "at the end": (Driver, "_leave", True, 1),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_driver_killed_at_any_step_leaves_a_study_that_goes_on(tmp_path: Path, step: str) -> None:
    path = write_study(tmp_path)
    owner, name, after, call = STEPS[step]
    killed(path, owner, name, after=after, call=call)
    resume(path)
    facts = assert_in_order(path, 6)
    assert facts["complete"] == 6
    references = [t.user_attrs.get("reference") for t in trials_of(path) if t.value is not None]
    assert sorted(name for name in references if name) == ["all inputs", "close only"]


@pytest.mark.parametrize(
    ("owner", "name", "after"),
    [
        (optuna.Study, "tell", False),
        (optuna.Study, "tell", True),
        (Store, "_queue_again", False),
        (Store, "_queue_again", True),
        (Store, "requeue_lost", False),
    ],
)
def test_a_driver_killed_while_it_recovers_a_trial_neither_loses_nor_doubles_it(
    tmp_path: Path, owner: Any, name: str, after: bool
) -> None:
    path = write_study(tmp_path)
    killed(path, optuna.Trial, "report", after=True, call=3)
    killed(path, owner, name, after=after)
    resume(path)
    assert_in_order(path, 6)


def test_an_interrupted_trial_is_run_again_with_its_parameters(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    killed(path, optuna.Study, "tell", call=4)
    resume(path)
    trials = trials_of(path)
    retries = [trial for trial in trials if "retry_of" in trial.user_attrs]
    assert len(retries) == 2  # the one that ran, and the one asked ahead
    for trial in retries:
        first = trials[trial.user_attrs["retry_of"]]
        assert state_of(first) == INTERRUPTED
        assert trial.user_attrs["parameters"] == first.user_attrs["parameters"]


def test_a_queued_trial_whose_driver_died_before_it_read_it_keeps_its_values(
    tmp_path: Path,
) -> None:
    path = write_study(tmp_path)
    killed(path, optuna.Study, "ask", after=True, call=1)  # the first reference
    store = resume(path, "2")
    inputs = {
        trial.user_attrs["reference"]: len(trial.user_attrs["parameters"]["inputs"])
        for trial in store.trials()
        if trial.value is not None
    }
    assert inputs == {"close only": 1, "all inputs": 3}


def test_a_trial_whose_driver_always_dies_fails_with_that_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "MAX_ATTEMPTS", 2)
    path = write_study(tmp_path)
    for _ in range(4):  # the two references, then each again
        killed(path, InlineWorkers, "submit", after=True, call=1)
    store = resume(path)
    facts = assert_in_order(path, 6)
    failed = [trial for trial in store.trials() if state_of(trial) == "failed"]
    assert facts["failed"] == len(failed) == 2
    assert {trial.user_attrs["reason"] for trial in failed} == {"its driver died 2 times"}


def test_a_driver_that_left_in_order_is_no_death(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "MAX_ATTEMPTS", 1)
    path = write_study(tmp_path)
    for _ in range(2):
        notes = Notes()
        notes.at = lambda trial: signal.raise_signal(signal.SIGTERM)
        with pytest.raises(driver_module.Interrupted):
            study_module.search(load_study(path), notes)
    resume(path)
    facts = assert_in_order(path, 6)
    assert facts["complete"] == 6
    assert facts["interrupted"] >= 2


# --- interrupted inside this process --------------------------------------------------------------


def test_the_first_ctrl_c_lets_the_running_trial_finish(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    notes = Notes()
    notes.at = lambda trial: (
        signal.raise_signal(signal.SIGINT) if (trial.number, trial.epoch) == (2, 1) else None
    )
    with pytest.raises(driver_module.Interrupted) as stopped:
        study_module.search(load_study(path), notes)
    assert stopped.value.exit_code == 130
    assert notes.told == [0, 1, 2]
    assert [text for text in notes.notices if "Ctrl-C again stops at once" in text]
    assert facts_of(path)["running"] == 0
    resume(path)
    assert_in_order(path, 6)


def test_ctrl_c_is_heard_while_trials_are_copied(tmp_path: Path) -> None:
    space = {"cell": "gru", "neurons": 2, "window": 2, "learning_rate": 0.01, "output_shift": 1}
    study = {"trials": 300, "sampler": "random"}
    path = write_study(tmp_path, study=study, space=space, inputs={"search": "all"})
    notes = Notes()
    finished = notes.finished

    def in_the_midst(trial: FrozenTrial) -> None:
        finished(trial)
        if trial.number == 5:
            signal.raise_signal(signal.SIGINT)

    notes.finished = in_the_midst  # type: ignore[method-assign]
    with pytest.raises(driver_module.Interrupted):
        study_module.search(load_study(path), notes)
    assert notes.told == list(range(6))
    assert facts_of(path)["duplicates"] == 5


def test_the_second_ctrl_c_stops_at_once(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    notes = Notes()
    notes.at = lambda trial: signal.raise_signal(signal.SIGINT) if trial.number == 2 else None
    with pytest.raises(driver_module.Interrupted) as stopped:
        study_module.search(load_study(path), notes)
    assert stopped.value.exit_code == 130
    assert notes.told == [0, 1]
    assert facts_of(path)["interrupted"] == 1
    resume(path)
    assert_in_order(path, 6)


# --- another driver -------------------------------------------------------------------------------


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
    assert wait == f"{store_module.HELD_SECONDS // 60}min"


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
    retries = [trial for trial in trials if "retry_of" in trial.user_attrs]
    surplus = [trial for trial in trials if "surplus" in trial.user_attrs]
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
        for trial in Store(study).trials(optuna.trial.TrialState.RUNNING):
            with store.turn():
                store.interrupt(trial, died=True)
        with store.turn():
            store.requeue_lost()
    resume(path)
    assert_in_order(path, 6)


# --- the command and its processes ----------------------------------------------------------------


def has_begun(path: Path) -> bool:
    try:
        return any(trial.intermediate_values for trial in trials_of(path))
    except StorageError:
        return False


@pytest.mark.slow
def test_the_command_killed_at_random_moments_goes_on_each_time(tmp_path: Path) -> None:
    # Long trials: on a fast machine nothing may be left to kill.
    path = write_study(tmp_path, space={"epochs": 100}, run={"workers": 2})
    moments = random.Random(7)
    for _ in range(3):
        before = len(trials_of(path)) if (tmp_path / "runs" / "optuna.db").exists() else 0
        command = start("search", path)
        wait_until(lambda before=before: has_begun(path) and len(trials_of(path)) > before)
        time.sleep(moments.uniform(0.0, 1.0))
        command.kill()
        command.communicate()
    code, _, err = run("search", path)
    assert code == 0, err
    assert_in_order(path, 6)


@pytest.mark.slow
def test_a_worker_killed_in_mid_trial_costs_nothing(tmp_path: Path) -> None:
    path = write_study(tmp_path, space={"epochs": 60})
    command = start("search", path)
    wait_until(lambda: has_begun(path))
    processes = psutil.Process(command.pid).children(recursive=True)
    (worker,) = (  # not the process it is a fork of, nor multiprocessing's resource tracker
        process
        for process in processes
        if not (process.children() or "resource_tracker" in " ".join(process.cmdline()))
    )
    worker.kill()
    code, _, err = finish(command)
    assert code == 0
    assert "worker died (SIGKILL); trying it again in a new worker" in err
    assert assert_in_order(path, 6)["complete"] == 6


@pytest.mark.slow
@pytest.mark.parametrize(
    ("signals", "expected"),
    [([signal.SIGINT], 130), ([signal.SIGINT, signal.SIGINT], 130), ([signal.SIGTERM], 143)],
    ids=["Ctrl-C", "Ctrl-C twice", "SIGTERM"],
)
def test_the_command_interrupted_ends_in_order(
    tmp_path: Path, signals: list[int], expected: int
) -> None:
    path = write_study(tmp_path, space={"epochs": 30})
    command = start("search", path)
    wait_until(lambda: has_begun(path))
    first, *more = signals
    end_group(command, first)  # as a terminal does it: to the workers as well
    for number in more:
        assert command.stderr is not None
        while "stopping" not in command.stderr.readline():
            pass
        end_group(command, number)
    code, _, err = finish(command)
    assert code == expected, err
    facts = facts_of(path)
    assert facts["running"] == 0
    assert facts["workers"] == []
    resume(path)
    assert_in_order(path, 6)
