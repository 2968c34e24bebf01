"""Searches that are killed, interrupted or abandoned, and what the next search makes of them."""

import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import optuna
import psutil
import pytest

from rnnsearch.config import load_study
from rnnsearch.errors import StorageError
from rnnsearch.search import searching as study_module
from rnnsearch.search.driver import asking as asking_module
from rnnsearch.search.driver import driver as driver_module
from rnnsearch.search.driver.driver import Driver
from rnnsearch.search.engines.inline import InlineWorkers
from rnnsearch.search.store import store as store_module
from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import INTERRUPTED, TrialView
from rnnsearch.tracking import Experiment
from tests.helpers.faults import killed
from tests.helpers.searches import (
    Notes,
    assert_in_order,
    end_group,
    facts_of,
    finish,
    resume,
    run,
    start,
    trials_of,
    wait_until,
    write_study,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("home")]


# --- killed at a known step ---------------------------------------------------------------------


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
    references = [t.reference for t in trials_of(path) if t.value is not None]
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
    retries = [trial for trial in trials if trial.retry_of is not None]
    assert len(retries) == 2  # the one that ran, and the one asked ahead
    for trial in retries:
        first = trials[trial.retry_of]
        assert first.state == INTERRUPTED
        assert trial.plain == first.plain


def test_a_queued_trial_whose_driver_died_before_it_read_it_keeps_its_values(
    tmp_path: Path,
) -> None:
    path = write_study(tmp_path)
    killed(path, optuna.Study, "ask", after=True, call=1)  # the first reference
    store = resume(path, "2")
    inputs = {
        trial.reference: len(trial.plain["inputs"])
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
    failed = [trial for trial in store.trials() if trial.state == "failed"]
    assert facts["failed"] == len(failed) == 2
    assert {trial.reason for trial in failed} == {"its driver died 2 times"}


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

    def in_the_midst(trial: TrialView) -> None:
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


# --- the command and its processes ----------------------------------------------------------------


def has_begun(path: Path) -> bool:
    try:
        return any(trial.reports for trial in trials_of(path))
    except StorageError:
        return False


@pytest.mark.slow
def test_the_command_killed_at_random_moments_goes_on_each_time(tmp_path: Path) -> None:
    # Long trials: on a fast machine nothing may be left to kill.
    path = write_study(tmp_path, space={"epochs": 100}, run={"engine": "local", "workers": 2})
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
    # Long trials: on a fast machine none may be there to be killed.
    changes: dict[str, Any] = {"study": {"trials": 2}, "space": {"epochs": 500}}
    path = write_study(tmp_path, **changes, run={"engine": "local"})
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
    assert assert_in_order(path, 2)["complete"] == 2


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked from no process there")
def test_what_workers_are_forked_from_killed_again_and_again_costs_no_trial(tmp_path: Path) -> None:
    path = write_study(
        tmp_path, study={"trials": 2}, space={"epochs": 300}, run={"engine": "local"}
    )
    command = start("search", path)
    for times in range(1, 4):
        wait_until(lambda: has_begun(path))
        for process in psutil.Process(command.pid).children():
            if "forkserver" in " ".join(process.cmdline()):
                process.kill()
                wait_until(lambda process=process: not process.is_running())
        time.sleep(times)
    code, _, err = finish(command)
    assert code == 0, err
    assert "forked from died, and they with it; trying it again in a new worker" in err
    assert assert_in_order(path, 2)["complete"] == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("signals", "expected"),
    [([signal.SIGINT], 130), ([signal.SIGINT, signal.SIGINT], 130), ([signal.SIGTERM], 143)],
    ids=["Ctrl-C", "Ctrl-C twice", "SIGTERM"],
)
def test_the_command_interrupted_ends_in_order(
    tmp_path: Path, signals: list[int], expected: int
) -> None:
    # More trials than can be trained until the signal comes.
    path = write_study(
        tmp_path, study={"trials": 5_000}, space={"epochs": 30}, run={"engine": "local"}
    )
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
    target = facts["complete"] + 2  # the one that ran, and the one asked ahead
    resume(path, str(target))
    assert_in_order(path, target)


@pytest.mark.slow
def test_a_search_of_paths_that_is_killed_goes_on(tmp_path: Path) -> None:
    path = write_study(
        tmp_path,
        study={"trials": 4},
        data={"steps": 3},
        space={"epochs": 40, "head": ["direct", "decoder"], "cell": "gru"},
        run={"engine": "local", "workers": 2},
    )
    command = start("search", path)
    wait_until(lambda: has_begun(path))
    command.kill()
    command.communicate()
    code, _, err = run("search", path)
    assert code == 0, err
    assert_in_order(path, 4)
    for trial in trials_of(path):
        if trial.is_complete:
            assert trial.forecasts.shape[1] == trial.parameters.steps == 3
