"""What every engine promises: a trial comes to the same wherever it trains, and none is lost."""

import signal
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rnnsearch.config import load_study
from rnnsearch.prepare.placement import placement
from rnnsearch.search import engines
from rnnsearch.search.driver.running import RunningTrial
from rnnsearch.search.problem import Problem
from rnnsearch.search.searching import Interrupted, search
from rnnsearch.search.store.store import Store
from rnnsearch.search.trial.protocol import (
    Done,
    Event,
    Failed,
    Lost,
    Progress,
    Stopped,
    Task,
    Workers,
)
from rnnsearch.search.trial.runner import TrialRunner
from rnnsearch.verdict.champion import best_trials, validate
from tests.helpers import rays
from tests.helpers.searches import (
    LONG,
    Notes,
    assert_in_order,
    begin,
    facts_of,
    task,
    until,
    until_idle,
    write_study,
)

pytestmark = pytest.mark.slow  # whole searches or commands

ENGINES = ["local", "inline", pytest.param("ray", marks=rays.MARKS)]
RUN = {"workers": 2, "cpus_per_trial": 0.25}
"""Two of Ray's workers have room on any machine, and so have those of a second driver."""

DIVERGING: dict[str, dict[str, Any]] = {
    "study": {"sampler": "random", "trials": 5},
    "space": {
        "optimizer": "sgd",
        "learning_rate": [0.001, 10.0],
        "clip": 0.0,
        "batch_size": 4,
        "window": 2,
        "output_shift": 1,
    },
}
"""A study with trials that are trained to their end and trials that are not."""


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp(engine)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RNNSEARCH_HOME", str(folder / "runs"))
        if engine == "ray":
            rays.protect(patch)
        yield folder


@pytest.fixture(scope="module")
def problem(engine: str, folder: Path) -> Problem:
    return Problem.load(load_study(write_study(folder, run=RUN | {"engine": engine})))


@pytest.fixture(scope="module")
def pool(problem: Problem) -> Iterator[Workers]:
    """Workers for all tests of an engine; each leaves them idle. Ray runs as long as they do."""
    with closing(engines.start(problem, print)) as pool:
        yield pool


# --- workers


def last_word(pool: Workers, wanted: Task, kind: type[Any]) -> Event:
    """What a task ends with."""
    return begin(pool, wanted, kind)[-1]


def test_a_trial_reports_every_epoch_and_comes_to_what_it_always_does(
    pool: Workers, problem: Problem
) -> None:
    wanted = task(7, epochs=3)
    runner = TrialRunner(engines.setup_here(problem, print, workers=1)[0])
    *reports, outcome = runner.run(wanted)
    said = begin(pool, wanted, Done)
    told = [event.report for event in said if isinstance(event, Progress)]
    assert [replace(one, seconds=0.0) for one in told] == [
        replace(one, seconds=0.0)  # type: ignore[type-var]
        for one in reports
    ]
    done = said[-1]
    assert isinstance(done, Done)
    assert done.number == 7
    assert replace(done.outcome, seconds=0.0) == replace(outcome, seconds=0.0)  # type: ignore[type-var]
    assert pool.description == runner.description


def test_a_trial_that_diverges_says_so_and_the_next_one_trains(pool: Workers) -> None:
    hopeless = task(1, 50, optimizer="sgd", learning_rate=10.0, clip=0.0, batch_size=4)
    failed = last_word(pool, hopeless, Failed)
    assert isinstance(failed, Failed)
    assert failed.number == 1
    assert failed.reason.startswith("diverged: ")
    assert isinstance(last_word(pool, task(2), Done), Done)


def test_an_error_nobody_foresaw_loses_its_worker_not_the_search(
    pool: Workers, folder: Path
) -> None:
    count = pool.count
    lost = last_word(pool, task(8, inputs=["no such input"]), Lost)
    assert isinstance(lost, Lost)
    assert (lost.number, lost.blameless) == (8, False)
    assert "no such input" in lost.reason
    assert "Traceback" not in lost.reason
    assert "Traceback" in (folder / "runs" / "error.log").read_text()
    assert isinstance(last_word(pool, task(9), Done), Done)
    assert pool.count == count


def test_a_trial_stopped_half_way_ends_and_frees_its_worker(pool: Workers) -> None:
    said = begin(pool, task(3, LONG))
    assert not any(isinstance(event, Done) for event in said)
    pool.stop(99)  # nobody's
    pool.stop(3)
    said = until(pool, Stopped)
    assert said[-1] == Stopped(3)
    assert not any(isinstance(event, Done | Failed | Lost) for event in said)
    pool.stop(3)  # it has ended
    assert isinstance(last_word(pool, task(4), Done), Done)


def test_more_tasks_than_workers_are_all_trained(pool: Workers) -> None:
    waiting, done = list(range(2 * pool.count + 1)), []
    until_idle(pool)
    while len(done) < 2 * pool.count + 1:
        while waiting and pool.has_idle():
            pool.submit(task(waiting.pop(0)))
        done += [event.number for event in pool.events(0.1) if isinstance(event, Done)]
    assert sorted(done) == list(range(2 * pool.count + 1))
    assert not pool.starved()


@pytest.mark.usefixtures("pool")
def test_workers_are_closed_in_the_middle_and_twice(problem: Problem) -> None:
    workers = engines.start(problem, print, most=1)
    assert workers.count == 1
    begin(workers, task(1, LONG))
    workers.close()
    workers.close()
    with closing(engines.start(problem, print, most=1)) as workers:
        assert isinstance(last_word(workers, task(2), Done), Done)


# --- searches


def results(store: Store) -> dict[int, Any]:
    """What is equal to the bit, whoever trains."""
    return {
        trial.number: (
            trial.state,
            trial.value,
            trial.drawn,
            trial.reason,
            trial.curves,
            trial.is_complete and (trial.metrics, trial.forecasts.tolist()),
        )
        for trial in store.trials()
    }


def skills(path: Path, **run: Any) -> Any:
    """Of the best trial under two seeds; the second is trained again."""
    problem = Problem.load(load_study(path, **run))
    store = Store(problem.study, create=False)
    (best,) = validate(problem, best_trials(store, 1), 2, print)
    return best.skills


@pytest.mark.usefixtures("pool", "home")
def test_a_search_has_the_same_trials_and_its_best_the_same_seeds(
    engine: str, tmp_path: Path
) -> None:
    reference = write_study(tmp_path, "reference", **DIVERGING)
    expected = results(search(load_study(reference), Notes()))
    path = write_study(tmp_path, engine, **DIVERGING, run=RUN | {"engine": engine})
    store = search(load_study(path), Notes())
    assert results(store) == expected
    reasons = [reason for _, _, _, reason, *_ in expected.values()]
    assert any(reasons)
    assert not all(reasons)
    assert_in_order(path, 5)
    assert skills(path) == skills(reference)
    assert len(skills(path)) == 2


@pytest.mark.usefixtures("pool", "home")
def test_ctrl_c_lets_a_trial_finish_and_twice_lets_go_of_it_and_nothing_is_lost(
    engine: str, tmp_path: Path
) -> None:
    run = RUN | {"engine": engine, "workers": 1}
    path = write_study(tmp_path, study={"trials": 4}, space={"epochs": 40}, run=run)

    def interrupted(nth: int, times: int) -> tuple[Notes, int]:
        """A search that hears so many Ctrl-C in its nth trial; which one that is."""
        notes, trained = Notes(), dict[int, None]()

        def at(trial: RunningTrial) -> None:
            if trial.epoch:
                trained[trial.number] = None
            while len(trained) == nth and signals:
                signal.raise_signal(signals.pop())

        signals = [signal.SIGINT] * times
        notes.at = at
        with pytest.raises(Interrupted):
            search(load_study(path), notes)
        return notes, list(trained)[nth - 1]

    notes, second = interrupted(2, times=1)
    assert second in notes.told
    assert facts_of(path)["complete"] == 2
    notes, third = interrupted(1, times=2)
    assert notes.told == []
    assert third in notes.let_go_of
    search(load_study(path), Notes())
    assert assert_in_order(path, 4)["complete"] == 4


@pytest.mark.usefixtures("pool", "home")
def test_where_it_would_train_is_told_without_training(engine: str, tmp_path: Path) -> None:
    path = write_study(tmp_path, run=RUN | {"engine": engine})
    facts = placement(load_study(path)).facts
    assert {
        "local": "2 workers on this machine, device cpu",
        "inline": "one trial at a time in this process, device cpu",
        "ray": "2 workers, device cpu, each with 0.25 CPU and no GPU",
    }[engine] in facts
    assert facts[0].startswith("study small in sqlite")
    assert not (tmp_path / "runs" / "optuna.db").exists()
