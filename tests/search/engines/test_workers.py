"""Worker processes: fed, watched, replaced, and gone with their driver. All real processes."""

import os
import pickle
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from multiprocessing import forkserver
from pathlib import Path
from threading import Timer

import psutil
import pytest

from rnnsearch.config import load_study
from rnnsearch.errors import RnnsearchError
from rnnsearch.search.engines import watching
from rnnsearch.search.engines.local import FORKED, LocalWorkers
from rnnsearch.search.engines.machine import plan_workers
from rnnsearch.search.problem import Problem
from rnnsearch.search.trial.protocol import (
    Done,
    Failed,
    Lost,
    Progress,
    Ready,
    Stop,
    Stopped,
    WorkerSetup,
)
from tests.helpers.searches import LONG, begin, task, until, until_idle, wait_until, write_study

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("workers")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("workers")
        patch.setenv("RNNSEARCH_HOME", str(folder / "runs"))
        yield folder


@pytest.fixture(scope="module")
def setup(folder: Path) -> WorkerSetup:
    return Problem.load(load_study(write_study(folder))).worker_setup("cpu", 1)


@pytest.fixture(scope="module")
def workers(setup: WorkerSetup) -> Iterator[LocalWorkers]:
    """One process for all tests, which takes seconds to start; each test leaves it idle.

    As if started by a script that leaves a file when it runs.
    """
    script = setup.table.with_name("script.py")
    script.write_text("open(__file__ + '.run', 'w')")
    main = sys.modules["__main__"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(main, "__file__", str(script), raising=False)
        patch.setattr(main, "__spec__", None)
        pool = LocalWorkers(setup, 1)
        assert main.__file__ == str(script)
    with closing(pool):
        yield pool


def process_of(pool: LocalWorkers) -> psutil.Process:
    return psutil.Process(pool._workers[0].process.pid)


def test_a_worker_does_not_run_the_script_that_started_it(
    workers: LocalWorkers, setup: WorkerSetup
) -> None:
    until_idle(workers)
    assert not setup.table.with_name("script.py.run").exists()


def test_a_task_reports_every_epoch_and_then_its_outcome(workers: LocalWorkers) -> None:
    said = begin(workers, task(7, epochs=3), Done)
    assert [event.report.epoch for event in said if isinstance(event, Progress)] == [1, 2, 3]
    done = said[-1]
    assert isinstance(done, Done)
    assert done.number == 7
    assert done.outcome.skill == said[-2].report.skill  # type: ignore[union-attr]
    assert workers.has_idle()
    assert workers.description["device"] == "cpu"


def test_a_trial_without_a_result_says_why_and_its_worker_goes_on(workers: LocalWorkers) -> None:
    hopeless = task(1, 50, optimizer="sgd", learning_rate=10.0, clip=0.0, batch_size=4)
    failed = begin(workers, hopeless, Failed)[-1]
    assert isinstance(failed, Failed)
    assert failed.reason.startswith("diverged: ")
    workers.submit(task(2))
    assert isinstance(until(workers, Done)[-1], Done)


def test_a_stopped_trial_says_so_and_frees_its_worker(workers: LocalWorkers) -> None:
    begin(workers, task(3, LONG))
    assert not workers.has_idle()
    workers.stop(3)
    assert until(workers, Stopped)[-1] == Stopped(3)
    assert workers.has_idle()


def test_to_stop_a_trial_that_has_ended_does_no_harm(workers: LocalWorkers) -> None:
    begin(workers, task(3), Done)
    worker = process_of(workers)
    workers._workers[0].connection.send(Stop(3))  # it was on its way
    workers.stop(3)
    workers.submit(task(4))
    assert isinstance(until(workers, Done)[-1], Done)
    assert process_of(workers) == worker


def test_a_killed_worker_is_reported_with_its_trial_and_replaced(workers: LocalWorkers) -> None:
    begin(workers, task(5, LONG))
    killed = process_of(workers)
    killed.kill()
    assert until(workers, Lost)[-1] == Lost(5, "worker died (SIGKILL)")
    assert process_of(workers) != killed
    begin(workers, task(5), Done)


def test_an_idle_worker_that_dies_is_replaced_too(workers: LocalWorkers) -> None:
    until_idle(workers)
    process_of(workers).kill()
    assert until(workers, Lost)[-1] == Lost(None, "worker died (SIGKILL)")
    begin(workers, task(1), Done)


def test_a_task_given_to_a_worker_that_just_died_is_not_lost(workers: LocalWorkers) -> None:
    until_idle(workers)
    process_of(workers).kill()
    workers._workers[0].process.join()
    workers.submit(task(6))
    assert until(workers, Lost)[-1] == Lost(6, "worker died (SIGKILL)")


def test_an_error_nobody_foresaw_replaces_the_worker_and_keeps_the_traceback(
    workers: LocalWorkers, folder: Path
) -> None:
    lost = begin(workers, task(8, inputs=["no such input"]), Lost)[-1]
    assert isinstance(lost, Lost)
    assert lost.number == 8
    assert "no such input" in lost.reason
    assert "Traceback" not in lost.reason
    assert "Traceback" in (folder / "runs" / "error.log").read_text()
    begin(workers, task(9), Done)


@pytest.mark.parametrize("epochs", [0, 2])
def test_a_hung_worker_is_replaced(
    workers: LocalWorkers, monkeypatch: pytest.MonkeyPatch, epochs: int
) -> None:
    begin(workers, task(0), Done)  # epochs are short, as the pool has seen by now
    hung = process_of(workers)
    if not epochs:
        hung.send_signal(signal.SIGSTOP)
    workers.submit(task(1, LONG))
    while len(workers._workers[0].pauses) < epochs:
        list(workers.events(0.1))
    hung.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(watching, "QUIET_SECONDS" if epochs else "UNKNOWN_SECONDS", 0.5)
    monkeypatch.setattr(watching, "QUIET_EPOCHS", 1)
    lost = until(workers, Lost)[-1]
    assert isinstance(lost, Lost)
    assert lost.number == 1
    assert lost.reason.startswith("hung: silent for")
    assert not hung.is_running()


@pytest.mark.parametrize(("load", "hung"), [(0.0, True), (1.0, True), (9.0, False)])
def test_a_worker_that_waits_for_its_turn_on_a_busy_machine_is_not_hung(
    monkeypatch: pytest.MonkeyPatch, load: float, hung: bool
) -> None:
    """`load`: processes that want to run, for each core."""
    cores = os.cpu_count() or 1
    monkeypatch.setattr(os, "getloadavg", lambda: (load * cores, 0.0, 0.0))
    worker = watching.Watched(ready=True, number=1, pauses=[1.0, 1.0])
    worker.heard -= 5 * watching.QUIET_SECONDS
    assert bool(watching.Watch("").silent_too_long(worker)) == hung


def test_a_worker_that_is_not_ready_in_time_is_replaced_and_then_given_up(
    setup: WorkerSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "START_SECONDS", 0.0)
    with closing(LocalWorkers(setup, 1)) as pool:
        lost = [event for _ in range(2) for event in pool.events(0.0)]
        assert [event.number for event in lost if isinstance(event, Lost)] == [None, None]
        with pytest.raises(RnnsearchError, match=r"3 in a row ended before they were ready"):
            list(pool.events(0.0))


@pytest.mark.slow
def test_workers_that_cannot_start_end_the_search_without_a_traceback(
    setup: WorkerSetup, folder: Path
) -> None:
    pool = LocalWorkers(replace(setup, table=folder / "no.table"), 1)
    with closing(pool), pytest.raises(RnnsearchError) as error:
        until(pool, Done)
    assert "Traceback" not in str(error.value)
    assert str(folder / "runs" / "error.log") in str(error.value)


TRIAL = """
    import pickle, sys
    from rnnsearch.search.trial.runner import TrialRunner

    setup, task = pickle.load(open(sys.argv[1], "rb"))
    print(type([*TrialRunner(setup).run(task)][-1]).__name__)
    print(*sorted({"torch._dynamo", "sympy", "scipy", "sklearn", "pandas"} & sys.modules.keys()))
"""


def test_a_trial_imports_nothing_that_takes_long(setup: WorkerSetup, tmp_path: Path) -> None:
    """Parts of torch, and scikit-learn, would cost every worker a second and 30 to 90 MB each."""
    path = tmp_path / "task.pickle"
    path.write_bytes(pickle.dumps((setup, task(1))))
    code = textwrap.dedent(TRIAL)
    said = subprocess.check_output([sys.executable, "-c", code, str(path)], text=True)
    assert said.splitlines() == ["Outcome", ""]


def test_ctrl_c_does_not_reach_workers(workers: LocalWorkers) -> None:
    begin(workers, task(1, LONG))
    process_of(workers).send_signal(signal.SIGINT)
    assert isinstance(until(workers, Progress)[-1], Progress)
    workers.stop(1)
    until(workers, Stopped)


def test_closing_ends_all_processes(setup: WorkerSetup) -> None:
    pool = LocalWorkers(setup, 2)
    processes = [psutil.Process(worker.process.pid) for worker in pool._workers]
    pool.close()
    assert not any(process.is_running() for process in processes)


DRIVER = """
    import sys, pickle, time
    from rnnsearch.search.engines.local import LocalWorkers
    from rnnsearch.search.trial.protocol import Progress

    if __name__ == "__main__":
        setup, task = pickle.load(open(sys.argv[1], "rb"))
        pool = LocalWorkers(setup, 1)
        while not pool.has_idle():
            list(pool.events(0.1))
        pool.submit(task)
        while not any(isinstance(event, Progress) for event in pool.events(0.1)):
            pass
        print(pool._workers[0].process.pid, flush=True)
        time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.parametrize("hung", [False, True], ids=["training", "hung"])
def test_workers_end_when_their_driver_is_killed(
    setup: WorkerSetup, tmp_path: Path, hung: bool
) -> None:
    if hung and sys.platform != "linux":
        pytest.skip("needs Linux' PR_SET_PDEATHSIG")
    (tmp_path / "driver.py").write_text(textwrap.dedent(DRIVER))
    (tmp_path / "task.pickle").write_bytes(pickle.dumps((setup, task(1, LONG))))
    driver = subprocess.Popen(
        [sys.executable, str(tmp_path / "driver.py"), str(tmp_path / "task.pickle")],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert driver.stdout is not None
    worker = psutil.Process(int(driver.stdout.readline()))
    if hung:
        worker.send_signal(signal.SIGSTOP)
    driver.kill()
    driver.communicate()
    wait_until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)


@pytest.mark.skipif(not FORKED, reason="workers are forked from no other process here")
def test_a_worker_starts_though_what_it_is_forked_from_is_ending(setup: WorkerSetup) -> None:
    with closing(LocalWorkers(setup, 1)) as pool:
        server = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
        os.kill(server, signal.SIGSTOP)  # it lets one connect, and then ends
        Timer(0.5, os.kill, (server, signal.SIGKILL)).start()
        worker = pool._start(0)
        assert worker.connection.poll(120)
        assert isinstance(worker.connection.recv(), Ready)
        worker.process.kill()


@pytest.mark.skipif(not FORKED, reason="workers are forked from no other process here")
def test_a_trial_is_not_blamed_for_the_end_of_what_its_worker_was_forked_from(
    setup: WorkerSetup,
) -> None:
    with closing(LocalWorkers(setup, 1)) as pool:
        for number in range(3):
            begin(pool, task(number, LONG))
            os.kill(
                forkserver._forkserver._forkserver_pid,  # type: ignore[attr-defined]
                signal.SIGKILL,
            )
            (lost,) = (event for event in until(pool, Lost) if isinstance(event, Lost))
            assert (lost.number, lost.blameless) == (number, True)
            assert "forked from died" in lost.reason
        begin(pool, task(4, LONG))
        process_of(pool).kill()
        (lost,) = (event for event in until(pool, Lost) if isinstance(event, Lost))
        assert (lost.number, lost.blameless) == (4, False)


def test_as_many_workers_as_cores_unless_told_otherwise() -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert plan_workers("cpu", "auto") == ("cpu", cores, 1)
    assert plan_workers("cpu", 3) == ("cpu", 3, 1)


def test_tests_of_a_group_are_kept_in_one_process(request: pytest.FixtureRequest) -> None:
    """Else two Ray clusters of one machine end each other, and their test processes."""
    if not hasattr(request.config, "workerinput"):
        pytest.skip("there is one process")
    assert request.node.nodeid.endswith("@workers")
