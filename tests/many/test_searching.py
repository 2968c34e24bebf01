"""Searches of many series that share their workers: each is what it would be on its own."""

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import filelock
import pytest

from rnnsearch.search.driver.driver import Interrupted
from rnnsearch.search.driver.running import RunningTrial
from tests.helpers.many import AllNotes, members, search_here, values, write_many
from tests.helpers.searches import (
    assert_study_in_order,
    end_group,
    resume,
    run,
    runs_of_study,
    start,
    write_study,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("home")]

Command = Callable[..., tuple[int, str, str]]
LOCAL = {"engine": "local", "workers": 2}


def test_each_series_has_the_trials_that_its_file_alone_would_have(tmp_path: Path) -> None:
    one = write_study(tmp_path, "alone", data={"path": "prices/T1.csv"}, study={"trials": 3})
    path = write_many(tmp_path, count=2, run={"engine": "local", "workers": 1})
    found = values(search_here(path))
    assert found["T1"] == [trial.value for trial in resume(one).trials()]
    assert found["T0"] != found["T1"]


@pytest.mark.parametrize("engine", ["local", "inline"])
def test_all_series_are_searched_in_one_experiment_with_a_parent_run_each(
    tmp_path: Path, engine: str
) -> None:
    views = AllNotes()
    family = search_here(write_many(tmp_path, run={"engine": engine, "workers": 2}), views)
    assert sorted(views.ended) == ["T0", "T1", "T2"]
    parents = []
    for member in family.members:
        assert_study_in_order(member.study, 3)
        parents += runs_of_study(member.study)[0]
    assert len({parent.info.experiment_id for parent in parents}) == 1
    assert [parent.data.tags["series"] for parent in parents] == ["T0", "T1", "T2"]


def test_a_series_begins_as_soon_as_another_has_no_trial_for_a_worker(tmp_path: Path) -> None:
    views = AllNotes()
    began: dict[str, bool] = {}

    def look(trial: RunningTrial) -> None:
        began.update({name: "T0" in views.ended for name in views.views if name not in began})

    views.at = look
    space = {"epochs": 30}
    search_here(write_many(tmp_path, study={"trials": 1}, space=space, run=LOCAL), views)
    assert began["T1"] is False


@pytest.mark.slow
def test_a_killed_search_goes_on_with_every_trial_once_and_in_its_series(tmp_path: Path) -> None:
    study = {"trials": 4, "pruner": "median"}
    path = write_many(tmp_path, study=study, space={"epochs": 40}, run=LOCAL)
    chance = random.Random(3)
    for _ in range(3):
        process = start("search", path)
        assert process.stdout is not None
        process.stdout.readline()  # the first series has begun
        time.sleep(chance.uniform(0.1, 2.5))
        end_group(process)
        process.communicate()
    code, out, err = run("search", path)
    assert code == 0, err
    assert "3 of 3 series done" in out
    for member in members(path).members:
        assert_study_in_order(member.study, 4)


def test_more_trials_are_added_to_some_or_all(tmp_path: Path, rnnsearch: Command) -> None:
    path = write_many(tmp_path)
    code, out, err = rnnsearch("search", path, "--series", "T0,t2", "--trials", "2")
    assert code == 0, err
    code, out, err = rnnsearch("status", path)
    assert "2 of 3 series done, 4 of 4 trials" in out
    assert "not begun" in out
    code, out, err = rnnsearch("search", path, "--trials", "+1")
    assert code == 0, err
    found = values(members(path))
    assert [len(each) for each in found.values()] == [3, 1, 3]


def test_a_series_that_cannot_be_searched_holds_up_no_other(
    tmp_path: Path, home: Path, rnnsearch: Command
) -> None:
    path = write_many(tmp_path, count=2, run=LOCAL)
    with filelock.FileLock(home / "optuna.db.stocks.T0.lock"):
        code, out, err = rnnsearch("search", path)
    assert code == 4
    assert "T0: " in err
    assert "1 of 2 series done" in out
    assert "is being searched by another process" in err
    one, *others = members(path).members
    for member in others:
        assert_study_in_order(member.study, 3)
    assert rnnsearch("search", path)[0] == 0
    assert_study_in_order(one.study, 3)


@pytest.mark.parametrize("engine", ["local", "inline"])
def test_a_series_that_another_process_has_comes_again_after_the_others(
    tmp_path: Path, home: Path, engine: str
) -> None:
    path = write_many(tmp_path, count=2, run={"engine": engine, "workers": 1})
    lock = filelock.FileLock(home / "optuna.db.stocks.T0.lock")
    views = AllNotes()

    def give_free(trial: RunningTrial) -> None:
        if trial.number == 2:  # of the second series, the first that can be searched
            lock.release()

    views.at = give_free
    with lock:
        family = search_here(path, views)
    assert sorted(views.ended) == ["T0", "T1"]
    for member in family.members:
        assert_study_in_order(member.study, 3)


@pytest.mark.parametrize("signals", [1, 2])
def test_ctrl_c_stops_all_and_the_next_search_goes_on(tmp_path: Path, signals: int) -> None:
    path = write_many(tmp_path, count=2, run=LOCAL)
    views, told = AllNotes(), []

    def interrupt(trial: RunningTrial) -> None:
        if len(views.views) == 2 and not told:
            told.append(trial.number)
            for _ in range(signals):
                signal.raise_signal(signal.SIGINT)

    views.at = interrupt
    with pytest.raises(Interrupted) as stopped:
        search_here(path, views)
    assert stopped.value.exit_code == 130
    family = search_here(path)
    for member in family.members:
        assert_study_in_order(member.study, 3)


def test_a_fork_begins_with_what_each_series_has_found(tmp_path: Path, rnnsearch: Command) -> None:
    path = write_many(tmp_path, count=2)
    old = values(search_here(path))
    code, out, err = rnnsearch("search", path, "--fork", "other")
    assert code == 0, err
    assert f"its study file: {path.with_name('other.toml')}" in out
    assert values(members(path.with_name("other.toml"))) == old


def test_a_search_whose_time_is_up_at_once_ends_in_order(
    tmp_path: Path, rnnsearch: Command
) -> None:
    path = write_many(tmp_path, run=LOCAL, study={"trials": 2_000})  # more than a second's
    code, _, err = rnnsearch("search", path, "--timeout", "1s")
    assert code == 0, err
    assert "stopped after 1s" in err
