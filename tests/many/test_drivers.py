"""Several drivers of many series, in one PostgreSQL: one network for all, or a search each."""

import signal
from pathlib import Path

import pytest

from rnnsearch.config import StudyFile, load_study
from rnnsearch.report.status import status
from rnnsearch.search.searching import search
from rnnsearch.search.store.store import Store
from tests.helpers.many import members, search_here, write_many
from tests.helpers.pooled import write_pooled
from tests.helpers.searches import (
    Notes,
    assert_study_in_order,
    end_group,
    finish,
    start,
    wait_until,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("home")]

ENDLESS = {"trials": 1000, "sampler": "random"}  # no driver is done before the other has begun


def train_together_until_one_is_killed(path: Path, study: StudyFile) -> int:
    """Two drivers train; one is killed, the other stopped. How many trials of the study there are,
    but for those that were interrupted.
    """
    Store(study)  # so that it can be watched
    drivers = [start("search", path) for _ in range(2)]
    try:
        wait_until(lambda: len(trained_by(study)) == 2)
        end_group(drivers[0])
        drivers[0].communicate()
        drivers[1].send_signal(signal.SIGINT)
        code, _, err = finish(drivers[1])
        assert code == 130, err
    finally:
        for process in drivers:
            end_group(process)
    left = status(study, Store(study, create=False))
    return sum(int(left[state]) for state in ("complete", "running", "waiting"))


def trained_by(study: StudyFile) -> set[str]:
    trials = Store(study, create=False).trials()
    return {trial.driver for trial in trials if trial.reports and trial.driver}


def test_drivers_share_one_network_and_a_killed_one_loses_nothing(
    tmp_path: Path, postgres_url: str
) -> None:
    run = {"engine": "local", "workers": 1, "storage": postgres_url}
    path = write_pooled(tmp_path, study=ENDLESS, space={"embedding": [0, 2]}, run=run)
    study = load_study(path)
    count = train_together_until_one_is_killed(path, study)
    search(study, Notes(), trials=str(count))
    assert_study_in_order(study, count)
    trials = Store(study, create=False).trials()
    trained = [str(trial.plain) for trial in trials if trial.is_complete and trial.is_original]
    assert len(set(trained)) == len(trained)


def test_drivers_share_each_series_of_a_folder_and_a_killed_one_loses_nothing(
    tmp_path: Path, postgres_url: str
) -> None:
    run = {"engine": "local", "workers": 1, "storage": postgres_url}
    path = write_many(tmp_path, count=2, study=ENDLESS, run=run)
    first, second = members(path).members
    count = train_together_until_one_is_killed(path, first.study)
    search_here(path, trials=str(count))
    assert_study_in_order(first.study, count)
    assert_study_in_order(second.study, count)
